"""Rosters: spreadsheets of people, and the names on the hub that their rows stand for."""
