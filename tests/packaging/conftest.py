"""One build for all tests of the distributions."""

from __future__ import annotations

import pytest
from packaging_builds import ROOT, Distributions, build


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Build the sdist and the wheel."""
    return build(ROOT, tmp_path_factory.mktemp("dist"))
