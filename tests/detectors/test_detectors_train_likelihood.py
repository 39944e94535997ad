"""The trainer of the calibration table on the demo's three portraits: what it reads, what it writes, and that no name or picture is in it."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.errors import BadDataset
from detectors.faces import likelihood
from detectors.faces.concerns import BANDS
from detectors.train import likelihood as training

STAFF = Path(__file__).resolve().parent.parent.parent / "infra" / "footage" / "staff"
FEW = (16, 112)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Each portrait against itself made darker, and against the others; one picture that shows no face."""
    made = tmp_path_factory.mktemp("pairs")
    rows = [("path_a", "path_b", "same", "fold")]
    for n in (1, 2, 3):
        picture = cv2.imread(str(STAFF / f"custode-{n}.jpg"))
        (made / f"secret-name-{n}").mkdir()
        cv2.imwrite(str(made / f"secret-name-{n}" / "a.jpg"), picture)
        cv2.imwrite(str(made / f"secret-name-{n}" / "b.jpg"), (picture * 0.7).astype(np.uint8))
        rows += [(f"secret-name-{n}/a.jpg", f"secret-name-{n}/b.jpg", 1, n), (f"secret-name-{n}/a.jpg", f"secret-name-{n % 3 + 1}/b.jpg", 0, n)]
    cv2.imwrite(str(made / "empty.png"), np.zeros((200, 200, 3), np.uint8))
    write(made, [*rows, ("empty.png", "secret-name-1/a.jpg", 0, 1)])
    return made


@pytest.fixture(scope="module")
def material(folder):
    return training.look(folder, FEW)


def write(folder: Path, rows: list[tuple]) -> None:
    with (folder / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def test_pairs_with_an_unusable_picture_are_left_out(material):
    assert len(material.rows) == 6
    assert "empty.png" not in material.seen


def test_every_picture_is_seen_at_every_band(material):
    for seen in material.seen.values():
        assert set(seen.embeddings) == set(seen.measured) == set(FEW)
        assert seen.measured[16] == 16


def test_people_are_counted_once(material):
    assert material.people == 3


def test_the_person_of_the_first_picture_is_what_is_drawn_again(material):
    assert material.at(16, 112).person.tolist() == [0, 0, 1, 1, 2, 2]


def test_reducing_the_other_face_gives_other_scores(material):
    assert not np.allclose(material.at(16, 112).score, material.at(112, 112).score)


def test_a_table_has_a_cell_for_every_two_bands(material):
    table = training.tabulate(material, "three portraits", FEW)
    assert set(table.cells) == {(16, 16), (16, 112), (112, 112)}
    assert table.population == "three portraits (3 people)"
    assert (table.landmarks.genuine, table.landmarks.impostor) == (3, 3)


def test_mixed_sizes_are_judged_by_the_bands_that_were_measured(material):
    pairs, ratios = training.mixed(material, FEW)
    assert len(pairs.score) == len(ratios) == 6
    assert np.nanmax(np.abs(ratios)) <= likelihood.cap_of(2, 2)


def test_the_figures_carry_intervals(material):
    answer = training.figures(material, FEW)
    assert len(answer) == len(FEW) + 3
    assert all({"value", "low", "high"} == set(metric) for each in answer.values() for metric in each.values())


def test_the_command_writes_a_table_and_says_its_hash(folder, tmp_path, capsys):
    out = tmp_path / "table.json"
    assert training.main([str(folder), "--out", str(out), "--population", "three portraits"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["sha256"], answer["size"]) == (hashlib.sha256(out.read_bytes()).hexdigest(), out.stat().st_size)
    assert len(likelihood.read(out).cells) == len(BANDS) * (len(BANDS) + 1) // 2
    assert "secret-name" not in out.read_text()


def test_the_same_pairs_give_the_same_table(material):
    first, second = (likelihood.to_json(training.tabulate(material, "p", FEW)) for _ in range(2))
    assert first == second


def test_a_folder_without_pairs_is_exit_2(tmp_path, capsys):
    assert training.main([str(tmp_path), "--out", str(tmp_path / "t.json")]) == 2
    assert "pairs.csv, line 1" in capsys.readouterr().err
    assert not (tmp_path / "t.json").exists()


def test_pairs_of_one_kind_only_are_refused(folder, tmp_path):
    write(tmp_path, [("path_a", "path_b", "same", "fold"), ("a.jpg", "a.jpg", 1, 0)])
    (tmp_path / "a.jpg").write_bytes((STAFF / "custode-1.jpg").read_bytes())
    with pytest.raises(BadDataset, match="both kinds"):
        training.look(tmp_path, FEW)
