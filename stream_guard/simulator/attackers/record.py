"""What was published of each campaign, and what of it is drawn.

Sizes of `deepseek`, `moonshot` and `minimax` and their aims are from Anthropic's report of February
2026; `qwen` is the later one of 25,000 accounts; `reseller` is drawn after what is known of shops that
sell access at 10-30 % of its price.  Where a report names no number there is a range.

Glossary: *exchange* a request and its answer.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from stream_guard.simulator.honest.individuals import AGENTIC, CHATTING, CODING, Sources

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One campaign of the record."""

    name: str
    aim: Literal["distillation", "resale"] = "distillation"
    exchanges: float
    accounts: tuple[int, int]
    days: Range
    tasks: Sources
    later_tasks: Sources = field(default_factory=dict)  # what it turns to in its last third
    ordinary: Sources = field(default_factory=lambda: CHATTING)  # its unrelated requests
    unrelated: Range = (0.0, 0.0)  # requests of unrelated customers on the same accounts, at any level
    successors: Range = (0.02, 0.15)  # accounts that replace others within the campaign
    tools_ratio: Range = (0.0, 0.1)
    images_ratio: Range = (0.0, 0.0)
    reasoning_ratio: Range = (0.1, 0.8)
    pathways: tuple[str, ...] = ("api",)
    shares_payment: bool = False
    pivots: bool = False  # half of its traffic is on a new model within 24 hours of the release
    stolen: Range = (0.0, 0.1)  # cards whose owners will complain
    large_ratio: float = 0.8
    what: str = ""


RECORDS: Final[dict[str, Record]] = {
    record.name: record
    for record in (
        Record(
            name="deepseek",
            exchanges=150_000,
            accounts=(150, 900),
            days=(10, 40),
            tasks={"steps": 0.42, "grading": 0.28, "exercise": 0.1, "maths": 0.12, "sensitive": 0.08},
            shares_payment=True,
            what="150 thousand exchanges: reasoning, rubric grading, answers safe for censorship;"
            " synchronised and load-balanced accounts that share payment",
        ),
        Record(
            name="moonshot",
            exchanges=3_400_000,
            accounts=(300, 900),
            days=(30, 75),
            tasks={"tool": 0.42, "coding": 0.24, "exercise": 0.12, "document": 0.12, "chat": 0.1},
            later_tasks={"steps": 0.5, "maths": 0.2, "tool": 0.2, "coding": 0.1},
            tools_ratio=(0.35, 0.75),
            images_ratio=(0.08, 0.3),
            pathways=("api", "cloud_marketplace_a", "cloud_marketplace_b", "console"),
            what="3.4 million exchanges: agents, tools, vision over several access pathways; later the"
            " reconstruction of reasoning traces",
        ),
        Record(
            name="minimax",
            exchanges=13_000_000,
            accounts=(3_000, 12_000),
            days=(30, 70),
            tasks={"coding": 0.4, "tool": 0.42, "exercise": 0.13, "steps": 0.05},
            ordinary=CODING,
            tools_ratio=(0.6, 0.95),
            pivots=True,
            what="13 million exchanges: agentic coding and tool orchestration; half of the traffic on a"
            " new model within 24 hours of its release",
        ),
        Record(
            name="qwen",
            exchanges=28_800_000,
            accounts=(25_000, 25_000),
            days=(45, 45),
            tasks={
                "coding": 0.25, "tool": 0.2, "steps": 0.2, "exercise": 0.12, "grading": 0.08, "role": 0.05,
                "writing": 0.05, "document": 0.05,
            },
            ordinary=AGENTIC | CHATTING,
            unrelated=(0.15, 0.45),
            successors=(0.18, 0.22),
            tools_ratio=(0.1, 0.5),
            what="28.8 million exchanges from 25,000 accounts in 45 days: proxy networks of 20,000 accounts"
            " that carry unrelated customers too; the banned are replaced",
        ),
        Record(
            name="reseller",
            aim="resale",
            exchanges=1_500_000,
            accounts=(2_000, 8_000),
            days=(20, 45),
            tasks=CHATTING,
            ordinary=CHATTING | CODING,
            successors=(0.75, 0.93),
            tools_ratio=(0.0, 0.3),
            reasoning_ratio=(0.05, 0.4),
            stolen=(0.3, 0.9),
            large_ratio=0.9,
            what="a shop that sells access at 10-30 % of its price: stolen cards, pooled seats that die and"
            " are replaced, honest users' prompts, logs kept",
        ),
    )
}  # fmt: skip
