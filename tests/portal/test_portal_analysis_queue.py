"""The desk's queue: who goes first, what is cancelled, and that a tool which takes too much, breaks or hangs harms its own case only."""

from __future__ import annotations

import os
import threading

import pytest
from alert_scene import scene, user
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob
from test_portal_analysis import examined, file, opened, operator

from portal.analysis import actions, queries, tasks
from portal.analysis.models import Case, CaseState, Priority
from portal.core import media
from portal.core.models import AuditRow

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_store(settings, tmp_path):
    settings.MEDIA_FOLDER = tmp_path / "media"


def hanging(case: Case) -> None:
    """Let the case's file be one that never ends: whoever reads it waits for ever."""
    path = media.path(case.files.get().sha256)
    path.unlink()
    os.mkfifo(path)


def run(case: Case) -> Case:
    tasks.run_case(case_id=case.pk)
    case.refresh_from_db()
    return case


def test_cases_wait_in_the_order_in_which_they_were_opened():
    person = operator()
    first, second = opened(person), opened(person)
    assert [queries.position(each) for each in (first, second)] == [1, 2]
    assert queries.case_state(person, second.pk)["position"] == 2


def test_an_urgent_case_goes_first_and_its_job_too():
    person = operator()
    first, second = opened(person), opened(person)
    second = actions.set_priority(user=person, case_id=second.pk, priority=Priority.URGENT)
    assert [queries.position(each) for each in (second, first)] == [1, 2]
    jobs = ProcrastinateJob.objects.filter(task_name="analysis.run_case").order_by("-priority", "id")
    assert [job.args["case_id"] for job in jobs][:2] == [second.pk, first.pk]
    assert AuditRow.objects.filter(verb="case.priority", subject=f"case:{second.pk}").exists()


def test_a_case_with_two_jobs_is_examined_once():
    person = operator()
    case = opened(person)
    actions.set_priority(user=person, case_id=case.pk, priority=Priority.URGENT)
    for job in ProcrastinateJob.objects.filter(task_name="analysis.run_case"):
        assert job.lock == f"case-{case.pk}"
        tasks.run_case(**job.args)
    assert AuditRow.objects.filter(verb="case.done").count() == 1


def test_a_manager_decides_no_priority():
    at = scene()
    case = opened(at.operator, site=at.site)
    with pytest.raises(PermissionDenied):
        actions.set_priority(user=at.manager, case_id=case.pk, priority=Priority.URGENT)


@pytest.mark.parametrize("priority", [3, -1])
def test_an_unknown_priority_is_refused(priority):
    person = operator()
    with pytest.raises(ValidationError):
        actions.set_priority(user=person, case_id=opened(person).pk, priority=priority)


def test_a_cancelled_case_is_never_examined():
    person = operator()
    case = opened(person)
    actions.cancel_case(user=person, case_id=case.pk)
    assert run(case).state == CaseState.CANCELLED
    assert case.report is None


def test_a_case_that_is_over_is_neither_cancelled_nor_hurried():
    person = operator()
    case = examined(person)
    for act in (lambda: actions.cancel_case(user=person, case_id=case.pk), lambda: actions.set_priority(user=person, case_id=case.pk, priority=10)):
        with pytest.raises(ValidationError, match="over"):
            act()


def test_nobody_cancels_a_case_they_do_not_see():
    case = opened(operator())
    with pytest.raises(Case.DoesNotExist):
        actions.cancel_case(user=user("other@example.org", "operator"), case_id=case.pk)


@pytest.mark.django_db(transaction=True)
def test_a_running_tool_is_stopped_when_its_case_is_cancelled():
    person = operator()
    case = opened(person)
    hanging(case)
    worker = threading.Thread(target=lambda: (tasks.run_case(case_id=case.pk), connection.close()))
    worker.start()
    while not queries.is_wanted(case.pk):
        worker.join(0.05)
        assert worker.is_alive()
    actions.cancel_case(user=person, case_id=case.pk)
    worker.join(60)
    case.refresh_from_db()
    assert not worker.is_alive()
    assert case.state == CaseState.CANCELLED


def test_a_tool_that_takes_too_long_is_stopped_with_a_sentence(settings):
    settings.DESK_LIMITS = {"picture-check": (1000, 0.5)}
    case = opened(operator())
    hanging(case)
    assert run(case).state == CaseState.FAILED
    assert "did not finish within" in case.problem_words


def test_a_tool_that_takes_too_much_memory_is_stopped_with_a_sentence(settings):
    settings.DESK_LIMITS = {"picture-check": (4, 60)}
    case = run(opened(operator()))
    assert case.problem_words == "The tool needed more than 4 MB of memory for this file and was stopped."


def test_the_next_case_is_examined_as_if_nothing_had_happened(settings):
    person = operator()
    settings.DESK_LIMITS = {"picture-check": (4, 60)}
    run(opened(person))
    settings.DESK_LIMITS = {}
    assert run(opened(person)).state == CaseState.DONE


def test_no_scraps_of_an_examination_are_left(settings):
    examined(operator())
    assert list((settings.MEDIA_FOLDER / "incoming").iterdir()) == []


def test_stages_are_kept_in_their_order():
    case = examined(operator())
    assert [each["share"] for each in case.stages] == sorted(each["share"] for each in case.stages)
    assert len({str(each["stage"]) for each in case.stages}) == len(case.stages) > 2


def test_what_comes_for_a_cancelled_case_is_dropped():
    person = operator()
    case = opened(person)
    actions.begin_examination(case_id=case.pk)
    actions.cancel_case(user=person, case_id=case.pk)
    actions.show_progress(case_id=case.pk, share=0.5, stage="late")
    actions.fail_case(case_id=case.pk, code="broke", params={})
    case.refresh_from_db()
    assert (case.state, case.stages, case.failure) == (CaseState.CANCELLED, [], None)


def test_a_case_whose_worker_was_killed_is_examined_again_from_the_start():
    person = operator()
    case = opened(person, file("a.jpg"))
    actions.begin_examination(case_id=case.pk)
    actions.show_progress(case_id=case.pk, share=0.5, stage="half way")
    assert run(case).state == CaseState.DONE
    assert "half way" not in [each["stage"] for each in case.stages]
