"""The workflows pass their linters, and name the targets of the Makefile."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml
from packaging_builds import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def test_the_linters_find_nothing() -> None:
    done = subprocess.run(["make", "lint-workflows"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linter_finds_an_action_without_a_digest(tmp_path: Path) -> None:
    (tmp_path / "test.yml").write_text(re.sub(r"@[0-9a-f]{40} # ", "@", WORKFLOWS[0].read_text()))
    zizmor = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--no-progress", str(tmp_path / "test.yml")]
    done = subprocess.run(zizmor, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "unpinned-uses" in done.stdout


def test_each_action_is_pinned_by_a_digest_with_its_version() -> None:
    uses = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    assert uses
    assert not [line for line in uses if not PINNED.search(line)]


def test_each_action_has_one_digest() -> None:
    text = "".join(path.read_text() for path in WORKFLOWS)
    found = {tuple(match) for match in re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40})", text)}
    assert len({name for name, _ in found}) == len(found)


def test_the_targets_of_workflows_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    files = [*WORKFLOWS, ROOT / ".readthedocs.yaml", ROOT / ".pre-commit-config.yaml", ROOT / ".ci" / "run"]
    named = {target for path in files for target in re.findall(r"\bmake ([a-z][\w-]+)", path.read_text())}
    assert "test-matrix" in named
    assert named <= targets


def test_the_versions_of_python_are_the_classifiers() -> None:
    (workflow,) = [path for path in WORKFLOWS if path.name == "test.yml"]
    tested = yaml.safe_load(workflow.read_text())["jobs"]["unit"]["strategy"]["matrix"]["python"]
    classifiers = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert tested == classifiers
