"""Train the fusion of the detectors of adversarial inputs: `python -m detectors.train.adversarial measure|fit image|face FOLDER ...`.

FOLDER is what `detectors.attacks.make` wrote; `measure` keeps its numbers in measures.npz there. `fit` judges by scores of folds by source, takes the threshold
from them (1 % of the clean crops and controls flagged, and of each of the hardest controls), trains what ships on all of it, and writes figures.json there.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from detectors import fusion
from detectors.adversarial import face, picture
from detectors.attacks import controls
from detectors.evaluators import adversarial as judging
from detectors.metrics import auc
from detectors.train import votes as votes_of
from detectors.verification import threshold_at

FOLDS = 4
SAVE_EVERY = 50


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Clean and attacked crops and controls, as written so far."""
    rows = []
    for table in sorted(folder.glob("*.csv")):
        with table.open(newline="") as file:
            rows += [row for row in csv.DictReader(file) if row["split"] and row["budget"]]
    return rows


def measure(kind: str, folder: Path) -> None:
    """Measure what has not been measured yet."""
    if not (folder / "controls.csv").exists():
        controls.add(folder, each=2, test=4)
    nets = picture.PictureNets() if kind == "image" else face.FaceNets()
    store = folder / "measures.npz"
    done: dict[str, np.ndarray] = {}
    names: list[str] = []
    if store.exists():
        with np.load(store) as stored:
            done, names = dict(zip(stored["paths"].tolist(), stored["values"], strict=True)), stored["names"].tolist()
    start, fresh = time.perf_counter(), 0
    order = {row["path"]: hashlib.sha256(row["path"].encode()).hexdigest() for row in rows_of(folder)}
    for row in sorted(rows_of(folder), key=lambda row: (row["label"] == "clean", order[row["path"]])):  # attacked ones first, then harmless ones at random
        if row["path"] in done:
            continue
        crop = cv2.imread(str(folder / row["path"]))
        found = nets.measures(crop) | {"rival": nets.rival(crop)}
        names = list(found)
        done[row["path"]], fresh = np.array(list(found.values()), np.float32), fresh + 1
        if fresh % SAVE_EVERY == 0:
            _save(store, done, names)
            print(f"{fresh} measured, {time.perf_counter() - start:.0f} s", flush=True)
    _save(store, done, names)
    print(f"{fresh} measured, {len(done)} in all", flush=True)


def _save(store: Path, done: dict[str, np.ndarray], names: list[str]) -> None:
    np.savez(store, paths=np.array(list(done)), values=np.stack(list(done.values())), names=np.array(names))


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """Measures (N, M), the rival's score, whether attacked, by what, whether targeted, and the source of each crop."""

    values: np.ndarray
    rival: np.ndarray
    attacked: np.ndarray
    attacks: np.ndarray
    targeted: np.ndarray
    sources: np.ndarray
    names: tuple[str, ...]

    def only(self, chosen: np.ndarray) -> Measured:
        """The chosen rows."""
        arrays = [getattr(self, field)[chosen] for field in ("values", "rival", "attacked", "attacks", "targeted", "sources")]
        return Measured(*arrays, self.names)


def read_measures(folder: Path) -> Measured:
    """What `measure` kept, with the rows' labels."""
    with np.load(folder / "measures.npz") as stored:
        done, names = dict(zip(stored["paths"].tolist(), stored["values"], strict=True)), stored["names"].tolist()
    rows = [row for row in rows_of(folder) if row["path"] in done]
    values = np.nan_to_num(np.stack([done[row["path"]] for row in rows]), posinf=30.0, neginf=-30.0)
    attacked = np.array([row["label"] == "adversarial" for row in rows])
    attacks, sources = (np.array([row[name] for row in rows]) for name in ("attack", "source"))
    targeted = np.array([int(row["targeted"]) for row in rows])
    return Measured(values[:, :-1], values[:, -1], attacked, attacks, targeted, sources, tuple(names[:-1]))


def train(data: Measured, seed: int = 0, votes: int = votes_of.VOTES) -> fusion.Fusion:
    """Small nets beside a line each, on all rows; harmless rows weigh as much as attacked ones, every attack as much as another, rare controls more."""
    return votes_of.train(data.values, data.attacked, _weights(data), data.names, seed, votes)


def _weights(data: Measured) -> np.ndarray:
    weight = np.ones(len(data.attacked), np.float32)
    for attack in set(data.attacks[data.attacked]):
        chosen = data.attacked & (data.attacks == attack)
        weight[chosen] = len(weight) / 2 / len(set(data.attacks[data.attacked])) / chosen.sum()
    kinds, counts = np.unique(data.attacks[~data.attacked], return_counts=True)
    for control, count in zip(kinds, counts, strict=True):
        weight[~data.attacked & (data.attacks == control)] = len(weight) / 2 / np.sqrt(counts).sum() / np.sqrt(count)
    return weight


def held_out(data: Measured, seed: int, unseen: str = "") -> np.ndarray:
    """Scores of each row by a fusion that saw no crop of its source, and no attack called `unseen` (then one net votes)."""
    fold = np.array([int(hashlib.sha256(f"fold {name}".encode()).hexdigest()[:6], 16) % FOLDS for name in data.sources])
    scores = np.empty(len(fold))
    for number in range(FOLDS):
        scores[fold == number] = train(data.only((fold != number) & (data.attacks != unseen)), seed, 1 if unseen else votes_of.VOTES).score(
            data.values[fold == number]
        )
    return scores


def threshold_of(data: Measured, scores: np.ndarray) -> float:
    """That above which 1 % of the clean crops and controls lie, and 1 % of each of the hardest controls."""
    harmless = [~data.attacked, *(~data.attacked & (data.attacks == name) for name in controls.HARDEST)]
    return float(max(threshold_at(scores[chosen], 1e-2) for chosen in harmless if chosen.any()))


def unseen_attacks(data: Measured, seed: int) -> dict[str, tuple[int, float]]:
    """Of each attack how many crops there are, and the share that is found at 1 % by fusions that never saw it."""
    found = {}
    for attack in sorted(set(data.attacks[data.attacked])):
        chosen, scores = data.attacks == attack, held_out(data, seed, unseen=attack)
        found[str(attack)] = int(chosen.sum()), float((scores[chosen] >= threshold_at(scores[~data.attacked], 1e-2)).mean())
    return found


def figures_of(data: Measured, scores: np.ndarray, threshold: float) -> dict[str, Any]:
    """What the evaluator prints, of these scores."""
    ways = np.where(data.attacked, np.char.add(np.char.add(data.attacks, " "), np.array(judging.WAYS)[data.targeted]), "")
    groups = [np.flatnonzero(data.sources == name) for name in sorted(set(data.sources))]
    figures = judging.figures(judging.ScoredCrops(scores, data.rival, data.attacked, data.attacks, ways, groups), threshold)
    return {"n": len(data.values), "sources": len(groups), **figures}


def fit(folder: Path, out: Path, seed: int, *, full: bool) -> dict[str, Any]:
    """Judge by held-out scores, take the threshold from them, train the fusion that ships on all crops, and write it. Returns figures like the evaluator's."""
    data = read_measures(folder)
    sources = len(set(data.sources))
    print(
        f"{len(data.values)} crops ({data.attacked.sum()} attacked) of {sources} sources, {data.values.shape[1]} measures, seed {seed}, {FOLDS} folds by source"
    )
    scores = held_out(data, seed)
    threshold = threshold_of(data, scores)
    report("held out, at the card's threshold", data, scores, threshold)
    report("held out, at 1 %", data, scores, threshold_at(scores[~data.attacked], 1e-2))
    report("JPEG 75, at 1 %", data, data.rival, threshold_at(data.rival[~data.attacked], 1e-2))
    for attack, (count, share) in (unseen_attacks(data, seed) if full else {}).items():
        print(f"never seen in training: {attack}: found {share:.3f} of {count} at 1 %")
    made = train(data, seed)
    np.savez(out, **{field.name: getattr(made, field.name) for field in dataclasses.fields(made)})
    print(json.dumps({"threshold": round(threshold, 6), "sha256": hashlib.sha256(out.read_bytes()).hexdigest(), "size": out.stat().st_size}))
    return figures_of(data, scores, threshold)


def report(title: str, data: Measured, scores: np.ndarray, threshold: float) -> None:
    """AUC, what is found of each attack and flagged of each control."""
    print(f"{title}: auc {auc(scores, data.attacked):.3f}, found {(scores[data.attacked] >= threshold).mean():.3f}")
    for attacked in (True, False):
        rows = data.attacked == attacked
        each = ((name, rows & (data.attacks == name)) for name in sorted(set(data.attacks[rows])))
        print("   ", "found:" if attacked else "flagged:", ", ".join(f"{name} {(scores[at] >= threshold).mean():.3f} ({at.sum()})" for name, at in each))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["measure", "fit"])
    parser.add_argument("kind", choices=["image", "face"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="of fit: the fusion's .npz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--full", action="store_true", help="of fit: leave every attack out of the training once")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "measure":
        measure(asked.kind, asked.folder)
    else:
        figures = fit(asked.folder, asked.out, asked.seed, full=asked.full)
        (asked.folder / "figures.json").write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
