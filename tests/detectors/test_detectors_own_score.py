"""An attacker with the gradient of our score: his measures are the detector's own, and his pictures are scored lower while they still fool the net."""

from __future__ import annotations

import numpy as np
import pytest

import detectors
from detectors import weights
from detectors.adversarial import face, picture
from detectors.bench import scene

torch = pytest.importorskip("torch")

from detectors.attacks import gradient, own_score  # noqa: E402
from detectors.attacks.make import FACE_MATCH  # noqa: E402
from detectors.attacks.measured import DetectorScore  # noqa: E402
from detectors.nets.onnx_run import OnnxNet  # noqa: E402

SIDES = {"face": face.SIDE, "image": picture.SIDE}


def batch(pictures: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack([each[..., ::-1].transpose(2, 0, 1) for each in pictures]).astype(np.float32))


@pytest.mark.parametrize("name", ["sface-2021dec", "sface-small-1", "efficientnet-lite0-1", "efficientnet-lite2-1"])
def test_torch_runs_a_file_as_onnxruntime_does(name):
    net, session = OnnxNet(weights.find(name)), weights.open_session(weights.find(name))
    side = SIDES["face" if name.startswith("sface") else "image"]
    given = np.random.default_rng(0).uniform(0, 255, (1, 3, side, side)).astype(np.float32)
    with torch.no_grad():
        found = net(torch.from_numpy(given))
    for ours, theirs in zip(found, session.run(None, {net.input: given}), strict=True):
        assert ours.numpy() == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("kind", SIDES)
def test_the_attackers_measures_are_the_detectors(kind):
    score, detector = DetectorScore(kind), detectors.shared(f"adversarial-{kind}")
    pictures = [scene(seed, (SIDES[kind], SIDES[kind])) for seed in range(2)]
    with torch.no_grad():
        found, odds = score.nets.measures(batch(pictures)), score.log_odds(batch(pictures))
    for n, each in enumerate(pictures):
        own = detector.measures(each)
        assert set(own) == set(found)
        apart = {name: abs(float(found[name][n]) - value) / spread for (name, value), spread in zip(own.items(), score.scales, strict=True)}
        assert max(apart.values()) < 0.2, max(apart, key=apart.get)  # standard deviations of the measure: whole levels are rounded a little otherwise
        assert float(odds[n]) == pytest.approx(np.log(detector.score(each) / (1 - detector.score(each))), abs=1.0)


def test_a_file_with_an_operation_that_is_not_there_is_refused_by_name(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    node = helper.make_node("Sin", ["x"], ["y"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    onnx.save(helper.make_model(helper.make_graph([node], "g", values[:1], values[1:])), str(tmp_path / "net.onnx"))
    with pytest.raises(NotImplementedError, match="Sin"):
        OnnxNet(tmp_path / "net.onnx")


def test_the_score_falls_and_the_net_stays_fooled_within_the_budget():
    score, detector, clean = DetectorScore("face"), detectors.shared("adversarial-face"), batch([scene(0, (face.SIDE, face.SIDE))])
    with torch.no_grad():
        own = score.nets.answers(clean)
    goal = gradient.vectors_goal(score.nets.answers, own, targeted=False, threshold=FACE_MATCH)
    attacked = gradient.linf(clean, goal.loss, budget=8, steps=6, random=True).clamp(0, 255).round()
    found = own_score.lower(clean, attacked, goal, score.log_odds, budget=8, steps=5, slack=0.03)
    assert float(found.log_odds) < float(found.before) - 1
    assert float(goal.margin(found.pictures).detach()) < 0
    assert float((found.pictures - clean).abs().max()) <= 8
    assert torch.equal(found.pictures, found.pictures.round())
    before, after = (detector.score(np.ascontiguousarray(each[0].byte().permute(1, 2, 0).numpy()[..., ::-1])) for each in (attacked, found.pictures))
    assert after < before
