"""Initializers leave the graph's inputs, PReLU becomes a maximum; everything else stays byte for byte. The onnx package (here only) is the judge."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from detectors import onnxfile
from detectors.weights import open_session


def model(ir_version: int = 3, weights_as_inputs: bool = True) -> bytes:
    """y = x * w + b, its weights listed among the inputs as old exporters did."""
    initializers = [numpy_helper.from_array(np.array([2.0, 3.0], np.float32), "w"), numpy_helper.from_array(np.array([1.0, 1.0], np.float32), "b")]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("x", *(("w", "b") if weights_as_inputs else ()))]
    nodes = [helper.make_node("Mul", ["x", "w"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])]
    graph = helper.make_graph(nodes, "toy", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=ir_version).SerializeToString()


def names(content: bytes) -> list[str]:
    return [each.name for each in onnx.load_from_string(content).graph.input]


def test_only_the_true_input_is_left():
    assert names(model()) == ["x", "w", "b"]
    assert names(onnxfile.drop_initializer_inputs(model())) == ["x"]


def test_the_weights_stay():
    after = onnx.load_from_string(onnxfile.drop_initializer_inputs(model())).graph.initializer
    assert [numpy_helper.to_array(each).tolist() for each in after] == [[2.0, 3.0], [1.0, 1.0]]


def test_the_result_is_a_valid_model_that_computes_the_same(tmp_path):
    after = onnxfile.drop_initializer_inputs(model())
    onnx.checker.check_model(onnx.load_from_string(after))
    (tmp_path / "toy.onnx").write_bytes(after)
    assert open_session(tmp_path / "toy.onnx").run(None, {"x": np.array([5, 7], np.float32)})[0].tolist() == [11, 22]


@pytest.mark.parametrize(("before", "after"), [(3, 4), (4, 4), (8, 8)])
def test_the_version_is_raised_only_where_it_must_be(before, after):
    assert onnx.load_from_string(onnxfile.drop_initializer_inputs(model(before))).ir_version == after


def test_a_clean_model_stays_as_it_is():
    clean = model(8, weights_as_inputs=False)
    assert onnxfile.drop_initializer_inputs(clean) == clean


def test_doing_it_twice_changes_nothing_more():
    once = onnxfile.drop_initializer_inputs(model())
    assert onnxfile.drop_initializer_inputs(once) == once


@pytest.mark.parametrize("content", [b"\xff\xff\xff", b"\x3a\x05abc", b"\x0b", b"\x08"], ids=["no end", "cut off", "group", "stump"])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ValueError, match="not a"):
        onnxfile.drop_initializer_inputs(content)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_model_that_is_cut_off_is_refused(share):
    content = model()
    with pytest.raises(ValueError, match="not a"):
        onnxfile.drop_initializer_inputs(content[: int(len(content) * share)])


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**20, 2**35])
def test_numbers_survive_their_coding(value):
    assert next(iter(onnxfile.fields(onnxfile.key(1, 0) + onnxfile.varint(value))))[:2] == (1, value)


def test_fields_of_fixed_width_are_skipped():
    message = onnxfile.key(1, 5) + b"abcd" + onnxfile.key(2, 1) + b"abcdefgh" + onnxfile.key(3, 0) + b"\x05"
    assert [number for number, _, _ in onnxfile.fields(message)] == [1, 2, 3]


def prelus(*slopes: float, as_floats: bool = False) -> bytes:
    """y = prelu(x) with one slope a layer, layer after layer."""
    made = [helper.make_tensor(f"s{n}", TensorProto.FLOAT, [1], [slope]) for n, slope in enumerate(slopes)]
    initializers = made if as_floats else [numpy_helper.from_array(numpy_helper.to_array(each), each.name) for each in made]
    nodes = [helper.make_node("PRelu", [f"h{n}", f"s{n}"], [f"h{n + 1}"]) for n in range(len(slopes))]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("h0", f"h{len(slopes)}")]
    graph = helper.make_graph(nodes, "toy", ends[:1], ends[1:], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6).SerializeToString()


def ops(content: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(content).graph.node]


def rewritten(content: bytes) -> bytes:
    return b"".join(onnxfile.prelu_as_maximum(content))


@pytest.mark.parametrize("as_floats", [True, False], ids=["float_data", "raw_data"])
def test_prelu_becomes_a_maximum(as_floats):
    after = rewritten(prelus(0.25, 1.0, as_floats=as_floats))
    onnx.checker.check_model(onnx.load_from_string(after))
    assert ops(after) == ["Mul", "Max", "Mul", "Max"]


def test_a_slope_above_one_keeps_its_prelu():
    assert ops(rewritten(prelus(1.12, 0.5))) == ["PRelu", "Mul", "Max"]


def test_the_maximum_says_exactly_what_prelu_says(tmp_path):
    import onnxruntime

    content, seen = prelus(0.25, 1.12, -0.5), np.array([-3.0, -0.1, 0.0, 2.0], np.float32)
    (tmp_path / "toy.onnx").write_bytes(content)
    before = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"h0": seen})[0]
    assert np.array_equal(open_session(tmp_path / "toy.onnx").run(None, {"h0": seen})[0], before)


def test_a_model_without_prelu_stays_as_it_is():
    assert rewritten(model()) == model()


def test_rewriting_copies_no_weights():
    content = prelus(*[0.5] * 200)
    pieces = [piece for piece in onnxfile.prelu_as_maximum(memoryview(content)) if isinstance(piece, memoryview)]
    assert all(piece.obj is content for piece in pieces)
    assert pieces


def test_no_file_is_left_behind_when_a_model_is_opened(tmp_path, monkeypatch):
    (tmp_path / "toy.onnx").write_bytes(prelus(0.25))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    open_session(tmp_path / "toy.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["toy.onnx"]


def test_what_is_no_model_has_no_prelu_either():
    with pytest.raises(ValueError, match="not a"):
        onnxfile.prelu_as_maximum(b"\x3a\x05abc")


def test_an_inner_result_can_be_asked_for(tmp_path):
    (tmp_path / "toy.onnx").write_bytes(b"".join(onnxfile.expose(onnxfile.drop_initializer_inputs(model()), ["m"])))
    session = open_session(tmp_path / "toy.onnx")
    assert session.run(["m"], {"x": np.array([5, 7], np.float32)})[0].tolist() == [10, 21]
    assert session.run(["y"], {"x": np.array([5, 7], np.float32)})[0].tolist() == [11, 22]


def test_a_session_exposes_what_it_is_told_to_and_leaves_the_file(tmp_path):
    before = onnxfile.drop_initializer_inputs(model())
    (tmp_path / "toy.onnx").write_bytes(before)
    assert [each.name for each in open_session(tmp_path / "toy.onnx", ["m"]).get_outputs()] == ["y", "m"]
    assert (tmp_path / "toy.onnx").read_bytes() == before


def test_a_result_that_no_node_gives_is_left_out():
    assert b"".join(onnxfile.expose(model(), ["nonsense", "x"])) == model()


def test_what_is_no_model_exposes_nothing():
    with pytest.raises(ValueError, match="not a"):
        onnxfile.expose(b"\xff\xff\xff", ["m"])
