"""The page of one account of a case about posts: its rows of the report, its posts as they came in, and who else posted the same words."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from alert_scene import scene
from django.db import connection
from django.urls import reverse

from portal.analysis import account_page, custody
from portal.analysis.models import Case
from portal.core import media
from tests.portal.portal_scene import place, signed_in
from tests.portal.posts_scene import body, examined_posts

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(settings, tmp_path) -> Case:
    settings.MEDIA_FOLDER = tmp_path
    at = scene()
    return examined_posts(at.operator, at.site)


def address(case: Case, name: str) -> str:
    return f"{reverse('analysis:account', args=[case.pk])}?name={name}"


def test_an_account_of_a_campaign_has_its_rows_and_its_posts_with_who_else_wrote_them(case):
    found = account_page.of(case, "hand_3")
    assert (found.count, len(found.posts), found.problem) == (8, 8, "")
    assert [post.t for post in found.posts][:2] == ["2026-09-01 08:30:06", "2026-09-01 09:30:06"]
    assert {post.others for post in found.posts} == {4}
    assert (found.posts[0].line, next(len(table.rows) for _caption, table in found.tables)) == (5, 1)
    page = body(signed_in(case.opened_by), address(case, "hand_3"))
    assert "8 posts in this case" in page
    assert "The same words from 4 other accounts." in page


def test_the_cases_page_leads_there_and_what_was_posted_is_shown_and_never_run(case):
    page = body(signed_in(case.opened_by), reverse("analysis:case", args=[case.pk]))
    assert address(case, "hand_3") in page
    shown = body(signed_in(case.opened_by), address(case, "Anna%20Rossi"))
    assert "&lt;script&gt;document.title" in shown
    assert "<script>document.title" not in shown


@pytest.mark.parametrize("name", ["", "nobody", "%00", "x" * 3000, "hand_3%0A"])
def test_there_is_no_page_of_a_name_that_the_report_does_not_hold(case, name):
    assert signed_in(case.opened_by).get(address(case, name)).status_code == 404


def test_strangers_see_none_and_a_look_stands_in_the_custody(case):
    assert signed_in(place("elsewhere").person("operator")).get(address(case, "hand_3")).status_code == 404
    other = place("third").person("administrator")
    assert signed_in(other).get(address(case, "hand_3")).status_code == 404
    signed_in(case.opened_by).get(address(case, "hand_3"))
    assert any(line.what == "looked at a case" for line in custody.lines(case))


def test_a_file_that_is_gone_leaves_the_rows(case):
    media.path(case.files.get().sha256).unlink()
    page = body(signed_in(case.opened_by), address(case, "hand_3"))
    assert "The file is no longer here." in page
    assert "0 posts" not in page
    assert "What the report says of it" in page


@pytest.mark.django_db(transaction=True)
def test_many_pages_at_once_are_as_one_by_one(case):
    names = ["hand_0", "hand_3", "Anna Rossi", "bruno"] * 3
    alone = [account_page.of(case, name) for name in names]
    start = threading.Barrier(len(names))

    def opened(name: str) -> account_page.AccountPage | None:
        start.wait(60)
        try:
            return account_page.of(Case.objects.get(pk=case.pk), name)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(names)) as pool:
        assert list(pool.map(opened, names)) == alone
    assert [page.count for page in alone[:4]] == [8, 8, 2, 2]


def test_columns_that_a_person_set_are_read_here_too(settings, tmp_path):
    settings.MEDIA_FOLDER = tmp_path
    at = scene()
    rows = "\n".join(f"2026-09-01 08:0{n}:00,who_{n % 3},b,Something about the tower and its bells number {n}" for n in range(9))
    found = examined_posts(at.operator, at.site, text=f"time,poster,account,text\n{rows}", options={"columns": {"text": "text", "account": "poster"}})
    name = next(iter(sorted(account_page.names_in(found))))
    assert (name, account_page.of(found, name).count) == ("who_0", 3)
