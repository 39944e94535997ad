"""A job exists when, and only when, the transaction commits in which it was deferred, in a request and in the real worker; it goes some time after its end."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from portal.core import jobs, tasks

pytestmark = pytest.mark.django_db(transaction=True)


class Undone(Exception):
    """Ends a transaction."""


@pytest.fixture
def ring():
    """A job for these tests only: it defers itself in a transaction that ends as it is told."""

    @app.task(name="tests.ring", queue="tests")
    def job(number: int, commits: bool) -> None:
        if number:
            ring_in_transaction(number=number - 1, commits=commits)

    yield ring_in_transaction
    del app.tasks["tests.ring"]


def ring_in_transaction(*, number: int, commits: bool) -> None:
    try:
        with transaction.atomic():
            jobs.DeferredJob("tests.ring").defer(number=number, commits=commits)
            assert ring_jobs().filter(args__number=number).exists(), "part of this transaction"
            if not commits:
                raise Undone
    except Undone:
        pass


def ring_jobs() -> QuerySet[ProcrastinateJob]:
    return ProcrastinateJob.objects.filter(task_name="tests.ring").order_by("pk")


def numbers() -> list[int]:
    return [args["number"] for args in ring_jobs().values_list("args", flat=True)]


def work() -> None:
    with app.replace_connector(app.connector.get_worker_connector()) as worker:
        worker.run_worker(queues=["tests"], wait=False, install_signal_handlers=False, listen_notify=False)


@pytest.mark.parametrize(("commits", "found"), [(True, [0]), (False, [])])
def test_a_request_defers_with_its_transaction(ring, commits, found):
    ring(number=0, commits=commits)
    assert numbers() == found


@pytest.mark.parametrize(("commits", "found"), [(True, [1, 0]), (False, [1])])
def test_a_job_of_the_worker_defers_with_its_transaction(ring, commits, found):
    jobs.DeferredJob("tests.ring").defer(number=1, commits=commits)
    work()
    assert numbers() == found
    assert set(ring_jobs().values_list("status", flat=True)) == {"succeeded"}


def ended(number: int, status: str, days_ago: float) -> None:
    """A job that came to this status so many days ago."""
    jobs.DeferredJob("tests.ring").defer(number=number, commits=True)
    job = ring_jobs().get(args__number=number)
    steps = {"todo": [], "doing": ["doing"], "cancelled": ["cancelled"]}.get(status, ["doing", status])
    with connection.cursor() as cursor:
        for step in steps:
            cursor.execute("UPDATE procrastinate_jobs SET status = %s WHERE id = %s", [step, job.pk])
        cursor.execute("UPDATE procrastinate_events SET at = at - %s * interval '1 day' WHERE job_id = %s", [days_ago, job.pk])


def test_jobs_that_ended_long_ago_are_deleted_at_night_and_no_others(ring):
    done, failed = tasks.DONE_KEPT_DAYS, tasks.FAILED_KEPT_DAYS
    old = [("succeeded", done + 1), ("cancelled", done + 1), ("aborted", done + 1), ("failed", failed + 1)]
    kept = [("succeeded", done - 1), ("cancelled", done - 1), ("aborted", done - 1), ("failed", failed - 1), ("doing", 1000), ("todo", 1000)]
    for number, (status, days_ago) in enumerate(old + kept):
        ended(number, status, days_ago)
    ring_jobs().filter(status="todo").update(queue_name="elsewhere")
    tasks.delete_old_jobs.configure(queue="tests").defer(timestamp=0)
    work()
    assert sorted(numbers()) == list(range(len(old), len(old) + len(kept)))
