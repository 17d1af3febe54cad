"""The two clients. This package alone does network input and output, and alone imports the HTTP library."""

from jhub.client.asynchronous import AsyncHub
from jhub.client.fleets import AsyncFleet, Fleet
from jhub.client.sync import Hub

__all__ = ["AsyncFleet", "AsyncHub", "Fleet", "Hub"]
