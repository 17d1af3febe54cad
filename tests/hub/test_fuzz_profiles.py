"""Random requests and files of profiles: the hub refuses them or starts what is allowed, and keeps running.

On a live hub, and on spawners in a separate process, up to the start of a server's process or pod.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from jupyterhub.spawner import SimpleLocalProcessSpawner
from kubespawner import KubeSpawner

from matrix.profiles.fuzzed import Fuzzed
from matrix.profiles.hostile import ALLOWED, FUZZED, KNOWN, Sent, by_page, by_rest, texts
from matrix.profiles.hubs import Hubs
from matrix.profiles.odd_files import files

INSIDE = Path(__file__).parents[1] / "support" / "started_spawners.py"

CONFIG = """
c = get_config()
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.authenticator_class = "null"
c.JupyterHub.spawner_class = "{spawner}"
c.KubeSpawner.namespace = "hub"
import jhub.extension
jhub.extension.enable(c, profiles="first.yaml")
"""
# Settings of a server that really starts; other settings may prevent the start.
HARMLESS = ["mem_limit", "cpu_limit", "environment", "args", "ip", "nested"]

Answer = dict[str, Any]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    """A hub that shuts down after three failed starts."""
    hubs = Hubs(Path(sys.prefix), tmp_path_factory.mktemp("fuzzed"))
    try:
        up = Fuzzed(hubs[FUZZED])
        yield up
        up.check_end()
    finally:
        hubs.close()


@pytest.mark.parametrize("sent", ALLOWED, ids=lambda sent: repr(sent)[:60])
def test_allowed_requests_start_a_server(fuzzed: Fuzzed, sent: Sent) -> None:
    fuzzed.check_started(sent)


@pytest.mark.parametrize("sent", KNOWN, ids=lambda sent: repr(sent)[:60])
def test_requests_that_have_failed_before(fuzzed: Fuzzed, sent: Sent) -> None:
    fuzzed.check(sent)


@examples(few=50, long=2500)
@given(by_rest)
def test_any_json_by_the_rest_api(fuzzed: Fuzzed, sent: Sent) -> None:
    fuzzed.check(sent)


@examples(few=30, long=1500)
@given(by_page)
def test_any_text_by_the_form_and_the_query(fuzzed: Fuzzed, sent: Sent) -> None:
    fuzzed.check(sent)


@examples(few=2, long=40)
@given(files(HARMLESS))
def test_any_file_while_the_hub_runs(fuzzed: Fuzzed, text: str) -> None:
    fuzzed.check_file(text.removeprefix("profiles:"))


class Spawners:
    """A process with real spawners of a class, which runs as long as the block."""

    def __init__(self, kind: Any, place: Path) -> None:
        self.settings: list[str] = sorted(kind.class_trait_names(config=True))
        (place / "first.yaml").write_text("profiles: [{slug: a}]")
        config = place / "jupyterhub_config.py"
        config.write_text(CONFIG.format(spawner=f"{kind.__module__}.{kind.__name__}"))
        self.figures = Counter[str]()
        self.said = (place / "said").open("w")
        self.process = subprocess.Popen(
            [sys.executable, INSIDE, config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            text=True,
        )

    def __call__(self, profiles: str, *starts: tuple[str, Any]) -> Answer:
        """Return the results of a file, and of starts from it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps({"profiles": profiles, "starts": starts}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        assert line, "the process has ended"
        answer: Answer = json.loads(line)
        assert "raised" not in answer, answer["raised"]
        self.figures["files refused" if "refused" in answer else "files"] += 1
        for start in answer.get("starts", ()):
            self.figures[start["at"]] += 1
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.communicate()
        self.said.close()


@pytest.fixture(scope="module", params=[KubeSpawner, SimpleLocalProcessSpawner], ids=lambda kind: kind.__name__)
def spawners(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spawners]:
    """Spawners of a class."""
    up = Spawners(request.param, tmp_path_factory.mktemp("spawners"))
    yield up
    up.close()
    print(f"{request.param.__name__}: {dict(sorted(up.figures.items()))}")


TEMPLATES = ["{value}", "{value}", "1{value}", ["{value}"], {"a": "{value}"}, {"{value}": "a"}, [{"name": "{value}"}]]


def check_start(start: Answer) -> None:
    """Check that both stages refuse a start with the same message, or that it proceeds without error."""
    outer, inner = start.get("outer"), start.get("inner")
    assert "raised" not in start or start["at"] == "spawner", start["raised"]
    assert outer == inner
    assert outer is None or 400 <= outer[0] < 500


@examples(few=60, long=3000)
@given(data=st.data())
def test_any_text_in_any_setting(spawners: Spawners, data: st.DataObject) -> None:
    name, template = data.draw(st.sampled_from(spawners.settings)), data.draw(st.sampled_from(TEMPLATES))
    override = {data.draw(st.sampled_from(["spawner_override", "kubespawner_override"])): {name: template}}
    option = {"choices": {"none": {}}, "unlisted_choice": {"enabled": True, **override}}
    profiles = yaml.safe_dump({"profiles": [{"slug": "a", "profile_options": {"x": option}}]})
    typed = data.draw(st.lists(texts, min_size=1, max_size=5))
    answer = spawners(profiles, *[("ana", {"profile": "a", "x--unlisted-choice": text}) for text in typed])
    for start in answer.get("starts", ()):
        check_start(start)


@examples(few=40, long=2000)
@given(data=st.data())
def test_any_file_is_refused_or_starts(spawners: Spawners, data: st.DataObject) -> None:
    text = data.draw(files(spawners.settings))
    slugs = [entry.get("slug") for entry in yaml.safe_load(text)["profiles"]]
    starts = [(owner, {"profile": slug}) for owner in ("ana", "bo") for slug in (None, *slugs)]
    for start in spawners(text, *starts).get("starts", ()):
        check_start(start)
