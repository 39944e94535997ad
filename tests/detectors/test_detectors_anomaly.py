"""The anomaly net, its trainer, its calibration and the detector that runs it."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch

import detectors
from detectors.anomaly import PAST, small
from detectors.anomaly.calibration import LEAST, calibrate, from_json, to_json
from detectors.anomaly.motion import WARM_UP
from detectors.errors import BadDataset, BadInput
from detectors.nets import anomaly as nets
from detectors.train import anomaly as train
from detectors.types import Frame

GROUND = cv2.resize(np.random.default_rng(3).integers(90, 160, (20, 30), dtype=np.uint8), (240, 160), interpolation=cv2.INTER_CUBIC)


def walk(n: int, speed: float = 2.0, row: int = 80) -> np.ndarray:
    """Grey picture n of a dark figure that walks over textured ground."""
    picture = GROUND.copy()
    left = int(20 + n * speed) % 220
    picture[row - 12 : row + 12, left : left + 10] = 30
    return picture


def clip(length: int, speed: float = 2.0) -> np.ndarray:
    return np.stack([walk(n, speed) for n in range(length)])


def frames(pictures, camera: str = "gate", fps: float = 10.0, start: int = 0) -> list[Frame]:
    return [Frame(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), camera, 100 + n / fps, n) for n, picture in enumerate(pictures, start)]


def seeded() -> nets.AnomalyNet:
    torch.manual_seed(0)
    return nets.AnomalyNet()


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return train.samples_of([clip(60), clip(60, 3.0)], limit=256)


@pytest.fixture(scope="module")
def trained(samples) -> nets.AnomalyNet:
    net = seeded()
    train.fit(net, samples, epochs=4)
    return net


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("net") / "net.onnx"
    train.export(trained, path)
    return path


def test_a_frame_becomes_small_and_grey():
    made = small(np.full((576, 768, 3), 200, np.uint8))
    assert (made.shape, made.dtype, int(made[0, 0])) == ((160, 240), np.uint8, 200)


def test_a_grey_frame_is_taken():
    assert small(np.zeros((90, 120), np.uint8)).shape == (160, 240)


def test_net_and_inference_agree_on_the_past():
    assert nets.PAST == PAST


def test_the_net_is_small_and_has_only_float32_weights():
    state = seeded().state_dict()
    assert sum(each.numel() for each in state.values()) == 53_306
    assert {each.dtype for each in state.values()} == {torch.float32}


def test_averaging_two_nets_is_a_net():
    first, second = seeded().state_dict(), nets.AnomalyNet().state_dict()
    net = nets.AnomalyNet()
    net.load_state_dict({name: (first[name] + second[name]) / 2 for name in first})
    assert torch.isfinite(net(torch.rand(1, PAST + 1, 64, 64))).all()


def test_the_net_gives_a_value_for_every_block():
    assert seeded()(torch.rand(3, PAST + 1, 64, 96)).shape == (3, 8, 12)


def test_a_still_picture_has_no_motion():
    still = torch.rand(1, 1, 64, 64).repeat(1, PAST + 1, 1, 1)
    assert float(seeded().motion(still).abs().max()) == pytest.approx(0, abs=1e-5)


def test_motion_does_not_depend_on_the_direction_of_time():
    window = torch.rand(1, PAST + 1, 64, 64)
    assert torch.allclose(seeded().motion(window), seeded().motion(window.flip(1)))


def test_a_crop_is_judged_as_the_whole_picture_is(trained):
    whole = torch.from_numpy(clip(PAST + 1)[None].astype(np.float32) / 255)
    with torch.no_grad():
        part, inner = trained(whole[..., 32:128, 48:176]), trained(whole)[..., 4:16, 6:22]
    assert torch.allclose(part[..., 5:-5, 5:-5], inner[..., 5:-5, 5:-5], atol=1e-4)


def test_samples_have_the_shape_the_net_takes(samples):
    assert samples.shape == (256, PAST + 1, train.PATCH, train.PATCH)
    assert samples.dtype == np.uint8


def test_most_samples_show_motion(samples):
    moving = np.abs(samples[:, -1].astype(int) - samples[:, 0]).max((1, 2)) > 24
    assert moving.mean() > 0.6


def test_the_same_seed_gives_the_same_samples():
    assert np.array_equal(train.samples_of([clip(20)], limit=10, seed=4), train.samples_of([clip(20)], limit=10, seed=4))


@pytest.mark.parametrize("short", [[], [clip(PAST)], [np.zeros((50, 30, 30), np.uint8)]], ids=["no clip", "too short", "too small"])
def test_without_usable_clips_there_are_no_samples(short):
    assert train.samples_of(short).shape == (0, PAST + 1, train.PATCH, train.PATCH)


def test_samples_are_read_from_the_clips_an_agent_kept(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", frames=clip(20))
    np.savez_compressed(tmp_path / "b.npz", frames=clip(PAST))
    assert len(train.windows(tmp_path, limit=8)) == 8


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_an_empty_folder_gives_no_samples(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    assert len(train.windows(tmp_path / folder)) == 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"text"])
def test_a_damaged_clip_is_named(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(BadDataset, match=r"bad\.npz: no clip"):
        train.windows(tmp_path)


@pytest.mark.parametrize("arrays", [{"pictures": clip(9)}, {"frames": clip(9).astype(np.float32)}, {"frames": clip(9)[0]}])
def test_a_clip_of_another_form_is_named(tmp_path, arrays):
    np.savez(tmp_path / "odd.npz", **arrays)
    with pytest.raises(BadDataset, match=r"odd\.npz"):
        train.windows(tmp_path)


def test_training_makes_the_loss_smaller(samples):
    net = seeded()
    before = train.loss(net, samples)
    found = train.fit(net, samples, epochs=4)
    assert train.loss(net, samples) < before - 0.1
    assert found["n"] == 256
    assert math.isfinite(found["loss"])


def test_the_same_seed_trains_the_same_net(samples):
    first, second = seeded(), seeded()
    for net in (first, second):
        train.fit(net, samples[:64], epochs=1, seed=5)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))


def test_no_epochs_change_nothing(samples):
    net, before = seeded(), seeded().state_dict()
    train.fit(net, samples, epochs=0)
    assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items())


@pytest.mark.parametrize("task", [lambda net, wrong: train.fit(net, wrong), train.loss], ids=["fit", "loss"])
@pytest.mark.parametrize("wrong", [np.empty((0, 5, 64, 64), np.uint8), np.zeros((2, 3, 64, 64), np.uint8), np.zeros((2, 5, 64, 64), np.float32)])
def test_samples_of_another_form_are_refused(task, wrong):
    with pytest.raises(BadInput):
        task(seeded(), wrong)


def test_the_exported_net_says_what_the_net_says(trained, exported, samples):
    assert train.agreement(trained, exported, samples[:100]) < 1e-3


def test_agreement_sees_another_net(exported, samples):
    assert train.agreement(seeded(), exported, samples[:10]) > 0.01


def test_exporting_gives_the_hash_of_the_file(trained, tmp_path):
    import hashlib

    digest = train.export(trained, tmp_path / "net.onnx")
    assert digest == hashlib.sha256((tmp_path / "net.onnx").read_bytes()).hexdigest()


def test_an_exported_net_can_be_loaded_as_the_detector(exported):
    assert len([each for frame in frames(clip(6)) if (each := detectors.load("anomaly", path=exported).excess(frame)) is not None]) == 0
    built = detectors.load("anomaly", path=exported)
    assert sum(built.excess(frame) is not None for frame in frames(clip(6))) == 5


def maps(n: int = 100, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(1.0, 0.2, (n, 20, 30)).astype(np.float32)


def test_a_calibration_knows_mean_and_spread():
    found = calibrate(maps())
    scores = np.array([found.raw(each)[0] for each in maps()])
    assert (found.mean, found.spread) == pytest.approx((scores.mean(), scores.std()), rel=1e-4)


def test_normal_footage_lies_near_zero():
    found = calibrate(maps())
    assert abs(np.mean([found.z(found.raw(each)[0]) for each in maps(seed=1)])) < 1.5


def test_a_block_nobody_crossed_is_no_less_usual_than_the_picture():
    quiet = maps()
    quiet[:, :, :15] = 0
    assert calibrate(quiet).level[:, :15].min() > 0.8 * np.quantile(quiet.reshape(100, -1).max(1), 0.9)


def test_a_tree_that_always_moves_does_not_hide_the_rest():
    tree = maps()
    tree[:, 2:5, 2:5] += 20
    assert calibrate(tree).level[15, 25] < 3


def test_a_busy_block_has_a_higher_level():
    busy = maps()
    busy[:, 5:9, 5:9] += 20
    assert calibrate(busy).level[7, 7] > calibrate(busy).level[15, 25] + 10


def test_the_score_says_which_block():
    found, unusual = calibrate(maps()), maps(1)[0]
    unusual[12, 7] = 50
    assert found.raw(unusual)[1:] == (12, 7)


@pytest.mark.parametrize("wrong", [maps(LEAST - 1), maps()[0], np.empty((0, 20, 30))])
def test_too_little_footage_makes_no_calibration(wrong):
    with pytest.raises(BadInput, match="at least 50 frames"):
        calibrate(wrong)


def test_perfectly_still_footage_has_a_spread():
    assert calibrate(np.zeros((60, 20, 30), np.float32)).spread > 0


def test_a_calibration_survives_json():
    found, back = calibrate(maps()), from_json(to_json(calibrate(maps())))
    assert np.allclose(found.level, back.level, atol=1e-4)
    assert (back.mean, back.spread, back.n) == (found.mean, found.spread, found.n)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"level": [1], "mean": 0, "spread": 1}', '{"level": [[1]], "mean": 0, "spread": 0}', '{"level": [[NaN]], "mean": 0, "spread": 1}'],
)
def test_what_is_no_calibration_is_refused(text):
    with pytest.raises(BadInput, match="no calibration"):
        from_json(text)


def test_a_calibration_for_another_grid_is_refused():
    with pytest.raises(BadInput, match="blocks"):
        calibrate(maps()).raw(np.zeros((4, 4)))


@pytest.fixture(scope="module")
def learnt(exported):
    judge = detectors.load("anomaly", path=exported)
    return calibrate(np.stack([each for frame in frames(clip(120)) if (each := judge.excess(frame)) is not None]))


def scores(exported, learnt, pictures) -> list[float]:
    judge = detectors.load("anomaly", path=exported, calibration=learnt)
    return [found.score for frame in frames(pictures) if (found := judge.step(frame))]


def test_a_runner_scores_higher_than_a_walker(exported, learnt):
    assert max(scores(exported, learnt, clip(40, 9.0))) > max(scores(exported, learnt, clip(40, 2.0))) + 0.1


def test_scores_lie_between_0_and_1(exported, learnt):
    found = scores(exported, learnt, clip(40, 9.0))
    assert 0 <= min(found) <= max(found) < 1


def test_only_the_past_is_used(exported, learnt):
    calm, wild = clip(40), np.concatenate([clip(20), clip(40, 11.0)[20:]])
    assert scores(exported, learnt, calm)[:15] == scores(exported, learnt, wild)[:15]


def test_the_finding_lies_where_the_runner_is(exported, learnt):
    judge = detectors.load("anomaly", path=exported, calibration=learnt)
    found = [judge.step(frame) for frame in frames(clip(12, 9.0))][-1]
    x, y = found.box.x + found.box.w / 2, found.box.y + found.box.h / 2
    assert abs(x - (20 + 11 * 9 - 15)) < 40
    assert abs(y - 80) < 30


def test_the_box_is_in_pixels_of_the_frame(exported, learnt):
    judge = detectors.load("anomaly", path=exported, calibration=learnt)
    large = [Frame(cv2.resize(frame.image, (960, 640)), frame.camera, frame.t, frame.n) for frame in frames(clip(12, 9.0))]
    assert [judge.step(frame) for frame in large][-1].box.w == pytest.approx(4 * 32)


def test_a_first_frame_has_no_score(exported, learnt):
    judge = detectors.load("anomaly", path=exported, calibration=learnt)
    assert [judge.step(frame) is None for frame in frames(clip(3))] == [True, False, False]


@pytest.mark.parametrize(("t", "n"), [(90.0, 10), (200.0, 10), (101.0, 0)], ids=["time goes back", "a long pause", "a new start"])
def test_a_break_begins_a_new_past(exported, learnt, t, n):
    judge = detectors.load("anomaly", path=exported, calibration=learnt)
    for frame in frames(clip(10)):
        judge.step(frame)
    assert judge.step(Frame(cv2.cvtColor(walk(11), cv2.COLOR_GRAY2BGR), "gate", t, n)) is None


def test_a_cut_to_another_picture_is_no_anomaly(exported, learnt):
    judge = detectors.load("anomaly", path=exported, calibration=learnt)
    for frame in frames(clip(10)):
        judge.step(frame)
    assert judge.step(frames([255 - walk(10)], start=10)[0]) is None


def test_without_a_calibration_the_first_frames_become_it(exported):
    judge = detectors.load("anomaly", path=exported)
    found = [judge.step(frame) for frame in frames(clip(WARM_UP + 5))]
    assert [each is None for each in found] == [True] * (WARM_UP + 1) + [False] * 4
    assert judge.calibration("gate").n == WARM_UP


def test_each_camera_learns_for_itself(exported):
    judge = detectors.load("anomaly", path=exported)
    for frame in frames(clip(WARM_UP + 2)):
        judge.step(frame)
    assert judge.calibration("gate")
    assert judge.calibration("square") is None
