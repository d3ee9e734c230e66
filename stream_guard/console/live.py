"""Server-sent events: the overview's parts whenever they change, rendered once for all who look.

A new connection gets every part at once; then each part when it differs from what was sent last.  A
comment every `QUIET_S` keeps proxies from closing the line.  Bound: `WATCHERS` connections.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from stream_guard.console.desk import Desk
from stream_guard.console.pages import overview_parts

EVERY_S = 2.0
QUIET_S = 15.0
WATCHERS = 100
PARTS = ("looks", "tiles", "newest", "campaigns", "reasons")


class Live:
    """The stream of parts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._made_at = 0.0
        self._parts: dict[str, str] = {}
        self._watchers = 0
        self.is_closing = False

    def routes(self) -> list[Route]:
        """Path to stream."""
        return [Route("/live", self.stream, methods=["GET"])]

    async def stream(self, request: Request) -> Response:
        """One connection."""
        if self._watchers >= WATCHERS:
            return PlainTextResponse("too many are watching\n", 503, headers={"Retry-After": "30"})
        return StreamingResponse(
            self._events(lambda: self._may_watch(request)),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    def _may_watch(self, request: Request) -> bool:
        """A stream ends with its session, where reading needs one."""
        is_open = self._desk.settings.console.reading == "open"
        return not self.is_closing and (is_open or self._desk.session(request) is not None)

    async def _events(self, may_watch: Callable[[], bool]) -> AsyncIterator[str]:
        self._watchers += 1
        sent: dict[str, str] = {}
        quiet_s = 0.0
        try:
            while may_watch():
                for name, text in self.parts().items():
                    if sent.get(name) != text:
                        sent[name] = text
                        quiet_s = 0.0
                        yield event(name, text)
                if quiet_s >= QUIET_S:
                    quiet_s = 0.0
                    yield ": still here\n\n"
                quiet_s += EVERY_S
                await asyncio.sleep(EVERY_S)
        finally:
            self._watchers -= 1

    def parts(self) -> dict[str, str]:
        """All parts, at most `EVERY_S` old."""
        now = self._desk.clock()
        if not self._parts or now - self._made_at >= EVERY_S / 2:
            context = overview_parts(self._desk) | {"looks": self._desk.looks()}
            self._parts = {name: self._desk.part(f"parts/{name}.html", **context) for name in PARTS}
            self._parts["point"] = self._point()
            self._made_at = now
        return self._parts

    def _point(self) -> str:
        points = self._desk.sources.meters.points
        at, rate = points[-1] if points else (0.0, 0.0)
        return msgspec.json.encode([round(at, 1), round(rate, 2)]).decode()


def event(name: str, text: str) -> str:
    """A server-sent event; text may have lines."""
    lines = "\n".join(f"data: {line}" for line in text.splitlines())
    return f"event: {name}\n{lines}\n\n"
