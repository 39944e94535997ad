"""How fast and how completely the portal finds a face among 100,000 templates: the index of pgvector beside an exact scan and numpy, in one run.

The templates are made up, with the spread of real ones: the covariances between people and within one person are measured on the embeddings of a face folder
(gallery.csv and the known probes), people are drawn from the first and each one's pictures from the second. A query is one more picture of an enrolled person.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.load.stand import conclude, own_services, parser, percentile, progress

DATA = Path(os.environ.get("SPECOLA_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
EACH, SHARE = 5, 0.1  # templates of a person; share of the people on the smaller site's list
WANTED = {"recall_1": 0.99, "recall_10": 0.95}  # of the index, on either site
BATCH = 2000

Search = Callable[[np.ndarray], list[int]]


def main(arguments: list[str]) -> int:
    """Fill, build the index, ask, compare, print."""
    options = parser("gallery", __doc__ or "")
    options.add_argument("--templates", type=int, default=100_000)
    options.add_argument("--queries", type=int, default=200)
    options.add_argument("--faces", type=Path, default=DATA / "faces" / "lfw", help="folder of real faces whose spread is copied")
    chosen = options.parse_args(arguments)
    if not (chosen.faces / "gallery.csv").exists():
        print(f"{chosen.faces}: no face folder is here (--faces, or SPECOLA_DATA)", file=sys.stderr)
        return 2
    progress(chosen, f"{chosen.templates} templates with the spread of the faces in {chosen.faces.name} ...")
    people, asked = made_up(*spread(chosen.faces), chosen.templates // EACH)
    with own_services():
        figures, passed = measure(people, asked, chosen)
        return conclude(figures, passed=passed)


def spread(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (128,) and covariance (128, 128) of people's means, and the covariance of their pictures around them."""
    from detectors import datasets
    from detectors.sized import SizedFaces, by_person

    faces = SizedFaces(folder)
    rows = datasets.read_table(folder / "gallery.csv", {"person": str, "path": str}) + datasets.read_table(folder / "probes.csv", {"person": str, "path": str})
    vectors_of = by_person([row for row in rows if row["person"] != "-" and faces.crop(row["path"]) is not None], lambda path: faces.embed("plain", path))
    means = np.stack([np.mean(vectors, axis=0) for vectors in vectors_of.values()])
    around = np.concatenate([np.stack(vectors) - mean for vectors, mean in zip(vectors_of.values(), means, strict=True)])
    # the mean of a few pictures lies nearer to them than the true middle: what is missing is put back
    within = np.cov(around.T) * len(around) / (len(around) - len(vectors_of))
    return means.mean(0), np.cov(means.T), within


def made_up(mean: np.ndarray, between: np.ndarray, within: np.ndarray, people: int) -> tuple[np.ndarray, np.ndarray]:
    """Templates (P, 5, 128) of so many people, and one more picture (P, 128) of each; L2-normalised float32."""
    rng = np.random.default_rng(0)
    middles = rng.multivariate_normal(mean, between, people, method="eigh")
    pictures = middles[:, None] + rng.multivariate_normal(np.zeros(len(mean)), within, (people, EACH + 1), method="eigh")
    pictures = (pictures / np.linalg.norm(pictures, axis=2, keepdims=True)).astype(np.float32)
    return pictures[:, :EACH], pictures[:, EACH]


def measure(people: np.ndarray, asked: np.ndarray, chosen: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """The figures of both sites."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    began = time.monotonic()
    large, small, owners = fill(people)
    progress(chosen, f"stored in {time.monotonic() - began:.0f} s; building the index ...")
    began = time.monotonic()
    build_index()
    figures: dict[str, Any] = {"templates": int(people.shape[0] * EACH), "queries": chosen.queries, "index_build_s": time.monotonic() - began}
    figures |= {"pgvector": version(), "uses_index": uses_index(large, asked[0])}
    for name, site in (("large", large), ("small", small)):
        figures |= {f"{name}_site_{key}": value for key, value in compare(site, people, owners == site.pk, asked, chosen.queries).items()}
    held = [figures[f"{name}_site_{key}"] >= least for name in ("large", "small") for key, least in WANTED.items()]
    return figures, all(held) and figures["uses_index"]


def fill(people: np.ndarray) -> tuple[Any, Any, np.ndarray]:
    """Two sites, the second with a tenth of the people scattered among the others; also each template's site (P * 5,). No index while this runs."""
    import datetime

    from django.db import connection
    from django.utils import timezone

    from portal.accounts.models import User
    from portal.people.models import Person, Template
    from portal.sites.models import Site

    with connection.schema_editor() as editor:
        editor.remove_index(Template, Template._meta.indexes[0])
    large, small = (Site.objects.create(slug=name, name=name) for name in ("large", "small"))
    owner, expires = User.objects.create_user("bench@specola.example", "a long walk by the river"), timezone.now() + datetime.timedelta(days=30)
    belongs = np.where(np.random.default_rng(1).random(len(people)) < SHARE, small.pk, large.pk)
    paper = {"legal_basis": "consent", "document": "bench", "owner": owner, "expires": expires}
    staff = Person.objects.bulk_create([Person(site_id=int(site), name=f"person {n}", **paper) for n, site in enumerate(belongs)], batch_size=BATCH)
    rows = (
        Template(person=person, vector=vector, model_sha256="0" * 64, picture_sha256="0" * 64)
        for person, own in zip(staff, people, strict=True)
        for vector in own
    )
    for _ in range(-(-people.shape[0] * EACH // BATCH)):
        Template.objects.bulk_create(itertools.islice(rows, BATCH))
    return large, small, np.repeat(belongs, EACH)


def build_index() -> None:
    """As the migration makes it, with memory enough to build it at once."""
    from django.db import connection

    from portal.people.models import Template

    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
    with connection.schema_editor() as editor:
        editor.add_index(Template, Template._meta.indexes[0])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE people_template")
        cursor.execute("ANALYZE people_person")


def compare(site: Any, people: np.ndarray, mine: np.ndarray, asked: np.ndarray, queries: int) -> dict[str, Any]:
    """The same questions to the portal's search, to an exact scan in PostgreSQL and to numpy; recall is judged by numpy's answers."""
    from portal.people import search
    from portal.people.models import Template

    ids = np.array(list(Template.objects.order_by("pk").values_list("pk", flat=True)))[mine]
    vectors = people.reshape(-1, people.shape[2])[mine]
    chosen = asked[np.flatnonzero(mine[::EACH])[:queries]]

    def through_portal(vector: np.ndarray) -> list[int]:
        return [template.pk for template, _cosine in search.nearest(site, vector, 10)]

    def by_numpy(vector: np.ndarray) -> list[int]:
        scores = vectors @ vector
        best = np.argpartition(-scores, 10)[:10]
        return ids[best[np.argsort(-scores[best])]].tolist()

    true, numpy_ms = clock(by_numpy, chosen)
    found, index_ms = clock(through_portal, chosen)
    search.EXACT, before = len(people), search.EXACT
    try:
        _, exact_ms = clock(through_portal, chosen)
    finally:
        search.EXACT = before
    exact_p50, index_p50, numpy_p50 = map(statistics.median, (exact_ms, index_ms, numpy_ms))
    return {
        "templates": len(ids),
        "recall_1": statistics.fmean(answer[0] == right[0] for answer, right in zip(found, true, strict=True)),
        "recall_10": statistics.fmean(len(set(answer) & set(right)) / 10 for answer, right in zip(found, true, strict=True)),
        **{
            f"{name}_p{round(100 * share)}_ms": percentile(spent, share)
            for name, spent in (("search", index_ms), ("exact", exact_ms), ("numpy", numpy_ms))
            for share in (0.5, 0.95)
        },
        "exact_over_search": exact_p50 / index_p50,
        "numpy_over_search": numpy_p50 / index_p50,
    }


def clock(search: Search, vectors: np.ndarray) -> tuple[list[list[int]], list[float]]:
    """Each answer, and its milliseconds; one question first warms everything up."""
    search(vectors[0])
    answers, spent = [], []
    for vector in vectors:
        began = time.perf_counter()
        answers.append(search(vector))
        spent.append(1000 * (time.perf_counter() - began))
    return answers, spent


def version() -> str:
    """The version of pgvector."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        return cursor.fetchone()[0]


def uses_index(site: Any, vector: np.ndarray) -> bool:
    """Whether PostgreSQL answers a search on this site by the index."""
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    from portal.people import search

    with transaction.atomic(), CaptureQueriesContext(connection) as asked:
        search.nearest(site, vector, 10)
    question = next(each["sql"] for each in asked.captured_queries if "<=>" in each["sql"])
    with transaction.atomic(), connection.cursor() as cursor:
        search.prepare_index_scan()
        cursor.execute("EXPLAIN " + question)
        return "template_nearest" in "".join(row[0] for row in cursor.fetchall())
