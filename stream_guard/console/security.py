"""What every answer carries and every request obeys.

- No script, style or picture but our own files: a content security policy without ``unsafe-inline``.
- Only known host names are answered, so that no other name can be made to point here (DNS rebinding).
- A post comes from our own pages: browsers say where it comes from; `forms.py` asks for the session's
  csrf, too.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # not no-referrer: then browsers hide the origin of our own posts
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
HEALTH = "/healthz"  # asked by address


class Shield:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = frozenset(host.casefold() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what must be refused, pass on the rest, add headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if not scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        fault = self._fault(scope)
        if fault:
            await PlainTextResponse(fault, 403)(scope, receive, sending)
        else:
            await self._app(scope, receive, sending)

    def _fault(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if scope["path"] != HEALTH and host_name(host) not in self._hosts:
            return f"this console is not called {host_name(host)!r}: add the name to console.hosts"
        if scope["method"] == "POST" and not is_from_here(headers, host):
            return "this came from another site"
        return ""


def host_name(host: str) -> str:
    """The name in a Host header, without port.

    >>> host_name("LocalHost:8080"), host_name("[::1]:8080")
    ('localhost', '[::1]')
    """
    end = host.rfind("]") + 1
    name, _, _ = host[end:].partition(":")
    return (host[:end] + name).casefold()


def is_from_here(headers: Headers, host: str) -> bool:
    """Whether a request comes from our own pages; programs that are no browsers say nothing."""
    site = headers.get("sec-fetch-site", "same-origin")
    origin = headers.get("origin")
    return site in ("same-origin", "none") and (origin is None or urlsplit(origin).netloc == host)
