"""What every route needs: sources, sessions, templates, the policy; and how a page is made."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from stream_guard import __version__
from stream_guard.console import views
from stream_guard.console.budget import Budget, budget_of, shown
from stream_guard.console.looks import Look, looks
from stream_guard.console.sessions import Session, Sessions
from stream_guard.console.sources import Sources
from stream_guard.decisions.explain import at, figure
from stream_guard.decisions.policy import Policy
from stream_guard.records import Control
from stream_guard.settings import Settings
from stream_guard.sinks.control import exemptions_at, shadows_at

COOKIE = "stream_guard_session"
Speak = Callable[..., None]
"""(bootstrap, words...): `sinks.control.speak`, or a test's."""


def templates() -> Environment:
    """The templates: everything escaped, nothing undefined."""
    made = Environment(
        loader=PackageLoader("stream_guard.console"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "at": at, "clock": views.clock, "instant": views.instant, "span": views.span, "words": views.words,
        "reason": views.reason, "figure": figure, "shown": shown, "limits": views.limits, "query": urlencode,
    }  # fmt: skip
    made.globals |= {"version": __version__, "held": views.HELD, "acted": views.ACTED}
    return made


@dataclass(frozen=True)
class Desk:
    """Shared by all routes; ``clock`` gives Unix seconds."""

    settings: Settings
    sources: Sources
    sessions: Sessions
    policy: Policy
    speak: Speak
    clock: Callable[[], float] = time.time
    templates: Environment = field(default_factory=templates)

    def session(self, request: Request) -> Session | None:
        """Whoever is signed in at that browser."""
        return self.sessions.get(request.cookies.get(COOKIE, ""), self.clock())

    def page(self, request: Request, name: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A whole page."""
        session = self.session(request)
        said = [session.said.popleft() for _ in range(len(session.said))] if session is not None else []
        shared = {
            "session": session,
            "said": said,
            "can_act": self.sessions.can_act,
            "looks": self.looks(),
            "path": request.url.path,
            "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        }
        return HTMLResponse(self.part(name, **shared, **context), status)

    def part(self, name: str, **context: Any) -> str:
        """A template, filled in."""
        return self.templates.get_template(name).render(now=self.clock(), **context)

    def looks(self) -> list[Look]:
        """What needs a look."""
        sources = self.sources
        reading, campaigns = sources.meters.reading, sources.memory.campaigns()
        return looks(sources.state(), reading, self.shadows(), campaigns, self.budget(), self.clock())

    def budget(self) -> Budget:
        """What is spent of the budget for false blocks."""
        sources = self.sources
        return budget_of(sources.memory, sources.meters.reading, sources.false_blocks_per_100k, self.clock())

    def shadows(self) -> list[Control]:
        """What is in shadow by an operator's word."""
        return shadows_at(self._in_order(), self.clock())

    def exemptions(self) -> list[Control]:
        """Who is left alone by an operator's word."""
        return exemptions_at(self._in_order(), self.clock())

    def _in_order(self) -> list[Control]:
        return self.sources.memory.words()[::-1]


def static_folder() -> Path:
    """Where scripts, styles and pictures are."""
    return Path(__file__).with_name("static")
