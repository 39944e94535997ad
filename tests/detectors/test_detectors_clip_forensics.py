"""Video forensics: each technique finds what was done to a clip made here and keeps still about the same clip untouched."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import detectors
from detectors import BadInput
from detectors.__main__ import main
from detectors.attacks import tampered_clips
from detectors.forensics.clips import container, frames, timing
from detectors.forensics.clips.techniques import SIGNS, measure
from detectors.messages import LANGUAGES, worded
from detectors.types import Report

COUNT = 110


@functools.cache
def pictures() -> list[np.ndarray]:
    """A square of noise wanders over a textured wall, in a sensor's own noise: 4.4 seconds at 25 frames."""
    rng = np.random.default_rng(3)
    wall = cv2.resize(rng.integers(60, 190, (12, 16, 3)).astype(np.uint8), (160, 96), interpolation=cv2.INTER_CUBIC)
    thing, found = np.uint8(255) * rng.integers(0, 2, (8, 8, 3), np.uint8).repeat(5, 0).repeat(5, 1), []
    for n in range(COUNT):
        scene = wall.copy()
        x, y = round(60 + 55 * np.sin(n / 17)), round(28 + 26 * np.cos(n / 11))
        scene[y : y + 40, x : x + 40] = thing
        found.append(np.clip(scene + rng.normal(0, 2, scene.shape), 0, 255).astype(np.uint8))
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, Path]:
    """Every kind of clip, harmless and tampered, of the same pictures."""
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    return tampered_clips.harmless(rng, pictures(), folder) | tampered_clips.tampered(rng, pictures(), folder)


@pytest.fixture(scope="module")
def checker():
    return detectors.load("video-forensics")


def outcomes(report: Report) -> dict[str, str]:
    return {part.name: part.value("outcome").code.removeprefix("forensics-is-") for part in report.parts}


def found(report: Report) -> list[str]:
    return [name for name, outcome in outcomes(report).items() if outcome == "found"]


@pytest.mark.parametrize("kind", ["-", "control-strong", "control-small", "control-sound", "control-varying", "control-doubled"])
def test_nothing_is_found_in_what_cameras_and_sites_do(checker, made, kind):
    report = checker.report([made[kind]])
    assert found(report) == []
    assert report.verdict.label.code == "forensics-no-signs"
    assert outcomes(report)["missing"] == ("silent" if kind == "control-varying" else "nothing")


@pytest.mark.parametrize("kind", SIGNS)
def test_each_technique_finds_its_own_and_no_other(checker, made, kind):
    report = checker.report([made[kind]])
    assert found(report) == [kind]
    assert (report.verdict.label.code, report.verdict.band) == ("forensics-signs", "suspicious")
    assert all(worded(reason, language) for reason in report.verdict.reasons for language in LANGUAGES)


def test_the_places_are_where_the_truth_is(checker, made):
    rng = np.random.default_rng(0)
    rng.integers(1, 3, COUNT)
    at = int(rng.integers(COUNT // 3, COUNT // 2))

    def times(kind: str) -> dict[str, float]:
        return {each.kind: each.t for each in checker.report([made[kind]]).timeline}

    repeat = times("repeat")
    assert repeat["repeat-again"] - repeat["repeat-first"] == pytest.approx((COUNT - at) / 25, abs=0.11)
    assert times("still")["still"] == pytest.approx(at / 25 + 0.2, abs=0.25)  # an encoder refines a still for the first ten frames or so
    assert times("joined")["joined"] == pytest.approx(at / 25, abs=0.05)
    assert times("missing")["missing"] == pytest.approx((at - 1) / 25, abs=0.06)


def test_a_cut_and_an_even_conversion_are_facts_and_no_hints(checker, made, tmp_path):
    upside_down = [picture[::-1].copy() for picture in pictures()]
    tampered_clips.write(tmp_path / "two.mp4", [*pictures()[:60], *(each // 4 for each in upside_down[:60])])
    report = checker.report([tmp_path / "two.mp4"])
    assert [each.kind for each in report.timeline] == ["cut"]
    assert report.timeline[0].t == pytest.approx(60 / 25, abs=0.05)
    assert outcomes(report)["cuts"] == "fact"


def test_nothing_is_told_of_a_clip_in_which_nothing_moves(checker, tmp_path):
    tampered_clips.write(tmp_path / "wall.mp4", [pictures()[0]] * 80)
    assert {name: outcomes(checker.report([tmp_path / "wall.mp4"]))[name] for name in ("still", "repeat", "doubled")} == dict.fromkeys(
        ("still", "repeat", "doubled"), "silent"
    )


def test_a_file_that_is_cut_off_is_examined_as_far_as_it_goes(checker, made, tmp_path):
    with av.open(str(made["-"])) as source, av.open(str(tmp_path / "whole.mkv"), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    whole = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    report = checker.report([tmp_path / "cut.mkv"])
    assert 2 < report.seconds < COUNT / 25
    assert outcomes(report)["hidden"] == "silent"  # Matroska knows no edit list


@pytest.mark.parametrize("name", ["cover.m4a", "cut-moovlast.mp4"])
def test_what_is_no_video_is_refused_in_the_readers_language(checker, tmp_path, name, request):
    data = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "faults" / name
    if not data.exists():
        pytest.skip("SPECOLA_DATA: the evaluation data is not beside this clone")
    with pytest.raises(BadInput) as refused:
        checker.report([data])
    assert worded(refused.value.message, "it") != worded(refused.value.message, "en")


def test_sound_without_moving_pictures_is_refused(tmp_path):
    with av.open(str(tmp_path / "tone.mp4"), "w") as out:
        tampered_clips.add_tone(out, out.add_stream("aac", rate=16_000), 2.0)
    with pytest.raises(BadInput, match="no moving picture"):
        container.read(tmp_path / "tone.mp4")


def test_descriptions_that_are_no_text_do_not_hide_a_clip(checker, made, tmp_path):
    content = made["-"].read_bytes()
    at = content.index(b"VideoHandler")
    (tmp_path / "odd.mp4").write_bytes(content[:at] + b"\xff\xfe\x80ideoHandler"[:12] + content[at + 12 :])
    assert outcomes(checker.report([tmp_path / "odd.mp4"]))["writer"] == "fact"


def test_a_track_that_nobody_can_decode_is_refused(checker, made, tmp_path):
    content = made["-"].read_bytes()
    (tmp_path / "odd.mp4").write_bytes(content.replace(b"avc1", b"zzzz"))
    with pytest.raises(BadInput, match=r"odd\.mp4 holds no moving picture that can be decoded"):
        checker.report([tmp_path / "odd.mp4"])


def test_a_clip_of_one_frame_is_reported_with_what_cannot_be_said(checker, tmp_path):
    tampered_clips.write(tmp_path / "one.mp4", pictures()[:1])
    assert {outcomes(checker.report([tmp_path / "one.mp4"]))[name] for name in ("pace", "missing", "still", "repeat", "doubled")} == {"silent"}


def test_a_huge_clip_is_decoded_as_far_as_its_pixels_allow_and_this_is_reported(checker, made, monkeypatch):
    monkeypatch.setattr(frames, "MOST_PIXELS", 40 * 160 * 96)
    clip = frames.reduce(made["-"])
    assert (len(clip.luma), clip.whole) == (40, False)
    assert "clip-not-all" in [each.code for each in checker.report([made["-"]]).verdict.reasons]


@pytest.mark.parametrize("seed", range(40))
def test_damaged_clips_end_in_a_report_or_a_refusal(checker, made, tmp_path, seed):
    rng = np.random.default_rng(seed)
    content = bytearray(made[str(rng.choice(["-", "sound", "hidden", "joined", "control-varying"]))].read_bytes())
    for place in rng.integers(0, len(content), int(rng.choice([1, 8, 60]))):
        content[place] = int(rng.integers(256))
    (tmp_path / "bent.mp4").write_bytes(bytes(content[: int(rng.integers(len(content) // 3, len(content) + 1))]))
    answer = report_or_refusal(checker, tmp_path / "bent.mp4")
    if isinstance(answer, BadInput):
        assert worded(answer.message, "it") != worded(answer.message, "en")
    else:
        assert set(outcomes(answer)) >= set(SIGNS)


def report_or_refusal(checker, path: Path) -> Report | BadInput:
    try:
        return checker.report([path])
    except BadInput as refused:
        return refused


def test_edit_lists_of_any_length_are_read_and_never_break_the_report(made, tmp_path):
    content = made["hidden"].read_bytes()
    at = content.index(b"elst")
    for place in range(at - 4, at + 24):
        for value in (0, 255):
            (tmp_path / "bent.mp4").write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
            edits = container.edit_list_of(tmp_path / "bent.mp4")
            assert edits is None or 0 <= edits.hidden <= edits.seconds


def test_a_rate_is_constant_or_varies_and_milliseconds_do_not_matter():
    even = np.arange(100) / 30
    assert timing.pace(even) == pytest.approx((30, True))
    assert timing.pace(np.round(even, 3))[1]
    assert timing.gaps(np.delete(even, slice(40, 45))) == pytest.approx((5, 39 / 30))
    varying = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.09, 100))
    assert (timing.pace(varying)[1], timing.gaps(varying)) == (False, None)
    assert timing.pace(even[:5]) is None


def test_a_long_clip_is_compared_with_fewer_frames(made, monkeypatch):
    clip = frames.reduce(made["repeat"])
    whole = frames.repeat(clip)
    monkeypatch.setattr(frames, "MOST_COMPARED", 60)
    assert frames.repeat(clip).again == pytest.approx(whole.again, abs=0.2)


def test_the_evaluator_measures_each_technique_beside_its_plainest_figure(made, tmp_path, capsys):
    rows = ["path,label,kind,source"]
    for kind, path in made.items():
        rows.append(f"{path},{'untouched' if kind == '-' or kind.startswith('control') else 'tampered'},{kind},wall")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    assert main(["evaluate", "video-forensics", str(tmp_path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {answer["metrics"][f"found_{name}"]["value"] for name in SIGNS} == {1.0}
    assert answer["metrics"]["any_sign_untouched"]["value"] == 0
    assert answer["techniques"]["repeat"]["found_by_kind"]["dropped"] == 0
    assert set(answer["rivals"]["plainest_figure"]) == {f"auc_{name}" for name in SIGNS}


def test_two_measurements_of_one_clip_are_the_same(made):
    both = [measure(container.read(made["repeat"]), frames.reduce(made["repeat"])) for _ in range(2)]
    assert both[0] == both[1]
