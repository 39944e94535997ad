"""Rewrite an ONNX file on the level of protobuf fields, so that no onnx package is needed on a camera."""

from __future__ import annotations

from collections.abc import Iterator

MODEL_IR_VERSION, MODEL_GRAPH = 1, 7
GRAPH_INITIALIZER, GRAPH_INPUT = 5, 11
TENSOR_NAME, VALUE_NAME = 8, 1
OPTIONAL_INPUTS_SINCE = 4  # from this IR version on, initializers need not be graph inputs


def drop_initializer_inputs(model: bytes) -> bytes:
    """Take the initializers out of the graph's inputs: onnxruntime may then fold them (batch normalisation into convolutions).

    The weights themselves are copied byte for byte. Raises ValueError when `model` is not an ONNX file.
    """
    out = bytearray()
    for number, value, raw in fields(model):
        if number == MODEL_IR_VERSION and isinstance(value, int):
            out += key(number, 0) + varint(max(value, OPTIONAL_INPUTS_SINCE))
        elif number == MODEL_GRAPH and not isinstance(value, int):
            graph = _clean_graph(value)
            out += key(number, 2) + varint(len(graph)) + graph
        else:
            out += raw
    return bytes(out)


def fields(message: bytes | memoryview) -> Iterator[tuple[int, int | memoryview, memoryview]]:
    """Walk the top-level fields of a protobuf message: number, value (int, or bytes of a length-delimited or fixed field), raw bytes."""
    view, at = memoryview(message), 0
    while at < len(view):
        start = at
        tag, at = _read_varint(view, at)
        wire, value = tag & 7, 0
        if wire == 0:
            value, at = _read_varint(view, at)
        elif wire in (1, 2, 5):
            size = {1: 8, 5: 4}.get(wire)
            if size is None:
                size, at = _read_varint(view, at)
            value, at = view[at : at + size], at + size
        else:
            raise ValueError(f"not a protobuf message: wire type {wire} at byte {start}")
        if at > len(view):
            raise ValueError(f"not a protobuf message: it ends in the middle of the field at byte {start}")
        yield tag >> 3, value, view[start:at]


def key(number: int, wire: int) -> bytes:
    """The tag of a field."""
    return varint(number << 3 | wire)


def varint(value: int) -> bytes:
    """A number in protobuf's base-128 form."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _clean_graph(graph: memoryview) -> bytes:
    parts = list(fields(graph))
    known = {_text(value, TENSOR_NAME) for number, value, _ in parts if number == GRAPH_INITIALIZER}
    return b"".join(raw for number, value, raw in parts if number != GRAPH_INPUT or _text(value, VALUE_NAME) not in known)


def _text(message: int | memoryview, wanted: int) -> str:
    if isinstance(message, int):
        raise ValueError("not an ONNX file: a message was expected")
    return next((bytes(value).decode() for number, value, _ in fields(message) if number == wanted and not isinstance(value, int)), "")


def _read_varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(view) or shift > 63:
            raise ValueError(f"not a protobuf message: it ends at byte {at}")
        byte = view[at]
        value, at, shift = value | (byte & 0x7F) << shift, at + 1, shift + 7
        if byte < 0x80:
            return value, at
