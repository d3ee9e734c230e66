"""The console as one ASGI application, and the server that runs it."""

import signal
from ipaddress import ip_network
from pathlib import Path
from socket import AF_INET, AF_INET6, create_server, socket
from types import FrameType
from urllib.parse import urlsplit

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from stream_guard.console.actions import Actions
from stream_guard.console.desk import Desk, static_folder
from stream_guard.console.forms import Refused
from stream_guard.console.live import Live
from stream_guard.console.pages import Pages
from stream_guard.console.security import HEALTH, Shield
from stream_guard.console.sessions import Sessions, token_of
from stream_guard.console.sources import Sources
from stream_guard.decisions.policy import load_policy
from stream_guard.errors import ConfigurationError
from stream_guard.settings import Settings
from stream_guard.sinks.control import speak

OPEN = ("/login", "/static/", HEALTH)  # shown to whoever has not signed in, whatever console.reading says
log = structlog.get_logger(__name__)


def build_desk(settings: Settings, sources: Sources) -> Desk:
    """Settings and sources as a desk; ConfigurationError if a setting can not be used."""
    console = settings.console
    for url in console.metrics:
        if urlsplit(url).scheme not in ("http", "https"):
            message = f"console.metrics: expected http or https addresses; got {url!r}"
            raise ConfigurationError(message)
    for proxy in console.proxies:
        try:
            ip_network(proxy)
        except ValueError as error:
            message = f"console.proxies: expected addresses or networks such as 10.0.0.0/8; got {proxy!r}"
            raise ConfigurationError(message) from error
    sessions = Sessions(token_of(console), console.session_hours * 3600)
    policy = load_policy(Path(settings.policy) if settings.policy else None)
    return Desk(settings, sources, sessions, policy, speak)


def build_app(desk: Desk) -> Starlette:
    """The application around a desk."""
    console = desk.settings.console

    async def refused(request: Request, error: Exception) -> Response:
        status, what = (
            (error.status, error.reason) if isinstance(error, Refused) else (404, "there is no such page")
        )
        if isinstance(error, HTTPException):
            status = error.status_code
            what = what if status == 404 else error.detail
        return desk.page(request, "fault.html", status, what=what)

    live = Live(desk)
    app = Starlette(
        routes=[
            *Pages(desk).routes(),
            *Actions(desk).routes(),
            *live.routes(),
            Mount("/static", StaticFiles(directory=static_folder())),
        ],
        middleware=[
            # Believes X-Forwarded-For and -Proto from these alone; from nobody where none is named.
            Middleware(ProxyHeadersMiddleware, trusted_hosts=list(console.proxies)),
            Middleware(Shield, hosts=console.hosts),
            Middleware(SignedInOnly, desk=desk),
        ],
        exception_handlers={Refused: refused, HTTPException: refused},
    )
    app.state.live = live
    return app


class SignedInOnly:
    """Shows nothing to whoever has not signed in, where console.reading says so."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app, self._desk = app, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or lead to the sign-in page."""
        is_asked = scope["type"] == "http" and self._desk.settings.console.reading == "token"
        if is_asked and not scope["path"].startswith(OPEN) and self._desk.session(Request(scope)) is None:
            await RedirectResponse("/login", 303)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Server(uvicorn.Server):
    """Ends streams when it is told to stop: they would hold it for ever."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop."""
        self._live.is_closing = True
        await super().shutdown(sockets)


def _asked_to_stop(_signal: int, _frame: FrameType | None) -> None:
    """Uvicorn stops by itself, and raises the signal again when it has: that is no fault."""


def _listening(host: str, port: int) -> socket:
    """A socket that listens; ConfigurationError names the address that can not be used."""
    try:
        return create_server((host, port), family=AF_INET6 if ":" in host else AF_INET)
    except OSError as error:
        message = (
            f"console.host, console.port: expected an address to listen on; got {host}:{port}: "
            f"{error.strerror or error} (STREAM_GUARD_CONSOLE__PORT sets another port, 0 any free one)"
        )
        raise ConfigurationError(message) from error


def serve(settings: Settings) -> None:
    """Run until SIGTERM or Ctrl-C; ConfigurationError if a setting can not be used."""
    console = settings.console
    sources = Sources(settings)
    app = build_app(build_desk(settings, sources))
    config = uvicorn.Config(
        app, host=console.host, port=console.port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=5, proxy_headers=False,
    )  # fmt: skip
    server = Server(config, app.state.live)
    listening = _listening(console.host, console.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _asked_to_stop)
    with sources, listening:
        host, port = listening.getsockname()[:2]
        log.info("console_serves", url=f"http://{host}:{port}", can_act=bool(token_of(console)))
        server.run(sockets=[listening])
