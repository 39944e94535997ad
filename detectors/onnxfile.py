"""Rewrite an ONNX file on the level of protobuf fields, so that no onnx package is needed on a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

MODEL_IR_VERSION, MODEL_GRAPH = 1, 7
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 1, 5, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_OP = 1, 2, 4
TENSOR_TYPE, TENSOR_FLOATS, TENSOR_NAME, TENSOR_RAW, VALUE_NAME = 2, 4, 8, 9, 1
FLOAT = 1
Pieces = list[bytes | memoryview]
OPTIONAL_INPUTS_SINCE = 4  # from this IR version on, initializers need not be graph inputs


def drop_initializer_inputs(model: bytes) -> bytes:
    """Take the initializers out of the graph's inputs: onnxruntime may then fold them (batch normalisation into convolutions).

    The weights themselves are copied byte for byte. Raises ValueError when `model` is not an ONNX file.
    """
    return b"".join(_rewrite(model, _clean_graph, OPTIONAL_INPUTS_SINCE))


def prelu_as_maximum(model: bytes | memoryview) -> Pieces:
    """Write PRelu as max(x, slope * x), which is the same number for slopes up to 1: onnxruntime's own PRelu takes half of SFace's time.

    Layers with a larger slope, or slopes that are no float32 initializer, keep PRelu. The answer is the new file in pieces that point into
    `model`, so that nothing is copied: a camera box has little memory. Raises ValueError when `model` is not an ONNX file.
    """
    return _rewrite(model, _replace_prelus)


def expose(model: bytes | memoryview, names: Sequence[str]) -> Pieces:
    """Name inner results among the graph's outputs, so that a caller may ask for them; a name that no node gives is left out.

    Who does not ask for them pays nothing. Raises ValueError when `model` is not an ONNX file.
    """

    def change(graph: memoryview) -> Pieces:
        parts = list(fields(graph))
        given = {name for number, value, _ in parts if number == GRAPH_NODE for name in _texts(value, NODE_OUTPUT)}
        return [*(raw for _, _, raw in parts), *(_field(GRAPH_OUTPUT, _field(VALUE_NAME, name.encode())) for name in names if name in given)]

    return _rewrite(model, change)


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


def _rewrite(model: bytes | memoryview, change: Callable[[memoryview], Pieces], least_version: int = 0) -> Pieces:
    out: Pieces = []
    for number, value, raw in fields(model):
        if number == MODEL_IR_VERSION and isinstance(value, int):
            out.append(key(number, 0) + varint(max(value, least_version)))
        elif number == MODEL_GRAPH and not isinstance(value, int):
            graph = change(value)
            out += [key(number, 2) + varint(sum(map(len, graph))), *graph]
        else:
            out.append(raw)
    return out


def _replace_prelus(graph: memoryview) -> Pieces:
    parts = list(fields(graph))
    gentle = {_text(value, TENSOR_NAME) for number, value, _ in parts if number == GRAPH_INITIALIZER and _is_gentle(value)}
    return [_as_maximum(value, gentle) or raw if number == GRAPH_NODE else raw for number, value, raw in parts]


def _as_maximum(node: int | memoryview, gentle: set[str]) -> bytes | None:
    """The two nodes that say the same as this one, when it is a PRelu with slopes up to 1."""
    if _text(node, NODE_OP) != "PRelu":
        return None
    seen, slope = [bytes(value).decode() for number, value, _ in fields(node) if number == NODE_INPUT]
    if slope not in gentle:
        return None
    out = _text(node, NODE_OUTPUT)
    return _node("Mul", [seen, slope], f"{out}/sloped") + _node("Max", [seen, f"{out}/sloped"], out)


def _is_gentle(tensor: int | memoryview) -> bool:
    parts = [(number, value) for number, value, _ in fields(tensor)]
    contents = [value for number, value in parts if number in (TENSOR_RAW, TENSOR_FLOATS) and not isinstance(value, int)]
    if (TENSOR_TYPE, FLOAT) not in parts or len(contents) != 1 or len(contents[0]) % 4:
        return False
    return bool((np.frombuffer(contents[0], "<f4") <= 1).all())


def _node(op: str, inputs: list[str], output: str) -> bytes:
    content = [*((NODE_INPUT, name) for name in inputs), (NODE_OUTPUT, output), (NODE_OP, op)]
    return _field(GRAPH_NODE, b"".join(_field(number, text.encode()) for number, text in content))


def _field(number: int, content: bytes) -> bytes:
    return key(number, 2) + varint(len(content)) + content


def _clean_graph(graph: memoryview) -> Pieces:
    parts = list(fields(graph))
    initializers = {_text(value, TENSOR_NAME) for number, value, _ in parts if number == GRAPH_INITIALIZER}
    return [raw for number, value, raw in parts if number != GRAPH_INPUT or _text(value, VALUE_NAME) not in initializers]


def _text(message: int | memoryview, wanted: int) -> str:
    return next(_texts(message, wanted), "")


def _texts(message: int | memoryview, wanted: int) -> Iterator[str]:
    if isinstance(message, int):
        raise ValueError("not an ONNX file: a message was expected")
    return (bytes(value).decode() for number, value, _ in fields(message) if number == wanted and not isinstance(value, int))


def _read_varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(view) or shift > 63:
            raise ValueError(f"not a protobuf message: it ends at byte {at}")
        byte = view[at]
        value, at, shift = value | (byte & 0x7F) << shift, at + 1, shift + 7
        if byte < 0x80:
            return value, at
