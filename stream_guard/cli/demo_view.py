"""What the demo shows: a live view on a terminal, a line every few seconds elsewhere.

Glossary: *scene* what there is to show, filled by the demo and drawn by a view.
"""

import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

LINE_EVERY_S = 4.0
NEWEST = 8
REASONS = 5
STYLES = {"block": "bold red", "challenge": "magenta", "throttle": "yellow", "allow": "green"}
HELD = {"block": "blocked", "challenge": "challenged", "throttle": "throttled"}


@dataclass
class Scene:
    """What there is to show."""

    total: int
    addresses: dict[str, str]
    events: int = 0
    accounts: int = 0
    clock: str = ""  # event time
    holding: Counter[str] = field(default_factory=Counter)  # accounts
    reasons: Counter[str] = field(default_factory=Counter)
    campaigns: dict[str, str] = field(default_factory=dict)  # id -> one line
    newest: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=NEWEST))  # action, line
    started: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        """Events per second so far."""
        return self.events / max(time.monotonic() - self.started, 1e-3)


class LiveView(AbstractContextManager["LiveView"]):
    """Redraws a terminal."""

    def __init__(self, scene: Scene, console: Console) -> None:
        self._scene = scene
        self._live = Live(get_renderable=lambda: draw(scene), console=console, refresh_per_second=4)

    def update(self) -> None:
        """The scene has changed; the terminal follows by itself."""

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)


class LineView(AbstractContextManager["LineView"]):
    """Prints a line every few seconds."""

    def __init__(self, scene: Scene, console: Console) -> None:
        self._scene, self._console = scene, console
        self._due = time.monotonic() + LINE_EVERY_S

    def update(self) -> None:
        """Print a line if it is time."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + LINE_EVERY_S
            self._console.print(line(self._scene), highlight=False, markup=False, soft_wrap=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def view_for(scene: Scene, console: Console) -> LiveView | LineView:
    """Whichever the console can show."""
    return LiveView(scene, console) if console.is_terminal else LineView(scene, console)


def held(holding: Mapping[str, int]) -> str:
    """How many accounts hold what."""
    parts = [f"{holding[action]:,} {word}" for action, word in HELD.items() if holding.get(action)]
    return ", ".join(parts) or "none"


def line(scene: Scene) -> str:
    """The scene on one line."""
    share = scene.events / max(scene.total, 1)
    return (
        f"{share:4.0%}  {scene.events:,} requests ({scene.rate:,.0f}/s), {scene.accounts:,} accounts, "
        f"event time {scene.clock}; campaigns found: {len(scene.campaigns)}; "
        f"accounts held: {held(scene.holding)}"
    )


def draw(scene: Scene) -> RenderableType:
    """The scene for a terminal."""
    return Group(_head(scene), _numbers(scene), _campaigns(scene), _newest(scene), _addresses(scene))


def _head(scene: Scene) -> RenderableType:
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    text = f"{scene.events:,} of {scene.total:,} requests  {scene.rate:,.0f}/s  {scene.clock}"
    grid.add_row(ProgressBar(total=max(scene.total, 1), completed=scene.events), Text(text))
    return Panel(grid, title="stream_guard demo", border_style="cyan")


def _numbers(scene: Scene) -> RenderableType:
    grid = Table.grid(padding=(0, 4))
    numbers = Text(f"{scene.accounts:,} seen;  ")
    for action, word in HELD.items():
        numbers.append(
            f"{scene.holding[action]:,} {word}  ", STYLES[action] if scene.holding[action] else "dim"
        )
    grid.add_row(numbers)
    reasons = ", ".join(f"{code} {count}" for code, count in scene.reasons.most_common(REASONS)) or "none yet"
    grid.add_row(Text(f"reasons: {reasons}", overflow="ellipsis", no_wrap=True))
    return Panel(grid, title="accounts", border_style="dim")


def _campaigns(scene: Scene) -> RenderableType:
    lines = list(scene.campaigns.values())[-4:] or ["none found yet"]
    return Panel(
        Text("\n".join(lines), overflow="ellipsis", no_wrap=True), title="campaigns", border_style="dim"
    )


def _newest(scene: Scene) -> RenderableType:
    text = Text(overflow="ellipsis", no_wrap=True)
    for number, (action, explained) in enumerate(scene.newest):
        text.append("\n" * (number > 0) + explained, STYLES[action])
    return Panel(text if scene.newest else Text("none yet"), title="newest decisions", border_style="dim")


def _addresses(scene: Scene) -> RenderableType:
    return Text("  ".join(f"{name}: {address}" for name, address in scene.addresses.items()), style="dim")
