"""All scenarios by name, and how several are mixed.

    deepseek+background              two parts
    qwen:0.02@naive+background:8000  a fiftieth of the record, at a level; so many honest accounts
    mixture.toml                     the same as a file

A part is ``NAME[:SIZE][@LEVEL]``.  The size of a campaign is its share of the record, multiplied with the
order's scale; of anything honest it is a number of accounts.

Glossary: *part* one scenario within a mixture; *crowd* honest accounts that share something.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from stream_guard.errors import ConfigurationError
from stream_guard.simulator.attackers.operation import Operation
from stream_guard.simulator.attackers.record import RECORDS
from stream_guard.simulator.draws import Draw
from stream_guard.simulator.engine.world import World
from stream_guard.simulator.honest import crowds, products
from stream_guard.simulator.honest.individuals import INDIVIDUALS
from stream_guard.simulator.order import Level, Order

Crowd = Callable[[World, Draw, int], None]
BACKGROUND: Final = "background"
FEWEST: Final = 4000  # honest accounts around a campaign
HONEST_DAYS: Final = 3.0
_PART: Final = re.compile(r"(?P<name>[^:@]+)(:(?P<size>[^:@]+))?(@(?P<level>[^:@]+))?")

# Name -> how to open one, how many in a round of the background, range of sizes.
CROWDS: Final[dict[str, tuple[Crowd, int, tuple[int, int]]]] = {
    "office": (crowds.office, 3, (4, 90)),
    "enterprise": (crowds.enterprise, 1, (90, 600)),
    "campus": (crowds.campus, 1, (25, 130)),
    "class": (crowds.school_class, 2, (16, 36)),
    "hackathon": (crowds.hackathon, 1, (25, 500)),
    "family": (crowds.family, 5, (2, 5)),
    "contractors": (crowds.contractors, 3, (3, 15)),
    "agency": (crowds.agency, 2, (4, 22)),
    "vpn_users": (crowds.vpn_users, 1, (20, 90)),
    "proxy_users": (crowds.proxy_users, 1, (10, 60)),
    "corporate_vpn": (crowds.corporate_vpn, 1, (8, 40)),
    "open_source_tool": (products.open_source_tool, 1, (40, 1200)),
    "popular_tool": (products.popular_tool, 0, (5_000, 8_000)),
    "overnight_agents": (products.overnight_agents, 1, (4, 40)),
    "review_bot": (products.review_bot, 1, (15, 300)),
    "router": (products.router, 1, (1, 3)),
    "dominant_client": (products.dominant_client, 0, (1, 4)),
    "evaluation_lab": (products.evaluation_lab, 2, (2, 7)),
    "batch_jobs": (products.batch_jobs, 2, (2, 12)),
    "viral_template": (products.viral_template, 1, (30, 250)),
    "launch_day": (products.launch_day, 0, (20, 200)),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One scenario of a mixture."""

    name: str
    size: float | None
    level: Level
    order: Order

    @property
    def days(self) -> float:
        """The span it asks for: the longest of its drawn days and some before."""
        record = RECORDS.get(self.name)
        return HONEST_DAYS if record is None else round(record.days[1] * 1.1)

    @property
    def accounts(self) -> int:
        """Accounts of a campaign, about."""
        record = RECORDS.get(self.name)
        return 0 if record is None else round(sum(record.accounts) / 2 * self.scale)

    @property
    def scale(self) -> float:
        """Share of the record."""
        return (1.0 if self.size is None else self.size) * self.order.scale

    def fill(self, world: World, draw: Draw, operations: list[Operation], others: int) -> None:
        """Draw it into a world, beside so many accounts of campaigns."""
        if self.name in RECORDS:
            record = RECORDS[self.name]
            if record.pivots and world.provider.release is None:
                length = world.stage.end - world.stage.start
                world.provider.release = world.stage.start + length * draw.ratio(0.4, 0.7)
            order = (record, self.level, self.scale)
            operations.append(Operation(world, draw, order, len(operations), self.order.dilution))
        elif self.name == BACKGROUND:
            fill_background(world, draw, self._count(max(FEWEST, 3 * others)))
        else:
            crowd, _, sizes = CROWDS[self.name]
            fill_crowds(world, draw, (crowd, sizes), self._count(6 * sizes[1]))

    def _count(self, usual: int) -> int:
        size = self.size if self.size is not None else self.order.accounts
        return usual if size is None else round(size)


@dataclass(frozen=True, slots=True)
class Mixture:
    """Parts, and the days that campaigns have."""

    parts: tuple[Part, ...]
    days: float


def fill_background(world: World, draw: Draw, accounts: int) -> None:
    """Crowds of every kind in turn for 40-50 % of so many accounts, individuals for the rest."""
    until = world.roster.size + accounts
    in_crowds = world.roster.size + accounts * draw.ratio(0.4, 0.5)
    opened = [name for name, (_, times, _) in CROWDS.items() for _ in range(times)]
    draw.rng.shuffle(opened)
    turn = 0
    while world.roster.size < in_crowds:
        crowd, _, (low, high) = CROWDS[opened[turn % len(opened)]]
        largest = max(2, accounts // 18)  # one crowd is never the whole crowd
        one = draw.child(f"crowd/{turn}")
        crowd(world, one, min(one.count(low, high), largest))
        turn += 1
    one = draw.child("individuals")
    while world.roster.size < until:
        one.weighted(INDIVIDUALS)(world, one)


def fill_crowds(world: World, draw: Draw, crowd: tuple[Crowd, tuple[int, int]], accounts: int) -> None:
    """Crowds of one kind in drawn sizes, several of them, about so many accounts in all."""
    until, turn = world.roster.size + accounts, 0
    largest = max(crowd[1][0], accounts // 3)
    while world.roster.size < until:
        one = draw.child(f"crowd/{turn}")
        crowd[0](world, one, max(1, min(one.count(*crowd[1]), largest, until - world.roster.size)))
        turn += 1


def read_mixture(scenario: str, order: Order) -> Mixture:
    """A mixture from its name or file; ConfigurationError says what is wrong with it."""
    days: float | None = None
    if scenario.endswith(".toml"):
        parts, days = _from_file(Path(scenario), order)
    else:
        parts = tuple(_part(text, order) for text in scenario.split("+"))
    days = order.days or days or max(part.days for part in parts)
    return Mixture(parts, days)


def _from_file(path: Path, order: Order) -> tuple[tuple[Part, ...], float | None]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path}: {error}"
        raise ConfigurationError(message) from error
    _refuse_unknown(f"{path}", content, {"days", "part"})
    tables = content.get("part")
    if not isinstance(tables, list) or not tables:
        message = f"{path}: part: expected one or more tables [[part]]; got {tables!r}"
        raise ConfigurationError(message)
    days = content.get("days")
    if days is not None and (not isinstance(days, int | float) or days <= 0):
        message = f"{path}: days: expected a number above zero; got {days!r}"
        raise ConfigurationError(message)
    return tuple(_checked(f"{path}: part[{i}]", table, order) for i, table in enumerate(tables)), days


def _part(text: str, order: Order) -> Part:
    found = _PART.fullmatch(text.strip())
    if found is None:
        message = f"scenario: expected NAME[:SIZE][@LEVEL], several joined by +; got {text!r}"
        raise ConfigurationError(message)
    given: dict[str, Any] = {key: value for key, value in found.groupdict().items() if value is not None}
    if "size" in given:
        try:
            given["size"] = float(given["size"])
        except ValueError as error:
            message = f"scenario: {text}: size: expected a number; got {given['size']!r}"
            raise ConfigurationError(message) from error
    return _checked(f"scenario: {text}", given, order)


def _checked(where: str, given: Mapping[str, Any], order: Order) -> Part:
    _refuse_unknown(where, given, {"name", "size", "level"})
    name, size, level = given.get("name"), given.get("size"), given.get("level", order.level)
    if name not in names():
        message = f"{where}: name: expected one of {', '.join(names())}; got {name!r}"
        raise ConfigurationError(message)
    if size is not None and (isinstance(size, bool) or not isinstance(size, int | float) or size <= 0):
        message = f"{where}: size: expected a number above zero; got {size!r}"
        raise ConfigurationError(message)
    if level not in get_args(Level):
        message = f"{where}: level: expected one of {', '.join(get_args(Level))}; got {level!r}"
        raise ConfigurationError(message)
    return Part(str(name), size, level, order)


def _refuse_unknown(where: str, given: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        message = f"{where}: expected only {', '.join(sorted(known))}; got {', '.join(unknown)}"
        raise ConfigurationError(message)


def names() -> tuple[str, ...]:
    """All names."""
    return (BACKGROUND, *RECORDS, *CROWDS)


def described() -> dict[str, tuple[str, str]]:
    """Name -> what sort it is, what happens."""
    listed = {BACKGROUND: ("honest", "individuals and crowds of all kinds")}
    listed |= {name: ("campaign", record.what) for name, record in RECORDS.items()}
    listed |= {
        name: ("honest crowd", (crowd.__doc__ or "").split("\n")[0]) for name, (crowd, _, _) in CROWDS.items()
    }
    return listed
