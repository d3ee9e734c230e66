"""Bytes to `RequestEvent`: a fast path for our own format, slower ones for all else.

1. Strict: msgspec decodes our JSON straight into the record.  Most logs never leave this path.
2. Lenient: parsed into a plain tree; times in RFC 3339 are read, a raw prompt is reduced to its
   sketch, unknown fields are counted and left out, then the tree is converted into the record.
3. Foreign: OpenTelemetry, LiteLLM, or other names for our fields (`otel`, `litellm`, `aliases`);
   then what a client chose is brought within bounds (`mend`).

What is no JSON by the book is read once more, with patience (`parse.parse_damaged`): a client must not
hide by half a character in its prompt.  Only what clients choose may be damaged so.

A log is written by one kind of sender, so the path that the last message took is tried first, and
unknown fields that were seen are taken out before the first attempt.  Both only save time: the
same message gives the same event whatever came before it.

Cost, on one core (tests/benchmarks/bench_decode.py): 2 us strict, 5 us lenient, 20 to 40 us foreign.
Memory: counters of at most `MAX_NAMES` names.
"""

from binascii import Error as BadBase64
from binascii import a2b_base64, b2a_base64
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import force_setattr

from stream_guard.errors import InvalidEvent
from stream_guard.records import RequestEvent
from stream_guard.wire import litellm, otel
from stream_guard.wire.aliases import ALIASES, CONVERSATIONS, FIELDS, Reading, read_flat
from stream_guard.wire.invalid import explain, measured
from stream_guard.wire.mend import CLIENTS_OWN, DAMAGE, mend
from stream_guard.wire.parse import REPLACED, check_depth, parse_damaged, parse_object
from stream_guard.wire.times import read_time

MAX_NAMES: Final = 256  # names of unknown fields counted one by one
OTHER: Final = "(other)"  # all names beyond these
NAME_CHARS: Final = 64
SKETCH_BYTES: Final = 64
COMMON_NAMES: Final = 8  # unknown fields taken out before the first attempt
DAMAGED: Final = frozenset({"not_json", "out_of_range"})  # refusals of the parser that a client may cause

Sketch = Callable[[str], bytes]

# Names that tell a foreign format, or mean something in ours: never taken out before the first attempt.
_TELLING: Final = (ALIASES.keys() | set(CONVERSATIONS) | set(otel.BATCHES)) | {
    *("attributes", "call_type", "endTime", "usage", litellm.WRAPPER)
}

_NESTED: Final = (dict, list)  # as a tuple: a union would be built anew at each call
_strict = msgspec.json.Decoder(RequestEvent).decode


class Networks(Protocol):
    """What is known of networks: `networks.NetworkTable`.  Called once per event that lacks either."""

    def lookup(self, client_ip: str) -> tuple[int | None, str | None]:
        """ASN and type of the network of ``client_ip``; None for what is not known."""
        ...


class EventDecoder:
    """Decodes messages, and counts what it met.  One per process; not for several threads.

    Args:
        sketch: text to 64 int8; None: prompts are dropped.
        sketch_version: which version ``sketch`` computes.
        networks: fills ``asn`` and ``network_type`` where an event lacks them; None: they stay empty.
    """

    def __init__(
        self, *, sketch: Sketch | None = None, sketch_version: int = 1, networks: Networks | None = None
    ) -> None:
        self.unknown_fields: Counter[str] = Counter()
        self.mended_fields: Counter[str] = Counter()
        self.prompts: Counter[str] = Counter()  # sketched, dropped
        self._formats: Counter[str] = Counter()
        self._natively = 0
        self._sketch, self._sketch_version = sketch, sketch_version
        self._networks = networks
        self._strict_first = True
        self._common: tuple[str, ...] = ()

    @property
    def formats(self) -> Counter[str]:
        """How many events came as `native`, `alias` (ours, with others' names), `otel`, `litellm`."""
        return self._formats + Counter(native=self._natively)

    def decode(self, value: bytes) -> RequestEvent:
        """The event in ``value``; InvalidEvent with one of `invalid.REASONS` if there is none."""
        if self._strict_first:
            try:
                event = _strict(value)
                self._natively += 1
            except (msgspec.DecodeError, UnicodeDecodeError):
                event = self._decode_leniently(value)
        else:
            event = self._decode_leniently(value)
        if event.prompt_sketch is not None:
            _check_sketch(event.prompt_sketch)
        if self._networks is not None and event.client_ip is not None:
            self._locate(self._networks, event, event.client_ip)
        return event

    def _decode_leniently(self, value: bytes) -> RequestEvent:
        try:
            tree, damage = parse_object(value), None
        except InvalidEvent as error:
            if error.reason not in DAMAGED:
                raise
            tree, damage = parse_damaged(value), error
        if damage is None:
            return self._read_tree(tree, value)
        if not isinstance(tree, dict):
            raise damage
        event = whole(self._read_tree(tree, value))
        self.mended_fields[DAMAGE] += 1
        return event

    def _read_tree(self, tree: dict[str, Any], value: bytes) -> RequestEvent:
        """The event in ``tree``, which was read from ``value``."""
        size = len(tree)
        text = self._prompt(tree.pop("prompt", None), value)
        taken = {}
        for name in self._common:
            if name in tree:
                taken[name] = tree.pop(name)
        has_text_times = _read_times(tree)
        try:
            event = msgspec.convert(tree, RequestEvent)
        except msgspec.ValidationError:
            check_depth(value)
            tree.update(taken)
            event, found = self._decode_foreign(tree)
            text = text or found
        else:
            if taken:
                self._ignore(taken, value)
            self._natively += 1
            self._strict_first = len(tree) == size and not has_text_times
        if text is not None:
            self._reduce(event, text)
        return event

    def _prompt(self, prompt: Any, value: bytes) -> str | None:
        """The text to sketch; nonsense is counted, and hides nobody."""
        if prompt is None or isinstance(prompt, str):
            return prompt
        if isinstance(prompt, _NESTED):
            check_depth(value)
        texts = [text for text in prompt if isinstance(text, str)] if isinstance(prompt, list) else []
        if not texts or len(texts) != len(prompt):
            self.mended_fields["prompt"] += 1
        return "\n".join(texts) or None

    def _decode_foreign(self, tree: dict[str, Any]) -> tuple[RequestEvent, str | None]:
        """The event, and the text that came with it."""
        kind, reading = _read(tree)
        for name in reading.unknown:
            self._count_unknown(name)
        fields = reading.fields
        _read_times(fields)
        try:
            event = msgspec.convert(fields, RequestEvent)
        except msgspec.ValidationError:
            event = self._mend(fields)
        self._formats[kind] += 1
        self._strict_first = False
        return event, reading.text

    def _mend(self, fields: dict[str, Any]) -> RequestEvent:
        changed = mend(fields)
        try:
            event = msgspec.convert(fields, RequestEvent)
        except msgspec.ValidationError as error:
            raise explain(error, fields) from error
        self.mended_fields.update(changed)
        return event

    def _ignore(self, taken: dict[str, Any], value: bytes) -> None:
        """Count what was left out of the message ``value``."""
        for name, content in taken.items():
            if isinstance(content, _NESTED):
                check_depth(value)
            self.unknown_fields[name] += 1

    def _count_unknown(self, name: str) -> None:
        counts = self.unknown_fields
        name = name[:NAME_CHARS]
        if name in counts or len(counts) < MAX_NAMES:
            counts[name] += 1
        else:
            counts[OTHER] += 1
        is_telling = name in _TELLING or name.startswith("gen_ai.")
        if len(self._common) < COMMON_NAMES and name not in self._common and not is_telling:
            self._common = (*self._common, name)

    def _reduce(self, event: RequestEvent, text: str) -> None:
        """Keep the length and the sketch of ``text``; the gateway's own sketch is not replaced."""
        if event.prompt_chars is None:
            force_setattr(event, "prompt_chars", len(text))
        if self._sketch is None or not text:
            self.prompts["dropped"] += 1
            return
        if event.prompt_sketch is None:
            encoded = b2a_base64(self._sketch(text), newline=False).decode("ascii")
            force_setattr(event, "prompt_sketch", encoded)
            force_setattr(event, "prompt_sketch_version", self._sketch_version)
        self.prompts["sketched"] += 1

    def _locate(self, networks: Networks, event: RequestEvent, client_ip: str) -> None:
        if event.asn is not None and event.network_type is not None:
            return
        asn, kind = networks.lookup(client_ip)
        if event.asn is None:
            force_setattr(event, "asn", asn)
        if event.network_type is None:
            force_setattr(event, "network_type", kind)


def _read(tree: dict[str, Any]) -> tuple[str, Reading]:
    """Which format it is, and what it says."""
    if litellm.is_litellm(tree):
        return "litellm", litellm.read_litellm(tree)
    if otel.is_otel(tree):
        return "otel", otel.read_otel(tree)
    reading = read_flat(tree)
    is_ours = reading.unknown == tree.keys() - FIELDS and reading.fields.get("tools") is tree.get("tools")
    return "native" if is_ours else "alias", reading


def _read_times(tree: dict[str, Any]) -> bool:
    """Read times that are text, in place; whether there were any."""
    occurred, created = tree.get("occurred_at"), tree.get("account_created_at")
    if isinstance(occurred, str):
        tree["occurred_at"] = read_time(occurred, "occurred_at")
    if isinstance(created, str):
        tree["account_created_at"] = read_time(created, "account_created_at")
    return isinstance(occurred, str) or isinstance(created, str)


def whole(event: RequestEvent) -> RequestEvent:
    """``event``, of which not all could be read; InvalidEvent if the gateway itself wrote that."""
    for name in sorted(FIELDS - CLIENTS_OWN):
        value = getattr(event, name)
        if isinstance(value, str) and REPLACED in value:
            raise InvalidEvent("not_json", f"{name}: expected UTF-8; got {measured(value)}")
    return event


def _check_sketch(text: str) -> None:
    try:
        size = len(a2b_base64(text, strict_mode=True))
    except (BadBase64, ValueError) as error:  # ValueError: not ASCII
        detail = f"prompt_sketch: expected base64; got {measured(text)}"
        raise InvalidEvent("bad_sketch", detail) from error
    if size != SKETCH_BYTES:
        raise InvalidEvent("bad_sketch", f"prompt_sketch: expected {SKETCH_BYTES} bytes; got {size}")
