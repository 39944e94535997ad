"""Several tools about the same files: each has a case of its own, and the answers stand beside one another; cases are found by tag, tool, title, status."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from alert_scene import scene, user
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from portal.analysis import actions, case_actions, packs, queries, tasks
from portal.analysis.models import Case, CaseState
from portal.core import media
from portal.core.models import AuditRow

pytestmark = pytest.mark.django_db
STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


@pytest.fixture
def guard():
    return user("guard@example.org", "operator")


@pytest.fixture
def case(guard) -> Case:
    picture = SimpleUploadedFile("tower.jpg", (STAFF / "custode-1.jpg").read_bytes())
    found = actions.open_case(user=guard, files=[picture], title="Tower", site=scene().site)
    tasks.run_case(case_id=found.pk)
    return Case.objects.get(pk=found.pk)


def another(guard, case: Case, tool: str = "picture-forensics", files: tuple[int, ...] = (0,)) -> Case:
    return case_actions.ask_another(user=guard, case_id=case.pk, tool=tool, files=files)


def test_another_tool_answers_in_a_case_of_its_own_about_the_same_bytes(guard, case):
    second = another(guard, case)
    tasks.run_case(case_id=second.pk)
    second.refresh_from_db()
    assert (second.state, second.title, second.site, second.first_case) == (CaseState.DONE, "Tower", case.site, case)
    assert second.files.get().sha256 == case.files.get().sha256
    third = another(guard, second, "adversarial-check")
    assert queries.about_same_files(guard, case) == [case, second, third] == queries.about_same_files(guard, third)
    rows = AuditRow.objects.filter(verb="case.asked_another").order_by("seq")
    assert [(row.subject, row.data["case"]) for row in rows] == [(f"case:{case.pk}", second.pk), (f"case:{second.pk}", third.pk)]


def test_the_same_question_is_put_once_but_again_after_it_failed(guard, case):
    second = another(guard, case)
    for asked_from in (case, second):
        with pytest.raises(ValidationError, match=f"already: case {second.pk}"):
            another(guard, asked_from)
    with pytest.raises(ValidationError, match=f"already: case {case.pk}"):
        another(guard, second, "picture-check")
    actions.cancel_case(user=guard, case_id=second.pk)
    assert another(guard, case).pk > second.pk


@pytest.mark.parametrize(
    ("tool", "files", "why"), [("picture-forensics", (), "One file"), ("picture-forensics", (7,), "One file"), ("no-tool", (0,), "no tool")]
)
def test_a_question_that_cannot_be_put_leaves_nothing_behind(guard, case, tool, files, why):
    with pytest.raises(ValidationError, match=why):
        another(guard, case, tool, files)
    assert Case.objects.count() == 1
    assert not AuditRow.objects.filter(verb="case.asked_another").exists()


def test_a_file_of_another_medium_one_added_later_and_one_that_is_gone(guard, case):
    note = SimpleUploadedFile("post.txt", b"Torre chiusa domani")
    case_actions.add_file(user=guard, case_id=case.pk, file=note, reason="the post it came with")
    with pytest.raises(ValidationError, match=r"post\.txt cannot be examined"):
        another(guard, case, files=(1,))
    picture = SimpleUploadedFile("second.jpg", (STAFF / "custode-2.jpg").read_bytes())
    case_actions.add_file(user=guard, case_id=case.pk, file=picture, reason="the original")
    compared = another(guard, case, "face-compare", files=(0, 2))
    assert [file.name for file in compared.files.all()] == ["tower.jpg", "second.jpg"]
    media.path(case.files.all()[0].sha256).unlink()
    with pytest.raises(ValidationError, match=r"tower\.jpg is no longer kept"):
        another(guard, case)


def test_a_closed_case_and_a_stranger_ask_nothing(guard, case):
    case_actions.close_case(user=guard, case_id=case.pk, reason="done")
    with pytest.raises(ValidationError, match="closed"):
        another(guard, case)
    with pytest.raises(Case.DoesNotExist):
        another(user("other@example.org", "operator", scene("elsewhere").site), case)


def test_the_page_shows_every_answer_and_asks_for_another(guard, case, client):
    client.force_login(guard)
    address = reverse("analysis:case", args=[case.pk])
    page = client.get(address).content.decode()
    assert 'value="picture-forensics"' in page
    assert "answer-list" not in page  # one answer is no table
    asked = client.post(reverse("analysis:ask_another", args=[case.pk]), {"tool": "picture-forensics", "position": "0"})
    second = Case.objects.get(first_case=case)
    assert asked.headers["Location"] == reverse("analysis:case", args=[second.pk])
    page = client.get(address).content.decode()
    assert reverse("analysis:case", args=[second.pk]) in page
    assert 'asked another tool about its files: <span class="about">Picture forensics' in page
    refused = client.post(reverse("analysis:ask_another", args=[case.pk]), {"tool": "picture-forensics", "position": "0"})
    assert (refused.status_code, refused.content.decode().count("This tool was asked about these files already")) == (422, 1)


def test_the_pack_names_what_other_tools_answered(guard, case):
    second = another(guard, case)
    tasks.run_case(case_id=second.pk)
    content = b"".join(packs.stream(case_actions.export_case(user=guard, case_id=case.pk, reason="for the court")))
    with zipfile.ZipFile(io.BytesIO(content)) as pack:
        described = json.loads(next(pack.read(name) for name in pack.namelist() if name.endswith("/case.json")))
    assert [(each["case"], each["tool"], each["state"]) for each in described["same_files"]] == [(second.pk, "picture-forensics", "done")]


def test_cases_are_found_by_title_file_tag_tool_and_status(guard, case, client):
    second = another(guard, case)
    case_actions.set_tags(user=guard, case_id=case.pk, tags="Torre, urgente")
    client.force_login(guard)

    def shown(**query) -> set[int]:
        answer = client.get(reverse("analysis:desk"), query)
        assert answer.status_code == 200
        return {found.pk for found, _ in answer.context["rows"]}

    assert shown() == shown(text="TOWER.jp") == shown(text="tow") == shown(status="open") == {case.pk, second.pk}
    assert shown(tag="Torre") == shown(tool="picture-check") == {case.pk}
    assert shown(tag="torre ") == shown(text="%") == shown(status="closed") == set()
    assert client.get(reverse("analysis:desk")).context["tags"] == ["Torre", "urgente"]
    assert "No such case" in client.get(reverse("analysis:desk"), {"text": "nothing"}).content.decode()
