"""Two examiners of a face comparison: each alone, two different people, sealed until both are in, and everything on record."""

from __future__ import annotations

import dataclasses
import json
import threading

import pytest
from alert_scene import Scene, scene, user
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from portal.analysis import actions, examiners, pdf, queries
from portal.analysis.models import Case, CaseState, Conclusion, Support
from portal.core import audit_check
from portal.core.models import AuditRow

pytestmark = pytest.mark.django_db
REPORT = {
    "verdict": {"label": "log10 LR +1.2 (+0.9 to +1.5)", "score": 1.2, "band": "unsure", "reasons": ["Why."]},
    "parts": [],
    "models": {},
    "input_sha256": "0" * 64,
}
EARS = "the ears differ"


@dataclasses.dataclass(slots=True)
class Desk:
    """A finished face comparison at a site, and the people of the site."""

    at: Scene
    case: Case

    def conclude(self, person, support=Support.TWO_WEAK, note=EARS) -> Conclusion:
        return actions.give_conclusion(user=person, case_id=self.case.pk, support=support, note=note)

    def seen_by(self, person) -> list[dict]:
        return queries.case_state(person, self.case.pk)["conclusions"]


def comparison(at: Scene, **changes) -> Case:
    fields = {"title": "Gate, 3 May", "tool": "face-compare", "site": at.site, "opened_by": at.operator, "state": CaseState.DONE, "ended": timezone.now()}
    return Case.objects.create(**{**fields, "report": REPORT, **changes})


@pytest.fixture
def desk() -> Desk:
    at = scene()
    return Desk(at, comparison(at))


def test_a_conclusion_is_kept_with_its_words_and_its_note(desk):
    desk.conclude(desk.at.operator)
    assert desk.seen_by(desk.at.operator)[0]["words"] == "Weak support for two people"
    assert Conclusion.objects.get().note == EARS


def test_nobody_else_reads_the_first_conclusion(desk):
    desk.conclude(desk.at.operator)
    for person in (desk.at.manager, desk.at.administrator):
        assert [set(each) for each in desk.seen_by(person)] == [{"examiner", "made", "sealed"}]


def test_both_are_shown_to_all_when_both_are_in(desk):
    desk.conclude(desk.at.operator)
    desk.conclude(desk.at.manager, Support.NEITHER, "too dark")
    for person in (desk.at.operator, desk.at.manager, desk.at.administrator):
        assert [(each["support"], each["note"]) for each in desk.seen_by(person)] == [("two-weak", EARS), ("neither", "too dark")]


def test_the_two_examiners_are_different_people(desk):
    desk.conclude(desk.at.operator)
    with pytest.raises(ValidationError, match="somebody else"):
        desk.conclude(desk.at.operator, Support.ONE_STRONG, "second thoughts")
    assert Conclusion.objects.get().support == Support.TWO_WEAK


def test_a_third_conclusion_is_refused(desk):
    desk.conclude(desk.at.operator)
    desk.conclude(desk.at.manager)
    with pytest.raises(ValidationError, match="Two examiners"):
        desk.conclude(user("third@example.org", "operator", desk.at.site))


def test_an_administrator_concludes_nothing(desk):
    with pytest.raises(PermissionDenied):
        desk.conclude(desk.at.administrator)


def test_a_role_at_another_site_does_not_even_see_the_case(desk):
    with pytest.raises(Case.DoesNotExist):
        desk.conclude(scene("elsewhere").manager)


def test_a_role_that_was_taken_away_concludes_nothing(desk):
    desk.at.operator.memberships.all().delete()
    with pytest.raises(PermissionDenied):
        desk.conclude(desk.at.operator)


def test_who_opened_the_case_may_be_one_of_the_two(desk):
    assert desk.case.opened_by == desk.at.operator
    assert desk.conclude(desk.at.operator).pk


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tool": "picture-check"}, "Only a face comparison"),
        ({"site": None}, "belongs to no site"),
        ({"state": CaseState.RUNNING}, "no report"),
        ({"state": CaseState.FAILED}, "no report"),
    ],
)
def test_a_case_that_cannot_be_concluded_says_why(desk, changes, why):
    other = comparison(desk.at, **changes)
    with pytest.raises(ValidationError, match=why):
        actions.give_conclusion(user=desk.at.operator, case_id=other.pk, support=Support.NEITHER, note="x")


@pytest.mark.parametrize(
    ("support", "note", "why"), [("match", "x", "Choose"), ("", "x", "Choose"), ("neither", " \x00 ", "note"), ("neither", "x" * 4001, "at most 4000")]
)
def test_a_conclusion_without_known_words_or_a_note_is_refused(desk, support, note, why):
    with pytest.raises(ValidationError, match=why):
        desk.conclude(desk.at.operator, support, note)
    assert not Conclusion.objects.exists()


def test_the_audit_log_holds_the_first_conclusion_sealed(desk):
    desk.conclude(desk.at.operator)
    row = AuditRow.objects.get(verb="case.examined")
    assert (row.actor, row.subject, row.site) == (f"user:{desk.at.operator.email}", f"case:{desk.case.pk}", desk.at.site.slug)
    assert not {EARS, "two-weak"} & set(json.dumps(row.data).split('"'))


def test_the_seals_are_opened_in_the_audit_log_when_both_are_in(desk):
    desk.conclude(desk.at.operator)
    desk.conclude(desk.at.manager)
    sealed = [row.data["sealed"] for row in AuditRow.objects.filter(verb="case.examined").order_by("id")]
    concluded = AuditRow.objects.get(verb="case.concluded").data["conclusions"]
    assert [each["sealed"] for each in concluded] == sealed == [examiners.RULE.seal(each) for each in Conclusion.objects.all()]
    assert concluded[0]["note"] == EARS
    assert audit_check.first_broken() is None


def test_a_changed_note_no_longer_fits_its_seal(desk):
    mine = desk.conclude(desk.at.operator)
    before = examiners.RULE.seal(mine)
    mine.note = "the ears are the same"
    assert examiners.RULE.seal(mine) != before


def test_a_refused_conclusion_leaves_no_audit_row(desk):
    with pytest.raises(ValidationError):
        desk.conclude(desk.at.operator, "match")
    assert not AuditRow.objects.filter(verb="case.examined").exists()


@pytest.mark.django_db(transaction=True)
def test_of_three_who_conclude_at_once_two_are_kept(desk):
    people = [desk.at.operator, desk.at.manager, user("third@example.org", "operator", desk.at.site)]
    ready, refused = threading.Barrier(3), []

    def conclude(person):
        try:
            ready.wait(20)
            desk.conclude(person)
        except ValidationError as error:
            refused.append(error.messages[0])
        finally:
            connection.close()

    threads = [threading.Thread(target=conclude, args=[each]) for each in people]
    [each.start() for each in threads]
    [each.join(30) for each in threads]
    assert refused == ["Two examiners have concluded already."]
    assert AuditRow.objects.filter(verb="case.concluded").count() == 1


def test_the_pdf_shows_both_conclusions_only_when_both_are_in(desk, tmp_path):
    desk.conclude(desk.at.operator)
    assert pdf.document(desk.case, tmp_path)["conclusions"] == [["", "1 of 2 conclusions given; they are shown when both are in.", ""]]
    desk.conclude(desk.at.manager, Support.NEITHER, "too dark")
    shown = pdf.document(desk.case, tmp_path)["conclusions"]
    assert [(words, note) for _, words, note in shown] == [("Weak support for two people", EARS), ("Supports neither", "too dark")]
    assert pdf.render(desk.case).startswith(b"%PDF")


def test_a_note_full_of_markup_is_text_in_the_pdf(desk):
    desk.conclude(desk.at.operator, note='#panic("x") *b* \\ $ ]')
    desk.conclude(desk.at.manager, note='[[#read("/etc/passwd")')
    assert pdf.render(desk.case).startswith(b"%PDF")


def test_the_page_takes_a_conclusion_and_then_offers_no_form(desk, client):
    client.force_login(desk.at.operator)
    page = reverse("analysis:case", args=[desk.case.pk])
    assert b'id="conclude"' in client.get(page).content
    answer = client.post(reverse("analysis:conclude", args=[desk.case.pk]), {"support": "two-weak", "note": EARS})
    assert answer.url == page
    text = client.get(page).content.decode()
    assert EARS in text
    assert 'id="conclude"' not in text


def test_the_page_of_the_second_examiner_does_not_show_the_first_answer(desk, client):
    desk.conclude(desk.at.operator)
    client.force_login(desk.at.manager)
    text = client.get(reverse("analysis:case", args=[desk.case.pk])).content.decode()
    assert EARS not in text
    assert "Sealed until the second conclusion" in text
    assert 'id="conclude"' in text


def test_an_administrator_is_offered_no_form(desk, client):
    client.force_login(desk.at.administrator)
    assert b'id="conclude"' not in client.get(reverse("analysis:case", args=[desk.case.pk])).content


def test_the_page_says_what_is_missing_and_keeps_what_was_written(desk, client):
    client.force_login(desk.at.operator)
    answer = client.post(reverse("analysis:conclude", args=[desk.case.pk]), {"support": "", "note": "half a thought"})
    assert answer.status_code == 422
    assert "Choose what the findings support." in answer.content.decode()
    assert "half a thought" in answer.content.decode()


@pytest.mark.parametrize("name", ["analysis:conclude", "api:conclusions"])
def test_a_case_of_another_site_is_404(desk, client, name):
    client.force_login(scene("elsewhere").operator)
    assert client.post(reverse(name, args=[desk.case.pk]), {"support": "neither", "note": "x"}).status_code == 404


def test_the_api_takes_conclusions_and_hides_them_alike(desk, client):
    address = reverse("api:conclusions", args=[desk.case.pk])
    client.force_login(desk.at.operator)
    assert client.post(address, {"support": "two-weak", "note": EARS}).status_code == 201
    client.force_login(desk.at.manager)
    assert EARS not in client.get(reverse("api:case", args=[desk.case.pk])).content.decode()
    answer = client.post(address, {"support": "neither", "note": "too dark"}).json()
    assert [each["note"] for each in answer["conclusions"]] == [EARS, "too dark"]


@pytest.mark.parametrize("body", [{}, {"support": "match", "note": "x"}, {"support": "neither"}, {"support": "neither", "note": ""}])
def test_the_api_refuses_a_conclusion_that_is_none(desk, client, body):
    client.force_login(desk.at.operator)
    assert client.post(reverse("api:conclusions", args=[desk.case.pk]), body).status_code == 400


def test_the_api_answers_the_same_person_twice_with_a_sentence(desk, client):
    client.force_login(desk.at.operator)
    desk.conclude(desk.at.operator)
    answer = client.post(reverse("api:conclusions", args=[desk.case.pk]), {"support": "neither", "note": "x"})
    assert (answer.status_code, "somebody else" in answer.content.decode()) == (400, True)


def test_the_api_refuses_an_administrator(desk, client):
    client.force_login(desk.at.administrator)
    assert client.post(reverse("api:conclusions", args=[desk.case.pk]), {"support": "neither", "note": "x"}).status_code == 403


def test_no_word_of_the_scale_claims_an_identity():
    words = " ".join(str(each.label) for each in Support).lower()
    assert not any(each in words for each in ("match", "identi", "same"))
