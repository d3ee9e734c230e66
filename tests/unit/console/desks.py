"""A console on a desk: records go in by hand, pages come out, and what is said is written down."""

from typing import Any

from starlette.testclient import TestClient

from stream_guard.console.app import build_app
from stream_guard.console.desk import Desk
from stream_guard.console.sessions import Sessions, token_of
from stream_guard.console.sources import Sources
from stream_guard.decisions.policy import load_policy
from stream_guard.records import (
    CampaignState,
    Conduct,
    Control,
    Decision,
    DecisionEvidence,
    Evidence,
    Profile,
)
from stream_guard.settings import ConsoleSettings, RedisSettings, Settings

NOW = 1_700_000_000.0
TOKEN = "a token that is long enough"
NOWHERE = "redis://:hunter2hunter2@127.0.0.1:1/0"


class Clock:
    """Unix seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class ConsoleDesk:
    """The whole application, with nothing around it."""

    def __init__(self, token: str = TOKEN, **console: Any) -> None:
        hosts = ("testserver", *console.pop("hosts", ()))
        self.settings = Settings(
            console=ConsoleSettings(token=token, hosts=hosts, **console), redis=RedisSettings(url=NOWHERE)
        )
        self.sources = Sources(self.settings)
        self.memory = self.sources.memory
        self.clock = Clock()
        self.said: list[Control] = []
        sessions = Sessions(token_of(self.settings.console), self.settings.console.session_hours * 3600)
        self.desk = Desk(self.settings, self.sources, sessions, load_policy(), self._speak, self.clock)
        self.app = build_app(self.desk)
        self.client = TestClient(self.app, follow_redirects=False)

    def _speak(self, _bootstrap: str, *words: Control) -> None:
        self.said += words

    def sign_in(self, author: str = "ann") -> str:
        """Sign in; the session's csrf."""
        answer = self.client.post("/login", data={"token": self.settings.console.token, "author": author})
        assert answer.status_code == 303
        return self.csrf()

    def csrf(self) -> str:
        """What a form of ours carries."""
        _, _, rest = self.client.get("/exempt").text.partition('name="csrf" value="')
        return rest.partition('"')[0]

    def say(self, csrf: str, **fields: str) -> Any:
        """Post a form as a page of ours would."""
        return self.client.post("/say", data={"csrf": csrf, "note": "ticket 42", **fields})


def blocked(account: str = "acc_1", **more: Any) -> Decision:
    """A decision with everything that a page shows."""
    fields: dict[str, Any] = {
        "decision_id": f"d-{account}", "account_id": account, "action": "block", "limit_per_min": None,
        "reason_codes": ("campaign_member", "shared_payment"), "campaign_id": "c-1", "score": 0.97,
        "evidence": (
            DecisionEvidence("load_evenness", 3.2, 1.1, 9.0), DecisionEvidence("fit", -0.5, 0.0, -1.5),
        ),
        "decided_at": NOW - 3600, "expires_at": NOW + 86_400, "policy_version": "standard-1",
        "model_version": "m-1", "shadow": False, "trigger": "tick:1",
    }  # fmt: skip
    return Decision(**{**fields, **more})


def campaign(*members: str, **more: Any) -> CampaignState:
    """A campaign with everything that a page shows."""
    fields: dict[str, Any] = {
        "campaign_id": "c-1", "kind": "distillation", "status": "active", "founded_at": NOW - 7200,
        "changed_at": NOW - 60, "members": members,
        "indicators": (("payment:card", 3), ("network:10.0.0.0/24", 2)), "harvested": 1234,
        "evidence": (Evidence("sign_up_burst", 5.0, 0.2, 8.0, "sign_up", "who", is_cold=True),),
        "timeline": ((NOW - 7200, "founded on payment:card"),), "links": (tuple(range(len(members))), (0,)),
    }  # fmt: skip
    return CampaignState(**{**fields, **more})


def profile(account: str = "acc_1", requests: int = 16) -> Profile:
    """What an account's models say."""
    conduct = Conduct(
        first_at=int((NOW - 9e4) * 1000), last_at=int(NOW * 1000), answered=15, refused=1, log_gap_mean=5.0,
        models=(("m-large", 12),), labels=(("chain_of_thought", 9),), hours=tuple(range(24)),
    )  # fmt: skip
    return Profile(account, requests, account, conduct, ("network:10.0.0.0/24", "payment:card"), score=0.4)
