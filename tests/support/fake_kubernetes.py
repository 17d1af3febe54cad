"""A Kubernetes API without a cluster, whose pods run as soon as they are created, and answer as servers do.

    python fake_kubernetes.py FOLDER

writes a kubeconfig to `kube.config` in FOLDER, each pod's manifest as a line of JSON to `pods`, and each other request
that changes something or reads an object to `requests`, prints the port of the pods, which are all at 127.0.0.1, and
ends when stdin is closed. If there is a file `faults`, its faults happen to the requests that they name: a list of
`{"verb": "create", "resource": "secrets", "status": 500, "times": 1}`. Without a status, the request is never answered;
with `"late": true`, it has an effect first.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import web
from kmock import KubernetesEmulator, ResourceInfo, Server, action
from kmock._internal import parsing
from kubeconfig import KUBECONFIG

ADDRESS = "127.0.0.1"
VERBS = {action.CREATE: "create", action.FETCH: "get", action.DELETE: "delete", action.UPDATE: "patch"}
NEVER_SECONDS = 3600.0


class FakeKubernetes(KubernetesEmulator):
    """The API, with what a real one adds to an object, and a kubelet adds to a pod."""

    folder: Path
    versions = count(1)
    spent: dict[str, int]

    async def _handle(self, request: Any) -> Any:
        try:
            return await self._respond(request)
        finally:
            # kmock (0.8) searches all requests that it has ever had, and becomes slower with each of them.
            self._requests[:] = [each for each in self._requests if each is not request]

    async def _respond(self, request: Any) -> Any:
        # kubernetes_asyncio sends watch=True, and kmock (0.8) expects watch=true.
        if request.action == action.LIST and request.params.get("watch") == "True":
            object.__setattr__(request, "action", action.WATCH)
        verb = VERBS.get(request.action)
        if verb is None or request.resource is None:
            return await super()._handle(request)
        fault = self._record(verb, request)
        if "status" in fault:
            return refusal(fault["status"], fault.get("message", ""))
        if fault and not fault.get("late"):
            await asyncio.sleep(NEVER_SECONDS)
        if verb == "delete" and not self._meets_preconditions(request):
            return refusal(409)
        if verb == "create":
            self._complete(request)
        answer = await super()._handle(request)
        if fault:
            await asyncio.sleep(NEVER_SECONDS)
        return answer

    def _record(self, verb: str, request: Any) -> dict[str, Any]:
        """Write a request to the file, and return the fault that happens to it."""
        body = request.data if isinstance(request.data, dict) else {}
        name = request.name or body.get("metadata", {}).get("name")
        seen = {"verb": verb, "resource": request.resource.plural, "namespace": request.namespace, "name": name}
        with (self.folder / "requests").open("a") as file:
            file.write(f"{json.dumps({**seen, 'body': body})}\n")
        path = self.folder / "faults"
        for fault in json.loads(path.read_text()) if path.exists() else []:
            key = json.dumps(fault)
            wanted = {part: fault[part] for part in seen if part in fault}
            if wanted.items() <= seen.items() and self.spent.get(key, 0) < fault.get("times", sys.maxsize):
                self.spent[key] = self.spent.get(key, 0) + 1
                return dict(fault)
        return {}

    def _meets_preconditions(self, request: Any) -> bool:
        uid = request.data.get("preconditions", {}).get("uid") if isinstance(request.data, dict) else None
        key = (request.resource, request.namespace, request.name)
        stored = self.objects._objects.get(key)
        return uid is None or stored is None or stored.deleted or stored.raw["metadata"]["uid"] == uid

    def _complete(self, request: Any) -> None:
        """Add what an API server, and for pods a kubelet, adds to an object."""
        now = datetime.now(UTC).isoformat()
        metadata = request.data.setdefault("metadata", {})
        identity = {"uid": str(uuid.uuid4()), "resourceVersion": str(next(self.versions))}
        metadata |= {"namespace": request.namespace, "creationTimestamp": now, **identity}
        if request.resource.plural == "pods":
            with (self.folder / "pods").open("a") as file:
                file.write(f"{json.dumps(request.data)}\n")
            request.data["status"] = running(now)

    async def _serve_list(self, request: Any) -> Any:
        found: Any = await super()._serve_list(request)
        return {**found, "items": [item for item in found["items"] if is_selected(request, item)]}

    async def _serve_watch(self, request: Any) -> Any:
        event: Any
        async for event in super()._serve_watch(request):
            if event == b"" or is_selected(request, event["object"]):
                yield event


def is_selected(request: Any, item: dict[str, Any]) -> bool:
    """Return whether an object has the labels that a request selects: kmock (0.8) does not filter."""
    labels = item.get("metadata", {}).get("labels") or {}
    terms = [term for term in request.params.get("labelSelector", "").split(",") if term]
    return all(labels.get(name) == value for name, _, value in (term.partition("=") for term in terms))


def refusal(status: int, message: str = "") -> web.Response:
    """Return an error as the API server sends it."""
    return web.json_response(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": message}, status=status
    )


_parse_path = parsing.parse_path


def parse_path(path: str) -> Any:
    """Parse the path of a namespace, of which kmock (0.8) answers a creation with 500."""
    parts = path.strip("/").split("/")
    if parts[:3] == ["api", "v1", "namespaces"] and len(parts) <= 4:
        return parsing.ParsedPath("", "v1", "namespaces", None, parts[3] if len(parts) == 4 else None, None)
    return _parse_path(path)


parsing.parse_path = parse_path


def running(since: str) -> dict[str, Any]:
    """Return the status of a pod that is ready."""
    container: dict[str, Any] = {"name": "notebook", "image": "", "imageID": "", "ready": True, "restartCount": 0}
    container["state"] = {"running": {"startedAt": since}}
    return {
        "phase": "Running",
        "podIP": ADDRESS,
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [container],
    }


async def answer(_: web.Request) -> web.Response:
    """Respond as a server does to the hub."""
    return web.json_response({"version": "0"}, headers={"X-JupyterHub-Version": "0"})


async def main(folder: Path) -> None:
    """Serve the API and the pods until stdin is closed."""
    server = web.Application()
    server.router.add_route("*", "/{path:.*}", answer)
    pods = web.AppRunner(server)
    await pods.setup()
    site = web.TCPSite(pods, ADDRESS, 0)
    await site.start()
    FakeKubernetes.folder = folder
    FakeKubernetes.spent = {}
    async with FakeKubernetes() as api, Server(api, host=ADDRESS) as listening:
        for kind in ("v1/pods", "v1/events"):
            api.resources[kind] = ResourceInfo()
        (folder / "kube.config").write_text(KUBECONFIG.format(url=str(listening.url)))
        print(pods.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await pods.cleanup()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
