"""A traffic to try things on: three days, about 3,000 accounts, the truth beside it (SOURCE.md)."""

from pathlib import Path
from typing import Final

TRAFFIC: Final = Path(__file__).with_name("traffic.jsonl.zst")
TRUTH: Final = Path(__file__).with_name("truth.jsonl")
