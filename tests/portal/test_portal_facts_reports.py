"""Facts in the desk's reports: page, JSON, PDF and pack; kept as they were, and found again from the fact's own page."""

from __future__ import annotations

import dataclasses
import json

import pytest
from django.utils import translation

from portal.analysis import actions as desk
from portal.analysis import packs, pdf, tasks
from portal.analysis.models import Case
from portal.core.models import AuditRow
from portal.facts import actions, content, queries
from tests.portal import facts_scene
from tests.portal.portal_scene import person, place, signed_in

pytestmark = pytest.mark.django_db
MEME = "WAKE UP! They rebuilt the Leaning Tower of Pisa in secret, and Galileo told everybody the truth about the sky. CREDERE, OBBEDIRE, COMBATTERE!"
NOTHING = "WAKE UP! The lizard people of Seattle stole our lovely ham sandwiches again, and nobody in the newspapers dares to write it down!"


@pytest.fixture
def archive():
    return facts_scene.archive()


def examined(user, text: str, **more) -> Case:
    case = desk.open_case(user=user, text=text, tool="persuasion-check", **more)
    tasks.run_case(case_id=case.pk)
    case.refresh_from_db()
    assert case.report, case.problem
    return case


def table(case: Case) -> dict:
    return next(each for each in case.report["evidence"] if each["name"] == "facts")


def test_the_facts_of_a_text_stand_in_its_report_everywhere(archive, tmp_path):
    case = examined(archive.writer, MEME)
    assert {each["key"]: [mention["words"] for mention in each["mentions"]] for each in case.report["facts"]} == {
        "leaning-tower": ["Leaning Tower of Pisa"],
        "galileo": ["Galileo"],
        "credere": ["CREDERE, OBBEDIRE, COMBATTERE"],
    }
    kept = next(each for each in case.report["facts"] if each["key"] == "galileo")
    assert (kept["version"], kept["shipped"], kept["checked"], kept["from"], kept["sources"][0]["author"]) == (1, True, False, "1564-02-15", "Treccani")
    row = next(row for row in table(case)["rows"] if row[0]["text"] == "Galileo Galilei")
    assert [each["text"] for each in row if isinstance(each, dict)][2:] == [
        "15 Feb 1564 – 8 Jan 1642",
        "1, shipped with Specola, not compared with its source here",
        "“Galileo”",
    ]
    page = signed_in(archive.writer).get(f"/desk/{case.pk}/").content.decode()
    italian = signed_in(archive.writer).get(f"/desk/{case.pk}/", headers={"accept-language": "it"}).content.decode()
    assert f'href="/facts/{kept["fact"]}/"' in page
    assert "Physicist and astronomer" in page
    assert "Fisico e astronomo" in italian
    assert "Physicist and astronomer" not in italian
    with translation.override("it"):
        document = json.dumps(pdf.document(case, tmp_path), ensure_ascii=False)
    assert "Dizionario Biografico" in document
    assert "fornita con Specola" in document
    assert pdf.render(case).startswith(b"%PDF")
    report = next(file.content for file in packs.collect(case) if file.path == "data/report/report.json")
    assert json.loads(report)["facts"] == case.report["facts"]
    assert AuditRow.objects.get(verb="case.done").data["facts"] == {"credere": 1, "galileo": 1, "leaning-tower": 1}


def test_what_our_sources_do_not_have_is_said(archive):
    case = examined(archive.writer, NOTHING)
    assert case.report["facts"] == []
    assert "not in our sources" in signed_in(archive.writer).get(f"/desk/{case.pk}/").content.decode()
    assert "non è nelle nostre fonti" in signed_in(archive.writer).get(f"/desk/{case.pk}/", headers={"accept-language": "it"}).content.decode()


def test_a_report_stays_as_it_was_when_a_fact_changes_or_goes(archive):
    case, fact = examined(archive.writer, MEME), archive.fact("galileo")
    changed = dataclasses.replace(content.of_version(fact.current), statement_en="Something else.", name_en="G. Galilei")
    version = actions.propose(user=archive.writer, fact_id=fact.pk, base=fact.current_id, text=changed)
    actions.approve(user=archive.manager, version_id=version.pk)
    gone = actions.propose_retirement(user=archive.writer, fact_id=fact.pk, base=version.pk, note="x")
    actions.approve(user=archive.manager, version_id=gone.pk)
    page = signed_in(archive.writer).get(f"/desk/{case.pk}/").content.decode()
    assert "Physicist and astronomer" in page
    assert "Something else" not in page
    assert "galileo" not in {each["key"] for each in examined(archive.writer, MEME).report["facts"]}


def test_a_fact_names_the_cases_that_use_it_to_who_may_read_them(archive):
    here = place()
    guard, stranger = here.person("operator"), person("far@b.example", "operator", place("b-place").site)
    case = examined(guard, MEME, site=here.site, title="Zaffiro case")
    examined(guard, NOTHING, site=here.site)
    fact = archive.fact("galileo")
    assert list(queries.cases_with(guard, fact)) == [case]
    assert "Zaffiro case" in signed_in(guard).get(f"/facts/{fact.pk}/").content.decode()
    page = signed_in(stranger).get(f"/facts/{fact.pk}/").content.decode()
    assert "Zaffiro case" not in page
    assert "In no report that you may read" in page


def test_other_tools_ask_for_no_facts(archive):
    case = desk.open_case(user=archive.writer, text=MEME, tool="machine-text")
    tasks.run_case(case_id=case.pk)
    case.refresh_from_db()
    assert "facts" not in (case.report or {})


def test_markup_in_the_text_is_shown_and_never_run(archive):
    case = examined(archive.writer, f"<script>alert('Galileo')</script> {MEME}")
    page = signed_in(archive.writer).get(f"/desk/{case.pk}/").content.decode()
    assert "<script>alert(" not in page
    assert "galileo" in {each["key"] for each in case.report["facts"]}
