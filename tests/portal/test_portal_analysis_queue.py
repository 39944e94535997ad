"""The desk's queue: who goes first, what is cancelled, and that a tool which takes too much, breaks or hangs harms its own case only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alert_scene import scene, user
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import translation
from procrastinate.contrib.django.models import ProcrastinateJob
from test_portal_analysis import examined, file, opened, operator

from detectors import registry
from portal.analysis import actions, queries, tasks
from portal.analysis.models import Case, CaseState, Priority
from portal.core.models import AuditRow

FAULTY = Path(__file__).with_name("faulty_tools")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_store(settings, tmp_path):
    settings.MEDIA_FOLDER = tmp_path / "media"


@pytest.fixture(autouse=True)
def _faulty_tools() -> Iterator[None]:
    added = registry.discover(FAULTY)
    yield
    registry.withdraw(added)


def faulty(person, how: str) -> Case:
    return actions.open_case(user=person, tool=f"faulty-{how}", text="a text")


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
    case = faulty(person, "hangs")
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


@pytest.mark.parametrize(
    ("how", "limits", "sentence"),
    [
        ("hangs", (500, 0.5), "The tool did not finish within 1 min and was stopped."),
        ("eats", (200, 60), "The tool needed more than 200 MB of memory for this file and was stopped."),
        ("crashes", (500, 60), "The tool crashed on this file. The administrator finds the cause in the worker's log."),
        ("leaves", (500, 60), "The tool crashed on this file. The administrator finds the cause in the worker's log."),
        ("raises", (500, 60), "The tool broke down on this file. The administrator finds the cause in the worker's log."),
    ],
)
def test_a_tool_that_goes_wrong_ends_its_case_with_a_sentence_and_the_worker_goes_on(settings, how, limits, sentence):
    settings.DESK_LIMITS = {f"faulty-{how}": limits}
    person = operator()
    case = run(faulty(person, how))
    assert (case.state, case.problem_words, case.report) == (CaseState.FAILED, sentence, None)
    with translation.override("it"):
        assert case.problem_words != sentence
    assert examined(person).state == CaseState.DONE


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
    assert AuditRow.objects.filter(verb="case.done", subject=f"case:{case.pk}").count() == 1
