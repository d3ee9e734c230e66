"""Protobuf messages from a table of fields, read and written by protobuf's own library.

We speak protobuf with two neighbours, OpenTelemetry's collector and Envoy, and need a dozen fields
of each.  Their compiled Python packages carry copies of one another's modules and overwrite them
on install, and generated code is bound to one major version of the library.  So the fields that we
read stand in the module that reads them, as in the neighbour's .proto; all others are skipped, as
protobuf does with fields that it does not know.

    MESSAGES = build("example", {"Person": {"name": (1, "string"), "friends": (2, "[Person]")}})
    MESSAGES["Person"].FromString(data).name

A type is a scalar (``string``, ``bytes``, ``uint32``, ...), the name of a message in the table, or
``enum``; ``[type]`` is repeated, ``{type}`` a map from string, ``type?`` one of the message's only choice,
`WhichOneof("value")`.  The package's name is ours: it is not on
the wire, and two schemas of one name would clash in the process.
"""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Fields = Mapping[str, tuple[int, str]]
_Field: Any = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "double": _Field.TYPE_DOUBLE,
    "enum": _Field.TYPE_INT32,  # the same on the wire
    "fixed64": _Field.TYPE_FIXED64,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "string": _Field.TYPE_STRING,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
}


def build(package: str, messages: Mapping[str, Fields]) -> dict[str, Any]:
    """Message classes by name."""
    file: Any = descriptor_pb2.FileDescriptorProto()
    file.name, file.package, file.syntax = (
        f"stream_guard/{package}.proto",
        f"stream_guard.{package}",
        "proto3",
    )
    for name, fields in messages.items():
        message = file.message_type.add()
        message.name = name
        for field, (number, kind) in fields.items():
            _add(message, f".{file.package}.", field, number, kind)
    pool: Any = descriptor_pool.DescriptorPool()  # ours alone
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{name}"))
        for name in messages
    }


def _add(message: Any, package: str, name: str, number: int, kind: str) -> None:
    """One field of ``message``."""
    field = message.field.add()
    field.name, field.number = name, number
    field.label = _Field.LABEL_REPEATED if kind[0] in "[{" else _Field.LABEL_OPTIONAL
    if kind[0] == "{":
        entry = message.nested_type.add()
        entry.name = f"{name.title().replace('_', '')}Entry"
        entry.options.map_entry = True
        _add(entry, package, "key", 1, "string")
        _add(entry, package, "value", 2, kind[1:-1])
        field.type, field.type_name = _Field.TYPE_MESSAGE, f"{package}{message.name}.{entry.name}"
        return
    if kind[-1] == "?":
        if not message.oneof_decl:
            message.oneof_decl.add().name = "value"
        field.oneof_index = 0
    kind = kind.strip("[]?")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f"{package}{kind}"
