"""Who walks through a simulated site: embeddings of real faces where the evaluation data is, else made-up ones."""

from __future__ import annotations

import csv
import dataclasses
import os
from pathlib import Path

import numpy as np

import detectors
from detectors.faces import identify
from detectors.portraits import Portraits
from site_agents.errors import ScenarioError

STAFF, STRANGERS, PICTURES = 150, 594, 4  # the made-up ones: as many as in the LFW lists


@dataclasses.dataclass(frozen=True)
class Population:
    """`templates`: staff id to the normalised mean (128,); `known` and `strangers`: person to the probes (N, 128); `source`: lfw or synthetic."""

    source: str
    templates: dict[str, np.ndarray]
    staff: dict[str, np.ndarray]
    strangers: dict[str, np.ndarray]
    threshold: float


def gather(data: Path | None = None, cache: Path | None = None) -> Population:
    """The crowd of `data`/faces/lfw (default: SPECOLA_DATA, else ../shared/data), embedded once into `cache`; a synthetic one when it is not there."""
    folder = (data or Path(os.environ.get("SPECOLA_DATA") or Path(__file__).parents[3] / "shared" / "data")) / "faces" / "lfw"
    return read(folder, cache) if (folder / "gallery.csv").exists() else synthesise()


def read(folder: Path, cache: Path | None = None) -> Population:
    """Staff, their probes and strangers as the lists `gallery.csv` and `probes.csv` say; `cache`: an .npz of `paths` and `embeddings`."""
    gallery, probes = (_rows(folder / name) for name in ("gallery.csv", "probes.csv"))
    vectors = _embed(folder, sorted({row["path"] for row in [*gallery, *probes]}), cache)
    members = _grouped([(row["person"], vectors[row["path"]]) for row in gallery if row["path"] in vectors])
    staff = _grouped([(row["person"], vectors[row["path"]]) for row in probes if row["person"] != "-" and row["path"] in vectors])
    strangers = {f"stranger-{n}": vectors[row["path"]][None] for n, row in enumerate(probes) if row["person"] == "-" and row["path"] in vectors}
    names = {person: f"staff-{n}" for n, person in enumerate(sorted(members))}
    return _crowd("lfw", {names[person]: each for person, each in members.items()}, {names[person]: each for person, each in staff.items()}, strangers)


def synthesise(seed: int = 1) -> Population:
    """Clusters on the sphere, of pictures of very unequal quality: cosine .45 to .85 to their person's centre, about 0 (spread .09) to others."""
    rng = np.random.default_rng(seed)
    staff = {f"staff-{n}": _cluster(rng, 2 * PICTURES) for n in range(STAFF)}
    strangers = {f"stranger-{n}": _cluster(rng, 1) for n in range(STRANGERS)}
    return _crowd("synthetic", {name: each[:PICTURES] for name, each in staff.items()}, {name: each[PICTURES:] for name, each in staff.items()}, strangers)


def _crowd(source: str, members: dict[str, np.ndarray], staff: dict[str, np.ndarray], strangers: dict[str, np.ndarray]) -> Population:
    card = detectors.card("face-embedding").thresholds
    gallery = identify.enrol(members)
    threshold = identify.threshold_for(len(members), card["tail"], least=card["cosine_search"])
    return Population(source, dict(zip(gallery.people, gallery.centroids, strict=True)), staff, strangers, threshold)


def _embed(folder: Path, paths: list[str], cache: Path | None) -> dict[str, np.ndarray]:
    found = read_cache(cache) if cache else {}
    missing = [path for path in paths if path not in found]
    if missing:
        portraits = Portraits(folder)
        found |= {path: vector for path in missing if (vector := portraits.embedding(path)) is not None}
        if cache:
            cache.parent.mkdir(parents=True, exist_ok=True)
            np.savez(cache, paths=np.array(list(found)), embeddings=np.stack(list(found.values())))
    return {path: found[path] for path in paths if path in found}


def read_cache(cache: Path) -> dict[str, np.ndarray]:
    """The embeddings kept in `cache`, by path; none when there is no such file."""
    if not cache.exists():
        return {}
    try:
        with np.load(cache) as file:
            return dict(zip(file["paths"].tolist(), file["embeddings"].astype(np.float32), strict=True))
    except (ValueError, KeyError, OSError) as error:
        raise ScenarioError(f"{cache} holds no embeddings ({error}): remove it") from error


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _grouped(rows: list[tuple[str, np.ndarray]]) -> dict[str, np.ndarray]:
    found: dict[str, list[np.ndarray]] = {}
    for person, vector in rows:
        found.setdefault(person, []).append(vector)
    return {person: np.stack(vectors) for person, vectors in found.items()}


def _cluster(rng: np.random.Generator, n: int) -> np.ndarray:
    centre = rng.normal(size=128)
    vectors = centre / np.linalg.norm(centre) + rng.normal(size=(n, 128)) * rng.uniform(0.6, 1.9, size=(n, 1)) / np.sqrt(128)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
