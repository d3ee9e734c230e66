"""The shipped ServeGen clients and token pairs: rhythms, burstiness and lengths of real services.

Loads `data/clients.npz`, `azure.npz` and `mooncake.npz` (`data/README.md` tells their origin).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from stream_guard.simulator.arrivals import Law
from stream_guard.simulator.draws import Draw

DATA: Final = Path(__file__).with_name("data")
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Client:
    """One real service."""

    name: str
    hours: tuple[float, ...]  # rate by hour, mean one; 336 of them, or 24
    cv: tuple[float, ...]  # 10, 25, 50, 75, 90 % quantiles over windows
    gamma_ratio: float  # windows with a Gamma law; the others have a Weibull law
    input: tuple[float, ...]  # 17 quantiles of tokens
    output: tuple[float, ...]

    def law(self, draw: Draw) -> Law:
        """A law as in one of its windows."""
        return Law(between(self.cv, draw.rng.random()), draw.chance(self.gamma_ratio))


@dataclass(frozen=True, slots=True)
class Clients:
    """All of them, and what was learnt from them together."""

    clients: tuple[Client, ...]
    days: tuple[tuple[float, ...], ...]  # 24 hours, mean one, deepest night at four: of clients with a night
    chats: tuple[Pair, ...]  # input, output tokens of real conversation requests
    code: tuple[Pair, ...]


def between(quantiles: tuple[float, ...], position: float) -> float:
    """The value at a position in [0, 1) of evenly spaced quantiles."""
    place = position * (len(quantiles) - 1)
    low = int(place)
    return quantiles[low] + (place - low) * (quantiles[low + 1] - quantiles[low])


def load_clients(folder: Path = DATA) -> Clients:
    """Read the three files."""
    with np.load(folder / "clients.npz") as arrays:
        columns = {key: arrays[key].tolist() for key in arrays.files}
    clients = tuple(
        _client({key: values[i] for key, values in columns.items()}) for i in range(len(columns["name"]))
    )
    with np.load(folder / "azure.npz") as arrays:
        chats, code = arrays["conv"].tolist(), arrays["code"].tolist()
    with np.load(folder / "mooncake.npz") as arrays:
        chats += [row[:2] for row in arrays["conversation"].tolist()]
    nights = tuple(day for day in map(_day, clients) if day is not None)
    return Clients(clients, nights, tuple(map(_pair, chats)), tuple(map(_pair, code)))


def _pair(row: list[int]) -> Pair:
    return row[0], row[1]


def _client(row: dict[str, list[float]]) -> Client:
    hours = [(value / 255) ** 2 for value in row["rate"][: int(row["hours"])]]  # type: ignore[call-overload]
    mean = sum(hours) / len(hours)
    return Client(
        name=str(row["name"]),
        hours=tuple(hour / mean for hour in hours),
        cv=tuple(row["cv"]),
        gamma_ratio=float(row["gamma"]),  # type: ignore[arg-type]
        input=tuple(row["input"]),
        output=tuple(row["output"]),
    )


def _day(client: Client) -> tuple[float, ...] | None:
    """The mean day of a client that sleeps, smoothed, with the middle of its quietest six hours at four."""
    whole = len(client.hours) // 24 * 24
    sums = [sum(client.hours[hour:whole:24]) for hour in range(24)]
    smooth = [sum(sums[(hour + step) % 24] for step in (-1, 0, 1)) for hour in range(24)]
    mean = sum(smooth) / 24
    shape = [value / mean for value in smooth]
    quiet = min(range(24), key=lambda hour: sum(shape[(hour + step) % 24] for step in range(6)))
    is_human = min(shape) < 0.3 and max(shape) < 3.5 and sum(value > 0.4 for value in shape) >= 10
    return tuple(shape[(quiet + 3 + hour - 4) % 24] for hour in range(24)) if is_human else None
