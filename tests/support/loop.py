"""A small traffic that reacts, for tests of the closed loop (`simulator.scenario.Traffic`)."""

from collections.abc import Generator, Iterator, Mapping, Sequence

import msgspec

from stream_guard.evaluation.grouping import Found
from stream_guard.evaluation.loop import Timing, play
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.rulings import Ruling
from stream_guard.evaluation.runs import Job
from stream_guard.simulator.scenario import Complaint, Costs, Gate, Truth

START = 1_700_000_000.0


class ToyTraffic:
    """A thief who asks every ten seconds and opens another account when he is blocked; one honest account."""

    def __init__(self, requests: int = 300) -> None:
        self.span = (START, START + 10 * requests)
        self.planned: Mapping[str, int] = {"theft": requests}
        self.account_days: Mapping[str, float] = {"person": 0.5}
        self.complaints: list[Complaint] = []
        self._requests = requests
        self._opened = 0
        self.is_over = False
        self.costs: Mapping[str, Costs] = {}

    def _open(self) -> None:
        """Another account, with a card of its own."""
        opened = self._opened = self._opened + 1
        self.costs = {"theft": Costs(accounts=opened, cards=opened, proxies=0, usd=5.0 * opened)}

    def events(self, gate: Gate | None = None) -> Iterator[bytes]:
        """Thief and honest account in turn."""
        self._open()
        for number in range(self._requests):
            at = START + 10 * number
            status = yield from self._one(f"thief{self._opened}", at, gate)
            if status == 403:
                self._open()
            status = yield from self._one("honest", at + 5, gate)
            if status:
                self.complaints.append(Complaint(account_id="honest", at=at + 5, status=status))
        self.is_over = True

    def _one(self, account_id: str, at: float, gate: Gate | None) -> Generator[bytes, None, int]:
        status = gate(account_id, at) if gate else 0
        event = {
            "event_id": f"{account_id}/{at}", "account_id": account_id, "occurred_at": at, "model": "m",
            "status": status or 200, "payment_id": f"card of {account_id}", "client_ip": "192.0.2.1",
        }  # fmt: skip
        yield msgspec.json.encode(event)
        return status

    def truth(self) -> Iterator[Truth]:
        """All accounts so far."""
        for number in range(1, self._opened + 1):
            yield Truth(account_id=f"thief{number}", label="campaign", campaign="theft", kind="distillation")
        yield Truth(account_id="honest", label="benign", campaign=None, kind="person")


class Patience:
    """Rules on a thief's account when it has seen so many of its requests."""

    name = "patience"

    def __init__(self, requests: int, ruling: Ruling) -> None:
        self.steps: list[tuple[float, int]] = []
        self._requests = requests
        self._ruling = ruling
        self._seen: dict[str, int] = {}

    def take(self, lines: Sequence[bytes], now: float) -> list[Ruling]:
        """Count requests by account."""
        self.steps.append((now, len(lines)))
        rulings = []
        for line in lines:
            event = msgspec.json.decode(line)
            account_id, at = event["account_id"], event["occurred_at"]
            seen = self._seen[account_id] = self._seen.get(account_id, 0) + 1
            if account_id.startswith("thief") and seen == self._requests:
                rulings.append(msgspec.structs.replace(self._ruling, account_id=account_id, decided_at=at))
        return rulings

    def finish(self) -> list[Ruling]:
        """Nothing is left."""
        return []

    def found(self) -> Mapping[str, Found]:
        """No campaigns."""
        return {}


def toy_of(job: Job) -> Result:
    """A toy in the place of what a job asks for."""
    name = "stream-guard" if job.decider == "guard" else job.decider
    about = {"traffic": job.traffic, "split": job.split, "seed": job.seed, "decider": name}
    result = play(ToyTraffic(60), Patience(3, Ruling("", "block", 0.0)), Timing(), about)
    theft = msgspec.structs.replace(result.campaigns["theft"], level=job.level, scale=0.05)
    return msgspec.structs.replace(result, campaigns={"theft": theft})
