"""The frame around every page: headers, error pages, the navigation, the programmer's page."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import path

from portal.house import context
from portal.urls import urlpatterns as real
from tests.portal.portal_scene import PASSWORD, person, place, signed_in

pytestmark = pytest.mark.django_db
OPEN = ["/sign-in/", "/healthz"]
SIGNED_IN = ["/", "/wall/", "/sites/", "/desk/", "/health/", "/audit/", "/training/", "/training/models/", "/account/"]


def break_down(request):
    raise RuntimeError("a secret detail of the inside")


def lose_the_database(request):
    raise OperationalError("connection refused at a secret address")


urlpatterns = [*real, path("broken/", break_down), path("lost/", lose_the_database)]
handler500 = "portal.house.views.broken"


def everything():
    return signed_in(person("all@square.example", "administrator"))


@pytest.fixture
def square():
    return place()


@pytest.mark.parametrize("page", SIGNED_IN)
def test_every_page_carries_the_headers_that_protect_it(square, page):
    reader = person("all@square.example", "administrator")
    reader.memberships.create(role="operator")
    headers = signed_in(reader).get(page).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Permissions-Policy"].startswith("camera=()")


@pytest.mark.parametrize(
    "directive", ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "style-src 'self'"]
)
@pytest.mark.parametrize("page", OPEN)
def test_strangers_pages_carry_the_whole_policy(page, directive):
    policy = Client().get(page)["Content-Security-Policy"]
    assert directive in policy
    assert "unsafe-" not in policy
    assert "http:" not in policy


@pytest.mark.parametrize("page", ["/nowhere/", "/sites/nowhere/", "/alerts/999999/", "/desk/999999/", "/training/runs/999999/"])
def test_what_is_not_there_is_a_page_that_says_so(square, page):
    answer = everything().get(page)
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()


def test_a_stranger_learns_the_same_of_what_is_not_there():
    answer = Client().get("/nowhere/", headers={"accept-language": "it"})
    assert answer.status_code == 404
    assert "Non trovato" in answer.content.decode()


def test_what_a_role_does_not_open_says_whom_to_ask(square):
    answer = signed_in(square.person("operator")).get("/agents/")
    assert answer.status_code == 403
    assert "ask the federation administrator" in answer.content.decode()


def test_a_form_without_its_token_changes_nothing_and_says_what_to_do(square):
    client = Client(enforce_csrf_checks=True)
    client.force_login(square.person("operator"), backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post("/sites/square/stop/")
    square.site.refresh_from_db()
    assert (answer.status_code, square.site.biometrics_stopped) == (403, False)
    assert "load the page again" in answer.content.decode()


@override_settings(ROOT_URLCONF=__name__, DEBUG=False)
def test_a_breakdown_says_so_in_both_languages_and_nothing_of_the_inside(square):
    client = everything()
    client.raise_request_exception = False
    answer = client.get("/broken/")
    text = answer.content.decode()
    assert answer.status_code == 500
    assert "Something broke" in text
    assert "Il portale non ha potuto rispondere" in text
    assert "secret detail" not in text


@override_settings(ROOT_URLCONF=__name__, DEBUG=False)
def test_a_breakdown_is_in_the_log_with_its_traceback(square, caplog):
    client = everything()
    client.raise_request_exception = False
    client.get("/broken/")
    assert "a secret detail of the inside" in caplog.text


@override_settings(ROOT_URLCONF=__name__, DEBUG=False)
def test_while_the_database_is_away_the_answer_is_503_and_when_to_come_again(square):
    client = everything()
    client.raise_request_exception = False
    answer = client.get("/lost/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "secret address" not in answer.content.decode()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example"])
@override_settings(ALLOWED_HOSTS=["127.0.0.1", "localhost"])
def test_a_foreign_host_name_is_refused(host):
    assert Client().get("/sign-in/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("page", ["/health/", "/audit/", "/sites/square/tiles/", "/api/"])
def test_pages_to_look_at_take_no_posts(square, page):
    assert everything().post(page).status_code == 405


@pytest.mark.parametrize(
    "page", ["/sites/square/stop/", "/sites/square/resume/", "/sites/square/cameras/gate/mode/", "/account/token/", "/account/token/drop/", "/language/"]
)
def test_deeds_are_not_done_by_a_link(square, page):
    reader = person("all@square.example", "manager")
    assert signed_in(reader).get(page).status_code == 405


def test_the_programmers_page_shows_a_first_call_that_works(square):
    text = signed_in(square.person("operator")).get("/api/").content.decode()
    assert "Authorization: Token YOUR_TOKEN" in text
    assert "/api/v1/sites" in text


@pytest.mark.parametrize(
    ("role", "groups"),
    [
        ("operator", {"Protection": ["Face log"], "House": ["Health"]}),
        ("manager", {"Protection": ["People & access", "Face log"], "House": ["Health", "Audit log"]}),
        ("administrator", {"Federation": ["Agents", "Training", "Models"], "House": ["Health", "Users", "Audit log"]}),
    ],
)
def test_the_rail_shows_each_role_its_rooms(square, role, groups):
    request = HttpRequest()
    request.user, request.path = square.person(role), "/"
    rail = context.shell(request)["rail"]
    assert {group["label"]: [entry["label"] for entry in group["entries"]] for group in rail["groups"]} == groups


@pytest.mark.parametrize(
    ("address", "here"), [("/", "watch"), ("/alerts/7/", "watch"), ("/sites/square/", "sites"), ("/training/", "training"), ("/training/models/", "models")]
)
def test_the_rail_marks_one_room_as_here(address, here):
    request = HttpRequest()
    request.user, request.path = person("all@square.example", "administrator"), address
    request.user.memberships.create(role="operator")
    rail = context.shell(request)["rail"]
    entries = [*rail["main"], *(entry for group in rail["groups"] for entry in group["entries"])]
    assert [entry["icon"] for entry in entries if entry["here"]] == [here]


def test_a_stranger_gets_no_rail():
    assert context.shell(HttpRequest()) == {"roles": set(), "rail": {}, "theme": ""}


def test_every_room_of_the_rail_opens(square):
    reader = person("all@square.example", "administrator")
    reader.memberships.create(role="operator")
    reader.memberships.create(role="manager")
    client = signed_in(reader)
    rail = client.get("/").context["rail"]
    rooms = [entry["url"] for entry in rail["main"]] + [entry["url"] for group in rail["groups"] for entry in group["entries"]]
    assert len(rooms) == 13
    assert {client.get(room).status_code for room in rooms} == {200}


def test_every_session_ends_after_a_shift(square, settings):
    client = Client()
    reader = square.person("operator")
    client.post("/sign-in/", {"username": reader.email, "password": PASSWORD})
    assert client.session.get_expiry_age() <= 12 * 3600
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
