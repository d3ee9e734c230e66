"""How long processes had to wait for a processor, as Linux counts it: what is that is no fault of theirs."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def kept_waiting_s(pids: Iterable[int]) -> float:
    """How long all threads of these processes could have run so far, and had no processor."""
    waited = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):  # it has ended
                waited += int((thread / "schedstat").read_text().split()[1])
    return waited / 1e9
