"""What an operator says holds: exemptions, revocations, chargebacks; on accounts, organisations, networks."""

from stream_guard.decisions.rows import MAX_NETWORKS
from tests.unit.decisions.desk import DAY, HOUR, MINUTE, START, Desk, policy, verdict, word


def test_an_exempt_account_is_released_and_stays_free() -> None:
    desk = Desk()
    desk.tick(verdict())
    (allow,) = desk.tick(word("exempt"))
    assert (allow.action, allow.reason_codes, allow.expires_at) == ("allow", ("exempt",), None)
    assert desk.tick(verdict(), after_ms=HOUR) == []


def test_an_exemption_ends_when_its_author_said_so() -> None:
    desk = Desk()
    desk.tick(word("exempt", expires_at=desk.now / 1000 + 3600), verdict())
    assert desk.decisions == []
    (block,) = desk.wait(HOUR + MINUTE)
    assert block.action == "block"


def test_taking_an_exemption_back_brings_the_decision_back() -> None:
    desk = Desk()
    desk.tick(verdict(), word("exempt"))
    assert desk.decisions == []
    (block,) = desk.tick(word("unexempt", spoken_at=desk.now / 1000 + 1))
    assert block.action == "block"


def test_the_word_spoken_last_holds_whatever_comes_first() -> None:
    late = word("unexempt", spoken_at=2_000_000_000.0)
    for words in ((word("exempt"), late), (late, word("exempt"))):
        desk = Desk()
        assert [d.action for d in desk.tick(verdict(), *words)] == ["block"]


def test_a_revocation_takes_the_decision_back_and_grants_a_pardon() -> None:
    desk = Desk(policy(pardon="1d"))
    desk.tick(verdict())
    (allow,) = desk.tick(word("revoke"))
    assert (allow.action, allow.reason_codes) == ("allow", ("revoked",))
    assert desk.tick(verdict(), after_ms=DAY // 2) == []
    (block,) = desk.wait(DAY)
    assert block.action == "block"
    assert "returned" not in block.reason_codes


def test_what_was_said_before_a_revocation_never_counts_again() -> None:
    desk = Desk(policy(pardon="1h"))
    desk.tick(verdict())
    desk.tick(word("revoke"), verdict())
    assert desk.wait(3 * DAY) == []


def test_a_label_wrong_frees_and_a_label_right_changes_nothing() -> None:
    desk = Desk()
    desk.tick(verdict(), verdict("a2"))
    assert desk.tick(word("label", value="right")) == []
    assert [d.action for d in desk.tick(word("label", "a2", value="wrong"))] == ["allow"]


def test_a_chargeback_blocks_until_it_is_revoked() -> None:
    desk = Desk()
    (block,) = desk.tick(word("chargeback"))
    assert (block.action, block.expires_at, block.reason_codes[0]) == ("block", None, "chargeback")
    assert [line.name for line in block.evidence] == ["chargeback"]
    assert desk.wait(60 * DAY) == []
    assert [d.action for d in desk.tick(word("revoke"))] == ["allow"]


def test_an_exempt_organisation_frees_its_accounts_now_and_later() -> None:
    desk = Desk()
    desk.tick(verdict("a1", org_id="o1"), verdict("a2", org_id="o2"))
    assert [(d.account_id, d.action) for d in desk.tick(word("exempt", "org:o1"))] == [("a1", "allow")]
    assert desk.tick(verdict("a3", org_id="o1")) == []
    (back, new) = desk.tick(word("unexempt", "org:o1", spoken_at=desk.now / 1000 + 1))
    assert {(back.account_id, back.action), (new.account_id, new.action)} == {
        ("a1", "block"),
        ("a3", "block"),
    }


def test_an_exempt_network_frees_whoever_comes_from_it() -> None:
    desk = Desk()
    desk.tick(verdict("a1", network="192.0.2.7"), verdict("a2", network="198.51.100.7"),
              verdict("a3", network="2001:db8:1::7"))  # fmt: skip
    assert [d.account_id for d in desk.tick(word("exempt", "network:192.0.2.0/24"))] == ["a1"]
    assert [d.account_id for d in desk.tick(word("exempt", "network:2001:db8::/32"))] == ["a3"]


def test_a_wide_exemption_ends_by_itself() -> None:
    desk = Desk()
    desk.tick(verdict(org_id="o1"), word("exempt", "org:o1", expires_at=desk.now / 1000 + 7200))
    assert desk.decisions == []
    assert [d.action for d in desk.wait(3 * HOUR)] == ["block"]


def test_networks_are_bounded_and_refusals_counted() -> None:
    desk = Desk()
    for n in range(MAX_NETWORKS + 3):
        desk.tick(word("exempt", f"network:10.{n // 256}.{n % 256}.0/24"))
    assert desk.counts["words_refused"] == 3
    assert len(desk.rows.get("x:networks").words) == MAX_NETWORKS  # type: ignore[union-attr]


def test_the_policy_itself_may_exempt() -> None:
    exempt = [
        {"subject": "org:partner", "author": "ann", "note": "load test"},
        {"subject": "network:192.0.2.0/24", "author": "ann"},
        {"subject": "a9", "author": "ann", "expires_at": 1.0},
    ]
    desk = Desk(policy(exempt=exempt))
    desk.tick(
        verdict("a1", org_id="partner"), verdict("a2", network="192.0.2.9"), verdict("a9"), verdict("a4")
    )
    assert {d.account_id for d in desk.decisions} == {"a9", "a4"}
    assert desk.counts["exempted"] == 2


def test_a_pardon_that_was_taken_back_stays_so() -> None:
    desk = Desk()
    desk.tick(word("revoke"))
    desk.tick(word("unexempt", spoken_at=START / 1000 + 1))
    (decision,) = desk.tick(word("chargeback", spoken_at=START / 1000 + 2))
    assert decision.action == "block"
