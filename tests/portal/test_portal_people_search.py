"""The nearest templates of a site: exact when there are few, complete when the index is asked, and nobody of another site, revoked or expired."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from alert_scene import scene
from django.db import connection
from django.utils import timezone

from portal.people import search
from portal.people.models import Person, Template

pytestmark = pytest.mark.django_db
EACH = 3


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def staff(at, count: int, seed: int, **changes) -> np.ndarray:
    """So many people with three templates each; the templates (count, 3, 128)."""
    rng = np.random.default_rng(seed)
    vectors = unit(rng.normal(size=(count, 1, 128)) + 0.4 * rng.normal(size=(count, EACH, 128)))
    paper = {"legal_basis": "consent", "document": "7", "owner": at.manager, "expires": timezone.now() + datetime.timedelta(days=9), **changes}
    people = Person.objects.bulk_create([Person(site=at.site, name=f"p{seed}-{n}", **paper) for n in range(count)])
    rows = [Template(person=person, vector=vector) for person, own in zip(people, vectors, strict=True) for vector in own]
    Template.objects.bulk_create(rows)
    return vectors


def true_cosines(vectors: np.ndarray, vector: np.ndarray, k: int) -> np.ndarray:
    return np.sort(vectors.reshape(-1, 128) @ vector)[::-1][:k]


def cosines(found) -> list[float]:
    return [cosine for _template, cosine in found]


@pytest.fixture
def by_index(monkeypatch):
    """The index is asked, however few templates there are; PostgreSQL would rather sort so few."""
    monkeypatch.setattr(search, "EXACT", 0)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")


def test_few_templates_are_compared_exactly():
    at = scene()
    vectors = staff(at, 100, 1)
    for asked in vectors[:10, 0]:
        assert cosines(search.nearest(at.site, asked, 10)) == pytest.approx(true_cosines(vectors, asked, 10), abs=1e-5)


def test_the_best_comes_first_with_its_person():
    at = scene()
    vectors = staff(at, 20, 1)
    template, cosine = search.nearest(at.site, 7 * vectors[4, 1], 3)[0]  # only the direction counts
    assert (template.person.name, cosine) == ("p1-4", pytest.approx(1, abs=1e-5))


def test_the_index_finds_what_an_exact_scan_finds(by_index):
    at = scene()
    vectors = staff(at, 200, 1)
    shares = []
    for asked in vectors[:30, 0]:
        wanted = true_cosines(vectors, asked, 10)
        shares.append(np.mean(np.array(cosines(search.nearest(at.site, asked, 10))) >= wanted[-1] - 1e-5))
    assert np.mean(shares) > 0.98


def test_a_small_site_among_a_large_one_loses_nobody(by_index, monkeypatch):
    monkeypatch.setattr(search, "EF_SEARCH", 10)  # so that the first look finds nobody of the small site
    at, other = scene("small"), scene("large")
    vectors, around = staff(at, 4, 1), staff(other, 250, 2)
    found = search.nearest(at.site, around[0, 0], 12)
    assert len(found) == 12
    assert {template.person.site_id for template, _cosine in found} == {at.site.pk}
    assert cosines(found) == pytest.approx(true_cosines(vectors, around[0, 0], 12), abs=1e-5)


@pytest.mark.parametrize("changes", [{"revoked": timezone.now()}, {"expires": timezone.now() - datetime.timedelta(days=1)}], ids=["revoked", "expired"])
def test_who_is_no_longer_valid_is_not_found(changes):
    at = scene()
    gone, _here = staff(at, 2, 1, **changes), staff(at, 2, 2)
    assert {template.person.name for template, _cosine in search.nearest(at.site, gone[0, 0], 10)} == {"p2-0", "p2-1"}


def test_an_empty_list_finds_nobody():
    assert search.nearest(scene().site, np.ones(128), 5) == []


@pytest.mark.parametrize("vector", [np.zeros(128), np.full(128, np.nan), np.ones(127), np.ones((1, 128))], ids=["zero", "nan", "short", "two axes"])
def test_what_is_no_embedding_is_refused(vector):
    with pytest.raises(ValueError, match="128 finite numbers"):
        search.nearest(scene().site, vector, 5)


def test_no_answers_asked_for_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        search.nearest(scene().site, np.ones(128), 0)


@pytest.mark.django_db(transaction=True)
def test_the_settings_last_for_the_search_only(monkeypatch):
    monkeypatch.setattr(search, "EXACT", 0)
    at = scene()
    staff(at, 3, 1)
    before = setting("hnsw.max_scan_tuples")
    search.nearest(at.site, np.ones(128), 1)
    assert (before, setting("hnsw.max_scan_tuples")) == (before, before)


def setting(name: str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s, true)", [name])
        return cursor.fetchone()[0]
