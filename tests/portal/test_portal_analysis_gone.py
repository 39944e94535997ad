"""A case goes in the night while somebody's page of it is being made: after whichever question to the database, the answer is the page or "not found"."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from alert_scene import scene
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from portal.analysis.models import Case
from tests.portal.portal_scene import signed_in
from tests.portal.posts_scene import examined_posts

pytestmark = pytest.mark.django_db
MOST_QUERIES = 150  # of one page; more means that the loop does not end


@pytest.fixture
def case(settings, tmp_path) -> Case:
    settings.MEDIA_FOLDER = tmp_path
    at = scene()
    return examined_posts(at.operator, at.site)


def gone_after(number: int, case: Case, ask: Callable[[], HttpResponse]) -> tuple[HttpResponse, bool]:
    """What is answered when the case goes right after this question to the database, counted from 1, and whether there were so many."""
    asked = 0

    def counted(execute, sql, params, many, context):
        nonlocal asked
        found = execute(sql, params, many, context)
        asked += 1
        if asked == number:
            Case.objects.filter(pk=case.pk).delete()
        return found

    with connection.execute_wrapper(counted):
        answer = ask()
    return answer, asked >= number


PAGES = {
    "case": lambda client, pk: client.get(reverse("analysis:case", args=[pk])),
    "account": lambda client, pk: client.get(f"{reverse('analysis:account', args=[pk])}?name=hand_3"),
    "input": lambda client, pk: client.get(reverse("analysis:input_file", args=[pk, 1])),
    "note": lambda client, pk: client.post(reverse("analysis:note", args=[pk]), {"text": "From a reader"}),
    "api": lambda client, pk: client.get(f"/api/v1/cases/{pk}"),
    "api report": lambda client, pk: client.get(f"/api/v1/cases/{pk}/report.json"),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_case_that_goes_meanwhile_is_not_found(case, page):
    client: Client = signed_in(case.opened_by)
    statuses = set()
    for number in range(1, MOST_QUERIES):
        with transaction.atomic():
            answer, there = gone_after(number, case, lambda: PAGES[page](client, case.pk))
            transaction.set_rollback(True)
        if not there:
            break
        statuses.add(answer.status_code)
    assert not there
    assert 404 in statuses
    assert statuses <= {200, 302, 404}
