"""Are the e-values fair to accounts that taught nothing?  ``python -m tests.benchmarks.calibration``.

An e-value has a mean of at most one while its null holds.  Honest traffic of the simulator runs through
ACCOUNTS; half of its accounts teach a reference, and the other half is judged in three ways:

- *strangers*: sets of 3 to 60 accounts drawn at random, which is the null itself: no mean may lie above one;
- *groups*: whatever indicator three customers or more have in common, as GROUPS would judge it: classes,
  offices, hackathons, users of one tool.  They are no strangers, so a mean above one is no fault: it says
  what being a crowd is worth to a test, and why there are caps, votes and families (`judgement.py`);
- *ever*: the largest that all causes together ever said of such a group, over all looks that GROUPS takes
  at it as its accounts go on.  The line for groups rests on its mean: at most one (`judgement.py`).

Prints a table and draws docs/images/calibration.svg: means with two standard errors (groups overlap, so
theirs are somewhat too narrow).  Takes some minutes.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import exp
from pathlib import Path
from zlib import crc32

import numpy as np

from stream_guard.accounts.stage import Accounts
from stream_guard.clock import to_ms
from stream_guard.evaluation.plots import Axis, rows
from stream_guard.groups import reference
from stream_guard.groups.evidence import TESTS
from stream_guard.groups.evidence.cohort import Cohort, witness
from stream_guard.groups.judgement import FIRST_INFO, judge, next_look
from stream_guard.groups.kinds import kind_for, weight
from stream_guard.groups.membership import information
from stream_guard.groups.rows import Row
from stream_guard.groups.units import cards, representatives
from stream_guard.records import REFERENCE, Profile, kind_of
from stream_guard.runtime.rows import LaneRows
from stream_guard.settings import AccountsSettings
from stream_guard.simulator.order import Order
from stream_guard.simulator.scenario import build
from stream_guard.wire.native import EventDecoder
from tests.unit.groups.stream import Recorder

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "calibration.svg"
ALL = "all causes"
EVER = "ever"
MIN_UNITS = 3
STYLE = (
    "<style>svg{background:#fff;font-family:sans-serif}text{fill:#4a5260;font-size:11.5px}"
    ".axis{fill:#1c2330}.grid{stroke:#e3e6ea}.mark{stroke:#d1480f;stroke-dasharray:3 3}"
    ".stroke{fill:none;stroke-width:2;opacity:.55}.c0{stroke:#0b6bcb}.c1{stroke:#8b93a0}"
    ".c2{stroke:#d1480f}.fill.c0{fill:#0b6bcb}.fill.c1{fill:#8b93a0}.fill.c2{fill:#d1480f}</style>"
)


@dataclass
class Honest:
    """Honest accounts' profiles: of those that teach and of those that are judged, in order."""

    taught: list[Profile] = field(default_factory=list)
    history: list[Profile] = field(default_factory=list)

    @property
    def judged(self) -> list[Profile]:
        """The newest profile of each account that is judged, by name."""
        newest = {profile.account_id: profile for profile in self.history}
        return [newest[name] for name in sorted(newest)]


def honest(order: Order) -> Honest:
    """Play honest traffic through ACCOUNTS."""
    found, stage, out = Honest(), Accounts(AccountsSettings()), Recorder()
    lane, decoder = LaneRows(stage.row, 1_000_000), EventDecoder()
    for line in build("background", order).events():
        event = decoder.decode(line)
        out.at = to_ms(event.occurred_at)
        stage.process(lane, event.account_id, event, out)
        for _, stream, key, record in out.emitted:
            if stream == "profiles" and kind_of(key) == REFERENCE:
                if crc32(record.account_id.encode()) & 1:
                    found.taught.append(record)
                else:
                    found.history.append(record)
        out.emitted.clear()
    return found


def learnt(profiles: Iterable[Profile]) -> reference.Reference:
    """A reference that these accounts taught."""
    lane, out = LaneRows(Row, 1_000_000), Recorder()
    for profile in profiles:
        reference.learn(lane, profile, out)
    return reference.Reference(lane)


Values = dict[str, list[float]]


def read(cohort: Cohort, silent: frozenset[str], found: Values) -> None:
    """Add each test's capped e-value, and that of all causes together."""
    for test in TESTS:
        if test.cause not in silent and (reading := test.read(cohort)) is not None:
            found.setdefault(test.name, []).append(exp(min(reading.log_e, test.cap)))
    found.setdefault(ALL, []).append(exp(judge(cohort, silent).log_e))


def of_strangers(accounts: list[Profile], view: reference.Reference, cohorts: int) -> Values:
    """E-values of random sets of accounts."""
    rng, found = np.random.default_rng(71), Values()
    for _ in range(cohorts):
        size = min(int(rng.choice([3, 5, 10, 30, 60])), len(accounts))
        chosen = sorted(rng.choice(len(accounts), size, replace=False).tolist())
        people = representatives("none:", [accounts[place] for place in chosen])
        cohort = Cohort([witness(person, view) for person in people], view, "none:", cards(people))
        read(cohort, frozenset(), found)
    return found


def of_groups(accounts: list[Profile], view: reference.Reference) -> Values:
    """E-values of all groups that three customers or more form."""
    members: dict[str, list[Profile]] = {}
    for account in accounts:
        for indicator in account.indicators:
            members.setdefault(indicator, []).append(account)
    found = Values()
    for indicator, group in sorted(members.items()):
        people = representatives(indicator, group)
        if len(people) < MIN_UNITS or weight(indicator, len(group) / len(accounts)) <= 0:
            continue
        cohort = Cohort([witness(person, view) for person in people], view, indicator, cards(group))
        read(cohort, kind_for(indicator).silences, found)
    return found


@dataclass
class Looked:
    """A group as it grows, and the largest e-value that it ever showed."""

    members: dict[str, Profile] = field(default_factory=dict)
    info: int = 0
    judge_at: int = FIRST_INFO
    largest: float = 0.0


def of_looks(history: list[Profile], view: reference.Reference) -> list[float]:
    """The largest e-value of all causes together that each candidate group ever showed, look by look."""
    groups: dict[str, Looked] = {}
    accounts: set[str] = set()
    for profile in history:
        accounts.add(profile.account_id)
        for indicator in profile.indicators:
            group = groups.setdefault(indicator, Looked())
            before = group.members.get(profile.account_id)
            group.info += information(profile.requests) - (information(before.requests) if before else 0)
            group.members[profile.account_id] = profile
            if group.info >= group.judge_at and len(group.members) >= MIN_UNITS:
                _look(indicator, group, len(accounts), view)
    return [groups[name].largest for name in sorted(groups) if groups[name].largest > 0]


def _look(indicator: str, group: Looked, accounts: int, view: reference.Reference) -> None:
    """Judge the group as GROUPS would; the largest e-value stays 0 while it is no candidate."""
    everybody = [group.members[name] for name in sorted(group.members)]
    people = representatives(indicator, everybody)
    if len(people) < MIN_UNITS or weight(indicator, len(everybody) / accounts) <= 0:
        group.judge_at = next_look(group.info, 0.0)
        return
    cohort = Cohort([witness(person, view) for person in people], view, indicator, cards(everybody))
    log_e = judge(cohort, kind_for(indicator).silences).log_e
    group.judge_at = next_look(group.info, log_e)
    group.largest = max(group.largest, exp(log_e))


def interval(values: list[float]) -> tuple[float, float, float]:
    """The mean, and two standard errors either way."""
    drawn = np.array(values)
    mean, error = float(drawn.mean()), 2 * float(drawn.std()) / len(drawn) ** 0.5
    return mean, mean - error, mean + error


def draw(series: list[tuple[str, Values]]) -> str:
    """One row a test: strangers above, groups below, and below them what groups ever came to."""
    names = [test.name for test in TESTS] + [ALL]
    frame, places = rows(
        Axis("mean e-value (log scale; fair: at most 1)", 0.01, 100.0, is_log=True), names, "calibration"
    )
    frame.upright(1.0, "mark", "fair to strangers up to here")
    for number, (label, values) in enumerate(series):
        for name, place in zip(names, places, strict=True):
            if values.get(name):
                mean, low, high = interval(values[name])
                at = place + 0.2 - 0.2 * number
                frame.bar(low, high, at, f"stroke c{number}")
                frame.dot(
                    mean, at, f"fill c{number}", f"{name}, {label}: {mean:.3g} ({low:.3g} to {high:.3g})"
                )
    drawn = frame.svg().replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return drawn.replace(">", ">" + STYLE, 1) + "\n"


def table(series: list[tuple[str, Values]], say: Callable[[str], object]) -> None:
    """The means, as Markdown."""
    say("| test | " + " | ".join(f"{label} (sets): mean" for label, _ in series) + " |\n")
    say("|---" * (len(series) + 1) + "|\n")
    for name in [*(test.name for test in TESTS), ALL]:
        cells = []
        for _, values in series:
            if values.get(name):
                mean, low, high = interval(values[name])
                cells.append(f"({len(values[name]):,}) {mean:.2f} [{max(low, 0):.2f}, {high:.2f}]")
            else:
                cells.append("silent")
        say(f"| {name} | " + " | ".join(cells) + " |\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--accounts", type=int, default=5_000)
    parser.add_argument("--days", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=77)
    chosen = parser.parse_args()
    people = honest(Order(seed=chosen.seed, accounts=chosen.accounts, days=chosen.days, sketch_ratio=0.5))
    view, judged = learnt(people.taught), people.judged
    series = [
        ("strangers", of_strangers(judged, view, 1_000)),
        ("groups", of_groups(judged, view)),
        (EVER, {ALL: of_looks(people.history, view)}),
    ]
    sys.stdout.write(f"{len(judged):,} accounts judged.\n\n")
    table(series, sys.stdout.write)
    PICTURE.write_text(draw(series))


if __name__ == "__main__":
    main()
