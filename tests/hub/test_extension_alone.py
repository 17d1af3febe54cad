"""A hub with `jhub.extension` and only the packages that docs/how-to/kubernetes.md installs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from kubeconfig import NO_CLUSTER
from page_blocks import ROOT, run_by

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONFIG = """
import jhub.extension
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
jhub.extension.enable(c, profiles="config.yml", password_tokens=True, login_client=True)
"""
FILE = """
profiles:
- {id: one, groups: [], definition: {display_name: One, kubespawner_override: {image: "example/one:1"}}}
"""
# Starts a hub up to the point where it would listen, and imports what a later call would import.
PROGRAM = """
import asyncio, importlib, os, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
os.environ["KUBECONFIG"] = "kube.config"
from jupyterhub.app import JupyterHub
import jhub.extension

asyncio.run(JupyterHub().initialize(["--config", "jupyterhub_config.py", "--log-level", "ERROR"]))
for module in pkgutil.iter_modules(jhub.extension.__path__, "jhub.extension."):
    importlib.import_module(module.name)
from jhub.extension.profile_store import store
print([profile.slug for profile in store.source.profiles.all])
try:
    jhub.Hub
except ModuleNotFoundError as error:
    print(error.name)
"""


def test_a_hub_starts_without_the_packages_of_the_client_and_the_command_line(tmp_path: Path) -> None:
    (image,) = run_by(__file__, "docs/how-to/kubernetes.md")
    installed = set(re.findall(r'"([^"]+>=[^"]+)"', image.text))
    base = set(PROJECT["dependencies"])
    needed = base | set(PROJECT["optional-dependencies"]["extension"])
    assert installed < needed, "with the versions of pyproject.toml"
    assert "pip install --no-cache-dir --no-deps" in image.text
    absent = {re.split(r"\[|>", requirement)[0] for requirement in base - installed}
    assert absent == {"anyio", "click", "filelock", "httpx2", "rich"}
    for name, text in (("jupyterhub_config.py", CONFIG), ("config.yml", FILE), ("kube.config", NO_CLUSTER)):
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *absent], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    slugs, missing = done.stdout.splitlines()
    assert slugs == "['one']"
    assert missing in absent
