"""One contract for every registered detector, now and later: a new detector file is tested here without a new line."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import detectors
from detectors import registry
from detectors.bench import scene
from detectors.errors import BadInput
from detectors.objects import head
from detectors.types import Detection, Frame, ModelCard, to_json

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = detectors.names()
OF_KIND = {kind: [name for name in NAMES if registry.entry(name).kind == kind] for kind in ("images", "stream", "tool", "head")}
NOT_PICTURES = {
    "no pixels": np.empty((0, 0, 3), np.uint8),
    "no width": np.empty((10, 0, 3), np.uint8),
    "floats": np.zeros((40, 40, 3), np.float32),
    "five channels": np.zeros((40, 40, 5), np.uint8),
    "a line": np.zeros(40, np.uint8),
    "nothing": None,
}
ODD_PICTURES = {
    "grey": scene(0)[:, :, 0],
    "grey with a channel": scene(0)[:, :, :1],
    "transparent": np.dstack([scene(0), np.full(scene(0).shape[:2], 255, np.uint8)]),
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "very wide": np.zeros((4, 3000, 3), np.uint8),
    "not contiguous": scene(0)[::2, ::-2],
    "huge": np.zeros((4000, 6000, 3), np.uint8),
}


@functools.cache
def loaded(name: str):
    return detectors.load(name)


def judge(built, picture: np.ndarray, n: int = 0, camera: str = "contract"):
    """What a detector of any picture kind says about one picture."""
    if hasattr(built, "step"):
        return built.step(Frame(picture, camera, 1000 + n / 5, n))
    return built.detect([picture])[0]


def plain(value) -> str:
    return str(to_json(value))


def test_the_detectors_of_the_design_are_there():
    assert {"faces", "face-embedding", "people", "anomaly", "camera-health", "picture-check", "face-compare"} <= set(NAMES)


def test_every_detector_is_of_a_known_kind():
    assert sorted(name for names in OF_KIND.values() for name in names) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_has_a_complete_card(name):
    card = loaded(name).card
    assert isinstance(card, ModelCard)
    assert (card.name, card.family) == (name, registry.entry(name).family)
    assert re.fullmatch("[0-9a-f]{64}", card.sha256)
    assert all([card.version, card.licence, card.source, card.preprocessing, card.thresholds, card.data, card.limits])


@pytest.mark.parametrize("name", NAMES)
def test_its_card_survives_json(name):
    assert to_json(detectors.card(name))["name"] == name


@pytest.mark.parametrize("name", NAMES)
def test_its_metrics_carry_intervals(name):
    for found in detectors.card(name).metrics.values():
        assert all({"value", "low", "high"} <= set(metric) for metric in found.values())


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_refused(name):
    with pytest.raises(TypeError):
        detectors.load(name, no_such_option=1)


@pytest.mark.parametrize("name", OF_KIND["images"])
def test_a_batch_is_judged_as_its_pictures_one_by_one(name):
    pictures = [scene(0), scene(30), scene(0, (200, 300))]
    assert plain(loaded(name).detect(pictures)) == plain([loaded(name).detect([each])[0] for each in pictures])


@pytest.mark.parametrize("name", OF_KIND["images"] + OF_KIND["stream"])
def test_no_pictures_give_no_findings(name):
    assert loaded(name).detect([]) == []


@pytest.mark.parametrize("name", OF_KIND["images"])
def test_the_same_picture_gives_the_same_findings(name):
    assert plain(judge(loaded(name), scene(5))) == plain(judge(detectors.load(name), scene(5)))


@pytest.mark.parametrize("name", OF_KIND["stream"])
def test_the_same_frames_give_the_same_findings(name):
    first, second = ([plain(judge(built, scene(n), n)) for n in range(12)] for built in (detectors.load(name), detectors.load(name)))
    assert first == second


@pytest.mark.parametrize("name", OF_KIND["stream"])
def test_cameras_do_not_disturb_each_other(name):
    alone, both = detectors.load(name), detectors.load(name)
    for n in range(12):
        found = judge(alone, scene(n), n, "a")
        assert plain(judge(both, scene(n), n, "a")) == plain(found)
        judge(both, np.zeros((90, 120, 3), np.uint8), n, "b")


@pytest.mark.parametrize("name", OF_KIND["images"] + OF_KIND["stream"])
def test_its_input_is_left_as_it_was(name):
    picture = scene(3)
    judge(loaded(name), picture, camera="untouched")
    assert np.array_equal(picture, scene(3))


@pytest.mark.parametrize("picture", ODD_PICTURES.values(), ids=ODD_PICTURES)
@pytest.mark.parametrize("name", OF_KIND["images"] + OF_KIND["stream"])
def test_odd_pictures_are_judged(name, picture):
    found = judge(loaded(name), picture, camera=f"odd {picture.shape}")
    assert all(isinstance(each, Detection) and 0 <= each.score <= 1 for each in (found if isinstance(found, list) else [found] if found else []))


@pytest.mark.parametrize("thing", NOT_PICTURES.values(), ids=NOT_PICTURES)
@pytest.mark.parametrize("name", OF_KIND["images"] + OF_KIND["stream"])
def test_what_is_no_picture_is_refused(name, thing):
    with pytest.raises(BadInput):
        judge(loaded(name), thing, camera="refused")


@pytest.mark.parametrize("name", OF_KIND["head"])
def test_a_head_judges_many_as_one_by_one_and_gives_probabilities(name):
    made = np.random.default_rng(0).normal(size=(5, head.SIZE)).astype(np.float32)
    together = loaded(name).judge(made)
    assert together.tolist() == [float(loaded(name).judge(row[None])[0]) for row in made]
    assert ((together >= 0) & (together <= 1)).all()


@pytest.mark.parametrize("thing", [None, np.zeros(head.SIZE), np.zeros((1, 3)), np.full((1, head.SIZE), np.nan)], ids=["nothing", "a row", "short", "nan"])
@pytest.mark.parametrize("name", OF_KIND["head"])
def test_a_head_refuses_what_are_no_features(name, thing):
    with pytest.raises(BadInput):
        loaded(name).judge(thing)


INFERENCE = """
import sys
import numpy as np
import detectors
from detectors import registry
from detectors.types import Frame
picture = np.zeros((120, 160, 3), np.uint8)
for name in detectors.names():
    built = detectors.load(name)
    for n in range(8):
        built.step(Frame(picture, "c", n / 5, n)) if hasattr(built, "step") else hasattr(built, "detect") and built.detect([picture])
print([name for name in ("torch", "django", "flwr", "onnx") if name in sys.modules])
"""


def test_inference_loads_neither_torch_nor_django():
    run = subprocess.run([sys.executable, "-c", INFERENCE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_importing_the_detectors_is_light():
    code = "import sys, detectors; print([name for name in ('torch', 'onnxruntime', 'trackers', 'scipy', 'c2pa', 'exifread') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"
