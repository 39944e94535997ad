"""The analysis desk: what may be laid on it, what comes back, who may see it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from alert_scene import scene, user
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from PIL import Image
from procrastinate.contrib.django.models import ProcrastinateJob

from portal.analysis import actions, pdf, queries, tasks, tools
from portal.analysis.models import Case, CaseFile, CaseState
from portal.core import media

pytestmark = pytest.mark.django_db
STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


def file(name: str, content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, (STAFF / "custode-1.jpg").read_bytes() if content is None else content)


def picture(height: int, width: int) -> bytes:
    return bytes(cv2.imencode(".png", np.full((height, width, 3), 90, np.uint8))[1])


def operator():
    return user("guard@example.org", "operator")


def opened(person, *files, **more) -> Case:
    return actions.open_case(user=person, files=files or [file("a.jpg")], **more)


def examined(person, *files, **more) -> Case:
    case = opened(person, *files, **more)
    tasks.run_case(case_id=case.pk)
    case.refresh_from_db()
    return case


def test_a_picture_becomes_a_case_with_a_job_and_a_file_by_its_sha256():
    case = opened(operator())
    assert ProcrastinateJob.objects.get(task_name="analysis.run_case").args == {"case_id": case.pk}
    assert media.path(case.files.get().sha256).read_bytes() == (STAFF / "custode-1.jpg").read_bytes()


def test_a_picture_comes_back_as_a_report_with_evidence():
    case = examined(operator())
    assert (case.state, case.report["parts"][1]["fields"][0]["value"]) == (CaseState.DONE, 1)
    assert media.path(case.evidence["faces"]).read_bytes().startswith(b"\x89PNG")


def test_two_pictures_are_compared_and_weighed_by_a_likelihood_ratio():
    case = examined(operator(), file("a.jpg"), file("b.jpg", (STAFF / "custode-2.jpg").read_bytes()), tool="face-compare")
    assert case.report["verdict"]["label"]["text"].startswith("log10 LR -")
    assert {"aligned", "tippett"} <= set(case.evidence)
    assert pdf.render(case).startswith(b"%PDF")


def test_the_pdf_of_a_comparison_names_every_input_and_the_ratio(tmp_path):
    case = examined(operator(), file("a.jpg"), file("b.jpg", (STAFF / "custode-2.jpg").read_bytes()), tool="face-compare")
    document = pdf.document(case, tmp_path)
    assert [sha256 for _, _, sha256 in document["files"]] == [each.sha256 for each in case.files.all()]
    assert "log10 LR" in document["label"]
    assert document["examined"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("e.jpg", b"", "empty"),
        ("t.jpg", b"<html>no picture", "this tool reads a picture"),
        ("half.jpg", (STAFF / "custode-1.jpg").read_bytes()[:900], "cut off"),
        ("huge.png", picture(12_001, 12_001), "huge.png"),
    ],
)
def test_a_file_that_cannot_be_examined_is_refused_by_name_and_nothing_is_kept(name, content, problem):
    with pytest.raises(ValidationError, match=problem):
        opened(operator(), file(name, content))
    assert not Case.objects.exists()
    assert not ProcrastinateJob.objects.exists()


def test_a_file_past_the_limit_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(tools, "MB", 1)
    with pytest.raises(ValidationError, match="too large"):
        opened(operator())


@pytest.mark.parametrize(("count", "tool"), [(0, "picture-check"), (2, "picture-check"), (1, "face-compare"), (1, "crystal-ball")])
def test_the_wrong_number_of_files_or_an_unknown_tool_is_refused(count, tool):
    with pytest.raises(ValidationError):
        actions.open_case(user=operator(), files=[file("a.jpg")] * count, tool=tool)


@pytest.mark.parametrize("mode", ["CMYK", "L", "I;16", "P"])
def test_unusual_colour_modes_are_examined(mode):
    kept = io.BytesIO()
    Image.new(mode, (200, 100)).save(kept, "JPEG" if mode == "CMYK" else "PNG")
    assert examined(operator(), file("x", kept.getvalue())).state == CaseState.DONE


def test_the_same_picture_twice_is_one_file_and_two_cases():
    person = operator()
    first, second = opened(person), opened(person)
    assert first.pk != second.pk
    assert len(set(CaseFile.objects.values_list("sha256", flat=True))) == 1


def test_a_job_that_is_done_again_changes_nothing():
    case = examined(operator())
    before = case.ended
    tasks.run_case(case_id=case.pk)
    case.refresh_from_db()
    assert case.ended == before


def test_a_case_whose_file_vanished_fails_with_a_sentence(caplog):
    case = opened(operator())
    media.path(case.files.get().sha256).unlink()
    tasks.run_case(case_id=case.pk)
    case.refresh_from_db()
    assert case.state == CaseState.FAILED
    assert case.problem


def test_a_refusal_calls_the_file_by_the_name_that_it_came_with():
    head = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0\0\0\x08free" * 4  # what is left of a download that broke off
    case = examined(operator(), file('torre "chiusa" è.mp4', head), tool="video-forensics")
    assert case.state == CaseState.FAILED
    assert 'torre "chiusa" è.mp4' in case.problem_words
    assert case.files.get().sha256 not in json.dumps(case.failure)


def test_the_pdf_is_a_pdf_and_takes_any_title_as_text():
    case = examined(operator(), title='#panic("x") *bold* \\ $ "')
    assert pdf.render(case).startswith(b"%PDF")


def test_only_who_opened_a_case_or_looks_after_its_site_sees_it():
    at = scene()
    case = opened(at.operator, site=at.site)
    assert queries.case_state(at.manager, case.pk)["status"] == "queued"
    assert queries.case_state(user("other@example.org", "operator", scene("elsewhere").site), case.pk) is None


def test_the_desk_opens_a_case_at_one_of_the_readers_sites(client):
    at = scene()
    client.force_login(at.operator)
    client.post(reverse("analysis:desk"), {"file": file("a.jpg"), "tool": "picture-check", "site": at.site.slug})
    assert Case.objects.get().site == at.site


@pytest.mark.parametrize("slug", ["elsewhere", "nowhere"])
def test_the_desk_knows_no_site_of_others(client, slug):
    at = scene()
    scene("elsewhere")
    client.force_login(at.operator)
    answer = client.post(reverse("analysis:desk"), {"file": file("a.jpg"), "tool": "picture-check", "site": slug})
    assert (answer.status_code, Case.objects.exists()) == (422, False)
    assert f"You look after no site {slug}." in answer.content.decode()


def test_the_api_opens_a_case_at_a_site(client):
    at = scene()
    client.force_login(at.operator)
    assert client.post(reverse("api:cases"), {"file": file("a.jpg"), "site": at.site.slug}).status_code == 201
    assert client.post(reverse("api:cases"), {"file": file("a.jpg"), "site": "nowhere"}).status_code == 400
    assert [case.site for case in Case.objects.all()] == [at.site]


def test_a_case_for_somebody_elses_site_is_refused():
    with pytest.raises(PermissionDenied):
        opened(scene().operator, site=scene("elsewhere").site)


@pytest.fixture
def guard(client):
    client.person = operator()
    client.force_login(client.person)
    return client


def test_the_desk_takes_a_picture_and_leads_to_its_case(guard):
    answer = guard.post(reverse("analysis:desk"), {"file": file("a.jpg"), "tool": "picture-check"})
    assert answer.url == reverse("analysis:case", args=[Case.objects.get().pk])
    assert b"progress" in guard.get(answer.url).content


def test_the_desk_says_what_was_wrong_with_a_file(guard):
    answer = guard.post(reverse("analysis:desk"), {"file": file("t.jpg", b"text"), "tool": "picture-check"})
    assert answer.status_code == 422
    assert b"t.jpg cannot be examined" in answer.content


def test_the_api_takes_a_picture_and_gives_the_report_as_json_and_pdf(guard):
    case = guard.post(reverse("api:cases"), {"file": file("a.jpg")}).json()
    assert guard.get(reverse("api:report-json", args=[case["id"]])).status_code == 404
    tasks.run_case(case_id=case["id"])
    assert guard.get(reverse("api:case", args=[case["id"]])).json()["status"] == "done"
    assert guard.get(reverse("api:report-json", args=[case["id"]])).json()["inputs"] == [case["files"][0]["sha256"]]
    assert guard.get(reverse("api:report-pdf", args=[case["id"]])).content.startswith(b"%PDF")


def test_evidence_is_for_those_who_may_see_the_case(guard, client):
    case = examined(guard.person)
    address = reverse("analysis:evidence", args=[case.pk, "faces"])
    assert guard.get(address)["Content-Type"] == "image/png"
    client.force_login(user("other@example.org", "operator"))
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("name", ["analysis:case", "api:case", "api:report-pdf"])
def test_a_case_that_is_not_there_is_404(guard, name):
    assert guard.get(reverse(name, args=[4711])).status_code == 404


def test_a_stranger_opens_no_case(client):
    assert client.post(reverse("api:cases"), {"file": file("a.jpg")}).status_code in (401, 403)


def test_the_list_of_cases_asks_a_fixed_number_of_questions(guard, django_assert_max_num_queries):
    for number in range(12):
        opened(guard.person, title=str(number))
    with django_assert_max_num_queries(19):
        guard.get(reverse("analysis:desk"))


def test_a_case_that_ends_while_its_page_is_made_leaves_no_page_that_waits_for_ever(client):
    person = operator()
    case = opened(person)
    client.force_login(person)

    finished = []

    def finish_it_once_it_was_read(execute, sql, *rest):
        answer = execute(sql, *rest)
        if 'FROM "analysis_case"' in sql and not finished:
            finished.append(Case.objects.filter(pk=case.pk).update(state=CaseState.DONE))
        return answer

    with connection.execute_wrapper(finish_it_once_it_was_read):
        page = client.get(reverse("analysis:case", args=[case.pk])).content.decode()
    assert finished
    assert 'data-over="no"' in page
