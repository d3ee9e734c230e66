"""What came with a post: a small form, from a session of ours, with its csrf."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from stream_guard.console.sessions import Session, is_csrf

MAX_BYTES = 16_384
MAX_FIELDS = 32
FORM = "application/x-www-form-urlencoded"


class Refused(Exception):
    """A request that is not granted; status and what to tell whoever asked."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of a form; the last of a name counts."""

    fields: dict[str, str]

    def text(self, name: str) -> str:
        """A field without blanks around it; empty if there is none."""
        return self.fields.get(name, "").strip()

    def needed(self, name: str, what: str) -> str:
        """A field that must be filled in; Refused says what is missing."""
        value = self.text(name)
        if not value:
            raise Refused(400, f"{what} is missing")
        return value


async def read_form(request: Request) -> Form:
    """The form of a request; Refused if it is none of ours."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != FORM:
        raise Refused(415, f"expected {FORM}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise Refused(413, f"expected a form of at most {MAX_BYTES} bytes")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise Refused(400, "the form can not be read") from error
    return Form(dict(pairs))


async def signed_form(request: Request, session: Session | None) -> tuple[Form, Session]:
    """The form of somebody who is signed in; Refused else."""
    if session is None:
        raise Refused(403, "sign in first: without a token this console can only be read")
    form = await read_form(request)
    if not is_csrf(session, form.text("csrf")):
        raise Refused(403, "this form is not from one of our pages, or too old: go back, load the page again")
    return form, session
