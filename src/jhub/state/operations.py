"""The namespace `hub.state`: plans, their application, and exports."""

from __future__ import annotations

from collections.abc import Iterable

from jhub.binding import AsyncBound, Bound, fleet, operation
from jhub.state import apply as application
from jhub.state import export as exports
from jhub.state.changes import Plan, PruneKind
from jhub.state.comparison import compare, needs_of, prune_kinds
from jhub.state.document import Document
from jhub.state.events import StateEvent, StateSummary
from jhub.state.observed import observe
from jhub.steps import Flow


class StateOps:
    """Operations on the users, groups and servers of a hub as a whole, by a document."""

    @operation
    def plan(self, document: Document, *, prune: Iterable[PruneKind] = (), adopt: bool = False) -> Flow[Plan]:
        """Return the changes that bring the hub to the state of a document. Only reads.

        Parameters
        ----------
        document
            The wanted state, as `jhub.state.load` returns it.
        prune
            Kinds of objects to delete if the document does not have them: "groups" of the document's owner, "servers"
            that are stopped and whose user is in the document, and "users" who are not administrators, do not own the
            token, are in no other group and have no active server.
        adopt
            Take over groups that belong to other owners.

        `GET /user`, `GET /users` and `GET /groups` (all versions), scopes `list:users`, `read:users`, `list:groups` and
        `read:groups`; `read:servers` if the document has servers. With few users and no owner, `GET /users/{name}` and
        `GET /groups/{name}` of those in the document. `MissingScope` if the token cannot see what decides.
        """
        return _plan(document, prune_kinds(prune), adopt)

    @fleet(StateEvent)
    def apply(self, plan: Plan) -> Flow[StateSummary]:
        """Apply a plan: users first, then groups, their properties and new members, servers, and what leaves.

        Emits a `StateEvent` for each change, and for each user of a change of members. Each change first checks that
        its object still is as the plan found it. A failure does not stop the other changes. A plan can be applied
        again, and a new plan of the same document has the changes that are left. While the hub restarts, the call waits
        up to five minutes.

        If the hub's authenticator manages groups (`manage_groups`), hubs before 5.3 refuse to change members with a
        `BadRequest`; later ones undo the change when the user signs in again. No answer of a hub shows which one it is:
        members who come back with each plan are a sign. JupyterHub 6 shows new options of a server after its next
        start only, and plans have the change until then.

        `POST /users`, `POST /groups/{name}`, `POST /groups/{name}/users` and `DELETE /groups/{name}/users` (all
        versions), scopes `admin:users`, `admin:groups`, `groups` and `read:groups`, as far as the plan needs them; `PUT
        /groups/{name}/properties` needs JupyterHub 4.0, and changes of servers 6.0 and `start:servers`. Deletions need
        `delete:servers`, `delete:groups` and `delete:users`. `Conflict` if the plan has refusals, `MissingScope` if the
        token lacks scopes, `InvalidInput` if the plan is for another hub; nothing is changed then.
        """
        return application.apply(plan)

    @operation
    def export(self, groups: Iterable[str] = ()) -> Flow[Document]:
        """Return the state of the whole hub, or of some groups with their members, as a document.

        The plan of it is empty. Roles and the authenticator's state are left out.

        `GET /user`, `GET /users?include_stopped_servers` (JupyterHub 3.0) and `GET /groups` (all versions), scopes
        `list:users`, `read:users`, `read:servers`, `list:groups` and `read:groups`; for one group `GET
        /groups/{name}`. `NotFound` if a group does not exist, `MissingScope` if the token cannot see all of it.
        """
        return exports.export(groups)


def _plan(document: Document, prune: frozenset[PruneKind], adopt: bool) -> Flow[Plan]:
    observed = yield from observe(needs_of(document, prune))
    return compare(document, observed, prune=prune, adopt=adopt)


class State(StateOps, Bound):
    """The namespace `hub.state`."""


class AsyncState(StateOps, AsyncBound):
    """The namespace `hub.state`."""
