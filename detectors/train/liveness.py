"""Train the detector of faces that are not live: `python -m detectors.train.liveness measure|fit|write DATA ...`.

`measure` simulates pictures of LFW faces and of the same faces on media (detectors/train/recapture.py), one live one and one of each of two kinds a face,
and keeps their measures. Every person belongs to one part: training, validation (choosing, threshold) or test (judged once). `fit` trains on the first and
takes the threshold from the second; `write` writes pictures of the test part with labels.csv, as `python -m detectors evaluate liveness` reads them.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from detectors import datasets, image, video
from detectors.errors import BadInput
from detectors.evaluators.liveness import nearest
from detectors.liveness import measures
from detectors.metrics import auc
from detectors.train import recapture, votes

REFUSED = 0.005  # of the live faces of the validation part, at the threshold
LOOKS = 3  # pictures a track that `write` makes
COLUMNS = ("path", "label", "kind", "person", "track")


@dataclasses.dataclass(frozen=True, slots=True)
class SimulatedLook:
    """One simulated picture: of whom, which part, the kind of medium ("-": live), and which face picture it shows."""

    picture: np.ndarray
    person: str
    part: str
    kind: str
    shown: str
    look: int


def part_of(person: str) -> str:
    """The part of the people that somebody belongs to: 60 % training, 20 % validation, 20 % test."""
    at = int(hashlib.sha256(f"liveness {person}".encode()).hexdigest()[:6], 16) % 10
    return "train" if at < 6 else "validation" if at < 8 else "test"


def simulated(folder: Path, seed: int, *, parts: tuple[str, ...], each: int, looks: int = 1) -> Iterator[SimulatedLook]:
    """Simulated pictures of `folder`/<person>/<picture>, at most `each` pictures a person, in an order that mixes people."""
    people = sorted(path for path in folder.iterdir() if path.is_dir() and part_of(path.name) in parts)
    order = np.random.default_rng(seed).permutation(len(people))
    files = [path for at in order for path in sorted(people[at].iterdir())[:each]]
    for number, path in enumerate(files):
        rng = np.random.default_rng([seed, number])
        portrait, behind = _read(path), _read(files[int(rng.integers(len(files)))])
        kinds = ("-", *rng.permutation(recapture.KINDS)[:2])
        for kind in kinds:
            state = rng.integers(1 << 31)
            for look in range(looks):
                again = np.random.default_rng([state, look])
                camera = recapture.any_camera(again)
                made = recapture.live(portrait, camera, again) if kind == "-" else recapture.attack(portrait, behind, kind, camera, again)
                yield SimulatedLook(made, path.parent.name, part_of(path.parent.name), kind, f"{path.parent.name}/{path.name}", look)


def _read(path: Path) -> np.ndarray:
    """The picture at 250 x 250, with a margin around tight portraits."""
    picture = image.read(path)
    if picture.shape[:2] != (recapture.SIDE, recapture.SIDE):
        edge = round(0.35 * max(picture.shape[:2]))
        picture = cv2.copyMakeBorder(picture, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        picture = cv2.resize(picture, (recapture.SIDE, recapture.SIDE), interpolation=cv2.INTER_AREA)
    return picture


def measure(folder: Path, out: Path, seed: int, part: str, each: int, limit: int) -> None:
    """Simulate and measure one part, saving as it goes, until `limit` pictures are measured."""
    rows, values, missed, start = [], [], 0, time.perf_counter()
    for look in simulated(folder, seed, parts=(part,), each=each):
        try:
            face = nearest(look.picture)
        except BadInput:
            missed += 1
            continue
        found = measures.measures(*measures.region(look.picture, face.box))
        rows.append((look.person, look.part, look.kind, look.shown, f"{min(face.box.w, face.box.h):.1f}"))
        values.append(list(found.values()))
        if len(rows) % 200 == 0 or len(rows) >= limit:
            _save(out, rows, values, list(found))
            print(f"{len(rows)} measured, {missed} without a face, {time.perf_counter() - start:.0f} s, {time.process_time():.0f} s of it worked", flush=True)
        if len(rows) >= limit:
            return
    _save(out, rows, values, list(found))


def _save(out: Path, rows: list, values: list, names: list[str]) -> None:
    np.savez(out, rows=np.array(rows), values=np.array(values, np.float32), names=np.array(names))


def fit(folder: Path, out: Path, seed: int) -> None:
    """Train on `train*.npz` of a folder, threshold from `validation*.npz`; print how it does there, and write the fusion."""
    trained, names = _stored(folder, "train")
    chosen, _ = _stored(folder, "validation")
    false = trained[1][:, 2] != "-"
    made = votes.train(trained[0], false, np.where(false, len(false) / 2 / false.sum(), len(false) / 2 / (~false).sum()), names, seed)
    print(f"trained on {len(trained[0])} pictures of {len(set(trained[1][:, 0]))} people, seed {seed}, {len(names)} measures")
    scores, kinds = made.score(chosen[0]), chosen[1][:, 2]
    threshold = float(np.quantile(scores[kinds == "-"], 1 - REFUSED))
    people = len(set(chosen[1][:, 0]))
    refused = (scores[kinds == "-"] > threshold).mean()
    print(f"validation, {len(scores)} pictures of {people} people: auc {auc(scores, kinds != '-'):.4f}, live refused {refused:.4f}")
    for kind in recapture.KINDS:
        print(f"    {kind}: missed {(scores[kinds == kind] <= threshold).mean():.3f} of {(kinds == kind).sum()}")
    np.savez(out, **{field.name: getattr(made, field.name) for field in dataclasses.fields(made)})
    print(json.dumps({"threshold": round(threshold, 6), "sha256": hashlib.sha256(out.read_bytes()).hexdigest(), "size": out.stat().st_size}))


def _stored(folder: Path, part: str) -> tuple[tuple[np.ndarray, np.ndarray], tuple[str, ...]]:
    values, rows, names = [], [], ()
    for file in sorted(folder.glob(f"{part}*.npz")):
        with np.load(file) as stored:
            values.append(stored["values"])
            rows.append(stored["rows"])
            names = tuple(str(name) for name in stored["names"])
    return (np.concatenate(values), np.concatenate(rows)), names


def write(folder: Path, out: Path, seed: int, limit: int, clips: Path | None = None, looks: int = LOOKS) -> None:
    """Pictures of the test part and their labels.csv: tracks of `looks` pictures each, until there are `limit` pictures; then real ones out of `clips`."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for number, look in enumerate(simulated(folder, seed, parts=("test",), each=1, looks=looks)):
            if number >= limit:
                break
            name = f"{number:05d}.png"
            cv2.imwrite(str(out / name), look.picture)
            table.writerow((name, "live" if look.kind == "-" else "attack", look.kind, look.person, f"t{number // looks}"))
        for row in datasets.read_table(clips / "labels.csv", {"path": str, "label": str, "group": str}) if clips else ():
            if row["label"] == "real":
                for number, picture in enumerate(_faces_of(clips / row["path"], looks)):
                    name = f"{Path(row['path']).stem}-{number}.png"
                    cv2.imwrite(str(out / name), picture)
                    table.writerow((name, "live", "video", row["group"], row["path"]))


def _faces_of(clip: Path, looks: int) -> Iterator[np.ndarray]:
    """The surroundings of a face in a few frames of a clip, half a second apart: real people, not simulated."""
    found = 0
    for frame in video.frames(clip, every=12):
        with contextlib.suppress(BadInput):
            box = nearest(frame.image).box
            x, y, reach = box.x + box.w / 2, box.y + box.h / 2, 1.3 * max(box.w, box.h)
            yield frame.image[max(0, round(y - reach)) : round(y + reach), max(0, round(x - reach)) : round(x + reach)]
            found += 1
        if found == looks:
            return


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["measure", "fit", "write"])
    parser.add_argument("folder", type=Path, help="DATA/faces/lfw; of fit: the folder with the measures")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=["train", "validation"], default="train")
    parser.add_argument("--each", type=int, default=1, help="pictures a person")
    parser.add_argument("--limit", type=int, default=100_000, help="pictures in all")
    parser.add_argument("--clips", type=Path, help="of write: a folder of the deepfake-video form, whose real clips are live faces")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if asked.what == "measure":
        measure(asked.folder, asked.out, asked.seed, asked.part, asked.each, asked.limit)
    elif asked.what == "fit":
        fit(asked.folder, asked.out, asked.seed)
    else:
        write(asked.folder, asked.out, asked.seed, asked.limit, asked.clips)


if __name__ == "__main__":
    main()
