"""The spawner class by a name, and by a configuration that is read without starting a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from kubespawner import KubeSpawner

from jhub.errors import InvalidInput
from jhub.extension.spawner_class import configured_spawner, find_spawner_class, load_config


@pytest.mark.parametrize(
    ("spawner", "expected"),
    [
        ("simple", SimpleLocalProcessSpawner),
        ("Simple", SimpleLocalProcessSpawner),
        ("default", LocalProcessSpawner),
        ("kubespawner.KubeSpawner", KubeSpawner),
        ("kubespawner.spawner.KubeSpawner", KubeSpawner),
        ("jupyterhub.spawner.LocalProcessSpawner", LocalProcessSpawner),
        (KubeSpawner, KubeSpawner),
    ],
)
def test_a_class_is_found_as_jupyterhub_finds_it(spawner: Any, expected: type) -> None:
    assert find_spawner_class(spawner) is expected


@pytest.mark.parametrize(
    ("spawner", "message", "hint"),
    [
        ("simpel", "no spawner is called 'simpel'", "localprocess, simple"),
        ("", "no spawner is called ''", "kubespawner.KubeSpawner"),
        (".KubeSpawner", "no spawner is called", "kubespawner.KubeSpawner"),
        ("kubespawner.", "no spawner is called", "kubespawner.KubeSpawner"),
        ("kubespawner.Kubespawner", "kubespawner has no Kubespawner", ""),
        ("json.dumps", "json.dumps is not a spawner class", ""),
        ("json.JSONDecoder", "json.JSONDecoder is not a spawner class", ""),
        ("systemdspawner.SystemdSpawner", "module systemdspawner is not installed", "jupyterhub-systemdspawner"),
        ("kubespwner.KubeSpawner", "the module kubespwner is not installed", "correct the name"),
        ("broken_spawner.Own", "cannot import the spawner broken_spawner.Own: RuntimeError: at import", ""),
    ],
)
def test_a_name_without_a_spawner_is_an_error(
    spawner: str, message: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_spawner.py").write_text("raise RuntimeError('at import')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidInput, match=message.replace(".", r"\.")) as caught:
        find_spawner_class(spawner)
    assert hint in caught.value.hint
    assert "pip install kubespwner" not in caught.value.hint


def read(folder: Path, text: str) -> Any:
    file = folder / "jupyterhub_config.py"
    file.write_text(text)
    return load_config(file)


def test_the_class_is_that_of_the_configuration(tmp_path: Path) -> None:
    assert find_spawner_class(configured_spawner(read(tmp_path, "c.JupyterHub.spawner_class = 'simple'"))).__name__ == (
        "SimpleLocalProcessSpawner"
    )
    assert find_spawner_class(configured_spawner(read(tmp_path, "c = get_config()"))) is LocalProcessSpawner
    own = """
from kubespawner import KubeSpawner
class Own(KubeSpawner): pass
c.JupyterHub.spawner_class = Own
"""
    assert find_spawner_class(configured_spawner(read(tmp_path, own))).__name__ == "Own"
    (tmp_path / "more.py").write_text("c.JupyterHub.spawner_class = 'kubespawner.KubeSpawner'")
    included = f"load_subconfig({str(tmp_path / 'more.py')!r})"
    assert configured_spawner(read(tmp_path, included)) == "kubespawner.KubeSpawner"


def test_the_extension_in_a_configuration_does_not_load_its_profiles(tmp_path: Path) -> None:
    """The file may be invalid, and its path may be one in the hub's container."""
    from jupyterhub.app import JupyterHub

    before = JupyterHub.init_tornado_application
    config = """
import jhub.extension
jhub.extension.enable(c, profiles="/no/such/file.yaml", password_tokens=True)
c.JupyterHub.spawner_class = "simple"
"""
    assert configured_spawner(read(tmp_path, config)) == "simple"
    assert JupyterHub.init_tornado_application is before
    with pytest.raises(InvalidInput, match="no such file"):
        exec(config, {"c": read(tmp_path, "")})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c.JupyterHub.port = 1 +", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit('stop')", "SystemExit: stop"),
        ("import jhub.extension\njhub.extension.enable(c, profiles=None)", "InvalidInput: .*name a file"),
    ],
)
def test_a_configuration_that_fails_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=rf"cannot load .*jupyterhub_config\.py: {message}"):
        read(tmp_path, text)


def test_a_missing_configuration_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.py", tmp_path):
        with pytest.raises(InvalidInput, match="no such configuration file"):
            load_config(path)


def test_the_output_of_a_configuration_goes_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read(tmp_path, "print('hello')")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "hello\n")
