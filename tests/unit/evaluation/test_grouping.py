"""Purity and completeness: what a found campaign holds, and how much of the true one."""

import pytest

from stream_guard.errors import ConfigurationError
from stream_guard.evaluation.grouping import Found, group, members_of, purity, read_found
from stream_guard.evaluation.rulings import Ruling, Table

TRUE = {"a1": "A", "a2": "A", "a3": "A", "a4": "A", "b1": "B", "b2": "B", "h1": None, "h2": None}


def test_a_campaign_found_whole_and_alone_is_pure_and_complete() -> None:
    groupings = group(dict.fromkeys(["a1", "a2", "a3", "a4"], "c1"), TRUE)
    assert (groupings["A"].campaign_id, groupings["A"].purity, groupings["A"].completeness) == (
        "c1",
        1.0,
        1.0,
    )
    assert (groupings["B"].campaign_id, groupings["B"].purity, groupings["B"].completeness) == (
        None,
        None,
        0.0,
    )


def test_honest_members_and_those_of_another_campaign_are_impurities() -> None:
    members = dict.fromkeys(["a1", "a2", "h1", "b1"], "c1")
    assert group(members, TRUE)["A"].purity == 0.5
    assert purity(members, TRUE) == 0.5


def test_a_campaign_found_in_pieces_is_as_complete_as_its_largest_piece() -> None:
    members = {"a1": "c1", "a2": "c1", "a3": "c2", "a4": "c3"}
    assert group(members, TRUE)["A"].completeness == 0.5
    assert purity(members, TRUE) == 1.0


def test_accounts_that_never_asked_count_neither_for_nor_against() -> None:
    assert group({"a1": "c1", "unseen": "c1"}, TRUE)["A"].purity == 1.0


def test_a_found_campaign_of_honest_accounts_alone_has_no_purity() -> None:
    assert purity(dict.fromkeys(["h1", "h2"], "c1"), TRUE) == 0.0
    assert purity({}, TRUE) is None


def test_decisions_tell_who_belongs_and_merged_campaigns_are_what_they_were_merged_into() -> None:
    found = {
        "c1": Found("c1", "merged", (), "c2"),
        "c2": Found("c2", "active", ("a3",), None),
        "c3": Found("c3", "active", ("a1",), None),
    }
    table = Table([
        Ruling("a1", "block", 1.0, campaign_id="c1"),
        Ruling("a2", "throttle", 1.0, campaign_id="c2"),
        Ruling("a4", "block", 1.0, campaign_id="c2"),
        Ruling("a4", "allow", 2.0, campaign_id="c2"),
    ])  # fmt: skip
    assert members_of(found, table) == {"a1": "c2", "a2": "c2", "a3": "c2"}


def test_merges_in_a_circle_end() -> None:
    found = {"c1": Found("c1", "merged", (), "c2"), "c2": Found("c2", "merged", (), "c1")}
    assert members_of(found, Table([Ruling("a1", "block", 1.0, campaign_id="c1")]))["a1"] in found


def test_a_line_that_is_no_campaign_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"found\.jsonl: line 2"):
        read_found([b'{"campaign_id":"c1","status":"active"}', b"{}"], "found.jsonl")
