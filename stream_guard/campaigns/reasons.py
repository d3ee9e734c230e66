"""From evidence to reason codes (`records.REASONS`), strongest first."""

from stream_guard.records import REASON_CODES, Evidence

REASON_OF_TEST: dict[str, str] = {
    "content_sameness": "same_content",
    "prompt_labels": "chain_of_thought_harvest",
    "load_evenness": "even_load",
    "shared_cards": "shared_payment",
    "ties": "tied_accounts",
    "instruments": "tied_accounts",
}
"""Tests whose reason does not bear their name."""


def reasons_of(kind: str, role: str, evidence: tuple[Evidence, ...], *, is_cold: bool) -> tuple[str, ...]:
    """Kind and role first, then what was seen; every code is in the closed list."""
    seen = sorted(evidence, key=lambda said: (-said.weight, said.name))
    codes = [kind, role, *(REASON_OF_TEST.get(said.name, said.name) for said in seen)]
    if is_cold:
        codes.append("cold_start")
    return tuple(dict.fromkeys(code for code in codes if code in REASON_CODES))
