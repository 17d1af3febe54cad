"""Outputs of cells: as nbclient assembles them, for any messages; and what a hostile kernel cannot do."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient_oracle import merged, replay

from jhub.singleuser import output_messages, stream_text
from jhub.singleuser.kernel_messages import KernelMessage
from jhub.singleuser.outputs import CellOutputs, DisplayMap

OUTPUT_WIDGET = {"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel", "outputs": []}


def message(kind: str, *, parent: str = "cell0", buffers: tuple[bytes, ...] = (), **content: Any) -> KernelMessage:
    return KernelMessage("iopub", {"msg_type": kind}, {"msg_id": parent}, {}, content, buffers)


def stream(text: Any, name: Any = "stdout", **more: Any) -> KernelMessage:
    return message("stream", name=name, text=text, **more)


def display(text: Any, display_id: Any = None, kind: str = "display_data", **more: Any) -> KernelMessage:
    transient = {"display_id": display_id} if display_id is not None else {}
    return message(kind, data={"text/plain": text}, metadata={}, transient=transient, **more)


def assemble(*messages: KernelMessage, displays: DisplayMap | None = None) -> CellOutputs:
    outputs = CellOutputs(displays or DisplayMap())
    for each in messages:
        outputs.add(each)
    return outputs


def texts(outputs: CellOutputs) -> list[Any]:
    return [item.get("text", item.get("data", {}).get("text/plain")) for item in outputs.items]


# --- The same as nbclient

text = st.text("ab\r\n é\x1b", max_size=6)
data = st.dictionaries(
    st.sampled_from(["text/plain", "text/html", "image/png"]), st.one_of(text, st.lists(text, max_size=2)), max_size=2
) | st.fixed_dictionaries(
    {"application/json": st.recursive(st.none() | st.integers() | text, lambda inner: st.lists(inner, max_size=2))}
)
metadata = st.dictionaries(text, st.integers(), max_size=1)
transient: st.SearchStrategy[dict[str, str] | None] = st.one_of(
    st.none(), st.just({}), st.fixed_dictionaries({"display_id": st.sampled_from(["", "d", "e"])})
)
bundle = {"data": data, "metadata": metadata, "transient": transient}
contents: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "stream": st.fixed_dictionaries({"name": st.sampled_from(["stdout", "stderr"]), "text": text}),
    "display_data": st.fixed_dictionaries(bundle),
    "update_display_data": st.fixed_dictionaries(bundle),
    "execute_result": st.fixed_dictionaries({**bundle, "execution_count": st.none() | st.integers(0, 9)}),
    "error": st.fixed_dictionaries({"ename": text, "evalue": text, "traceback": st.lists(text, max_size=2)}),
    "clear_output": st.fixed_dictionaries({"wait": st.booleans()}),
    "execute_input": st.fixed_dictionaries({"code": text, "execution_count": st.integers(0, 9)}),
}
OFTEN = ["stream", "stream", "display_data", "clear_output", "begin"]
PATHS = [["a"], ["a", 0], ["b"]]


@st.composite
def cells(draw: st.DrawFn) -> list[list[KernelMessage]]:
    """Draw the messages of some cells: outputs, a widget with buffers, and Output widgets that capture outputs."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        parent = f"cell{number}"
        messages: list[KernelMessage] = []
        if number == 0:
            opened: list[dict[str, Any]] = [
                {**OUTPUT_WIDGET, "outputs": []},
                {**OUTPUT_WIDGET, "outputs": []},
                {"_model_name": "Other"},
            ]
            for name, state in zip("uvw", opened, strict=True):
                state |= {"_model_module": state.get("_model_module", "x")}
                content: dict[str, Any] = {"comm_id": name, "target_name": "jupyter.widget", "data": {"state": state}}
                messages.append(message("comm_open", parent=parent, **content))
        capturing: list[str] = []
        kinds = st.sampled_from([*contents, "end", "state", *OFTEN, *OFTEN])
        for kind in draw(st.lists(kinds, max_size=12)):
            if kind == "state":
                paths = draw(st.lists(st.sampled_from(PATHS), max_size=2))
                state = draw(st.dictionaries(st.sampled_from("abc"), text, max_size=2))
                content = {"comm_id": "w", "data": {"state": state, "buffer_paths": paths}}
                buffers = tuple(draw(st.binary(max_size=3)) for _ in paths)
                messages.append(message("comm_msg", parent=parent, buffers=buffers, **content))
            elif kind == "begin" and (free := [name for name in "uv" if name not in capturing]):
                capturing.append(draw(st.sampled_from(free)))
                content = {"comm_id": capturing[-1], "data": {"state": {"msg_id": parent}}}
                messages.append(message("comm_msg", parent=parent, **content))
            elif kind == "end" and capturing:  # in the order in which `with` blocks end: nbclient knows no other
                content = {"comm_id": capturing.pop(), "data": {"state": {"msg_id": ""}}}
                messages.append(message("comm_msg", parent=parent, **content))
            elif kind in contents:
                messages.append(message(kind, parent=parent, **draw(contents[kind])))
        found.append(messages)
    return found


@settings(max_examples=300)
@given(cells())
def test_outputs_are_those_of_nbclient(cells: list[list[KernelMessage]]) -> None:
    expected = replay(cells)
    displays = DisplayMap()
    results = [assemble(*each, displays=displays) for each in cells]
    assert [result.items for result in results] == merged(expected)
    assert displays.widgets.metadata() == expected.metadata.get("widgets", {})
    assert not any(result.truncated for result in results)


# --- Streams

overwritten = st.lists(st.text("ab\r\n\b", max_size=8), max_size=6)


@given(overwritten)
def test_text_does_not_depend_on_how_it_is_split(parts: list[str]) -> None:
    text = stream_text.StreamText()
    for part in parts:
        text.add(part)
        text.read()
    assert text.read() == stream_text.fold("".join(parts))


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ("10%\r20%\r30%\n", "30%\n"),
        ("10%\r20%\r", "20%\r"),  # the end of the line may follow
        ("one\r\ntwo\n", "one\r\ntwo\n"),
        ("abc\b\bX\n", "aX\n"),
        ("a\n\b\bb", "a\nb"),
        ("a\r\bb", "b"),
        ("\ra\b", ""),
        ("|\b/\b-\b\\\bdone", "done"),
    ],
)
def test_overwritten_text_is_left_out(printed: str, kept: str) -> None:
    assert texts(assemble(stream(printed))) == [kept]
    assert texts(assemble(*map(stream, printed))) == [kept], "one character at a time"


def test_a_progress_bar_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_messages, "MAX_OUTPUT_BYTES", 5_000_000)
    outputs = assemble(*(stream("\r" + "#" * 1000 + str(number)) for number in range(10_000)))
    assert texts(outputs) == ["#" * 1000 + "9999"]
    assert not outputs.truncated


# --- Outputs that change


def test_an_output_that_was_read_changes_in_place() -> None:
    displays = DisplayMap()
    items = assemble(stream("a", "stderr"), stream("b"), display("1", "d"), displays=displays).items
    again = assemble(display("2", "d", "update_display_data"), displays=displays)
    assert again.items == []
    assert items[2]["data"] == {"text/plain": "2"}


def test_outputs_that_were_cleared_do_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_messages, "MAX_OUTPUT_BYTES", 8_000)
    displays = DisplayMap()
    shown = [display("1", "d"), message("clear_output"), display("2", "d", "update_display_data")]
    outputs = assemble(*shown, displays=displays)
    assert outputs.items == []
    assert not assemble(display("x" * 9_000, "d", "update_display_data"), displays=displays).items
    assert outputs.items == []
    assert not outputs.truncated, "they take no room"


# --- Limits


@pytest.mark.parametrize("notice", output_messages.LIMIT_NOTICES)
def test_the_notice_of_a_server_that_leaves_outputs_out_is_noticed(notice: str) -> None:
    assert assemble(stream("before\n", "stderr"), stream(f"{notice}\nThe Jupyter server …", "stderr")).truncated
    assert not assemble(stream(f"before {notice}", "stderr"), stream(notice)).truncated


def test_the_size_of_outputs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_messages, "MAX_OUTPUT_BYTES", 10_000)
    for kind in (display, stream):
        outputs = assemble(*(kind("x" * 1000) for _ in range(20)))
        assert outputs.truncated
        assert 7_000 < len(json.dumps(outputs.items)) < 11_000
    assert assemble(*(display("") for _ in range(100))).truncated, "also without content"
    cleared = assemble(*itertools.chain(*([display("x" * 9000), message("clear_output")] for _ in range(9))))
    assert not cleared.truncated


def test_an_update_of_many_outputs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_messages, "MAX_OUTPUT_BYTES", 10_000)
    outputs = assemble(*(display("", "d") for _ in range(20)), display("x" * 5_000, "d", "update_display_data"))
    assert outputs.truncated
    assert len(json.dumps(outputs.items)) < 11_000


def test_the_state_of_widgets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_messages, "MAX_OUTPUT_BYTES", 10_000)
    displays = DisplayMap()
    for number in range(100):
        state = {"_model_name": "x", "value": "x" * 900}
        outputs = assemble(message("comm_open", comm_id=str(number), data={"state": state}), displays=displays)
    assert outputs.truncated
    assert len(json.dumps(displays.widgets.metadata())) < 15_000
    displays = DisplayMap()
    capture = message("comm_msg", comm_id="u", data={"state": {"msg_id": "cell0"}})
    opened = message("comm_open", comm_id="u", data={"state": OUTPUT_WIDGET})
    outputs = assemble(opened, capture, *(stream("x" * 1000) for _ in range(20)), displays=displays)
    assert outputs.truncated
    assert outputs.items == []


# --- Hostile kernels

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
FIELDS = {
    *("name", "text", "data", "metadata", "transient", "execution_count", "ename", "evalue", "traceback", "wait"),
    *("comm_id", "target_name"),
}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*contents, "comm_open", "comm_msg", "comm_close", "", "status"]),
            st.dictionaries(
                st.sampled_from(sorted(FIELDS)),
                junk | st.fixed_dictionaries({}, optional={"state": junk, "buffer_paths": junk, "text/plain": junk}),
            ),
        )
    )
)
def test_a_malformed_message_does_no_harm(messages: list[tuple[str, dict[str, Any]]]) -> None:
    import nbformat

    outputs = assemble(*(message(kind, buffers=(b"x",), **content) for kind, content in messages))
    cell: dict[str, Any] = {"id": "x", "cell_type": "code", "source": "", "metadata": {}, "execution_count": None}
    notebook = {"cells": [{**cell, "outputs": outputs.items}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    nbformat.validate(notebook)
    json.dumps(notebook, ensure_ascii=False, indent=1).encode()


def test_what_no_file_could_hold_is_not_kept() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    outputs = assemble(
        message("display_data", data={"application/json": deep}, metadata={}),
        message("display_data", data={"text/plain": "a\ud800b", "application/json": {"\udfff": 1}}, metadata={}),
        stream("\ud83d"),
        message("display_data", data={"text/plain": 5, "text/html": ["a", "b"]}, metadata={}),
        stream("x", "other"),
    )
    assert [item.get("data", item.get("text")) for item in outputs.items] == [
        {"text/plain": "a?b", "application/json": {"?": 1}},
        "?",
        {"text/html": ["a", "b"]},
    ]
    assert not outputs.truncated
