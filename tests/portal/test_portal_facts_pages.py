"""The pages of the memory for facts: list, search and filters, one fact, the editor, the queue, and who may decide."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.facts import actions
from portal.facts.models import Fact, FactVersion
from tests.portal import facts_scene
from tests.portal.facts_scene import TEXT
from tests.portal.portal_scene import person, signed_in

pytestmark = pytest.mark.django_db
TYPED = {
    **{name: getattr(TEXT, name) for name in ("kind", "name_en", "name_it", "statement_en", "statement_it", "begins", "ends")},
    **{"aliases": "Luminara\nSan Ranieri", "tags": "pisa, feast", "note": "asked for", "base": ""},
    **{"source_author": ["Comune di Pisa", ""], "source_title": ["Luminara", ""], "source_year": ["2024", ""], "source_where": ["", ""]},
}


@pytest.fixture
def archive():
    return facts_scene.archive()


def listed(reader, query: str = "", language: str = "en") -> str:
    return signed_in(reader).get(f"/facts/?{query}", headers={"accept-language": language}).content.decode()


def keys(reader, query: str) -> list[str]:
    return [fact.key for fact in signed_in(reader).get(f"/facts/?{query}").context["page"]]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("q=leaning+tower", "leaning-tower"),
        ("q=torre+pendente", "leaning-tower"),
        ("q=piombo+fuso", "camposanto-fire"),
        ("q=molten", "camposanto-fire"),
        ("q=Galil%C3%A9o", "galileo"),
        ("kind=symbol", "nazi-symbol"),
        ("tag=rome", "ides"),
        ("origin=shipped&kind=date", "ides"),
    ],
)
def test_a_fact_is_found(archive, query, first):
    assert keys(archive.writer, query)[0] == first


def test_what_is_not_there_is_said_to_be_not_in_our_sources(archive):
    for query in ("q=helicopter", "origin=here", "state=retired", "kind=nothing&q=%00", "tag=x&page=99999"):
        text = listed(archive.writer, query)
        assert ("Not in our sources" in text) == ("kind=nothing" not in query)
    assert "Non è nelle nostre fonti" in listed(archive.writer, "q=elicottero", "it")


def test_an_empty_portal_says_so():
    assert "There are no facts yet" in listed(person("a@facts.example", "operator"))
    assert "Nothing waits" in signed_in(person("b@facts.example", "manager")).get("/facts/waiting/").content.decode()


def test_one_writes_and_another_approves_on_the_pages(archive):
    writer, manager = signed_in(archive.writer), signed_in(archive.manager)
    answer = writer.post("/facts/new", TYPED)
    version = FactVersion.objects.get(name_en=TEXT.name_en)
    assert answer.url == reverse("facts:version", args=[version.pk])
    assert (version.tags, version.aliases, version.note) == (["pisa", "feast"], ["Luminara", "San Ranieri"], "asked for")
    page = writer.get(answer.url).content.decode()
    assert "somebody else must approve it" in page
    assert 'id="approve"' not in page
    assert writer.post(f"/facts/versions/{version.pk}/approve").status_code == 403
    assert TEXT.name_en in manager.get("/facts/waiting/").content.decode()
    assert 'id="approve"' in manager.get(answer.url).content.decode()
    assert manager.post(f"/facts/versions/{version.pk}/approve").status_code == 302
    assert manager.post(f"/facts/versions/{version.pk}/approve").status_code == 422
    shown = writer.get(f"/facts/{version.fact_id}/").content.decode()
    assert "Comune di Pisa, Luminara, 2024" in shown
    assert "approved: manager" in shown


def test_a_change_shows_what_is_different_and_who_came_late_keeps_what_was_typed(archive):
    fact = archive.fact("galileo")
    form = signed_in(archive.writer).get(f"/facts/{fact.pk}/edit").context["form"]
    typed = {
        **form.initial,
        "checked": "on",
        "statement_en": "Physicist, born in Pisa.",
        **{f"source_{each}": ["A"] for each in ("author", "title", "year", "where")},
    }
    assert signed_in(archive.writer).post(f"/facts/{fact.pk}/edit", typed).status_code == 302
    version = FactVersion.objects.latest("pk")
    page = signed_in(archive.manager).get(f"/facts/versions/{version.pk}/").content.decode()
    assert "<del>and astronomer, born in Pisa on" in page or "<del>Physicist and astronomer," in page
    assert version.checked
    actions.approve(user=archive.manager, version_id=version.pk)
    late = signed_in(archive.administrator).post(f"/facts/{fact.pk}/edit", {**typed, "statement_it": "Ciò che scrissi."})
    assert late.status_code == 422
    assert "while you wrote" in late.content.decode()
    assert "Ciò che scrissi." in late.content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "planet"}, "Select a valid choice"),
        ({"begins": "later"}, "Give a year"),
        ({"source_title": ["", ""]}, "A source needs"),
        ({"source_author": ["", ""], "source_title": ["", ""], "source_year": ["", ""]}, "A fact needs a source"),
        ({"aliases": "!!!"}, "Another name needs"),
        ({"name_en": ""}, "required"),
        ({"note": "rtsp://admin:hunter2@cam/1"}, "others read it"),
    ],
)
def test_the_form_says_what_is_wrong_and_keeps_what_was_typed(archive, changes, sentence):
    answer = signed_in(archive.writer).post("/facts/new", {**TYPED, **changes})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert "lungarni" in answer.content.decode()
    assert not Fact.objects.filter(key__startswith="feast").exists()


def test_retiring_is_proposed_with_a_reason_and_decided_by_another(archive):
    fact, writer = archive.fact("galileo"), signed_in(archive.writer)
    empty = writer.post(f"/facts/{fact.pk}/retire", {"base": fact.current_id, "note": ""})
    assert (empty.status_code, "Give a reason" in empty.content.decode()) == (422, True)
    answer = writer.post(f"/facts/{fact.pk}/retire", {"base": fact.current_id, "note": "wrong"})
    signed_in(archive.manager).post(answer.url + "approve")
    assert "no report quotes it any more" in writer.get(f"/facts/{fact.pk}/").content.decode()
    assert keys(archive.writer, "state=retired") == ["galileo"]


def test_who_has_no_role_and_strangers_see_nothing(archive):
    fact = archive.fact("galileo")
    for path in ("/facts/", "/facts/new", "/facts/waiting/", f"/facts/{fact.pk}/", f"/facts/versions/{fact.current_id}/"):
        assert signed_in(None).get(path).status_code == 302
        assert signed_in(person(f"x{path.count('/')}{len(path)}@facts.example")).get(path).status_code == 403
    assert signed_in(archive.writer).get("/facts/99999999/").status_code == 404


def test_markup_in_a_fact_is_shown_and_never_run(archive):
    typed = {**TYPED, "name_en": "<script>alert(1)</script> x", "source_where": ["https://a.example/<b>", ""]}
    page = signed_in(archive.writer).get(signed_in(archive.writer).post("/facts/new", typed).url).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_statement_is_read_in_the_readers_language(archive):
    fact = archive.fact("ides")
    italian = signed_in(archive.writer).get(f"/facts/{fact.pk}/", headers={"accept-language": "it"}).content.decode()
    assert "15 mar 44 a.C." in italian
    assert "Giulio Cesare" in italian
