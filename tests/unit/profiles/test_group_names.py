"""Groups of profiles that another name differs from in case only, or that a hub lacks."""

from __future__ import annotations

from jhub.profiles.group_names import find_missing, find_mixed_case
from jhub.profiles.loader import parse

FILE = parse("""
profiles:
- slug: a
  groups: [Geo, soil]
- slug: b
  allowed_groups: [geo, soil]
  profile_options:
    size:
      choices:
        huge: {}
        larger:
          users: [ana]
          groups: [GEO, Straße]
      unlisted_choice:
        enabled: true
        groups: [STRASSE]
- slug: c
""")


def test_groups_that_differ_in_case_only_are_found_with_their_lines() -> None:
    assert [(each.line, each.warning, each.message) for each in find_mixed_case(FILE)] == [
        (6, True, "profile b: the group 'geo' differs in case only from 'Geo' in line 4"),
        (13, True, "profile b: the group 'GEO' differs in case only from 'Geo' in line 4"),
        (16, True, "profile b: the group 'STRASSE' differs in case only from 'Straße' in line 13"),
    ]
    assert not list(find_mixed_case(parse("profiles: [{slug: a, groups: [a, b]}, {slug: b, groups: [a]}, {slug: c}]")))


def test_groups_that_a_hub_lacks_are_found_with_the_similar_one() -> None:
    assert [(each.line, each.warning, each.message) for each in find_missing(FILE, {"geo", "GEO", "Soil"})] == [
        (4, True, "profile a: the hub has no group 'Geo'; it has 'GEO', which differs in case only"),
        (4, True, "profile a: the hub has no group 'soil'; it has 'Soil', which differs in case only"),
        (13, True, "profile b: the hub has no group 'Straße'"),
        (16, True, "profile b: the hub has no group 'STRASSE'"),
    ]
    assert not list(find_missing(FILE, {"Geo", "geo", "GEO", "soil", "Straße", "STRASSE"}))
