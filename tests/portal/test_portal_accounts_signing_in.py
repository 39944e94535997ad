"""Signing in and out, one-time passwords, lock-out, language and tokens."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.authtoken.models import Token

from portal.accounts import actions
from portal.accounts.models import User
from portal.core.models import AuditRow
from tests.portal.portal_scene import PASSWORD, person, place, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests():
    cache.clear()


@pytest.fixture
def maria():
    return person("maria@square.example", "operator")


def sign_in(email, password=PASSWORD, client=None):
    return (client or Client()).post("/sign-in/", {"username": email, "password": password})


def test_the_right_password_opens_the_watch_room(maria):
    answer = sign_in("maria@square.example")
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_capital_letters_in_the_address_do_not_matter(maria):
    assert sign_in("Maria@Square.Example").status_code == 302


def test_a_wrong_password_says_so_and_not_which_half_was_wrong(maria):
    printed = [sign_in(email, "wrong").content.decode() for email in ("maria@square.example", "nobody@square.example")]
    assert all("do not belong together" in text for text in printed)


def test_a_closed_account_stays_out(maria):
    maria.is_active = False
    maria.save()
    assert sign_in("maria@square.example").status_code == 200


def test_signing_in_leads_back_to_the_page_that_was_asked_for(maria):
    client = Client()
    assert client.get("/wall/")["Location"] == "/sign-in/?next=/wall/"
    answer = client.post("/sign-in/", {"username": maria.email, "password": PASSWORD, "next": "/wall/"})
    assert answer["Location"] == "/wall/"


def test_signing_in_never_leads_to_another_host(maria):
    answer = Client().post("/sign-in/", {"username": maria.email, "password": PASSWORD, "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_five_wrong_passwords_lock_the_door_also_for_the_right_one(maria):
    statuses = [sign_in("maria@square.example", "wrong").status_code for _ in range(5)]
    locked = sign_in("maria@square.example")
    assert (statuses[-1], locked.status_code) == (429, 429)
    assert b"15 minutes" in locked.content


def test_capital_letters_do_not_give_more_attempts(maria):
    names = ["maria@square.example", "MARIA@square.example", "Maria@square.example", "mAria@square.example", "maRia@square.example"]
    assert [sign_in(name, "wrong").status_code for name in names][-1] == 429


def test_a_lock_out_of_one_person_leaves_others_free(maria):
    person("paolo@square.example", "operator")
    for _ in range(5):
        sign_in("maria@square.example", "wrong")
    assert sign_in("paolo@square.example").status_code == 302


def test_success_forgets_earlier_failures(maria):
    for _ in range(4):
        sign_in("maria@square.example", "wrong")
    sign_in("maria@square.example")
    assert sign_in("maria@square.example", "wrong").status_code == 200


def test_signing_in_and_one_lock_out_stand_in_the_audit_log(maria):
    sign_in("maria@square.example")
    for _ in range(8):
        sign_in("maria@square.example", "wrong")
    verbs = list(AuditRow.objects.order_by("id").values_list("verb", flat=True))
    assert verbs == ["account.signed_in", "account.locked_out"]


def test_no_password_stands_in_the_audit_log(maria):
    sign_in("maria@square.example", "my secret typo")
    sign_in("maria@square.example")
    assert not AuditRow.objects.filter(data__icontains="secret").exists()


def test_signing_out_needs_a_button_not_a_link(maria):
    client = signed_in(maria)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/").status_code == 302


def one_time():
    return actions.make_person(actor="system", email="new@square.example", roles=["operator"])


def test_a_one_time_password_opens_only_the_page_that_changes_it():
    user, _password = one_time()
    client = signed_in(user)
    assert [client.get(page)["Location"] for page in ("/", "/sites/", "/account/", "/wall/")] == ["/new-password/"] * 4
    assert client.get("/new-password/").status_code == 200


def test_a_one_time_password_opens_no_api():
    client = signed_in(one_time()[0])
    assert client.get("/api/v1/sites").status_code == 403


def test_the_own_password_replaces_the_one_time_one():
    user, password = one_time()
    client = signed_in(user)
    answer = client.post("/new-password/", {"password": PASSWORD, "again": PASSWORD})
    assert answer["Location"] == "/"
    assert client.get("/").status_code == 200
    assert sign_in(user.email, password).status_code == 200
    assert sign_in(user.email, PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("password", "again", "word"),
    [("short", "short", "short"), ("password1234", "password1234", "common"), (PASSWORD, "another", "differ"), ("", "", "required")],
)
def test_a_weak_or_mistyped_password_is_refused_with_the_reason(password, again, word):
    user, _ = one_time()
    answer = signed_in(user).post("/new-password/", {"password": password, "again": again})
    assert answer.status_code == 422
    assert word in answer.content.decode()
    assert User.objects.get(pk=user.pk).must_change_password


def test_one_time_passwords_differ_and_can_be_read_aloud():
    made = {actions.one_time_password() for _ in range(50)}
    assert len(made) == 50
    assert not set("".join(made)) & set("l10oiI")


def test_the_language_is_kept_on_the_account_and_greets_on_another_device(maria):
    signed_in(maria).post("/language/", {"language": "it", "next": "/"})
    client = Client()
    sign_in(maria.email, client=client)
    assert 'lang="it"' in client.get("/").content.decode()


def test_a_stranger_can_choose_a_language_too():
    client = Client()
    client.post("/language/", {"language": "it", "next": "/sign-in/"})
    assert 'lang="it"' in client.get("/sign-in/").content.decode()


@pytest.mark.parametrize("language", ["xx", "", "../../etc"])
def test_an_unknown_language_changes_nothing(maria, language):
    client = signed_in(maria)
    client.post("/language/", {"language": language, "next": "/"})
    assert User.objects.get().language == ""


def test_the_language_button_never_leads_to_another_host(maria):
    assert signed_in(maria).post("/language/", {"language": "it", "next": "//evil.example/"})["Location"] == "/"


def test_a_token_speaks_for_its_owner_and_is_shown_once(maria):
    client = signed_in(maria)
    text = client.post("/account/token/").content.decode()
    token = Token.objects.get(user=maria).key
    assert token in text
    assert token not in client.get("/account/").content.decode()
    assert Client().get("/api/v1/sites", headers={"Authorization": f"Token {token}"}).status_code == 200


def test_a_new_token_ends_the_old_one_and_dropping_it_ends_it_too(maria):
    first, second = actions.make_token(user=maria), actions.make_token(user=maria)
    assert Client().get("/api/v1/sites", headers={"Authorization": f"Token {first}"}).status_code == 401
    signed_in(maria).post("/account/token/drop/")
    assert Client().get("/api/v1/sites", headers={"Authorization": f"Token {second}"}).status_code == 401


def test_the_account_page_names_every_role_and_its_place(maria):
    square = place().site
    maria.memberships.create(role="manager", site=square)
    text = signed_in(maria).get("/account/").content.decode()
    assert "every site" in text
    assert str(square) in text


def test_createadmin_prints_a_password_that_works(capsys):
    call_command("createadmin", "Boss@square.example")
    password = capsys.readouterr().out.split()[1]
    assert sign_in("boss@square.example", password).status_code == 302
    assert {row.role for row in User.objects.get().memberships.all()} == {"manager", "operator", "administrator"}


@pytest.mark.parametrize("email", ["maria@square.example", "no address"])
def test_createadmin_refuses_a_known_or_a_false_address(maria, email):
    with pytest.raises(CommandError):
        call_command("createadmin", email)


def test_createsuperuser_makes_somebody_who_may_do_everything():
    user = User.objects.create_superuser("root@square.example", PASSWORD)
    assert all(user.has_role(role, place(role).site) for role in ("manager", "operator", "administrator"))
