"""Binding of operations to clients: `hub.groups.get("geo")` returns a group on `Hub`, and a coroutine on `AsyncHub`.

A namespace declares its operations once, in a class that is independent of the clients:

    class GroupOps:
        @operation
        def get(self, name: str) -> Request[Group]: ...

    class Groups(GroupOps, Bound): ...
    class AsyncGroups(GroupOps, AsyncBound): ...

On the class itself a method returns the operation, so flows compose: `group = yield from GroupOps.get("geo")`.
"""

# `_wire` is private to users of a client, not to this module.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_args, overload

from jhub.handles import AsyncFleet, AsyncStream, Fleet, Runs, RunsAsync, Stream
from jhub.steps import Operation

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")
N = TypeVar("N")


class Bound:
    """A namespace of `Hub`. `subject` is the object that its operations get as `self`."""

    _subject: object = None

    def __init__(self, wire: Runs, subject: object = None) -> None:
        self._wire = wire
        if subject is not None:
            self._subject = subject

    def __repr__(self) -> str:
        """Return the namespace and the hub's address."""
        return f"<{type(self).__name__} of {self._wire}>"


class AsyncBound:
    """A namespace of `AsyncHub`. `subject` is the object that its operations get as `self`."""

    _subject: object = None

    def __init__(self, wire: RunsAsync, subject: object = None) -> None:
        self._wire = wire
        if subject is not None:
            self._subject = subject

    def __repr__(self) -> str:
        """Return the namespace and the hub's address."""
        return f"<{type(self).__name__} of {self._wire}>"


class Namespace(Generic[N]):
    """A namespace of a client, such as `hub.users`. Its module is imported on first use.

    `Hub.users`, without an instance, is the namespace's class, so that `help(Hub.users)` shows the methods.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._class_name = name

    def __set_name__(self, client: type, attribute: str) -> None:
        """Store the attribute's name."""
        self._attribute = attribute

    @overload
    def __get__(self, hub: None, client: type) -> type[N]: ...
    @overload
    def __get__(self, hub: Bound | AsyncBound, client: type) -> N: ...
    def __get__(self, hub: Bound | AsyncBound | None, client: type) -> Any:
        """Return the namespace of a client, or its class."""
        kind = getattr(importlib.import_module(self._module), self._class_name)
        if hub is None:
            return kind
        return vars(hub).setdefault(self._attribute, kind(hub._wire, hub._subject))


class _Declaration(Generic[P, T]):
    """A declared operation: a descriptor whose method depends on the class that it is accessed on."""

    preview: Callable[..., Operation[Any]] | None = None
    """A function that returns the preview of a call, for an operation that cannot be previewed itself; else None."""

    def __init__(self, function: Callable[Concatenate[Any, P], Operation[T]]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self._signatures: dict[type | None, inspect.Signature] = {}

    def bind(self, carry_out: Callable[[Callable[[], Operation[T]]], Any], cls: type, subject: object = None) -> Any:
        """Return a method of `cls` that passes its operation to `carry_out`, with the signature for that client."""

        def method(*args: Any, **kwargs: Any) -> Any:
            return carry_out(functools.partial(self.function, subject, *args, **kwargs))

        functools.update_wrapper(method, self.function)
        del method.__wrapped__  # type: ignore[attr-defined]  # its signature is the operation's
        signature = self._signature(next((base for base in (Bound, AsyncBound) if issubclass(cls, base)), None))
        method.__signature__ = signature  # type: ignore[attr-defined]
        method.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
        method.__annotations__["return"] = signature.return_annotation
        method.__operation__ = functools.partial(self.function, subject)  # type: ignore[attr-defined]  # for `preview`
        if self.preview is not None:
            method.__preview__ = self.preview  # type: ignore[attr-defined]
        return method

    def _signature(self, client: type[Bound | AsyncBound] | None) -> inspect.Signature:
        """Return the signature of the method on a client; for None, that of the function without `self`."""
        if client not in self._signatures:
            declared = inspect.signature(self.function, eval_str=True)
            _, *parameters = declared.parameters.values()
            result = declared.return_annotation
            if client is not None:
                result = self._result(client, get_args(result)[-1])  # the T of Request[T] and of Flow[T]
            self._signatures[client] = inspect.Signature(parameters, return_annotation=result)
        return self._signatures[client]

    def _result(self, client: type[Bound | AsyncBound], answer: Any) -> Any:
        """Return the type that a call returns on a client, for an operation with the result type `answer`."""
        raise NotImplementedError


class operation(_Declaration[P, T]):
    """The declaration of an operation with one result."""

    @overload
    def __get__(self, namespace: None, cls: type) -> Callable[P, Operation[T]]: ...
    @overload
    def __get__(self, namespace: Bound, cls: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, namespace: AsyncBound, cls: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, namespace: Bound | AsyncBound | None, cls: type) -> Any:
        """Return the method of a client, or the function that returns the operation."""
        if namespace is None:
            return self.bind(lambda make: make(), cls)
        return self.bind(lambda make: namespace._wire.run(make()), cls, namespace._subject)

    def _result(self, client: type[Bound | AsyncBound], answer: Any) -> Any:
        return answer if client is Bound else Coroutine[Any, Any, answer]


class _StreamDeclaration(_Declaration[P, None], Generic[P, E]):
    """The declaration of an operation that emits items."""

    def __init__(self, function: Callable[Concatenate[Any, P], Operation[None]], item: type[E]) -> None:
        super().__init__(function)
        self._item: Any = item

    @overload
    def __get__(self, namespace: None, cls: type) -> Callable[P, Operation[None]]: ...
    @overload
    def __get__(self, namespace: Bound, cls: type) -> Callable[P, Stream[E]]: ...
    @overload
    def __get__(self, namespace: AsyncBound, cls: type) -> Callable[P, AsyncStream[E]]: ...
    def __get__(self, namespace: Bound | AsyncBound | None, cls: type) -> Any:
        """Return the method of a client, or the function that returns the operation."""
        if namespace is None:
            return self.bind(lambda make: make(), cls)
        if isinstance(namespace, Bound):
            return self.bind(lambda make: Stream[E](namespace._wire, make, self._item), cls, namespace._subject)
        return self.bind(lambda make: AsyncStream[E](namespace._wire, make, self._item), cls, namespace._subject)

    def _result(self, client: type[Bound | AsyncBound], answer: Any) -> Any:
        kind: Any = Stream if client is Bound else AsyncStream
        return kind[self._item]


class _FleetDeclaration(_Declaration[P, T], Generic[P, T, E]):
    """The declaration of an operation that runs flows concurrently."""

    def __init__(
        self,
        function: Callable[Concatenate[Any, P], Operation[T]],
        event: type[E],
        preview: Callable[..., Operation[Any]] | None,
    ) -> None:
        super().__init__(function)
        self._event: Any = event
        self.preview = preview

    @overload
    def __get__(self, namespace: None, cls: type) -> Callable[P, Operation[T]]: ...
    @overload
    def __get__(self, namespace: Bound, cls: type) -> Callable[P, Fleet[E, T]]: ...
    @overload
    def __get__(self, namespace: AsyncBound, cls: type) -> Callable[P, AsyncFleet[E, T]]: ...
    def __get__(self, namespace: Bound | AsyncBound | None, cls: type) -> Any:
        """Return the method of a client, or the function that returns the operation."""
        if namespace is None:
            return self.bind(lambda make: make(), cls)

        def prepare(make: Callable[[], Operation[T]]) -> Any:
            fleet = namespace._wire.fleet(make())
            fleet._name = self.function.__name__
            return fleet

        return self.bind(prepare, cls)

    def _result(self, client: type[Bound | AsyncBound], answer: Any) -> Any:
        kind: Any = Fleet if client is Bound else AsyncFleet
        return kind[self._event, answer]


def stream(item: type[E]) -> Callable[[Callable[Concatenate[Any, P], Operation[None]]], _StreamDeclaration[P, E]]:
    """Declare an operation that emits items one by one: a listing, or the progress of a server's start."""

    def declare(function: Callable[Concatenate[Any, P], Operation[None]]) -> _StreamDeclaration[P, E]:
        return _StreamDeclaration(function, item)

    return declare


def fleet(
    event: type[E], *, preview: Callable[..., Operation[Any]] | None = None
) -> Callable[[Callable[Concatenate[Any, P], Operation[T]]], _FleetDeclaration[P, T, E]]:
    """Declare an operation that runs flows concurrently, emits events of one type, and returns a summary.

    `preview` is a function with the same parameters that returns the `Preview` of a call. None: the operation itself
    is previewed.
    """

    def declare(function: Callable[Concatenate[Any, P], Operation[T]]) -> _FleetDeclaration[P, T, E]:
        return _FleetDeclaration(function, event, preview)

    return declare
