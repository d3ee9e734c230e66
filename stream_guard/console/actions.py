"""The posts: signing in and out, and an operator's word.

Every word is logged with its author before it is sent, carries author and reason itself, and stays in
`guard.control.v1`: the audit is the topic.
"""

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from stream_guard.console.desk import COOKIE, Desk
from stream_guard.console.forms import Form, Refused, read_form, signed_form
from stream_guard.console.words import Speaker, back_from
from stream_guard.errors import BrokerUnavailable, ConfigurationError
from stream_guard.records import Control

log = structlog.get_logger(__name__)


class Actions:
    """Routes that change something."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Path to action."""
        return [
            Route("/login", self.login_page, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/say", self.say, methods=["POST"]),
        ]

    async def login_page(self, request: Request) -> Response:
        """Where the token is typed in."""
        return self._desk.page(request, "login.html", fault="", author="")

    async def login(self, request: Request) -> Response:
        """A token and a name against a session."""
        form, sessions, now = await read_form(request), self._desk.sessions, self._desk.clock()
        console = self._desk.settings.console
        if not sessions.can_act:
            raise Refused(403, "this console has no token set: it can only be read")
        address = _address(request)
        if sessions.is_throttled(address, now):
            raise Refused(429, "too many wrong tokens from your address: wait a minute")
        author = form.text("author")
        if not author:
            return self._again(request, form, "Your name is missing: what you say is kept with it.", 400)
        session_id = sessions.sign_in(form.text("token"), author, address, now)
        if not session_id:
            log.warning("console_sign_in_refused", author=author, address=address)
            return self._again(request, form, "That is not the token.", 403)
        log.info("console_signed_in", author=author, address=address)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE, session_id, max_age=int(console.session_hours * 3600), path="/",
            httponly=True, samesite="strict", secure=request.url.scheme == "https" or console.is_https,
        )  # fmt: skip
        return answer

    def _again(self, request: Request, form: Form, fault: str, status: int) -> Response:
        return self._desk.page(request, "login.html", status, fault=fault, author=form.text("author"))

    async def logout(self, request: Request) -> Response:
        """End the session."""
        _, session = await signed_form(request, self._desk.session(request))
        self._desk.sessions.sign_out(request.cookies.get(COOKIE, ""))
        log.info("console_signed_out", author=session.author)
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    async def say(self, request: Request) -> Response:
        """Send an operator's word, and go back to where it was said."""
        form, session = await signed_form(request, self._desk.session(request))
        words = Speaker(form, session.author, self._desk.clock(), self._desk.sources.memory).words()
        for word in words:
            _audit(word, request)
        try:
            await run_in_threadpool(self._desk.speak, self._desk.settings.kafka.bootstrap, *words)
        except ConfigurationError as error:
            raise Refused(400, str(error)) from error
        except BrokerUnavailable as error:
            log.warning("operator_not_heard", error=str(error))
            raise Refused(503, f"nothing was said, say it again later: {error}") from error
        self._desk.sources.memory.take_words(words)  # Kafka has them: the next page may show them already
        session.said.append(_told(words))
        return RedirectResponse(back_from(form), 303)


def _audit(word: Control, request: Request) -> None:
    log.info(
        "operator_spoke", verb=word.verb, subject=word.subject, value=word.value, author=word.author,
        note=word.note, spoken_at=word.spoken_at, expires_at=word.expires_at, address=_address(request),
    )  # fmt: skip


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _told(words: list[Control]) -> str:
    said = " and ".join(dict.fromkeys(f"{word.verb} {word.value}".strip() for word in words))
    about = {word.subject for word in words}
    whom = next(iter(about)) if len(about) == 1 else f"{len(about)} accounts"
    return f"Said: {said}, on {whom}. The worker hears it within seconds."
