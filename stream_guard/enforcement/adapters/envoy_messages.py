"""Envoy's gRPC protocols, as far as we speak them: numbers and types as in Envoy's own .proto files.

`envoy.service.auth.v3`, `envoy.service.ratelimit.v3`, `envoy.service.accesslog.v3` and what they use.
Fields that are not here are skipped, as protobuf does with what it does not know.
"""

from typing import Any, Final

from stream_guard.wire.protobuf import build

_COMMON: Final = {
    "Address": {"socket_address": (1, "SocketAddress")},
    "SocketAddress": {"address": (2, "string")},
    "HeaderValue": {"key": (1, "string"), "value": (2, "string")},
    "HeaderValueOption": {"header": (1, "HeaderValue"), "append_action": (3, "enum")},
    "UInt32Value": {"value": (1, "uint32")},
    "Duration": {"seconds": (1, "int64"), "nanos": (2, "int32")},  # Timestamp has the same fields
}
_AUTH: Final = {
    "CheckRequest": {"attributes": (1, "AttributeContext")},
    "AttributeContext": {"source": (1, "Peer"), "request": (4, "Request")},
    "Peer": {"address": (1, "Address")},
    "Request": {"http": (2, "HttpRequest")},
    "HttpRequest": {
        "headers": (3, "{string}"),
        "path": (4, "string"),
        "body": (11, "string"),
        "raw_body": (12, "bytes"),
    },
    "Status": {"code": (1, "int32")},
    "HttpStatus": {"code": (1, "enum")},
    "Denied": {"status": (1, "HttpStatus"), "headers": (2, "[HeaderValueOption]"), "body": (3, "string")},
    "Granted": {"response_headers_to_add": (6, "[HeaderValueOption]")},
    "CheckResponse": {
        "status": (1, "Status"),
        "denied_response": (2, "Denied?"),
        "ok_response": (3, "Granted?"),
    },
}
_RATE_LIMIT: Final = {
    "Entry": {"key": (1, "string"), "value": (2, "string")},
    "Descriptor": {"entries": (1, "[Entry]")},
    "RateLimitRequest": {
        "domain": (1, "string"),
        "descriptors": (2, "[Descriptor]"),
        "hits_addend": (3, "uint32"),
    },
    "RateLimitResponse": {
        "overall_code": (1, "enum"),
        "response_headers_to_add": (3, "[HeaderValue]"),
        "raw_body": (5, "bytes"),
    },
}
_ACCESS_LOG: Final = {
    "StreamAccessLogsMessage": {"http_logs": (2, "HttpEntries")},
    "StreamAccessLogsResponse": {},
    "HttpEntries": {"log_entry": (1, "[HttpEntry]")},
    "HttpEntry": {
        "common_properties": (1, "LogCommon"),
        "request": (3, "LogRequest"),
        "response": (4, "LogResponse"),
    },
    "LogCommon": {
        "downstream_remote_address": (2, "Address"),
        "tls_properties": (4, "Tls"),
        "start_time": (5, "Duration"),
        "time_to_last_downstream_tx_byte": (12, "Duration"),
    },
    "Tls": {"ja3_fingerprint": (7, "string")},
    "LogRequest": {
        "path": (5, "string"),
        "user_agent": (6, "string"),
        "request_id": (9, "string"),
        "request_headers": (13, "{string}"),
    },
    "LogResponse": {"response_code": (1, "UInt32Value")},
}
MESSAGES: Final[dict[str, Any]] = build("envoy", {**_COMMON, **_AUTH, **_RATE_LIMIT, **_ACCESS_LOG})
