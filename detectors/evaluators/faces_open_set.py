"""Judge open-set identification: who of the gallery is this, or nobody?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import datasets
from detectors.errors import BadDataset
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.faces import identify
from detectors.faces.embed import SIDE
from detectors.faces.small import SMALL
from detectors.metrics import interval
from detectors.peers import PEERS
from detectors.portraits import PeerPortraits, Portraits, person_of, rows_with
from detectors.verification import threshold_at

STRANGER = "-"
LEAST_COHORT, MOST_COHORT = 50, 400  # people of the folder who are in neither table: one picture of each normalises the scores


@dataclasses.dataclass(frozen=True, slots=True)
class Probe:
    """One probe: the best score in the gallery, and whether its person is the right one (None for a stranger)."""

    score: float
    right: bool | None


@evaluator("faces-open-set")
def evaluate_open_set(folder: Path, *, resolution: int | None = None, peer: str | None = None, **_: Any) -> Evaluation:
    """TPIR at FPIR .01, TPIR and FPIR at the default threshold, rank 1; a person's template is the mean of the gallery embeddings.

    `rivals` holds the same with the other scorers, and with the peer's nets on the same pictures and one thread.
    """
    portraits = Portraits(folder)
    gallery = rows_with(portraits, datasets.read_table(folder / "gallery.csv", {"person": str, "path": str}), ("path",))
    rows = datasets.read_table(folder / "probes.csv", {"path": str, "person": str})
    probes = rows_with(portraits, rows, ("path",), resolution)
    if not gallery or not probes:
        raise BadDataset("probes.csv, line 2: no usable probes or no usable gallery; expected columns path,person")
    if len({row["person"] == STRANGER for row in probes}) < 2:
        raise BadDataset(f"probes.csv, line 2: known people and strangers (person {STRANGER!r}) are both needed; expected columns path,person")
    enrolled = identify.enrol(_by_person(gallery, lambda path: portraits.template(path, resolution)))
    embedded = np.stack([portraits.probe(row["path"], resolution) for row in probes])
    clusters = _clusters(probes, enrolled, *identify.by_centroid(enrolled, embedded))
    by = "face-embedding-small" if resolution and resolution < SMALL else "face-embedding"
    cosine, where = default_threshold(len(enrolled.people), resolution or SIDE)
    rivals = {name: _open_set(_clusters(probes, enrolled, *score(enrolled, embedded))) for name, score in identify.SCORERS.items() if name != "centroid"}
    others = cohort_of(folder, {person_of(row["path"]) for row in (*gallery, *rows)})
    if len(others) >= LEAST_COHORT:
        rivals["centroid-with-cohort"] = _open_set(_clusters(probes, enrolled, *identify.by_cohort(enrolled, embedded, others)))
    if by != "face-embedding":
        rivals["face-embedding"] = _open_set(_plain(gallery, probes, portraits, resolution))
    return Evaluation(
        n=len(probes),
        metrics={
            **_open_set(clusters),
            "tpir_at_default_threshold": interval(clusters, lambda drawn: tpir_at(drawn, cosine)),
            "fpir_at_default_threshold": interval(clusters, lambda drawn: fpir_at(drawn, cosine)),
            "rank1": interval(clusters, lambda drawn: tpir_at(drawn, -np.inf)),
        },
        threshold={"value": round(cosine, 4), "from": where},
        model=model_of(by),
        inference_s=portraits.seconds,
        skipped=portraits.skipped,
        extra={
            "gallery_people": len(enrolled.people),
            "probes_left_out": len(rows) - len(probes),
            "resolution": resolution,
            "threshold_at_fpir_1e-2": round(threshold_at_fpir(clusters), 4),
            "rivals": rivals | (_peer(peer, folder, gallery, rows, portraits) if peer else {}),
        },
    )


def default_threshold(people: int, size: int = SIDE) -> tuple[float, str]:
    """The cosine that a gallery of this many people ships with for probes of this size, and where it comes from."""
    cosine = identify.threshold_at(people, size)
    return cosine, f"the cards: FPIR .01 for {people} people at {size} pixels, from tables made of people who are neither enrolled nor probes"


def cohort_of(folder: Path, excluded: set[str]) -> np.ndarray:
    """Embeddings (N, 128) of the first usable picture of people in no table; their time is not counted."""
    portraits, found = Portraits(folder), []
    for person in sorted(each for each in folder.iterdir() if each.is_dir() and each.name not in excluded):
        if len(found) == MOST_COHORT:
            break
        first = next((file for file in sorted(person.iterdir()) if file.suffix.lower() in datasets.PICTURES), None)
        vector = first and portraits.embedding(f"{person.name}/{first.name}")
        if vector is not None:
            found.append(vector)
    return np.stack(found) if found else np.zeros((0, 128), np.float32)


def _plain(gallery: Sequence[dict[str, Any]], probes: Sequence[dict[str, Any]], portraits: Portraits, resolution: int | None) -> list[list[Probe]]:
    """The same probes by the net for large faces."""
    enrolled = identify.enrol(_by_person(gallery, portraits.embedding))
    embedded = np.stack([portraits.embedding(row["path"], resolution) for row in probes])
    return _clusters(probes, enrolled, *identify.by_centroid(enrolled, embedded))


def _open_set(clusters: Sequence[Sequence[Probe]]) -> dict[str, dict[str, float | None]]:
    return {"tpir_at_fpir_1e-2": interval(clusters, lambda drawn: tpir_at(drawn, threshold_at_fpir(drawn)))}


def _by_person(gallery: Sequence[dict[str, Any]], embed: Callable[[str], np.ndarray]) -> dict[str, list[np.ndarray]]:
    people: dict[str, list[np.ndarray]] = {}
    for row in sorted(gallery, key=lambda row: row["person"]):
        people.setdefault(row["person"], []).append(embed(row["path"]))
    return people


def _clusters(probes: Sequence[dict[str, Any]], gallery: identify.Gallery, at: np.ndarray, scores: np.ndarray) -> list[list[Probe]]:
    """The probes' outcomes, those of one person together."""
    people: dict[str, list[Probe]] = {}
    for row, person, score in zip(probes, at, scores, strict=True):
        right = None if row["person"] == STRANGER else gallery.people[int(person)] == row["person"]
        people.setdefault(person_of(row["path"]), []).append(Probe(float(score), right))
    return list(people.values())


def _peer(name: str, folder: Path, gallery: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], ours: Portraits) -> dict[str, Any]:
    """The peer on the same pictures: those in which it finds no face count as not recognised, as they would at a door."""
    theirs = PeerPortraits(folder, PEERS[name]())
    people = _by_person([row for row in gallery if theirs.embedding(row["path"]) is not None], theirs.embedding)
    names = list(people)
    templates = np.stack([np.mean(vectors, axis=0) for vectors in people.values()])
    probes: dict[str, list[Probe]] = {}
    for row in rows:
        vector = theirs.embedding(row["path"])
        distance = np.linalg.norm(templates - vector, axis=1) if vector is not None else np.full(len(names), np.inf)
        right = None if row["person"] == STRANGER else vector is not None and names[int(distance.argmin())] == row["person"]
        probes.setdefault(person_of(row["path"]), []).append(Probe(-float(distance.min()), right))
    clusters, default = list(probes.values()), -PEERS[name].DEFAULT
    pace = _pace(theirs, ours)
    at_default = {"tpir_at_default_threshold": tpir_at, "fpir_at_default_threshold": fpir_at}
    rates = {key: interval(clusters, lambda drawn, rate=rate: rate(drawn, default)) for key, rate in at_default.items()}
    plain = {key: {"value": round(value, 3), "low": None, "high": None} for key, value in {**pace, "without_a_face": len(theirs.skipped)}.items()}
    return {name: {**_open_set(clusters), **rates, **plain}}


def _pace(theirs: Portraits, ours: Portraits) -> dict[str, float]:
    """Milliseconds a face on the clock and of the processor: on a machine that others use as well only the second is a fair ratio."""
    clock, ours_clock, cpu, ours_cpu = (1000 * spent / each.done for spent, each in _spent(theirs, ours))
    pace = {"ms_per_face": clock, "times_slower": clock / ours_clock}
    return pace | {"cpu_ms_per_face": cpu, "cpu_ms_per_face_of_ours": ours_cpu, "cpu_times_slower": cpu / ours_cpu}


def _spent(theirs: Portraits, ours: Portraits) -> list[tuple[float, Portraits]]:
    return [(theirs.seconds, theirs), (ours.seconds, ours), (theirs.cpu, theirs), (ours.cpu, ours)]


def threshold_at_fpir(drawn: Sequence[Sequence[Probe]]) -> float:
    strangers = np.array([probe.score for each in drawn for probe in each if probe.right is None])
    return threshold_at(strangers, 1e-2) if len(strangers) else float("nan")


def tpir_at(drawn: Sequence[Sequence[Probe]], threshold: float) -> float:
    """Share of the known probes that are given the right name at or above the threshold."""
    mated = [probe for each in drawn for probe in each if probe.right is not None]
    return float(np.mean([probe.right and probe.score >= threshold for probe in mated])) if mated and not np.isnan(threshold) else float("nan")


def fpir_at(drawn: Sequence[Sequence[Probe]], threshold: float) -> float:
    """Share of the strangers that are given any name."""
    strangers = [probe for each in drawn for probe in each if probe.right is None]
    return float(np.mean([probe.score >= threshold for probe in strangers])) if strangers else float("nan")
