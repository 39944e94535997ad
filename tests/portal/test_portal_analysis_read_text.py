"""A meme's picture on the desk: its text is read, a person corrects it, and the corrected text is a case beside the first with a line in its custody."""

from __future__ import annotations

import pytest
from alert_scene import scene, user
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from portal.analysis import actions, case_actions, custody, leaving, packs, queries, tasks
from portal.analysis.models import Case, CaseState
from portal.core.models import AuditRow
from tests.drawn_memes import ATTACK, meme

pytestmark = pytest.mark.django_db


@pytest.fixture
def guard():
    return user("guard@example.org", "operator")


@pytest.fixture
def case(guard, tmp_path) -> Case:
    """A meme, examined."""
    picture = SimpleUploadedFile("meme.png", meme(tmp_path / "meme.png").read_bytes())
    return examined(actions.open_case(user=guard, tool="persuasion-check", files=[picture], title="Meme", site=scene().site))


def examined(case: Case) -> Case:
    tasks.run_case(case_id=case.pk)
    return Case.objects.get(pk=case.pk)


def test_what_was_read_is_shown_corrected_and_examined_again(guard, case, client):
    assert case.state == CaseState.DONE
    assert " ".join(queries.read_text(case).split()) == ATTACK
    client.force_login(guard)
    assert "The text as it was read" in client.get(reverse("analysis:case", args=[case.pk])).content.decode()
    answer = client.post(reverse("analysis:correct_text", args=[case.pk]), {"read_text": "The museum opens at nine\r\nand closes in the evening."})
    second = Case.objects.exclude(pk=case.pk).get()
    assert answer.url == reverse("analysis:case", args=[second.pk])
    second = examined(second)
    assert (second.first_case, second.tool, second.title, second.site) == (case, case.tool, "Meme", case.site)
    assert second.report["evidence"][0]["text"] == "The museum opens at nine\nand closes in the evening."
    assert queries.read_text(second) is None
    row = AuditRow.objects.get(verb="case.text_corrected")
    assert (row.subject, row.data) == (f"case:{case.pk}", {"case": second.pk, "sha256": second.files.get().sha256})
    assert "corrected the text that was read in a picture" in {line.what for line in custody.lines(case)}
    assert "Corrected text" in client.get(reverse("analysis:case", args=[second.pk])).content.decode()


@pytest.mark.parametrize(("text", "why"), [("  ", "Write the text"), (None, "as it was read"), ("x" * 1_000_001, "characters")])
def test_a_correction_that_corrects_nothing_is_refused_with_a_sentence(guard, case, client, text, why):
    client.force_login(guard)
    answer = client.post(reverse("analysis:correct_text", args=[case.pk]), {"read_text": queries.read_text(case) if text is None else text})
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert Case.objects.count() == 1


def test_only_who_writes_corrects_and_only_what_was_read(guard, case):
    with pytest.raises(PermissionDenied):
        case_actions.correct_text(user=user("reader@example.org", "viewer"), case_id=case.pk, text="Another text stands there.")
    pasted = examined(actions.open_case(user=guard, tool="persuasion-check", text="The museum opens at nine."))
    with pytest.raises(ValidationError, match="Nothing was read"):
        case_actions.correct_text(user=guard, case_id=pasted.pk, text="Another text stands there.")
    case_actions.close_case(user=guard, case_id=case.pk, reason="done")
    with pytest.raises(ValidationError, match="closed"):
        case_actions.correct_text(user=guard, case_id=case.pk, text="Another text stands there.")


def test_a_picture_with_its_writing_stays_in_the_house_unless_two_people_agree(case):
    left = leaving.outside(case)
    assert "lines-picture" in case.evidence
    assert (left.evidence, {each["kind"] for each in left.report["evidence"]}) == ({}, {"marked-text", "table"})
    assert not [each.path for each in packs.collect(left) if "pictures" in each.path or "inputs" in each.path]
