"""Who is signed in.  Kept in this process: a console that is started again asks everybody to sign in again.

Signing in takes the console's token and a name; the name is the author of what is said.  A session's id is
random, only its hash is kept, and it ends after `session_hours` or on signing out.  Bound: `SESSIONS`.

Glossary: *csrf* a random text in each of a session's forms, which another site can not know.
"""

import hmac
import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from stream_guard.console.attempts import Attempts
from stream_guard.errors import ConfigurationError
from stream_guard.settings import ConsoleSettings

SESSIONS = 1_000
TOKEN_CHARACTERS = 16
MAX_AUTHOR = 64


@dataclass(slots=True)
class Session:
    """One browser that is signed in."""

    author: str
    expires_at: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    said: deque[str] = field(default_factory=lambda: deque(maxlen=4))  # shown once, on the next page


def token_of(settings: ConsoleSettings) -> str:
    """The token that allows to act; empty: nobody may.  ConfigurationError never quotes it."""
    token = settings.token
    if settings.token_file:
        if token:
            message = "console.token, console.token_file: expected one of them; got both"
            raise ConfigurationError(message)
        try:
            token = Path(settings.token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = f"console.token_file: expected a readable file; got {settings.token_file!r}: {error}"
            raise ConfigurationError(message) from error
        if not token:
            message = f"console.token_file: expected a token in it; {settings.token_file!r} is empty"
            raise ConfigurationError(message)
    if token and len(token) < TOKEN_CHARACTERS:
        message = f"console.token: expected at least {TOKEN_CHARACTERS} characters; got {len(token)}"
        raise ConfigurationError(message)
    if settings.reading == "token" and not token:
        message = 'console.reading: expected "open" where there is no token; got "token"'
        raise ConfigurationError(message)
    return token


class Sessions:
    """All sessions.  Called from the event loop's thread only."""

    def __init__(self, token: str, lasting_s: float) -> None:
        self._token = _digest(token) if token else ""
        self._lasting_s = lasting_s
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._attempts = Attempts()

    @property
    def can_act(self) -> bool:
        """Whether anybody can sign in."""
        return bool(self._token)

    def is_throttled(self, address: str, now: float) -> bool:
        """Whether too many wrong tokens came from there within a minute."""
        return self._attempts.are_over(address, now)

    def sign_in(self, token: str, author: str, address: str, now: float) -> str:
        """The id of a new session; empty if the token is wrong."""
        if not self._token or not hmac.compare_digest(_digest(token), self._token):
            self._attempts.failed(address, now)
            return ""
        session_id = secrets.token_urlsafe(32)
        self._sessions[_digest(session_id)] = Session(author[:MAX_AUTHOR], now + self._lasting_s)
        if len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)
        return session_id

    def get(self, session_id: str, now: float) -> Session | None:
        """The session with that id, if it still lasts."""
        key = _digest(session_id)
        session = self._sessions.get(key)
        if session is not None and session.expires_at <= now:
            del self._sessions[key]
            return None
        return session

    def sign_out(self, session_id: str) -> None:
        """End a session."""
        self._sessions.pop(_digest(session_id), None)


def is_csrf(session: Session, given: str) -> bool:
    """Whether a form carries its session's text."""
    return hmac.compare_digest(session.csrf.encode(), given.encode())


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
