"""One boundary's judging: the groups that have grown are judged, and what has changed is sent.

A finding goes out when a group's evidence reaches `judgement.SUSPECT`; when its members or its evidence
change after that (members then come with their fit, at most ``max_members`` in one finding); and, with empty
evidence, when it falls back below `SUSPECT` - `FALL`.
"""

from stream_guard.groups import membership
from stream_guard.groups.evidence.cohort import Cohort, Witness, witness
from stream_guard.groups.fit import conduct_of, fit
from stream_guard.groups.judgement import FALL, SUSPECT, Judgement, judge, line, next_look
from stream_guard.groups.kinds import kind_for, weight
from stream_guard.groups.reference import Reference
from stream_guard.groups.rows import GroupConduct, GroupRow, LitRow, MemberRow, StateRow, lit_key, member_key
from stream_guard.groups.units import cards, representatives
from stream_guard.records import Finding, Member, Profile
from stream_guard.settings import Settings
from stream_guard.topology import Out, Rows

FINDINGS = "findings"
NOTHING = Judgement(0.0, (), (), ())
LIT_FIT = 1.0  # nats of fit from which a member of a suspected group teaches the reference nothing
RARE = 0.02  # share of accounts up to which no member of a suspected group teaches, whatever its fit
MATERIAL = 1.0  # nats by which evidence must change to be sent again without a change of members


class Session:
    """Judges groups, one after the other, on the state of one boundary."""

    def __init__(self, rows: Rows, state: StateRow, settings: Settings, out: Out) -> None:
        self._rows, self._state, self._out = rows, state, out
        self._settings = settings
        self._reference = Reference(rows)
        self._witnesses: dict[tuple[str, int], Witness] = {}  # a farm's groups hold the same accounts,
        self._shares: dict[tuple[str, ...], tuple[float, ...]] = {}  # which show the same

    def judge(self, indicator: str) -> None:
        """Judge one group, or only pass on its new members where it has hardly grown."""
        row: GroupRow | None = self._rows.get(indicator)
        if row is None:
            return
        self._rows.put(indicator, row)
        if row.conduct is not None and row.info < row.judge_at:
            self._update(indicator, row, is_due=False)
            return
        cohort = self._cohort(indicator, row)
        judged = judge(cohort, kind_for(indicator).silences) if row.is_candidate else NOTHING
        self._out.count("groups_judged")
        row.judge_at = next_look(row.info, judged.log_e)
        if judged.causes and judged.log_e >= (SUSPECT - FALL if row.causes else SUSPECT):
            self._suspect(indicator, row, cohort, judged)
        elif row.causes:
            self._acquit(indicator, row, judged)

    def _cohort(self, indicator: str, row: GroupRow) -> Cohort:
        """The group's witnesses; says on the way whether it is a candidate at all."""
        row.share = self._share(row)
        if weight(indicator, row.share) <= 0:  # too popular to mean anything: not worth its members' rows
            self._state.candidates -= row.is_candidate
            row.is_candidate = False
            return Cohort([], self._reference, indicator)
        kept = (account for account, requests in sorted(row.members.items()) if requests)
        found: list[MemberRow | None] = [self._rows.get(member_key(indicator, account)) for account in kept]
        profiles = [member.profile for member in found if member]
        units = representatives(indicator, profiles)
        is_candidate = len(units) >= self._settings.groups.min_units
        self._state.candidates += is_candidate - row.is_candidate
        row.is_candidate, row.units = is_candidate, len(units)
        witnesses = [self._witness(profile) for profile in units] if is_candidate else []
        return Cohort(witnesses, self._reference, indicator, cards(profiles))

    def _witness(self, profile: Profile) -> Witness:
        key = profile.account_id, profile.requests
        known = self._witnesses.get(key)
        if known is None:
            known = self._witnesses[key] = witness(profile, self._reference)
        return known

    def _share(self, row: GroupRow) -> float:
        """Share of active accounts (those with a first profile) that show the indicator.

        The partition sees a random part of all accounts, but all members of its groups.
        """
        shown = membership.size(row) * row.profiled / max(len(row.members), 1)
        return min(1.0, shown / max(self._state.accounts * self._settings.stream.partitions, shown, 1))

    def _suspect(self, indicator: str, row: GroupRow, cohort: Cohort, judged: Judgement) -> None:
        """The group stands above the line of suspicion: say so where something changed."""
        state = self._state
        state.suspected += not row.causes
        is_due = judged.causes != row.causes or abs(judged.log_e - row.log_e) >= MATERIAL
        row.conduct = conduct_of(cohort, judged.evidence)
        row.causes, row.evidence, row.candidates = judged.causes, judged.evidence, state.candidates
        row.heard = judged.heard
        budget = self._settings.budget.false_blocks_per_100k_account_days
        row.line = line(state.candidates - state.suspected, state.accounts, budget)
        if is_due:
            row.log_e = judged.log_e
        self._update(indicator, row, is_due=is_due)

    def _acquit(self, indicator: str, row: GroupRow, judged: Judgement) -> None:
        """The group has fallen back."""
        self._state.suspected -= 1
        self._leave(indicator, row, sorted(row.sent))
        row.log_e, row.causes, row.evidence = judged.log_e, (), ()
        row.conduct, row.arrivals = None, []
        self._send(indicator, row, ())
        self._out.count("findings_withdrawn")

    def _update(self, indicator: str, row: GroupRow, *, is_due: bool) -> None:
        """Send a finding if one is due or members are new or changed."""
        self._leave(indicator, row, sorted(row.sent.keys() - row.members.keys()))
        members = self._members(indicator, row)
        if members or is_due:
            self._send(indicator, row, members)
            self._out.count("findings")
        for member in members:
            account = member.account_id
            if account not in row.members:
                continue
            row.sent[account] = member.profile.requests
            self._light(indicator, account, is_lit=member.fit >= LIT_FIT or row.share <= RARE)

    def _members(self, indicator: str, row: GroupRow) -> tuple[Member, ...]:
        """Members that are new or changed since the last finding, with their fit."""
        fresh = {profile.account_id: profile for profile in row.arrivals}
        row.arrivals = []
        sent = row.sent
        for account in sorted(
            [name for name, requests in row.members.items() if sent.get(name, -1) < requests]
        ):
            if len(fresh) < self._settings.groups.max_members:
                kept: MemberRow | None = None
                if row.members[account]:
                    kept = self._rows.get(member_key(indicator, account))
                fresh[account] = kept.profile if kept else Profile(account, 0, "")
        group = row.conduct or GroupConduct()
        return tuple(
            Member(
                account,
                fit(group, self._witness(profile)) if profile.conduct else 0.0,
                profile,
                self._shares_of(profile.indicators),
            )
            for account, profile in sorted(fresh.items())
        )

    def _shares_of(self, indicators: tuple[str, ...]) -> tuple[float, ...]:
        """Share of other honest accounts that show each."""
        shares = self._shares.get(indicators)
        if shares is None:
            popular = self._reference.popular()
            shares = self._shares[indicators] = tuple([popular.share_of_others(name) for name in indicators])
        return shares

    def _send(self, indicator: str, row: GroupRow, members: tuple[Member, ...]) -> None:
        finding = Finding(
            indicator=indicator,
            size=membership.size(row),
            units=row.units,
            share=row.share,
            log_e=row.log_e,
            line=row.line,
            evidence=row.evidence,
            members=members,
            candidates=row.candidates,
            causes=row.heard if row.evidence else (),
            accounts=self._state.accounts * self._settings.stream.partitions,
        )
        self._out.emit(FINDINGS, indicator, finding)

    def _leave(self, indicator: str, row: GroupRow, accounts: list[str]) -> None:
        """These accounts no longer stand in this suspected group."""
        for account in accounts:
            del row.sent[account]
            self._light(indicator, account, is_lit=False)

    def _light(self, indicator: str, account: str, *, is_lit: bool) -> None:
        """Note whether the account's conduct fits this group; who fits any teaches the reference nothing."""
        set_lit(self._rows, indicator, account, is_lit=is_lit)


def set_lit(rows: Rows, indicator: str, account: str, *, is_lit: bool) -> None:
    """Note whether ``account`` stands in the suspected group and fits it."""
    lit: LitRow | None = rows.get(lit_key(account))
    if is_lit == (lit is not None and indicator in lit.groups):
        return
    lit = lit or LitRow({})
    if is_lit:
        lit.groups[indicator] = None
    else:
        del lit.groups[indicator]
    if lit.groups:
        rows.put(lit_key(account), lit)
    else:
        rows.delete(lit_key(account))
