"""Names, paths and quantities that Kubernetes accepts."""

from __future__ import annotations

import pytest

from jhub.profiles.fields import MappingReader
from jhub.profiles.kubernetes_names import DATA_KEY, LABEL, SEGMENT, SERVICE, SUBDOMAIN, Rule, name_error, read_quantity
from jhub.profiles.problems import ProblemLog
from jhub.profiles.yaml_tree import Mapping, Scalar

USER = "{{ spawner.user.name }}"


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (
            LABEL,
            ["a", "0", "a-b", "a" * 63, f"a-{USER}", USER],
            ["", "-a", "a-", "a.b", "A", "a_b", "a" * 64, "ä", "a\n"],
        ),
        (
            SUBDOMAIN,
            ["a.b", "a-b.c0", "a" * 253],
            ["a..b", ".a", "a.", "a-.b", "A", "a" * 254, "a b", "../a", f"_{USER}"],
        ),
        (SERVICE, ["a", "a-0"], ["0a", "a.b", "a-"]),
        (SEGMENT, ["system:a", "A.b", "..."], ["", ".", "..", "a/b", "a%b", "a b"]),
        (DATA_KEY, [".rc", "A_b-c.d", "..a"], ["", ".", "..", "a/b", "a b"]),
    ],
)
def test_names_are_accepted_by_their_rule(rule: Rule, good: list[str], bad: list[str]) -> None:
    assert [name for name in good if name_error(name, rule)] == []
    assert [name for name in bad if not name_error(name, rule)] == []
    assert name_error("a/b", rule).endswith("; not 'a/b'")


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        *((text, True) for text in ("1", "10Gi", "1.5G", "500m", "1e3", "1E6", ".5Gi", "1.", "+1Gi", "0.1Ki", "100k")),
        *(
            (text, False)
            for text in ("0", "0Gi", "0e5", "-1", "1GB", "10 Gi", "1KI", "Gi", "1K", "1e", "\u0661Gi", "1\u0661", "nan")
        ),
    ],
)
def test_quantities_are_checked(text: str, valid: bool) -> None:
    log = ProblemLog()
    reader = MappingReader(log, Mapping(1, {"size": Scalar(1, text, text)}, {"size": 1}), "x")
    assert read_quantity(reader, "size") == text
    assert (log.problems == ()) == valid
