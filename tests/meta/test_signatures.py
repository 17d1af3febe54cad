"""Signatures at run time, which notebooks and `help` show, match the methods."""

from __future__ import annotations

import inspect
import pydoc
import re
import typing
from collections.abc import Callable
from typing import Any

import pytest

from jhub import AsyncFleet, AsyncHub, AsyncStream, Fleet, Hub, Stream
from jhub.binding import Namespace, operation, stream

PLANS = ("Flow", "Request", "Operation", "Generator")


def hubs() -> tuple[Hub, AsyncHub]:
    """Return clients that send nothing."""
    return Hub("http://127.0.0.1:9/hub/api", "token"), AsyncHub("http://127.0.0.1:9/hub/api", "token")


def operations(hub: Any) -> dict[str, Callable[..., Any]]:
    """Return all operations of a client, by name."""
    spaces = {"hub": hub, **{name: getattr(hub, name) for name, each in vars(type(hub)).items() if is_namespace(each)}}
    return {
        f"{space}.{name}": getattr(each, name)
        for space, each in spaces.items()
        for name in dir(type(each))
        if hasattr(inspect.getattr_static(type(each), name), "function")
    }


def is_namespace(attribute: object) -> bool:
    """Return whether an attribute of a client's class is a namespace."""
    return isinstance(attribute, Namespace)


SYNC, ASYNC = map(operations, hubs())


def test_the_operations_of_both_clients_are_found() -> None:
    assert len(SYNC) > 60
    assert SYNC.keys() == ASYNC.keys()


@pytest.mark.parametrize("name", SYNC)
def test_a_signature_matches_the_client(name: str) -> None:
    on_hub, on_async_hub = inspect.signature(SYNC[name]), inspect.signature(ASYNC[name])
    for signature in (on_hub, on_async_hub):
        assert "self" not in signature.parameters
        assert not any(plan in str(signature.return_annotation) for plan in PLANS)
        assert not any(isinstance(each.annotation, str) for each in signature.parameters.values())
    assert on_hub.parameters == on_async_hub.parameters
    result, awaited = on_hub.return_annotation, on_async_hub.return_annotation
    twins: dict[Any, Any] = {Fleet: AsyncFleet, Stream: AsyncStream}
    if twin := twins.get(typing.get_origin(result)):
        assert typing.get_origin(awaited) is twin
        assert typing.get_args(awaited) == typing.get_args(result)
    else:
        assert typing.get_args(awaited)[-1] == result


@pytest.mark.parametrize("name", SYNC)
def test_help_shows_the_signature(name: str) -> None:
    method = SYNC[name]
    text = pydoc.plain(pydoc.render_doc(method))
    assert without_space(f"{method.__name__}{inspect.signature(method)}") in without_space(text)
    assert (method.__doc__ or "").splitlines()[0] in text
    assert typing.get_type_hints(method)["return"] == inspect.signature(method).return_annotation


def without_space(text: str) -> str:
    """Return a text without spaces: newer versions of Python break long signatures into lines."""
    return re.sub(r",?\s", "", text).replace(",)", ")")


def test_a_method_of_the_class_has_the_same_signature() -> None:
    hub, _ = hubs()
    assert type(hub.groups) is Hub.groups
    text = pydoc.plain(pydoc.render_doc(Hub.groups))
    assert "get(name: str) -> jhub.models.Group" in text
    assert "Flow[" not in text


def test_a_new_operation_has_a_signature_too() -> None:
    class Ops:
        @operation
        def one(self, name: str, *, times: int = 1) -> Any:
            """Do it."""

        @stream(int)
        def many(self) -> Any:
            """Do them."""

    assert str(inspect.signature(Ops.one)).startswith("(name: str, *, times: int = 1)")
    assert str(inspect.signature(Ops.many)).startswith("()")
