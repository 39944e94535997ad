"""Many jobs and many requests at once get the answers that each gets alone: what the worker's and the portal's threads share is safe."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from alert_scene import scene, user
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from portal.analysis import actions, case_actions, tasks
from portal.analysis.models import Case, CaseState
from tests.portraits import drawing, face, wall

pytestmark = pytest.mark.django_db(transaction=True)
JOBS, PICTURE_CHECKS, COMPARISONS = 6, 24, 12  # `bench desk` runs 36 and 30, again and again on a busy machine


def at_once(work: Callable[[Any], Any], items: Iterable[Any], threads: int) -> list[Any]:
    """Each item's answer, from so many threads; their connections are closed before the database is emptied."""

    def one(item: Any) -> Any:
        try:
            return work(item)
        finally:
            connection.close()

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, items))


def result(case: Case) -> tuple[str, str, Any]:
    case.refresh_from_db()
    return case.state, case.problem, case.report and (case.report["verdict"], case.report["parts"], case.evidence)


def test_36_jobs_of_two_tools_at_once_say_what_each_says_alone():
    operator = user("guard@example.org", "operator")

    def opened(tool: str, *contents: bytes) -> Case:
        return actions.open_case(user=operator, files=[SimpleUploadedFile(f"{n}.png", content) for n, content in enumerate(contents)], tool=tool)

    singles = [(wall(),), (wall(1),), (wall(1, 2),)]
    pairs = [(face(1), face(2)), (face(1), wall(1, 3)), (wall(2), face(2))]
    kinds = [("picture-check", each) for each in singles] + [("face-compare", each) for each in pairs]
    alone = {}
    for n, (tool, contents) in enumerate(kinds):
        case = opened(tool, *contents)
        tasks.run_case(case_id=case.pk)
        alone[n] = result(case)
    assert [state for state, _problem, _report in alone.values()] == [CaseState.DONE] * len(kinds)
    wanted = [n % 3 for n in range(PICTURE_CHECKS)] + [3 + n % 3 for n in range(COMPARISONS)]
    wanted = [wanted[n * 25 % len(wanted)] for n in range(len(wanted))]  # 25 and 36 share no divisor: the two tools alternate
    cases = [opened(kinds[n][0], *kinds[n][1]) for n in wanted]
    at_once(lambda case: tasks.run_case(case_id=case.pk), cases, JOBS)
    assert [result(case) for case in cases] == [alone[n] for n in wanted]


def test_five_pictures_chosen_at_once_for_enrolment_are_each_taken_for_what_they_are_20_times():
    at = scene()
    browser = Client()
    browser.force_login(at.manager)
    pictures = [face(1), face(2), face(3), wall(1, 2), drawing()]

    def answer(content: bytes) -> tuple[int, Any]:
        page = Client(raise_request_exception=False)
        page.cookies = browser.cookies
        reply = page.post(reverse("people:judge"), {"site": at.site.pk, "picture": SimpleUploadedFile("a.jpg", content)})
        return reply.status_code, reply.json() if reply.status_code == 200 else None

    alone = [answer(content) for content in pictures]
    assert [reply["fits"] for _status, reply in alone] == [True, True, True, False, False]
    assert at_once(answer, pictures * 20, len(pictures)) == alone * 20


def test_a_question_that_twelve_people_ask_at_the_same_moment_is_put_once():
    guard = user("guard@example.org", "operator")
    case = actions.open_case(user=guard, files=[SimpleUploadedFile("tower.png", wall(1))], tool="picture-check")
    tasks.run_case(case_id=case.pk)

    def asked(_n: int) -> str:
        try:
            case_actions.ask_another(user=guard, case_id=case.pk, tool="picture-forensics", files=(0,))
        except ValidationError as refused:
            return refused.messages[0]
        return "put"

    answers = at_once(asked, range(12), 12)
    assert answers.count("put") == 1
    assert Case.objects.filter(tool="picture-forensics").count() == 1
    assert {each for each in answers if "already" not in each} == {"put"}
