"""Tools for tests of programs that use jhub: a hub in memory, and a virtual clock for flows.

`FakeHub` answers `Hub` and `AsyncHub` without a network. `play` runs a flow on a virtual clock, with prepared replies:

>>> from jhub.operations.servers import ServerOps
>>> played = play(
...     ServerOps.start("ana", "lab", profile="gpu"),
...     [
...         refusal(404),  # GET of the profiles: a hub without jhub.extension
...         reply(202),
...         reply(json={"name": "lab", "pending": "spawn"}),
...         After(40, events({"ready": True})),
...         *[reply(json={"name": "lab", "ready": True, "url": "/user/ana/lab/"})] * 2,  # read again after 1.5 s
...     ],
... )
>>> played.result.url, played.seconds
('/user/ana/lab/', 41.5)
>>> played.calls[1], played.sent[1].body
('POST /users/ana/servers/lab', {'user_options': {'profile': 'gpu'}})

pytest finds the fixtures `jhub_local_hub`, `jhub_hub` and `jhub_user` by itself: they run a real hub on this machine.
"""

from jhub.testing.fake_hub import FakeHub
from jhub.testing.virtual_clock import (
    MAX_VIRTUAL_SECONDS,
    After,
    Events,
    Frame,
    InTime,
    Opened,
    Peer,
    Played,
    Replies,
    Reply,
    events,
    play,
    refusal,
    reply,
)

__all__ = [
    "MAX_VIRTUAL_SECONDS",
    "After",
    "Events",
    "FakeHub",
    "Frame",
    "InTime",
    "Opened",
    "Peer",
    "Played",
    "Replies",
    "Reply",
    "events",
    "play",
    "refusal",
    "reply",
]
