"""Sessions: a fresh one at each sign-in, ended by signing out, by a new password and by time; lock-outs end by themselves."""

from __future__ import annotations

import datetime

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from portal.accounts import actions
from portal.accounts.models import Membership, User
from portal.core.models import AuditRow
from tests.portal.portal_scene import PASSWORD, person, place, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def maria():
    place()
    return person("maria@square.example", "operator")


def sign_in(client, password=PASSWORD, email="maria@square.example"):
    return client.post("/sign-in/", {"username": email, "password": password})


def inside(client):
    """Whether a page that wants a sign-in opens."""
    return client.get("/sites/").status_code == 200


def session_key(client):
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def test_signing_in_makes_a_new_session_of_a_strangers(maria):
    client = Client()
    planted = client.session
    planted["planted"] = True
    planted.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key
    sign_in(client)
    assert inside(client)
    assert session_key(client) != planted.session_key
    assert not Session.objects.filter(pk=planted.session_key).exists()


def test_signing_out_ends_the_session_on_the_server(maria):
    client, stolen = Client(), Client()
    sign_in(client)
    stolen.cookies[settings.SESSION_COOKIE_NAME] = session_key(client)
    client.post("/sign-out/")
    assert not inside(stolen)


def test_two_devices_have_two_sessions(maria):
    here, there = Client(), Client()
    sign_in(here)
    sign_in(there)
    here.post("/sign-out/")
    assert inside(there)


def test_a_new_password_ends_the_other_devices_sessions_and_not_the_own(maria):
    here, there = Client(), Client()
    sign_in(here)
    sign_in(there)
    here.post("/new-password/", {"password": "another walk along the river", "again": "another walk along the river"})
    assert (inside(here), inside(there)) == (True, False)


def test_closing_an_account_ends_its_sessions_at_once(maria):
    client = Client()
    sign_in(client)
    User.objects.update(is_active=False)
    assert not inside(client)


def test_a_session_that_ran_out_opens_nothing(maria):
    client = Client()
    sign_in(client)
    Session.objects.update(expire_date=timezone.now() - datetime.timedelta(seconds=1))
    assert not inside(client)


@pytest.mark.parametrize("value", ["", "x", "0" * 32, "../../secrets/django.key", "é" * 10])
def test_a_made_up_session_opens_nothing(maria, value):
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = value
    assert not inside(client)


def test_a_lock_out_ends_after_a_quarter_of_an_hour(maria):
    client = Client()
    for _ in range(5):
        sign_in(client, "wrong")
    assert sign_in(client).status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - datetime.timedelta(minutes=16))
    assert sign_in(client).status_code == 302


def test_the_page_of_a_lock_out_says_how_long_in_both_languages(maria):
    client = Client()
    for _ in range(5):
        sign_in(client, "wrong")
    for language, words in [("en", "15 minutes"), ("it", "15 minuti")]:
        answer = client.post("/sign-in/", {"username": maria.email, "password": PASSWORD}, headers={"accept-language": language})
        assert words in answer.content.decode()


def test_a_name_nobody_has_is_locked_out_like_any_other(maria):
    statuses = [sign_in(Client(), "wrong", "nobody@square.example").status_code for _ in range(6)]
    assert statuses[-1] == 429


def test_a_name_nobody_has_gets_the_same_words_as_a_wrong_password(maria):
    unknown, wrong = (sign_in(Client(), "wrong", email).content.decode() for email in ("nobody@square.example", maria.email))
    sentence = "This e-mail address and password do not belong together."
    assert sentence in unknown
    assert sentence in wrong


@pytest.mark.parametrize("email", ["", "x" * 10_000, "maria@square.example\x00", "' OR 1=1 --", "\N{RIGHT-TO-LEFT OVERRIDE}"])
def test_odd_names_are_refused_and_break_nothing(maria, email):
    assert sign_in(Client(), PASSWORD, email).status_code in (200, 400, 429)


@pytest.mark.parametrize("password", ["", "x" * 5000, "\x00"])
def test_odd_passwords_are_refused_and_break_nothing(maria, password):
    assert sign_in(Client(), password).status_code == 200


def test_a_one_time_password_is_used_up_by_the_new_one():
    person_, password = actions.make_person(actor="system", email="luigi@square.example", roles=["operator"])
    client = Client()
    sign_in(client, password, person_.email)
    client.post("/new-password/", {"password": "a walk along the river", "again": "a walk along the river"})
    assert sign_in(Client(), password, person_.email).status_code == 200
    assert sign_in(Client(), "a walk along the river", person_.email).status_code == 302


@pytest.mark.parametrize("page", ["/", "/sites/", "/audit/", "/account/", "/api/", "/desk/"])
def test_a_one_time_password_leads_from_every_page_to_the_new_one(page):
    place()
    user = person("luigi@square.example", "operator")
    User.objects.update(must_change_password=True)
    user.refresh_from_db()
    assert signed_in(user).get(page)["Location"] == "/new-password/"


def test_the_one_time_password_itself_is_not_taken_as_the_new_one():
    user, password = actions.make_person(actor="system", email="luigi@square.example", roles=["operator"])
    client = signed_in(user)
    client.post("/new-password/", {"password": "short", "again": "short"})
    user.refresh_from_db()
    assert user.must_change_password
    assert user.check_password(password)


def test_making_a_person_leaves_a_row_with_roles_and_without_the_password():
    user, password = actions.make_person(actor="system", email="Luigi@Square.example", roles=["operator", "manager"], name="Luigi")
    row = AuditRow.objects.get(verb="account.made")
    assert row.data == {"email": "luigi@square.example", "roles": ["operator", "manager"]}
    assert password not in str(row.data)
    assert user.memberships.count() == 2


def test_a_role_that_does_not_exist_makes_nobody():
    with pytest.raises(ValueError, match="emperor"):
        actions.make_person(actor="system", email="nero@square.example", roles=["operator", "emperor"])
    assert (User.objects.count(), Membership.objects.count()) == (0, 0)


def test_signing_out_stands_in_the_audit_log(maria):
    client = Client()
    sign_in(client)
    client.post("/sign-out/")
    verbs = list(AuditRow.objects.order_by("id").values_list("verb", flat=True))
    assert verbs == ["account.signed_in", "account.signed_out"]


def test_a_signed_in_person_does_not_see_the_sign_in_page(maria):
    assert signed_in(maria).get("/sign-in/")["Location"] == "/"


def test_after_signing_out_the_browser_is_back_at_the_sign_in_page(maria):
    assert signed_in(maria).post("/sign-out/")["Location"] == "/sign-in/"


def test_the_same_role_at_the_same_place_is_held_once(maria):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError):
        Membership.objects.create(user=maria, role="operator", site=None)


def test_a_person_is_called_by_name_or_else_by_address():
    assert str(User(email="maria@square.example", name="Maria")) == "Maria"
    assert str(User(email="maria@square.example")) == "maria@square.example"
