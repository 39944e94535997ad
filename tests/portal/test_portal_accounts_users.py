"""Administrators run other people's accounts: invite, give and take roles, close, reset, end sessions; never more than their own sites."""

from __future__ import annotations

import datetime

import pytest
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from portal.accounts import actions, factor_actions, queries, sessions, user_actions
from portal.accounts.models import Membership, OneTimeLink, SecondFactorRule, User, UserSession
from portal.core.models import AuditRow
from portal.live.alerts import AlertsConsumer
from tests.portal.portal_scene import PASSWORD, person, place, problems, signed_in
from tests.portal.socket_client import SocketClient, in_one_loop

pytestmark = pytest.mark.django_db
CHOSEN = "nine slow swans over the arno"


@pytest.fixture
def square():
    return place()


@pytest.fixture
def boss():
    return person("boss@square.example", "administrator")


def link_of(answer):
    """The token that stands on the page, once."""
    return answer.context["handed"].token


def invited(boss, email="ada@square.example", **changes):
    return signed_in(boss).post("/users/invite/", {"email": email, "name": "Ada", "by": "7", "role": "operator:*", **changes})


def choose(token, client=None, password=CHOSEN):
    return (client or Client()).post(f"/welcome/{token}/", {"password": password, "again": password})


def roles_of(user):
    return {(row.role, row.site_id) for row in Membership.objects.filter(user=user)}


def test_an_invitation_lets_the_person_in_once(boss):
    answer = invited(boss, "Ada@Square.example")
    token, ada = link_of(answer), User.objects.get(email="ada@square.example")
    assert f"http://testserver/welcome/{token}/" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    client = Client()
    assert client.get(f"/welcome/{token}/").status_code == 200  # looking uses nothing up: mail programs look too
    assert choose(token, client, "short").status_code == 422
    assert choose(token, client)["Location"] == "/"
    assert client.get("/").status_code == 200
    again = choose(token)
    assert (again.status_code, "used already" in again.content.decode()) == (410, True)
    assert roles_of(ada) == {("operator", None)}
    verbs = list(AuditRow.objects.filter(subject=f"user:{ada.pk}").order_by("id").values_list("verb", flat=True))
    assert verbs == ["account.invited", "account.role_given", "account.link_used", "account.signed_in"]
    assert token not in str(list(AuditRow.objects.values_list("data", flat=True)))


def test_an_invitation_ends_by_time_by_a_newer_one_and_with_the_account(boss):
    first = link_of(invited(boss))
    ada = User.objects.get(email="ada@square.example")
    second = link_of(signed_in(boss).post(f"/users/{ada.pk}/password/", {"by": "1"}))
    assert "newer one" in choose(first).content.decode()
    OneTimeLink.objects.update(expires=timezone.now() - datetime.timedelta(seconds=1))
    assert "time of this link is over" in choose(second).content.decode()
    assert "the link has ended" in signed_in(boss).get("/users/").content.decode()
    third = user_actions.reset_password(actor=boss, user=ada, days=1).token
    user_actions.close_account(actor=boss, user=ada)
    assert choose(third).status_code == 410
    assert choose("é\x01" * 100).status_code == 410


def test_somebody_who_is_there_already_gets_the_roles_instead_of_a_second_account(boss, square):
    ada = person("ada@square.example", "manager", square.site)
    answer = invited(boss, "ADA@square.example")
    assert answer.status_code == 422
    assert "has an account with this address already" in answer.content.decode()
    assert invited(boss, "ADA@square.example", existing="1")["Location"] == f"/users/{ada.pk}/"
    assert roles_of(ada) == {("manager", square.site.pk), ("operator", None)}
    assert User.objects.filter(email__iexact="ada@square.example").count() == 1


def test_a_one_time_password_lets_the_person_in_too(boss):
    password = invited(boss, by="password").context["handed"].password
    client = Client()
    assert client.post("/sign-in/", {"username": "ada@square.example", "password": password}).status_code == 302
    assert client.get("/")["Location"] == "/new-password/"


ODD = [{"email": "x\x00@y.example"}, {"email": "x" * 100_000}, {"email": ""}, {"name": "\x00"}, {"name": "x" * 100_000}, {"by": "9999"}, {"by": "\x00"}]
ODD += [{"role": value} for value in ("", "emperor:*", "operator:99999999999999999999999", "operator:424242", "operator:-1", "operator:\x00", "x" * 100_000)]


def test_odd_invitations_are_refused_with_a_sentence(boss):
    for odd in ODD:
        answer = invited(boss, **odd)
        assert answer.status_code == 422, str(odd)[:200]
        assert 'class="errorlist' in answer.content.decode(), str(odd)[:200]
    assert User.objects.count() == 1


def test_odd_searches_break_nothing(boss):
    client = signed_in(boss)
    for query in ["q=%00", "q=" + "x" * 5000, "role=%00", "role=emperor", "site=nowhere", "state=x", "page=x", "page=999"]:
        assert client.get(f"/users/?{query}").status_code == 200, query[:200]


def test_the_list_is_searched_and_filtered(boss, square):
    person("ada@square.example", "operator", square.site)
    closed = person("old@square.example", "manager")
    User.objects.filter(pk=closed.pk).update(is_active=False)
    person("lost@square.example")
    found = {
        query: {each.email.split("@")[0] for each in signed_in(boss).get(f"/users/?{query}").context["page"]}
        for query in ("", "q=ADA", "role=manager", "site=square", "state=closed", "state=no_role", "q=nobody")
    }
    assert found == {
        "": {"ada", "boss", "lost", "old"},
        "q=ADA": {"ada"},
        "role=manager": {"old"},
        "site=square": {"ada", "boss", "old"},
        "state=closed": {"old"},
        "state=no_role": {"lost"},
        "q=nobody": set(),
    }


@pytest.mark.parametrize("role", ["operator", "manager"])
def test_only_administrators_open_the_pages_of_users(role, square, boss):
    client = signed_in(square.person(role))
    assert {client.get(page).status_code for page in ("/users/", "/users/invite/", f"/users/{boss.pk}/")} == {403}
    acts = ("roles", "close", "open", "password", "second-factor", "sessions")
    assert {client.post(f"/users/{boss.pk}/{act}/", {"by": "7"}).status_code for act in acts} == {403}
    assert client.post("/users/second-factor/square/", {"required": "1"}).status_code == 403
    assert User.objects.get(pk=boss.pk).is_active


def test_an_administrator_of_one_site_gives_roles_there_and_nowhere_else(square):
    museum, chief = place("museum"), square.person("administrator")
    for grant in ("operator:*", f"operator:{museum.site.pk}", f"administrator:{museum.site.pk}"):
        assert signed_in(chief).post("/users/invite/", {"email": "x@y.example", "by": "7", "role": grant}).status_code == 403
    assert not User.objects.filter(email="x@y.example").exists()
    ada = person("ada@square.example", "manager", museum.site)
    client = signed_in(chief)
    assert client.get(f"/users/{ada.pk}/").status_code == 404
    assert client.post("/users/second-factor/museum/", {"required": "1"}).status_code == 404
    user_actions.add_roles(actor=chief, email=ada.email, grants=frozenset({("operator", square.site.pk)}))
    text = client.get("/users/").content.decode()
    assert "one role at another site" in text
    assert "museum" not in text
    version = queries.roles_version(ada)
    client.post(f"/users/{ada.pk}/roles/", {"version": version, "role": f"administrator:{square.site.pk}"})
    assert roles_of(ada) == {("manager", museum.site.pk), ("administrator", square.site.pk)}
    # The whole account belongs to the museum's administrators too.
    acts = ("close", "password", "second-factor", "sessions")
    assert {client.post(f"/users/{ada.pk}/{act}/", {"by": "7"}).status_code for act in acts} == {403}


def test_an_administrator_of_one_site_takes_over_no_administrator_of_every_site(square, boss):
    chief = square.person("administrator")
    assert signed_in(chief).get(f"/users/{boss.pk}/").status_code == 200
    for act in (user_actions.close_account, user_actions.end_sessions, user_actions.reset_second_factor):
        with pytest.raises(PermissionDenied):
            act(actor=chief, user=boss)
    with pytest.raises(PermissionDenied):
        user_actions.reset_password(actor=chief, user=boss, days=1)


def test_two_administrators_at_the_same_roles_notice_one_another(boss, square):
    ada = person("ada@square.example", "operator", square.site)
    version = queries.roles_version(ada)
    user_actions.change_roles(actor=boss, user=ada, grants=frozenset({("manager", None)}), version=version)
    with pytest.raises(ValidationError) as refused:
        user_actions.change_roles(actor=boss, user=ada, grants=frozenset({("operator", None)}), version=version)
    assert "in the meantime" in problems(refused)
    assert roles_of(ada) == {("manager", None)}


def test_nobody_changes_or_closes_the_own_account_here(boss):
    client = signed_in(boss)
    for act in ("roles", "close", "password", "second-factor"):
        assert client.post(f"/users/{boss.pk}/{act}/", {"by": "7", "version": queries.roles_version(boss)}).status_code == 302
    boss.refresh_from_db()
    assert (boss.is_active, boss.check_password(PASSWORD), roles_of(boss)) == (True, True, {("administrator", None)})


def test_the_last_administrator_stays(boss):
    check = User.objects.create_user("check@localhost")
    Membership.objects.create(user=check, role="administrator")
    for act, more in ((user_actions.close_account, {}), (user_actions.change_roles, {"grants": frozenset(), "version": queries.roles_version(boss)})):
        with pytest.raises(ValidationError) as refused:
            act(actor=check, user=boss, **more)
        assert "last administrator" in problems(refused)
    second = person("second@square.example", "administrator")
    user_actions.close_account(actor=boss, user=second)
    user_actions.open_account(actor=boss, user=second)
    user_actions.close_account(actor=second, user=boss)
    with pytest.raises(PermissionDenied):  # boss's request began before the account was closed
        user_actions.close_account(actor=boss, user=second)


def test_closing_ends_sessions_tokens_and_links_for_good(boss, square):
    ada = person("ada@square.example", "operator", square.site)
    client, token = signed_in(ada), actions.make_token(user=ada)
    assert client.get("/").status_code == 200
    assert sessions.sessions_of(ada).count() == 1
    signed_in(boss).post(f"/users/{ada.pk}/close/")
    assert client.get("/")["Location"] == "/sign-in/?next=/"
    assert Client().post("/sign-in/", {"username": ada.email, "password": PASSWORD}).status_code == 200
    signed_in(boss).post(f"/users/{ada.pk}/open/")
    assert client.get("/")["Location"] == "/sign-in/?next=/"  # the old session does not come back to life
    assert not Token.objects.filter(key=token).exists()
    assert Client().post("/sign-in/", {"username": ada.email, "password": PASSWORD}).status_code == 302


def test_a_reset_password_stops_at_once_and_unlocks(boss, square):
    ada = person("ada@square.example", "operator", square.site)
    client = signed_in(ada)
    client.get("/")
    for _ in range(5):
        Client().post("/sign-in/", {"username": ada.email, "password": "wrong"})
    token = link_of(signed_in(boss).post(f"/users/{ada.pk}/password/", {"by": "3"}))
    assert client.get("/").status_code == 302
    assert Client().post("/sign-in/", {"username": ada.email, "password": PASSWORD}).status_code == 200
    assert choose(token).status_code == 302
    assert Client().post("/sign-in/", {"username": ada.email, "password": CHOSEN}).status_code == 302


def test_sessions_are_listed_and_ended_one_by_one(boss, square):
    ada = person("ada@square.example", "operator", square.site)
    here, there = signed_in(ada), signed_in(ada)
    here.get("/", headers={"user-agent": "Telescope 1"})
    there.get("/", headers={"user-agent": "Telescope 2"})
    text = here.get("/account/").content.decode()
    assert "Telescope 1" in text
    assert "Telescope 2" in text
    here.post("/account/sessions/end/")
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)
    (row,) = sessions.sessions_of(ada)
    stranger = signed_in(square.person("operator"))
    stranger.post("/account/sessions/end/", {"session": row.pk})
    stranger.post("/account/sessions/end/", {"session": "\x00"})
    assert here.get("/").status_code == 200
    signed_in(boss).post(f"/users/{ada.pk}/sessions/", {"session": row.pk})
    assert here.get("/").status_code == 302
    assert not UserSession.objects.filter(pk=row.pk).exists()


@pytest.mark.django_db(transaction=True)
@in_one_loop
async def test_an_open_socket_closes_when_the_session_is_ended():
    from asgiref.sync import sync_to_async

    ada, boss, session = await sync_to_async(_signed_in_over_a_socket)()
    socket = SocketClient(AlertsConsumer, ada, session)
    await socket.connect()
    await sync_to_async(user_actions.close_account)(actor=boss, user=ada)
    assert await socket.close_code() == 4401


def _signed_in_over_a_socket():
    ada, boss = person("ada@square.example", "operator", place().site), person("boss@square.example", "administrator")
    client = signed_in(ada)
    client.get("/account/")
    return ada, boss, client.session


def test_somebody_without_a_role_reads_whom_to_ask_and_can_sign_out(boss):
    client = signed_in(person("lost@square.example"))
    answer = client.get("/")
    text = answer.content.decode()
    assert answer.status_code == 403
    assert boss.email in text
    assert 'action="/sign-out/"' in text
    assert "Ancora nessun ruolo" in client.get("/", headers={"accept-language": "it"}).content.decode()
    assert client.get("/account/").status_code == 200


def test_a_rule_about_second_factors_is_one_sites(boss, square):
    client = signed_in(boss)
    client.post("/users/second-factor/square/", {"required": "1"})
    client.post("/users/second-factor/square/", {"required": "1"})
    assert SecondFactorRule.objects.get().site == square.site
    # Who requires it is led to it too; with one set up the pages open again.
    assert client.post("/users/second-factor/square/", {"required": "0"})["Location"] == "/account/second-factor/"
    factor_actions.add_totp(user=boss, secret=generate_totp_secret())
    client.post("/users/second-factor/square/", {"required": "0"})
    verbs = list(AuditRow.objects.filter(site="square").order_by("id").values_list("verb", flat=True))
    assert verbs == ["site.second_factor_required", "site.second_factor_optional"]


@pytest.mark.parametrize(("name", "status"), [("Ada Lovelace", 302), ("", 302), ("\x00", 422), ("x" * 200, 422)])
def test_the_own_name_can_be_changed(boss, name, status):
    assert signed_in(boss).post("/account/name/", {"name": name}).status_code == status
    assert User.objects.get().name == (name if status == 302 else "boss")
