"""A campaign as STIX 2.1: strict, the same twice, without a name, and no technique that the evidence does not carry; columns that a person sets."""

from __future__ import annotations

import json
import random

import pytest
import stix2
from alert_scene import scene
from django.core.exceptions import ValidationError
from django.urls import reverse

from portal.analysis import actions, case_actions, leaving, queries, stix, tasks
from portal.analysis.models import Case, CaseState
from portal.core.models import AuditRow
from tests.portal.portal_scene import signed_in
from tests.portal.posts_scene import NAMES, body, examined_posts, pasted_posts

pytestmark = pytest.mark.django_db


@pytest.fixture
def at():
    return scene()


@pytest.fixture
def case(at) -> Case:
    return examined_posts(at.operator, at.site)


def kinds(text: str) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for each in json.loads(text)["objects"]:
        found.setdefault(each["type"], []).append(each)
    return found


def test_a_campaign_leaves_as_one_strict_bundle_without_names(case):
    client = signed_in(case.opened_by)
    text = body(client, reverse("api:report-stix", args=[case.pk]))
    parsed = stix2.parse(text, allow_custom=False, version="2.1")
    found = kinds(text)
    assert {"identity", "campaign", "user-account", "observed-data", "note", "report", "relationship", "attack-pattern"} <= set(found)
    assert not [name for name in NAMES if name in text.lower()]
    assert (len(found["user-account"]), found["observed-data"][0]["number_observed"]) == (5, 40)
    assert {each["relationship_type"] for each in found["relationship"]} == {"related-to", "uses"}
    assert found["attack-pattern"][0]["external_references"][0]["external_id"] == "T0084.001"
    ids = {each.id for each in parsed.objects}
    refs = {ref for each in json.loads(text)["objects"] for ref in [each.get("source_ref"), each.get("target_ref"), *each.get("object_refs", ())] if ref}
    assert refs <= ids
    assert all(each["confidence"] in (stix.POSSIBLY, stix.COUNTED) for each in found["relationship"] + found["campaign"] + found["note"])
    assert all(each["object_marking_refs"] == [stix2.TLP_AMBER.id] for each in found["campaign"])
    assert body(client, reverse("api:report-stix", args=[case.pk])) == text
    assert AuditRow.objects.filter(verb="case.file_read", data__file="STIX").exists()
    assert reverse("api:report-stix", args=[case.pk]) in body(client, reverse("analysis:case", args=[case.pk]))


def test_with_the_names_it_is_another_bundle_for_few_eyes(case, at):
    for who in (at.operator, at.manager):
        case_actions.answer_names(user=who, case_id=case.pk, agrees=True, reason="The prosecutor asks for it")
    found = kinds(body(signed_in(at.operator), reverse("api:report-stix", args=[case.pk]) + "?names=1"))
    assert {each["user_id"] for each in found["user-account"]} == {f"hand_{n}" for n in range(5)}
    assert found["campaign"][0]["object_marking_refs"] == [stix2.TLP_RED.id]
    assert found["campaign"][0]["id"] not in stix.bundle(leaving.outside(case)).decode()


def test_the_same_link_under_different_words_is_no_copypasta(at):
    """They are found by the link alone; the technique is about copied words."""
    words = ["tower bread wine", "stone river bridge", "council museum ticket", "door bell guard", "wall crowd night"]
    rows = [
        f"2026-09-01 {h:02d}:30:{2 * n:02d},hand_{n},{w} {'and so on ' * (n + 1)} {h} https://a.example/{h}" for h in range(8, 16) for n, w in enumerate(words)
    ]
    case = examined_posts(at.operator, at.site, text="\n".join(["time,account,text", *rows]))
    groups = next(each for each in case.report["evidence"] if each["name"] == "groups")
    linked = [row for row in groups["rows"] if row[1]["code"] == "campaign-kind-link"]
    case.report["evidence"] = [each | {"rows": linked} if each is groups else each for each in case.report["evidence"]]
    found = kinds(stix.bundle(leaving.outside(case)).decode())
    assert ("campaign" in found, len(linked) > 0, "attack-pattern" in found) == (True, True, False)


def test_a_report_of_before_first_posters_were_shown_still_leaves(case):
    new = ("campaign-kind", "campaign-of-found", "campaign-first-poster", "campaign-spread", "campaign-machine")
    for each in (each for each in case.report["evidence"] if each["kind"] == "table"):
        kept = [n for n, column in enumerate(each["columns"]) if column["code"] not in new]
        each["columns"], each["rows"] = [each["columns"][n] for n in kept], [[row[n] for n in kept] for row in each["rows"]]
    found = kinds(stix.bundle(leaving.outside(case)).decode())
    assert ("campaign" in found, "attack-pattern" in found) == (True, False)


def test_where_nothing_was_found_no_campaign_is_claimed(at):
    alone = "\n".join(f"2026-09-01 1{n % 9}:{n:02d}:00,person_{n},A post of my own about the number {n * n} and the weather" for n in range(20))
    case = examined_posts(at.operator, at.site, text=f"time,account,text\n{alone}")
    found = kinds(stix.bundle(leaving.outside(case)).decode())
    assert not {"campaign", "user-account", "attack-pattern", "relationship"} & set(found)
    assert {"identity", "note", "report"} <= set(found)


def test_other_cases_have_no_bundle(at):
    case = examined_posts(at.operator, at.site, "persuasion-check", "They all lie to you about the tower and want your money now!")
    client = signed_in(at.operator)
    assert client.get(reverse("api:report-stix", args=[case.pk])).status_code == 404
    assert 'id="stix"' not in body(client, reverse("analysis:case", args=[case.pk]))


def test_the_columns_taken_are_seen_and_set_otherwise(case, at):
    client, address = signed_in(at.operator), reverse("analysis:columns", args=[case.pk])
    page = body(client, reverse("analysis:case", args=[case.pk]))
    assert '<option value="account" selected>account</option>' in page
    assert client.post(address, {"column-text": "nothing"}).status_code == 422
    assert client.post(address, {"column-account": "account"}).status_code == 422
    answer = client.post(address, {"column-text": "text", "column-account": "", "column-time": "time", "column-link": ""})
    another = Case.objects.get(pk=int(answer["Location"].rstrip("/").rpartition("/")[2]))
    tasks.run_case(case_id=another.pk)
    another.refresh_from_db()
    assert (another.first_case, another.report["verdict"]["label"]["code"]) == (case, "campaign-cannot-say")
    with pytest.raises(ValidationError, match="asked about these files already"):
        case_actions.read_again(user=at.operator, case_id=case.pk, columns={"text": "text", "account": "", "time": "time", "link": ""})


def test_a_table_whose_text_column_nobody_recognises_is_examined_once_it_is_set(at):
    case = examined_posts(at.operator, at.site, text=pasted_posts().replace("time,account,text", "time,account,parole", 1))
    assert case.state == CaseState.FAILED
    client = signed_in(at.operator)
    assert '<option value="parole">parole</option>' in body(client, reverse("analysis:case", args=[case.pk]))
    another = case_actions.read_again(user=at.operator, case_id=case.pk, columns={"text": "parole", "account": "account", "time": "time"})
    tasks.run_case(case_id=another.pk)
    another.refresh_from_db()
    assert another.report["verdict"]["label"]["code"] == "campaign-found"


def test_a_long_case_shows_its_stages_and_stops_when_it_is_cancelled(at, monkeypatch):
    shown: list[tuple[float, str]] = []
    words = ["tower", "bread", "wine", "stone", "river", "bridge", "council", "museum", "ticket", "door", "bell", "guard", "wall", "crowd", "night", "music"]
    drawn = random.Random(1)
    rows = "\n".join(f"2026-09-01 10:{n % 60:02d}:00,person_{n},We saw the {' and the '.join(drawn.sample(words, 5))} there" for n in range(300))
    case = actions.open_case(user=at.operator, site=at.site, tool="campaign", text=f"time,account,text\n{rows}")

    def progressed(*, case_id: int, share: float, stage: dict) -> None:
        shown.append((share, stage["code"]))
        if stage["code"] == "campaign-techniques-reading" and share > 0.45 and queries.is_wanted(case_id):
            actions.cancel_case(user=at.operator, case_id=case_id)

    monkeypatch.setattr(actions, "show_progress", progressed)
    tasks.run_case(case_id=case.pk)
    case.refresh_from_db()
    assert (case.state, case.report) == (CaseState.CANCELLED, None)
    assert [share for share, _ in shown] == sorted(share for share, _ in shown)
    order = list(dict.fromkeys(code for _, code in shown))
    assert order == ["campaign-reading", "campaign-grouping", "campaign-timing", "campaign-scoring", "campaign-techniques-reading"]
    assert shown[-1][0] < 0.95
