"""Which role opens which page and address."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from portal.accounts.permissions import require_role
from portal.accounts.queries import sites_of
from tests.portal.portal_scene import person, place, signed_in

pytestmark = pytest.mark.django_db
ROLES = ("operator", "manager", "administrator")
ALL = set(ROLES)
PAGES = {
    "/": ALL,
    "/wall/": ALL,
    "/sites/": ALL,
    "/sites/square/": ALL,
    "/sites/square/tiles/": ALL,
    "/sites/square/flow/": ALL,
    "/sites/square/cameras/lawn/": ALL,
    "/sites/square/cameras/new/": {"manager", "administrator"},
    "/sites/new/": {"administrator"},
    "/agents/": {"administrator"},
    "/audit/": {"manager", "administrator"},
    "/health/": ALL,
    "/users/": {"administrator"},
    "/users/invite/": {"administrator"},
    "/api/": ALL,
    "/api/v1/sites": ALL,
    "/api/v1/cameras": ALL,
    "/api/v1/agents": {"administrator"},
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_pages_and_no_others(page, role):
    status = signed_in(place().person(role)).get(page).status_code
    assert status == (200 if role in PAGES[page] else 403)


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("/api/v1")])
def test_a_stranger_is_sent_to_sign_in(page):
    place()
    answer = signed_in(None).get(page)
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in/")


@pytest.mark.parametrize("page", ["/api/v1/sites", "/api/v1/cameras", "/api/v1/agents"])
def test_the_api_answers_a_stranger_401(page):
    assert signed_in(None).get(page).status_code == 401


@pytest.mark.parametrize("page", ["/", "/sites/", "/wall/", "/health/", "/api/"])
def test_somebody_without_any_role_sees_the_page_that_explains_it(page):
    answer = signed_in(person("nobody@square.example")).get(page)
    assert answer.status_code == 403
    assert "administrator" in answer.content.decode()


@pytest.mark.parametrize(
    "page", ["/sites/museum/", "/sites/museum/cameras/lawn/", "/sites/museum/flow/", "/sites/museum/tiles/", "/sites/museum/cameras/lawn/frame.jpg"]
)
def test_a_foreign_site_does_not_exist(page):
    place("museum")
    assert signed_in(place().person("manager")).get(page).status_code == 404


def test_a_role_that_is_taken_away_is_gone_at_the_next_request():
    operator = place().person("operator")
    client = signed_in(operator)
    assert client.get("/sites/").status_code == 200
    operator.memberships.all().delete()
    assert client.get("/sites/").status_code == 403


def test_a_closed_account_sees_no_site():
    operator = place().person("operator")
    operator.is_active = False
    assert list(sites_of(operator)) == []


def test_a_role_at_one_site_shows_that_site_only():
    square, museum = place(), place("museum")
    assert list(sites_of(square.person("operator"))) == [square.site]
    assert set(sites_of(person("all@square.example", "operator"))) == {square.site, museum.site}


def test_sites_of_counts_the_role_that_is_asked_for():
    square = place()
    assert list(sites_of(square.person("operator"), "manager")) == []


def test_require_role_knows_role_and_site():
    square, museum = place(), place("museum")
    manager = square.person("manager")
    require_role(manager, square.site, "manager", "administrator")
    require_role(manager, None, "manager")
    for site, role in [(museum.site, "manager"), (square.site, "operator"), (None, "administrator")]:
        with pytest.raises(PermissionDenied):
            require_role(manager, site, role)


def test_require_role_reads_the_database_not_what_was_remembered():
    square = place()
    manager = square.person("manager")
    assert manager.has_role("manager", square.site)
    manager.memberships.all().delete()
    with pytest.raises(PermissionDenied):
        require_role(manager, square.site, "manager")


def test_the_navigation_shows_only_what_opens():
    text = signed_in(place().person("operator")).get("/sites/").content.decode()
    assert 'href="/agents/"' not in text
    assert 'href="/audit/"' not in text
    assert 'href="/wall/"' in text


@pytest.mark.parametrize("page", ["/", "/sites/", "/sites/square/", "/sites/square/cameras/lawn/", "/agents/", "/health/", "/audit/", "/account/", "/api/"])
def test_every_page_forbids_foreign_and_inline_scripts(page):
    place()
    answer = signed_in(person("all@square.example", "administrator")).get(page)
    policy, text = answer["Content-Security-Policy"], answer.content.decode()
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert " style=" not in text
    assert " onclick=" not in text
