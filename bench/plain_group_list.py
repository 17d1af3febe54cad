"""A minimal script that lists groups with the libraries of `jhub`: `python plain_group_list.py`."""

from __future__ import annotations

import os

import click
import httpx2
import msgspec
from rich.console import Console
from rich.table import Table


class Group(msgspec.Struct):
    """The columns of a group."""

    name: str
    users: list[str]


@click.command()
def main() -> None:
    """List groups with their members."""
    root = os.environ["JUPYTERHUB_API_URL"].removesuffix("/")
    headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"}
    with httpx2.Client(headers=headers, trust_env=False) as http:
        answer = http.get(f"{root}/groups").raise_for_status()
    table = Table("NAME", "USERS", "MEMBERS")
    for group in msgspec.json.decode(answer.content, type=list[Group]):
        table.add_row(group.name, str(len(group.users)), ", ".join(group.users))
    Console().print(table)


if __name__ == "__main__":
    main()
