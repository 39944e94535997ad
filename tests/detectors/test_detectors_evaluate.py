"""The evaluators on small made-up data sets: the answer's form, the numbers on known cases, and clear words about wrong formats."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors import evaluate, registry, scenes
from detectors.__main__ import main
from detectors.bench import measure_all, measure_threads, scene
from detectors.errors import BadDataset, UnknownDetector
from detectors.evaluate import Evaluation

ROOT = Path(__file__).resolve().parent.parent.parent
STAFF = ROOT / "infra" / "footage" / "staff"
FORM = {"name", "dataset", "n", "metrics", "threshold", "seconds", "ms_per_item", "model", "skipped"}


def table(path: Path, *rows: tuple) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def pictures(folder: Path, count: int, speed: int = 3) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        cv2.imwrite(str(folder / f"{n + 1:06d}.jpg"), scene(n * speed // 7, (120, 180)))


@pytest.fixture
def ped(tmp_path) -> Path:
    """Two short clips, in one of which the second half is labelled abnormal; two more to calibrate on."""
    rows = [("clip", "frame", "label")]
    for part, names in (("test", ("Test001", "Test002")), ("train", ("Train001", "Train002", "Train003", "Train004"))):
        for name in names:
            pictures(tmp_path / part / name, 60 if part == "train" else 20)
            rows += [(name, n, int(name == "Test001" and n > 10)) for n in range(1, 61 if part == "train" else 21)]
    table(tmp_path / "frames.csv", *rows)
    return tmp_path


@pytest.fixture
def flow(tmp_path) -> Path:
    pictures(tmp_path / "img", 12)
    table(tmp_path / "tracks.csv", ("frame", "track", "x", "y", "w", "h"), *[(n, 1, 10 * n, 40, 10, 30) for n in range(1, 13)])
    table(tmp_path / "lines.csv", ("name", "x1", "y1", "x2", "y2"), ("path", 65, 119, 65, 0))
    table(tmp_path / "counts.csv", ("line", "direction", "count"), ("path", "a_to_b", 1), ("path", "b_to_a", 0))
    table(tmp_path / "occupancy.csv", ("frame", "people"), *[(n, 1) for n in range(1, 13)])
    return tmp_path


@pytest.fixture
def faces(tmp_path) -> Path:
    """The demo's staff as a tiny face set: each portrait against itself made darker, and against the others."""
    rows = [("path_a", "path_b", "same", "fold")]
    for n in (1, 2, 3):
        picture = cv2.imread(str(STAFF / f"custode-{n}.jpg"))
        (tmp_path / f"p{n}").mkdir()
        cv2.imwrite(str(tmp_path / f"p{n}" / "a.jpg"), picture)
        cv2.imwrite(str(tmp_path / f"p{n}" / "b.jpg"), (picture * 0.7).astype(np.uint8))
        rows += [(f"p{n}/a.jpg", f"p{n}/b.jpg", 1, n), (f"p{n}/a.jpg", f"p{n % 3 + 1}/b.jpg", 0, n)]
    table(tmp_path / "pairs.csv", *rows)
    table(tmp_path / "gallery.csv", ("person", "path"), ("p1", "p1/a.jpg"), ("p2", "p2/a.jpg"))
    table(tmp_path / "probes.csv", ("path", "person"), ("p1/b.jpg", "p1"), ("p2/b.jpg", "p2"), ("p3/b.jpg", "-"))
    return tmp_path


def evaluated(capsys, *arguments) -> dict:
    assert main(["evaluate", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_evaluators_of_this_issue_are_there():
    assert {"anomaly", "flow", "people", "faces-verify", "faces-open-set"} <= set(evaluate.names())


def test_an_unknown_evaluator_lists_the_known_ones(tmp_path):
    with pytest.raises(UnknownDetector, match="there are account-change, adversarial-face"):
        evaluate.evaluate("ghosts", tmp_path)


@pytest.mark.parametrize("name", evaluate.names())
def test_a_missing_folder_is_exit_2(name, tmp_path, capsys):
    assert main(["evaluate", name, str(tmp_path / "nowhere")]) == 2
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", evaluate.names())
def test_an_empty_folder_is_exit_2_and_one_line_that_names_file_and_columns(name, tmp_path, capsys):
    assert main(["evaluate", name, str(tmp_path)]) == 2
    answer = capsys.readouterr().err.strip()
    assert "\n" not in answer
    assert "expected columns" in answer
    assert re.search(r"\.csv, line 1|\.json, entry 1", answer)


def test_the_anomaly_answer_has_the_agreed_form(ped, capsys):
    answer = evaluated(capsys, "anomaly", ped)
    assert set(answer) >= FORM | {"rivals"}
    assert {"frame_auc", "frame_auc_per_clip", "false_alarms_per_hour"} <= set(answer["metrics"])
    assert all(set(metric) == {"value", "low", "high"} for metric in answer["metrics"].values())
    assert (answer["n"], answer["name"], answer["dataset"]) == (40, "anomaly", ped.name)
    assert len(answer["rivals"]) == 2


def test_fitting_trains_a_net_of_its_own(ped, capsys):
    answer = evaluated(capsys, "anomaly", ped, "--fit", "train")
    assert answer["model"]["sha256"] != detectors.card("anomaly").sha256
    assert answer["fit"]["clips"] == ["Train001", "Train002"]


def test_a_frame_without_label_is_named(ped, capsys):
    pictures(ped / "test" / "Test002", 25)
    assert main(["evaluate", "anomaly", str(ped)]) == 2
    assert "no label for Test002/000021.jpg" in capsys.readouterr().err


def test_a_damaged_frame_is_skipped_and_told(ped, capsys):
    (ped / "test" / "Test001" / "000005.jpg").write_bytes(b"broken")
    assert evaluated(capsys, "anomaly", ped)["skipped"][0]["item"] == "Test001/000005.jpg"


def refused(capsys, name: str, folder: Path) -> str:
    """The one line of an evaluator that cannot answer: exit 2, and no figure."""
    assert main(["evaluate", name, str(folder), "--json"]) == 2
    output = capsys.readouterr()
    assert not output.out
    assert "\n" not in output.err.strip()
    return output.err


def test_a_score_that_was_never_calibrated_is_no_figure(ped, capsys):
    """Without normal footage every frame had the score -inf, and the AUC was .5 with an interval of no width."""
    shutil.rmtree(ped / "train")
    assert "never calibrated" in refused(capsys, "anomaly", ped)


def test_too_little_normal_footage_is_no_calibration(ped, capsys):
    for name in ("Train002", "Train003", "Train004"):
        shutil.rmtree(ped / "train" / name)
    for file in sorted((ped / "train" / "Train001").iterdir())[40:]:
        file.unlink()
    assert "train: 1 clips with 40 frames" in refused(capsys, "anomaly", ped)


@pytest.mark.parametrize("label", [0, 1])
def test_frames_of_one_class_have_no_auc(ped, capsys, label):
    rows = [(name, n, label) for name in ("Test001", "Test002") for n in range(1, 21)]
    table(ped / "frames.csv", ("clip", "frame", "label"), *rows)
    assert f"all 40 judged frames are labelled {label}" in refused(capsys, "anomaly", ped)


def test_one_normal_clip_is_enough_to_calibrate(ped, capsys):
    for name in ("Train002", "Train003", "Train004"):
        shutil.rmtree(ped / "train" / name)
    answer = evaluated(capsys, "anomaly", ped)
    assert "calibrated on train/" in answer["threshold"]["from"]


@pytest.mark.parametrize("emptied", ["tracks.csv", "occupancy.csv"])
def test_flow_without_truth_is_no_figure(flow, capsys, emptied):
    lines = (flow / emptied).read_text().splitlines()
    (flow / emptied).write_text(lines[0] + "\n")
    assert f"{emptied}, line 2: the table has no rows" in refused(capsys, "flow", flow)


def test_people_without_anybody_in_the_truth_is_no_figure(flow, capsys):
    table(flow / "tracks.csv", ("frame", "track", "x", "y", "w", "h"))
    assert "ap50 cannot be measured" in refused(capsys, "people", flow)


@pytest.mark.parametrize("people", [("p1", "p2"), ("-", "-")])
def test_probes_of_one_class_are_no_open_set(faces, capsys, people):
    table(faces / "probes.csv", ("path", "person"), ("p1/b.jpg", people[0]), ("p2/b.jpg", people[1]))
    for name in ("faces-open-set", "faces-grid", "faces-track", "faces-covered"):
        assert "strangers" in refused(capsys, name, faces)


def test_pairs_of_one_class_are_no_verification(faces, capsys):
    table(faces / "pairs.csv", ("path_a", "path_b", "same", "fold"), *[(f"p{n}/a.jpg", f"p{n}/b.jpg", 1, n) for n in (1, 2, 3)])
    assert "no usable pairs of both kinds" in refused(capsys, "faces-verify", faces)


def test_nuisances_are_judged_by_kind_with_the_rules_that_fell_for_them(tmp_path, capsys):
    writer = cv2.VideoWriter(str(tmp_path / "place.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (320, 240))
    for n in range(12):
        writer.write(scene(n, (240, 320)))
    writer.release()
    answer = evaluated(capsys, "nuisance", tmp_path, "--kinds", "half_covered", "--seconds", "10")
    assert set(answer) >= FORM | {"by_rule"}
    assert set(answer["by_rule"]) == {"nothing", "half_covered"}
    rate = answer["metrics"]["false_alarms_per_hour: half_covered"]["value"]
    assert rate == sum(answer["by_rule"]["half_covered"].values()) * 360
    assert answer["metrics"]["lens_fault_named: half_covered"]["value"] == 1


@pytest.mark.parametrize("value", [None, 0.5])
def test_an_answer_without_its_headline_is_none(value, tmp_path):
    """Whatever evaluator comes: what could not be measured is refused, also where an evaluator forgot to look."""
    metric = {"value": value, "low": None, "high": None}
    for outcome, good in ((Evaluation(3, {"auc": metric}, {}, {}, 0.0), value is not None), (Evaluation(0, {"auc": metric}, {}, {}, 0.0), False)):
        if good:
            evaluate.refuse_unmeasured(outcome, tmp_path)
        else:
            with pytest.raises(BadDataset, match=r"cannot be measured|could be judged"):
                evaluate.refuse_unmeasured(outcome, tmp_path)


def test_the_flow_answer_has_the_agreed_form(flow, capsys):
    answer = evaluated(capsys, "flow", flow)
    assert set(answer) >= FORM
    assert {"count_error", "count_error_path_a_to_b", "occupancy_mae", "idf1", "mota"} <= set(answer["metrics"])
    assert answer["counts"][0] == {"line": "path", "direction": "a_to_b", "true": 1, "counted": 0}
    assert answer["metrics"]["occupancy_mae"]["value"] == 1.0
    assert answer["rivals"]["always_the_mean"]["occupancy_mae"]["value"] == 0.0


@pytest.mark.parametrize(
    ("row", "reason"),
    [(("path", "up", 1), "line 2: path,up is no line"), (("lane", "a_to_b", 1), "line 2: lane"), (("path", "a_to_b", "two"), "count cannot be 'two'")],
)
def test_a_wrong_count_is_named_with_its_line(flow, capsys, row, reason):
    table(flow / "counts.csv", ("line", "direction", "count"), row)
    assert main(["evaluate", "flow", str(flow)]) == 2
    assert reason in capsys.readouterr().err


def test_the_people_answer_has_the_agreed_form(flow, capsys):
    answer = evaluated(capsys, "people", flow, "--tiles", "2x1")
    assert set(answer) >= FORM
    assert answer["metrics"]["ap50"]["value"] == 0.0
    assert (answer["boxes"], answer["tiles"]) == (12, [2, 1])


def test_a_scene_without_pictures_is_refused(flow):
    with pytest.raises(BadDataset, match="neither img"):
        list(scenes.images(flow / "img"))


def test_a_pictures_name_is_its_number(flow):
    (flow / "img" / "000001.jpg").rename(flow / "img" / "first.jpg")
    with pytest.raises(BadDataset, match=r"img/first\.jpg"):
        list(scenes.images(flow))


def test_boxes_without_tracks_are_truth_too(flow):
    (flow / "tracks.csv").unlink()
    table(flow / "boxes.csv", ("frame", "x", "y", "w", "h"), (3, 1, 2, 3, 4))
    assert scenes.truth(flow)[3].boxes.tolist() == [[1, 2, 3, 4]]


def test_verification_of_three_people(faces, capsys):
    answer = evaluated(capsys, "faces-verify", faces)
    assert set(answer) >= FORM
    assert {"accuracy", "auc", "eer", "tar_at_fmr_1e-3", "cllr", "cllr_min"} <= set(answer["metrics"])
    assert (answer["n"], answer["metrics"]["auc"]["value"], answer["metrics"]["eer"]["value"]) == (6, 1.0, 0.0)


def test_verification_judges_the_shipped_calibration_and_the_landmark_baseline(faces, capsys):
    answer = evaluated(capsys, "faces-verify", faces)
    assert answer["metrics"]["cllr_shipped_calibration"]["value"] < 0.01
    assert set(answer["rivals"]["landmark_distances"]) == {"eer", "cllr"}


def test_a_resolution_without_a_shipped_calibration_is_judged_without_it(faces, capsys):
    assert "cllr_shipped_calibration" not in evaluated(capsys, "faces-verify", faces, "--resolution", "6")["metrics"]


def test_open_set_of_two_people_and_a_stranger(faces, capsys):
    answer = evaluated(capsys, "faces-open-set", faces)
    assert {"tpir_at_fpir_1e-2", "tpir_at_default_threshold", "fpir_at_default_threshold", "rank1"} == set(answer["metrics"])
    assert [answer["metrics"][name]["value"] for name in ("rank1", "tpir_at_default_threshold", "fpir_at_default_threshold")] == [1.0, 1.0, 0.0]


def test_probes_can_be_degraded_first(faces, capsys):
    assert evaluated(capsys, "faces-open-set", faces, "--resolution", "16")["resolution"] == 16


def test_a_picture_without_a_face_is_left_out_and_told(faces, capsys):
    cv2.imwrite(str(faces / "p2" / "b.jpg"), scene(0))
    answer = evaluated(capsys, "faces-open-set", faces)
    assert (answer["n"], answer["probes_left_out"]) == (2, 1)
    assert answer["skipped"] == [{"item": "p2/b.jpg", "reason": "no face was found"}]


def test_the_list_names_every_detector(capsys):
    assert main(["list", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)["detectors"]] == detectors.names()


def test_the_list_can_be_read(capsys):
    assert main(["list"]) == 0
    assert "evaluators: account-change, adversarial-face" in capsys.readouterr().out


def test_a_card_is_json(capsys):
    assert main(["card", "people"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "people"


def test_an_unknown_card_is_exit_1(capsys):
    assert main(["card", "ghosts"]) == 1
    assert "there is no detector 'ghosts'" in capsys.readouterr().err


def test_a_detector_runs_on_pictures(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), scene(0))
    assert main(["run", "faces", str(tmp_path / "a.png"), str(STAFF / "custode-1.jpg")]) == 0
    answer = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [len(each["found"]) for each in answer] == [0, 1]


def test_a_broken_picture_is_told_and_the_others_are_judged(tmp_path, capsys):
    (tmp_path / "bad.jpg").write_bytes(b"no")
    assert main(["run", "faces", str(tmp_path / "bad.jpg"), str(STAFF / "custode-1.jpg")]) == 1
    answer = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "error" in answer[0]
    assert "found" in answer[1]


def test_a_tool_runs_on_its_files(capsys):
    assert main(["run", "face-compare", "--json", str(STAFF / "custode-1.jpg"), str(STAFF / "custode-2.jpg")]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"]["score"] < 0.3


def test_a_stream_detector_is_sent_to_the_agent(capsys):
    assert main(["run", "camera-health", "x"]) == 1
    assert "site_agents" in capsys.readouterr().err


@pytest.mark.parametrize("tiles", ["0x1", "9x9", "3", "axb"])
def test_impossible_tiles_are_refused(tiles):
    with pytest.raises(SystemExit) as left:
        main(["evaluate", "people", "x", "--tiles", tiles])
    assert left.value.code == 2


def test_the_answer_can_be_read(flow, capsys):
    assert main(["evaluate", "people", str(flow)]) == 0
    assert "threshold 0.35: the card" in capsys.readouterr().out


def test_the_bench_times_every_detector():
    answer = measure_all(items=1)
    assert {row["name"] for row in answer["detectors"]} == {*detectors.names(), "tracking"}
    assert all(row["ms_per_item"] > 0 for row in answer["detectors"])


def test_the_pace_of_threads_is_measured_for_every_detector_that_threads_share():
    rows = measure_threads([2], items=2)["detectors"]
    assert {row["name"] for row in rows} == {name for name in detectors.names() if registry.entry(name).kind in ("images", "tool")}
    assert all(row["threads"] == 2 and row["per_second"] > 0 for row in rows)


def test_the_command_runs_as_a_module():
    run = subprocess.run([sys.executable, "-m", "detectors", "list"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "people" in run.stdout
