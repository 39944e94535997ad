"""The audit log: who did what, chained so that nobody can change, remove, add or reorder a row unseen."""

from __future__ import annotations

import datetime
import re
import threading

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone, translation

from portal.alerts.models import HistoryEntry
from portal.core import audit, audit_check
from portal.core.models import AuditRow
from portal.core.templatetags import dates
from portal.house import audit_words, queries
from tests.portal.portal_scene import person, place, signed_in


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests():
    cache.clear()


@pytest.fixture
def rows(db):
    return [audit.record(actor="system", verb=f"test.{n}", subject=f"thing:{n}", site="square", data={"n": n}) for n in range(4)]


def rewrite(row, **fields):
    AuditRow.objects.filter(pk=row.pk).update(**fields)


@pytest.mark.django_db
def test_an_empty_log_holds():
    assert audit_check.first_broken() is None


@pytest.mark.django_db
def test_the_first_row_stands_on_the_beginning():
    assert audit.record(actor="system", verb="test").previous == audit.GENESIS


def test_each_row_carries_the_hash_of_the_one_before(rows):
    assert [row.previous for row in rows[1:]] == [row.hash for row in rows[:-1]]
    assert audit_check.first_broken() is None


@pytest.mark.django_db
def test_a_person_is_named_by_address_and_a_program_as_it_calls_itself():
    maria = person("maria@square.example")
    assert audit.record(actor=maria, verb="test").actor == "user:maria@square.example"
    assert audit.record(actor="agent:7", verb="test").actor == "agent:7"


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "user:eve@square.example"},
        {"verb": "test.other"},
        {"subject": "thing:9"},
        {"site": "museum"},
        {"data": {"n": 9}},
        {"t": timezone.make_aware(datetime.datetime(2020, 1, 1))},
        {"hash": "f" * 64},
        {"previous": "f" * 64},
    ],
)
def test_a_changed_row_is_found(rows, changes):
    rewrite(rows[1], **changes)
    assert audit_check.first_broken() == rows[1]


def test_a_changed_row_with_a_fitting_hash_breaks_the_next(rows):
    rows[1].data = {"n": "innocent"}
    rewrite(rows[1], data=rows[1].data, hash=audit.digest(rows[1]))
    assert audit_check.first_broken() == rows[2]


def test_a_removed_row_is_found(rows):
    AuditRow.objects.filter(pk=rows[1].pk).delete()
    assert audit_check.first_broken() == rows[2]


def test_two_rows_that_changed_places_are_found(rows):
    first, second = audit.digest(rows[1]), audit.digest(rows[2])
    rewrite(rows[1], hash="0" * 64)
    rewrite(rows[2], hash=first, verb=rows[1].verb)
    rewrite(rows[1], hash=second, verb=rows[2].verb)
    assert audit_check.first_broken() == rows[1]


def test_an_added_row_is_found(rows):
    forged = AuditRow(seq=9, t=timezone.now(), actor="system", verb="forged", previous=rows[1].hash)
    forged.hash = audit.digest(forged)
    forged.save()
    assert audit_check.first_broken() == forged


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data", [{"text": "è «così» – 監視"}, {"nested": {"list": [1, 2.5, None, True]}}, {"number": 1e-9}, {"zones": [[0.1, 0.2], [0.30000000000000004, 1]]}]
)
def test_what_a_row_holds_reads_back_with_the_same_hash(data):
    audit.record(actor="system", verb="test", data=data)
    assert audit_check.first_broken() is None


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_undone_takes_its_row_along():
    with transaction.atomic():
        audit.record(actor="system", verb="test")
        transaction.set_rollback(True)
    assert AuditRow.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_make_one_chain():
    def write():
        for n in range(5):
            audit.record(actor="system", verb="test", data={"n": n})
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert list(AuditRow.objects.values_list("seq", flat=True)) == list(range(1, 101))
    assert audit_check.first_broken() is None


def test_the_page_says_that_the_chain_holds(rows):
    text = signed_in(person("all@square.example", "administrator")).get("/audit/").content.decode()
    assert "rows, chain holds" in text
    assert "thing:3" in text


def test_the_page_names_the_row_that_was_tampered_with(rows):
    rewrite(rows[2], subject="thing:nothing")
    text = signed_in(person("all@square.example", "administrator")).get("/audit/").content.decode()
    assert f"Row {rows[2].pk} is not as it was written" in text
    assert "chain holds" not in text


def test_what_a_row_holds_is_never_markup(rows):
    audit.record(actor="unknown", verb="test", data={"reason": "<script>alert(1)</script>"})
    text = signed_in(person("all@square.example", "administrator")).get("/audit/").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


@pytest.mark.django_db
def test_a_manager_reads_the_own_sites_rows_and_the_own_deeds():
    square, museum = place(), place("museum")
    manager = square.person("manager")
    for actor, site in [("system", square.site.slug), ("system", museum.site.slug), (manager, ""), ("system", "")]:
        audit.record(actor=actor, verb="test", site=site)
    assert {(row.actor, row.site) for row in queries.audit_rows(manager)} == {("system", "square"), (f"user:{manager.email}", "")}


@pytest.mark.django_db
def test_an_operators_second_site_is_not_read_with_a_managers_role_at_the_first():
    square, museum = place(), place("museum")
    manager = square.person("manager")
    manager.memberships.create(role="operator", site=museum.site)
    audit.record(actor="system", verb="test", site=museum.site.slug)
    assert list(queries.audit_rows(manager)) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, 4),
        ({"actor": "SYS"}, 4),
        ({"actor": "maria"}, 0),
        ({"verb": "test.1"}, 1),
        ({"site": "museum"}, 0),
        ({"subject": "thing:2"}, 1),
        ({"day": "2020-02-02"}, 0),
        ({"day": "yesterday"}, 4),
        ({"day": "2026-13-45"}, 4),
        ({"verb": "x" * 5000}, 0),
        ({"actor": "\x00"}, 4),
    ],
)
def test_rows_are_filtered_and_senseless_filters_break_nothing(rows, asked, found):
    reader = person("all@square.example", "administrator")
    answer = signed_in(reader).get("/audit/", {**asked})
    assert answer.status_code == 200
    shown = [row for row in answer.context["page"] if row.verb.startswith("test.")]
    assert len(shown) == found


@pytest.mark.django_db
def test_events_as_they_come_in_are_shown_on_request_only():
    audit.record(actor="agent:1", verb="events.recorded")
    reader = person("all@square.example", "administrator")
    assert list(queries.audit_rows(reader)) == []
    assert queries.audit_rows(reader, queries.AuditFilters(routine="1")).count() == 1
    assert queries.audit_rows(reader, queries.AuditFilters(verb="events.recorded")).count() == 1


@pytest.mark.django_db
def test_a_long_log_comes_in_pages_that_keep_the_filter():
    for n in range(60):
        audit.record(actor="system", verb="test", subject=f"thing:{n}")
    text = signed_in(person("all@square.example", "administrator")).get("/audit/?verb=test").content.decode()
    assert "?verb=test&amp;page=2" in text
    assert "thing:59" in text
    assert "thing:0<" not in text


@pytest.mark.django_db
def test_the_log_costs_the_same_few_queries_for_any_number_of_rows(django_assert_max_num_queries):
    client = signed_in(person("all@square.example", "administrator"))
    for n in range(40):
        audit.record(actor="system", verb="test", data={"n": n})
    with django_assert_max_num_queries(24):  # names are looked up once a kind
        client.get("/audit/")


RECORDED = re.compile(r"""(?:verb|concluded)=["']([a-z_]+\.[a-z_]+)["']""")
CALLED = re.compile(r"""_(?:audit|changed|record|note)\([^"\n]*"([a-z_]+\.[a-z_]+)\"""")


def test_every_verb_of_the_sources_has_words_in_both_languages():
    sources = "\n".join(file.read_text() for file in (settings.ROOT / "portal").rglob("*.py"))
    used = {*RECORDED.findall(sources), *CALLED.findall(sources), *(f"alert.{verb}" for verb in HistoryEntry.Verb.values)}
    assert len(used) > 60
    assert used - set(audit_words.VERBS) == set()
    with translation.override("en"):
        english = {verb: str(words) for verb, words in audit_words.VERBS.items()}
    with translation.override("it"):
        assert [verb for verb, words in audit_words.VERBS.items() if str(words) == english[verb]] == []


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "words"), [("en", ["acknowledged an alert", "Alert 12"]), ("it", ["ha preso in carico un allarme", "Allarme 12"])])
def test_the_page_shows_sentences_instead_of_keys(language, words):
    reader = person("all@square.example", "administrator")
    audit.record(actor=reader, verb="alert.acknowledged", subject="alert:12")
    audit.record(actor="system", verb="account.renamed", subject=f"user:{reader.pk}")
    text = signed_in(reader).get("/audit/", headers={"accept-language": language}).content.decode()
    seen = re.sub(r"<pre>.*?</pre>|<[^>]*>", " ", text, flags=re.DOTALL)
    assert [word for word in [*words, "Specola", "all@square.example"] if word not in seen] == []
    assert re.findall(r"\b(?:user|alert|system):?\d+\b|\b[a-z]+\.[a-z]+_[a-z]+\b|alert\.acknowledged", seen) == []


def test_dates_have_one_style_in_every_template():
    styles = {"j M Y", "j M Y, H:i", "j M Y, H:i:s", "j M, H:i", "j M, H:i:s", "H:i", "H:i:s", "c", "U", "U.u"}
    files = [file for file in (settings.ROOT / "portal").rglob("*.html") if "vendor" not in file.parts]
    used = {style for file in files for style in re.findall(r"""\|date:["']([^"']*)["']""", file.read_text())}
    assert used - styles == set()


def test_months_are_written_small_in_italian():
    day = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)
    with translation.override("it"):
        assert (dates.written(day), dates.written(day, "j F Y")) == ("29 nov 2026, 13:00", "29 novembre 2026")
    assert dates.written(day) == "29 Nov 2026, 13:00"
