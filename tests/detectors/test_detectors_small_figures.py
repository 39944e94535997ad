"""The evaluators of small faces on the demo's portraits: every cell is there, sizes are what they say, tracks are fused as at a door."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors.__main__ import main
from detectors.errors import BadDataset
from detectors.evaluate import evaluate
from detectors.evaluators import faces_grid, faces_track
from detectors.faces import small
from detectors.portraits import degrade
from detectors.sized import SizedFaces, by_person, mean_of

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two enrolled people with two probes each, a stranger with two, and a picture without a face."""
    folder = tmp_path_factory.mktemp("faces")
    for n in (1, 2, 3):
        picture = cv2.imread(str(STAFF / f"custode-{n}.jpg"))
        (folder / f"p{n}").mkdir()
        for name, gain in (("a", 1.0), ("b", 0.9), ("c", 1.1)):
            cv2.imwrite(str(folder / f"p{n}" / f"{name}.jpg"), cv2.convertScaleAbs(picture, alpha=gain))
    cv2.imwrite(str(folder / "p1" / "blank.jpg"), np.full((200, 200, 3), 128, np.uint8))
    (folder / "gallery.csv").write_text("person,path\np1,p1/a.jpg\np2,p2/a.jpg\n")
    mated = "p1/b.jpg,p1\np1/c.jpg,p1\np2/b.jpg,p2\np2/c.jpg,p2\n"
    (folder / "probes.csv").write_text(f"path,person\n{mated}p1/blank.jpg,p1\np3/b.jpg,-\np3/c.jpg,-\n")
    return folder


@pytest.fixture(scope="module")
def faces(folder):
    return SizedFaces(folder)


@pytest.fixture(scope="module")
def grid(folder):
    return evaluate("faces-grid", folder)


@pytest.fixture(scope="module")
def tracks(folder):
    return evaluate("faces-track", folder)


def test_a_face_is_embedded_as_the_detector_does_it(faces):
    crop, net = faces.crop("p1/a.jpg"), detectors.load("face-embedding")
    assert np.array_equal(faces.embed("plain", "p1/a.jpg"), net.embed_crop(crop))
    assert np.array_equal(faces.embed("plain", "p1/a.jpg", 16), net.embed_crop(degrade(crop, 16)))


def test_each_face_is_embedded_once_for_each_net_and_size(folder):
    faces = SizedFaces(folder)
    for _ in range(2):
        faces.embed_all("plain", ["p1/a.jpg", "p2/a.jpg"], 16)
    assert faces.done == 2


def test_a_picture_without_a_face_is_said_to_be_so(faces):
    assert faces.crop("p1/blank.jpg") is None
    assert {"item": "p1/blank.jpg", "reason": "no face was found"} in faces.skipped


def test_the_mean_of_embeddings_is_normalised():
    a, b = np.eye(4, dtype=np.float32)[:2]
    assert mean_of(a, b) == pytest.approx([0.5**0.5, 0.5**0.5, 0, 0])
    assert mean_of(np.stack([a, b]), np.stack([a, b])) == pytest.approx(np.stack([a, b]))


def test_templates_stand_person_by_person():
    rows = [{"person": name, "path": path} for name, path in (("b", "1"), ("a", "2"), ("b", "3"))]
    assert by_person(rows, lambda path: path) == {"a": ["2"], "b": ["1", "3"]}


@pytest.mark.parametrize(
    ("gallery", "probe", "sizes"), [("112", 16, [112]), ("24", 16, [24]), (faces_grid.MIXED, 16, [16, 112]), (faces_grid.MIXED, 112, [112])]
)
def test_what_an_enrolled_picture_is_reduced_to(gallery, probe, sizes):
    assert faces_grid.gallery_sizes(gallery, probe) == sizes


def test_every_cell_of_the_grid_is_there(grid):
    assert {(name, int(size)) for name, sizes in grid["grid"].items() for size in sizes} == {
        (name, size) for name in ("plain", "adapter", "student") for size in faces_grid.SIZES
    }
    cells = [cell for sizes in grid["grid"].values() for galleries in sizes.values() for cell in galleries.values()]
    assert len(cells) == 3 * 7 * 9
    assert all(0 <= cell["value"] <= 1 for cell in cells)


def test_every_method_is_there_at_every_size_and_large_faces_are_known(grid):
    methods = {"plain", "mixed gallery", "adapter", "adapter, mixed gallery", "student", "student, mixed gallery", "all together"}
    for size in faces_grid.SIZES:
        assert {name.split(": ")[1] for name in grid["metrics"] if f"at {size} px:" in name} == methods
    assert grid["metrics"]["tpir_at_fpir_1e-2 at 112 px: plain"]["value"] == 1.0
    assert grid["n"] == 6


def test_the_gains_are_differences(grid):
    share = {name: metric["value"] for name, metric in grid["metrics"].items()}
    for name in ("student", "adapter", "mixed gallery"):
        wanted = share[f"tpir_at_fpir_1e-2 at 16 px: {name}"] - share["tpir_at_fpir_1e-2 at 16 px: plain"]
        assert share[f"gain at 16 px over plain: {name}"] == pytest.approx(wanted, abs=1e-4)


def test_the_grid_embeds_the_shipped_student_and_template(folder):
    grid = faces_grid.SizeGrid(folder)
    made = grid.blend(faces_grid.TEMPLATES["student"], [112])("p1/a.jpg")
    assert made == pytest.approx(small.template(grid.faces.embed("plain", "p1/a.jpg"), grid.faces.embed("student", "p1/a.jpg")), abs=1e-6)
    assert made == pytest.approx(faces_track.template(grid.faces, "p1/a.jpg", 16), abs=1e-6)


@pytest.mark.parametrize("name", ["faces-grid", "faces-track"])
def test_probes_without_strangers_are_a_clear_error(tmp_path, folder, name):
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1" / "a.jpg").write_bytes((folder / "p1" / "a.jpg").read_bytes())
    (tmp_path / "gallery.csv").write_text("person,path\np1,p1/a.jpg\n")
    (tmp_path / "probes.csv").write_text("path,person\np1/a.jpg,p1\n")
    with pytest.raises(BadDataset, match="no usable known probes and strangers"):
        evaluate(name, tmp_path)


def test_frames_are_poor_pictures_of_the_face_and_all_different(faces):
    crop = faces.crop("p1/a.jpg")
    frames = faces_track.frames_of([crop], 16, np.random.default_rng(0))
    assert {(frame.shape, frame.dtype.name) for frame in frames} == {((112, 112, 3), "uint8")}
    assert len({frame.tobytes() for frame in frames}) == 10
    assert max(cv2.Laplacian(frame, cv2.CV_32F).var() for frame in frames) < 0.5 * cv2.Laplacian(crop, cv2.CV_32F).var()


def test_the_frames_of_a_seed_are_the_same_again(faces):
    one, two = (faces_track.frames_of([faces.crop("p1/a.jpg")], 16, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(np.stack(one), np.stack(two))


def test_frames_stay_where_the_face_was_aligned(faces):
    crop = faces.crop("p1/a.jpg")
    mean = np.mean(faces_track.frames_of([crop], 24, np.random.default_rng(0), 60), axis=0)
    shift, _response = cv2.phaseCorrelate(*(cv2.cvtColor(each.astype(np.float32), cv2.COLOR_BGR2GRAY) for each in (crop, mean)))
    assert np.hypot(*shift) < 1.5


def test_pictures_of_a_person_are_taken_in_turn(monkeypatch):
    monkeypatch.setattr(faces_track, "_frame", lambda crop, _size, _rng: crop)
    assert faces_track.frames_of(["a", "b", "c"], 16, np.random.default_rng(0), 5) == ["a", "b", "c", "a", "b"]


def test_tracks_are_told_beside_single_frames(tracks):
    for size in faces_track.SIZES:
        names = [f"tpir_at_fpir_1e-2 at {size} px: one frame", f"tpir_at_fpir_1e-2 at {size} px: 10 frames fused", f"gain at {size} px: 10 frames over one"]
        one, fused, gain = (tracks["metrics"][name]["value"] for name in names)
        assert gain == pytest.approx(fused - one, abs=1e-4)
    assert "JPEG" in tracks["how"]


def test_where_people_have_several_pictures_they_make_tracks_too(tracks):
    assert set(tracks["people_as_tracks"]) == set(tracks["metrics"])


def test_the_command_line_says_it_for_another_size(folder, capsys):
    assert main(["evaluate", "faces-track", str(folder), "--resolution", "32", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["metrics"]["tpir_at_fpir_1e-2 at 32 px: 10 frames fused"]["value"] == 1.0
