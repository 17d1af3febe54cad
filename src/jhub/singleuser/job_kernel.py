"""The kernel of a job in a server: one of its own, or the one that a `with` block has for all its calls."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import TypeVar

from jhub.interpreter import with_clean_up
from jhub.singleuser.access import Handle, ServerAccess
from jhub.singleuser.kernel_connection import KernelConnection
from jhub.steps import Flow

T = TypeVar("T")


def with_kernel(
    handle: Handle, job: Callable[[KernelConnection], Flow[T]], *, spec: str = "", folder: str = "", fresh: bool = False
) -> Flow[T]:
    """Run a job in a kernel of its own; in a `with` block, in the kernel that the block has for its calls.

    Parameters
    ----------
    spec
        The name of a kernel specification; "" for the server's default.
    folder
        The folder, below the server's top folder, in which the kernel starts.
    fresh
        Start a kernel also in a `with` block.
    """

    def run(access: ServerAccess) -> Flow[T]:
        key = (spec, folder)
        kept = handle.kernels.get(key)
        if isinstance(kept, KernelConnection) and not (fresh or kept.in_use):
            return (yield from _use_kept(handle, key, kept, job))
        handle.started += 1
        kernel = KernelConnection(access, spec, folder, handle.started)
        kernel.in_use = True
        keep = handle.is_kept(access) and not fresh and kept is None
        if keep:
            handle.kernels[key] = kernel

        def give_up() -> Flow[None]:
            if keep:
                handle.kernels.pop(key, None)
            yield from kernel.close()

        def work() -> Flow[T]:
            result = yield from job(kernel)
            if handle.is_kept(access):
                yield from kernel.close()
            else:
                # The token goes with the kernel: the server keeps its answer about a token for five minutes.
                yield from kernel.finish(access.close())
            return result

        yield from with_clean_up(kernel.open, give_up)
        return (yield from _use_kept(handle, key, kernel, job) if keep else with_clean_up(work, kernel.close))

    return handle.run(run)


def _use_kept(
    handle: Handle, key: Hashable, kernel: KernelConnection, job: Callable[[KernelConnection], Flow[T]]
) -> Flow[T]:
    """Run a job in the kernel of a `with` block. If it leaves the kernel in the middle of a cell, delete the kernel."""
    kernel.in_use = True
    release = partial(_release, handle, key, kernel)
    result = yield from with_clean_up(partial(job, kernel), release)
    yield from release()
    return result


def _release(handle: Handle, key: Hashable, kernel: KernelConnection) -> Flow[None]:
    kernel.in_use = False
    if kernel.is_busy and handle.kernels.pop(key, None) is not None:
        yield from kernel.close()
