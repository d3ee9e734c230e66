"""One typed tree of settings: defaults here, a TOML file over them, ``STREAM_GUARD_*`` over that.

``STREAM_GUARD_KAFKA__BOOTSTRAP=host:9092`` sets ``kafka.bootstrap``, ``STREAM_GUARD_POLICY`` ``policy``.
Whatever can not be used raises ConfigurationError that names file, path, value and what was expected.

Units: ``_s`` seconds, ``_ms`` milliseconds, ``_bytes`` bytes, ``_ratio`` shares in [0, 1].
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from stream_guard.errors import ConfigurationError

T = TypeVar("T")
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0, le=1e11)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
ENVIRONMENT_PREFIX = "STREAM_GUARD_"
TEXTS = frozenset({"token"})  # never read as a number: what is wrong with it would be quoted
PASSWORD_IN_URL = re.compile(r"(?<=://)[^/@]*:[^/@]*@")
UNKNOWN_FIELD = re.compile(r"unknown field `(.*)`")  # in msgspec's words
TOP_LEVEL = frozenset({"policy", "networks"})  # settings that stand in no table


class StreamSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How the stream is cut: partitions, ticks, lateness."""

    partitions: Positive = 4
    tick_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    lateness_s: Seconds = 1.0
    future_s: Seconds = 60.0
    forget_after_s: Annotated[float, Meta(ge=86_400, le=1e11)] = 90 * 86_400.0  # of silence


class KafkaSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where Kafka is and how its topics are made."""

    bootstrap: str = "127.0.0.1:9092"
    app_id: str = "stream-guard"
    requests_topic: str = "api.requests.v1"
    replication_factor: Positive = 1
    flush_s: Annotated[float, Meta(ge=0.01, le=60)] = 0.2
    session_timeout_s: Annotated[float, Meta(ge=1)] = 6.0
    idle_s: Seconds = 1.0  # silence after which a partition's owner writes heartbeats; 0: never, and then
    # nothing is decided while any log partition (that of guard.control.v1 too) stays empty
    align_s: Seconds = 3600.0  # event time one partition may run ahead of the slowest in catch-up
    data_dir: str = "var/worker"


class RedisSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where decisions are projected to."""

    url: str = "redis://127.0.0.1:6379/0"
    enabled: bool = True
    keep_expired_s: Seconds = 86_400.0  # for looking back; raise it to keep decisions on old events


class AccountsSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds and thresholds of the account models."""

    max_indicators: Positive = 24  # per account
    warm_requests: Positive = 20  # from here on an account's own models are believed
    population_samples_per_day: Positive = 2  # what one account may teach a population model


class GroupsSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Which groups are candidates, and when they are judged."""

    min_units: Positive = 3
    max_members: Positive = 256  # kept exactly; beyond it only counted
    judge_every_s: Seconds = 10.0


class CampaignsSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Conviction and membership."""

    min_causes: Positive = 2
    min_families: Positive = 2
    silent_days: Annotated[float, Meta(gt=0)] = 14.0  # a campaign ends after this silence


class BudgetSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The operator's main knob."""

    false_blocks_per_100k_account_days: Annotated[float, Meta(gt=0, le=1000)] = 1.0


class OtlpSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Spans of an OpenTelemetry collector, as its Kafka exporter writes them."""

    topic: str = ""  # the exporter's topic (by default it writes to otlp_spans); empty: none is read
    account_attribute: str = ""  # where the account stands if neither in account.id nor in user.id


class GatewaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`stream-guard gateway`: the guard as a service, for gateways that ask over HTTP or gRPC."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8470  # HTTP
    grpc_port: Annotated[int, Meta(ge=0, le=65535)] = 8471  # Envoy; 0: off
    log_port: Annotated[int, Meta(ge=0, le=65535)] = 8472  # access logs, TCP and UDP; 0: off
    account_header: str = "x-account-id"  # set by the gateway, never by a client
    token: str = ""  # who posts events must bring it; empty: whoever reaches the port
    help_url: str = ""  # told to clients that are refused
    deadline_s: Annotated[float, Meta(gt=0, le=10)] = 0.05
    on_failure: Literal["open", "closed"] = "open"  # while Redis does not answer
    is_told: bool = True  # events are sent to Kafka


class TelemetrySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Metrics and logs."""

    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Meta(ge=0, le=65535)] = 9464
    log_level: str = "info"


class ConsoleSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The console in the browser (docs/console.md).  Without a token it can only be read."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    token: str = ""  # whoever knows it may act; at least 16 characters
    token_file: str = ""  # holds the token instead: a mounted secret
    reading: Literal["open", "token"] = "open"  # token: nothing is shown to whoever has not signed in
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")  # names it may be reached by, without port
    is_https: bool = False  # a proxy in front speaks HTTPS: cookies are for HTTPS alone
    metrics: tuple[str, ...] = ()  # workers' metrics; empty: that of telemetry.metrics_host and _port
    session_hours: Annotated[float, Meta(gt=0, le=168)] = 8.0
    keep_accounts: Positive = 50_000  # with a decision, in memory; about 2 KB each
    proxies: tuple[str, ...] = ()  # addresses or networks whose X-Forwarded-For is believed; empty: nobody's


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole tree; see each branch."""

    stream: StreamSettings = StreamSettings()
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    accounts: AccountsSettings = AccountsSettings()
    groups: GroupsSettings = GroupsSettings()
    campaigns: CampaignsSettings = CampaignsSettings()
    budget: BudgetSettings = BudgetSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    console: ConsoleSettings = ConsoleSettings()
    otlp: OtlpSettings = OtlpSettings()
    gateway: GatewaySettings = GatewaySettings()
    policy: str = ""  # path of a policy; empty: the shipped one
    networks: str = ""  # path of a network table that fills asn and network_type; empty: none


def without_secrets(settings: Settings) -> Settings:
    """For showing: the console's token and the password in Redis' address are left out."""
    replace = msgspec.structs.replace
    return replace(
        settings,
        console=replace(settings.console, token="(set)" if settings.console.token else ""),
        gateway=replace(settings.gateway, token="(set)" if settings.gateway.token else ""),
        redis=replace(settings.redis, url=PASSWORD_IN_URL.sub("***@", settings.redis.url)),
    )


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; ConfigurationError if it is missing or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"{path}: no such file"
        raise ConfigurationError(message) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: expected a readable TOML file, got: {error}"
        raise ConfigurationError(message) from error


def _steps_of(path: str) -> list[str]:
    """The field names and ``[index]`` steps of a msgspec error path."""
    return re.findall(r"\[[^\]]*\]|[^.\[\]]+", path.removeprefix("$"))


def value_at(tree: Any, path: str) -> Any:
    """The value at a msgspec error path such as ``$.kafka.flush_s`` or ``$.rules[2].when``."""
    for part in _steps_of(path):
        try:
            tree = tree[int(part[1:-1])] if part.startswith("[") else tree[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return "(absent)"
    return tree


def convert(tree: Any, kind: type[T], origin: str) -> T:
    """``tree`` as ``kind``; ConfigurationError with origin, path, value and what was expected."""
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        expected, _, path = str(error).partition(" - at `")
        path = path.rstrip("`") or "$"
        if unknown := UNKNOWN_FIELD.search(expected):
            message = f"{origin}: at {path}: {_not_known(unknown[1], names_at(kind, path))}"
        else:
            message = f"{origin}: at {path}: {expected}; got {value_at(tree, path)!r}"
        raise ConfigurationError(message) from error


def names_at(kind: Any, path: str) -> list[str]:
    """The names that ``kind`` knows at a msgspec error path such as ``$.rules[2].when``, sorted."""
    steps = [msgspec.inspect.type_info(kind)]
    for part in _steps_of(path):
        steps = [inner for step in steps for inner in _inside(step, part)]
    return sorted(field.encode_name for step in steps for field in _fields(step))


def _fields(kind: msgspec.inspect.Type) -> tuple[msgspec.inspect.Field, ...]:
    return kind.fields if isinstance(kind, msgspec.inspect.StructType) else ()


def _inside(kind: msgspec.inspect.Type, part: str) -> Iterator[msgspec.inspect.Type]:
    """What may stand at the field ``part``, or at ``[index]`` of a list; of a union each."""
    inspect = msgspec.inspect
    if isinstance(kind, inspect.ListType | inspect.VarTupleType):
        found = [kind.item_type]
    else:
        found = [field.type for field in _fields(kind) if field.encode_name == part]
    for inner in found:
        yield from inner.types if isinstance(inner, inspect.UnionType) else (inner,)


def _not_known(name: str, known: list[str]) -> str:
    """That ``name`` is none of the ``known`` ones, and which was perhaps meant."""
    close = difflib.get_close_matches(name, known, n=1)
    expected = f"did you mean `{close[0]}`?" if close else f"expected one of {', '.join(known)}"
    return f"unknown name `{name}`; {expected}"


def load_settings(path: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Defaults, then ``path``, then the environment."""
    tree: dict[str, Any] = read_toml(path) if path is not None else {}
    origin = str(path) if path is not None else "defaults"
    for name, text in sorted(environment.items()):
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        branch, _, leaf = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if not leaf:
            if branch in TOP_LEVEL:
                tree[branch] = text
                origin = f"{origin} and {name}"
            continue
        node = tree.setdefault(branch, {})
        if not isinstance(node, dict):
            message = f"{origin}: at $.{branch}: expected a table; got {node!r}"
            raise ConfigurationError(message)
        node[leaf] = text if leaf in TEXTS else _literal(text)
        origin = f"{origin} and {name}"
    return convert(tree, Settings, origin)


def _literal(text: str) -> Any:
    """A TOML value where the text is one, else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
