"""What all traffic of one seed shares: networks, prompts, the provider, the people, the clock."""

from typing import Final

import numpy as np

from stream_guard.simulator.arrivals import DAY, Span
from stream_guard.simulator.clients import Clients, load_clients
from stream_guard.simulator.draws import Draw, Split
from stream_guard.simulator.engine.pool import Pool
from stream_guard.simulator.engine.roster import Roster
from stream_guard.simulator.networks import Networks, load_networks
from stream_guard.simulator.provider import Provider

COMMON: Final = ("steps", "grading", "document", "tool")  # uses whose wrappers many copy


class World:
    """One seed's surroundings; crowds and campaigns are drawn into it."""

    def __init__(self, draw: Draw, span: Span, quiet_s: float | None = None) -> None:
        self.draw = draw
        self.span = span
        self.is_prompt = quiet_s is not None  # campaigns begin with their part
        self.stage = Span(span.start + (quiet_s or 0.0), span.end)  # campaigns' part of the span
        self.networks: Networks = load_networks(draw.child("networks"))
        self.clients: Clients = load_clients()
        self.pool = Pool()
        self.roster = Roster(self.pool)
        self.provider = Provider(draw.child("provider"), span)
        common = draw.child("templates")
        # Phrases that everybody copies ("let's think step by step", well-known judge prompts).
        self.common_templates = {use: [common.hexadecimal() for _ in range(5)] for use in COMMON}
        codes = draw.child("referrals")
        self.referrals = [codes.opaque("ref_", 8) for _ in range(30)]  # codes that many follow
        self.day_curves = [self.roster.curve(day) for day in self.clients.days]

    @property
    def split(self) -> Split:
        """Whose seeds these are."""
        return self.draw.split

    def rng(self, name: str) -> np.random.Generator:
        """A stream of random numbers for whole arrays."""
        return np.random.default_rng(self.draw.child(f"arrays/{name}").rng.getrandbits(128))

    def past(self, draw: Draw, youngest: float = 0.5 * DAY, oldest: float = 700 * DAY) -> float:
        """A time before the span, recent ones more likely."""
        age: float = youngest * (oldest / youngest) ** draw.rng.random()
        return self.span.start - age
