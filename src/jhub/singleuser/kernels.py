"""`server.kernels`: the kernels of a user's server."""

from __future__ import annotations

from typing import cast

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import NotFound
from jhub.singleuser import kernel_api
from jhub.singleuser.access import Handle
from jhub.singleuser.kernel_api import Kernel, KernelSpec
from jhub.steps import Emit, Flow


class KernelOps:
    """The kernels of a server, also those that its owner has open. Scopes as for `files`."""

    @stream(Kernel)
    def list(self: object) -> Flow[None]:
        """List the kernels that run. This does not count as activity.

        `GET api/kernels` (all versions) of the server.
        """
        for kernel in (yield from _at(self).run(kernel_api.list_kernels)):
            yield Emit(kernel)

    @operation
    def specs(self: object) -> Flow[tuple[KernelSpec, ...]]:
        """Return the kernel specifications that the server can start, the default one first.

        `GET api/kernelspecs` (all versions) of the server.
        """
        return _at(self).run(kernel_api.list_specs)

    @operation
    def interrupt(self: object, kernel_id: str) -> Flow[None]:
        """Interrupt what a kernel runs.

        `POST api/kernels/{id}/interrupt` (all versions) of the server. `NotFound` if there is no such kernel.
        """
        return _at(self).run(lambda access: kernel_api.interrupt(access, kernel_id))

    @operation
    def restart(self: object, kernel_id: str) -> Flow[Kernel]:
        """Restart a kernel. What it has in memory is lost.

        `POST api/kernels/{id}/restart` (all versions) of the server. `NotFound` if there is no such kernel.
        """
        return _at(self).run(lambda access: kernel_api.restart(access, kernel_id))

    @operation
    def stop(self: object, kernel_id: str, *, missing_ok: bool = False) -> Flow[None]:
        """Stop a kernel. What it has in memory is lost.

        `DELETE api/kernels/{id}` (all versions) of the server. `NotFound` if there is no such kernel, unless
        `missing_ok`.
        """
        try:
            yield from _at(self).run(lambda access: kernel_api.delete(access, kernel_id))
        except NotFound:
            if not missing_ok:
                raise


class Kernels(KernelOps, Bound):
    """The kernels of a server, on `Hub`."""


class AsyncKernels(KernelOps, AsyncBound):
    """The kernels of a server, on `AsyncHub`."""


def _at(subject: object) -> Handle:
    """Return the server that a namespace belongs to."""
    return cast("Handle", subject)
