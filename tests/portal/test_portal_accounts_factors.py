"""Second factors: codes, recovery codes, made-up passkeys, lock-out, sites that require one."""

from __future__ import annotations

import json
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value
from axes.models import AccessAttempt
from django.core.cache import cache
from django.test import Client

from portal.accounts import factor_actions, user_actions
from portal.accounts.models import SecondFactorRule, User
from portal.core.models import AuditRow
from tests.portal.portal_scene import PASSWORD, person, place, signed_in

pytestmark = pytest.mark.django_db
LOCALHOST = {"HTTP_HOST": "localhost:8000"}


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests():
    cache.clear()


@pytest.fixture
def square():
    return place()


@pytest.fixture
def ada(square):
    return person("ada@square.example", "operator", square.site)


def code(secret, steps=0):
    """What an app shows, `steps` of half a minute from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def with_app(user):
    """Secret and recovery codes of an app that was set up."""
    secret = generate_totp_secret()
    return secret, factor_actions.add_totp(user=user, secret=secret)


def half_way(user, **more):
    """A browser after the right password."""
    client = Client(**more)
    assert client.post("/sign-in/", {"username": user.email, "password": PASSWORD, "next": "/wall/"})["Location"] == "/sign-in/second-step/"
    return client


def second(client, typed):
    return client.post("/sign-in/second-step/", {"code": typed})


def test_an_app_is_set_up_on_the_account_page_and_asked_for_at_the_next_sign_in(ada):
    client = signed_in(ada)
    page = client.get("/account/codes/")
    secret = page.context["secret"]
    assert "data:image/svg+xml;base64," in page.content.decode()
    assert client.post("/account/codes/", {"code": "000"}).status_code == 422
    codes = client.post("/account/codes/", {"code": code(secret)}).context["codes"]
    assert len(codes) == len(set(codes)) == 10
    assert secret not in str(Authenticator.objects.get(type="totp").data)  # encrypted
    other = half_way(ada)
    assert other.get("/wall/").status_code == 302
    assert second(other, code(secret, 1))["Location"] == "/wall/"
    assert other.get("/wall/").status_code == 200
    verbs = list(AuditRow.objects.order_by("id").values_list("verb", flat=True))
    assert verbs == ["account.signed_in", "account.second_factor_added", "account.signed_in"]


@pytest.mark.parametrize(("steps", "status"), [(-1, 302), (0, 302), (1, 302), (-3, 422), (3, 422)])
def test_clocks_may_differ_by_half_a_minute(ada, steps, status):
    secret, _codes = with_app(ada)
    assert second(half_way(ada), code(secret, steps)).status_code == status


def test_a_code_and_a_recovery_code_work_once(ada):
    secret, codes = with_app(ada)
    for typed in (code(secret), codes[0]):
        assert second(half_way(ada), typed).status_code == 302
        assert second(half_way(ada), typed).status_code == 422
    assert AuditRow.objects.get(verb="account.recovery_code_used").data == {"left": 9}


@pytest.mark.parametrize("typed", ["", "\x00", "x" * 100_000, "١٢٣٤٥٦", "12345", "-1", "\ud800".encode("utf-8", "surrogatepass")])
def test_odd_codes_are_refused(ada, typed):
    with_app(ada)
    client = half_way(ada)
    assert second(client, typed).status_code in (400, 422)
    assert client.get("/wall/").status_code == 302


def test_wrong_codes_lock_like_wrong_passwords_and_are_written_down_nowhere(ada):
    secret, codes = with_app(ada)
    client = half_way(ada)
    assert [second(client, "424242").status_code for _ in range(5)] == [422, 422, 422, 422, 429]
    assert second(client, code(secret)).status_code == 429
    assert second(client, codes[0]).status_code == 429
    assert Client().post("/sign-in/", {"username": ada.email, "password": PASSWORD}).status_code == 429
    assert not AccessAttempt.objects.filter(post_data__contains="424242").exists()


def test_who_is_closed_or_gets_a_new_password_half_way_starts_again(ada, square):
    secret, _codes = with_app(ada)
    boss = person("boss@square.example", "administrator")
    client = half_way(ada)
    user_actions.close_account(actor=boss, user=ada)
    assert second(client, code(secret))["Location"] == "/sign-in/"
    user_actions.open_account(actor=boss, user=ada)
    client = half_way(ada)
    ada.set_password("another long walk")
    ada.save()
    assert second(client, code(secret))["Location"] == "/sign-in/"


def test_the_second_step_ends_after_ten_minutes(ada):
    secret, _codes = with_app(ada)
    client = half_way(ada)
    session = client.session
    session["second_step"] = {**session["second_step"], "until": time.time() - 1}
    session.save()
    assert second(client, code(secret))["Location"] == "/sign-in/"
    assert Client().get("/sign-in/second-step/").status_code == 302


def test_a_one_time_link_does_not_go_around_the_second_factor(ada):
    secret, _codes = with_app(ada)
    token = user_actions.reset_password(actor=person("boss@square.example", "administrator"), user=ada, days=1).token
    client = Client()
    chosen = {"password": "nine slow swans", "again": "nine slow swans"}
    assert client.post(f"/welcome/{token}/", chosen)["Location"] == "/sign-in/second-step/"
    assert second(client, code(secret)).status_code == 302


MADE_UP = ["", "x", "null", "[]", "{}", "[" * 15_000, "x" * 100_000, '{"response": {}}', '{"response": {"userHandle": 5}}', "\x00"]
MADE_UP += [
    json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": response})
    for response in (
        {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA", "userHandle": "AA", "attestationObject": "AA"},
        {"clientDataJSON": "e30", "attestationObject": "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA"},
        {"clientDataJSON": "\ud800", "userHandle": "x\x00", "authenticatorData": 7},
    )
]


def test_made_up_passkeys_open_nothing_and_break_nothing(ada):
    with_app(ada)
    half, inside, stranger = half_way(ada, **LOCALHOST), Client(**LOCALHOST), Client(**LOCALHOST)
    inside.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    for made_up in MADE_UP:
        for client, offer in ((half, "/sign-in/passkey/challenge/"), (stranger, "/sign-in/passkey/challenge/"), (inside, "/account/passkeys/offer/")):
            offered = client.post(offer).json()["publicKey"]
            assert offered.get("rpId") or offered["rp"]["id"] == "localhost"
        assert half.post("/sign-in/second-step/", {"credential": made_up}).status_code == 422, made_up[:200]
        assert stranger.post("/sign-in/passkey/", {"credential": made_up})["Location"] == "/sign-in/", made_up[:200]
        assert inside.post("/account/passkeys/", {"credential": made_up, "name": "\x00" + "x" * 5000})["Location"] == "/account/", made_up[:200]
        AccessAttempt.objects.all().delete()  # five of them lock the account
        cache.clear()
    assert not Authenticator.objects.filter(type="webauthn").exists()
    assert stranger.get("/").status_code == 302


@pytest.mark.parametrize(
    ("host", "secure", "words"),
    [
        ("127.0.0.1:8000", False, "open the portal as localhost"),
        ("[::1]:8000", False, "open the portal as localhost"),
        ("museum.example", False, "only over https"),
        ("localhost:8000", False, None),
        ("museum.example", True, None),
    ],
)
def test_where_browsers_allow_no_passkeys_the_page_says_so(ada, settings, host, secure, words):
    settings.ALLOWED_HOSTS = ["*"]
    client = signed_in(ada)
    text = client.get("/account/", headers={"host": host}, secure=secure).content.decode()
    assert ('data-passkey="make"' in text) == (words is None)
    assert words is None or words in text
    offer = client.post("/account/passkeys/offer/", headers={"host": host}, secure=secure)
    assert offer.status_code == (409 if words else 200)
    if not words:
        assert offer.json()["publicKey"]["rp"]["id"] == host.partition(":")[0]


def test_a_site_that_requires_a_second_factor_opens_nothing_before(ada, square):
    SecondFactorRule.objects.create(site=square.site)
    client = signed_in(ada)
    assert [client.get(page)["Location"] for page in ("/", "/account/", "/desk/")] == ["/account/second-factor/"] * 3
    assert client.get("/api/v1/sites").status_code == 403
    assert "Site square requires a second factor" in client.get("/account/second-factor/").content.decode()
    assert client.post("/language/", {"language": "it"}).status_code == 302
    secret = client.get("/account/codes/").context["secret"]
    assert client.post("/account/codes/", {"code": code(secret)}).status_code == 200
    assert client.get("/").status_code == 200
    client.post(f"/account/second-factors/{Authenticator.objects.get(type='totp').pk}/remove/")
    assert Authenticator.objects.filter(type="totp").exists()  # the site wants it
    SecondFactorRule.objects.all().delete()
    client.post(f"/account/second-factors/{Authenticator.objects.get(type='totp').pk}/remove/")
    assert not Authenticator.objects.exists()  # recovery codes alone stand in for nothing


def test_a_rule_of_one_site_asks_nobody_of_another(square):
    museum, everywhere = place("museum"), person("all@square.example", "operator")
    check = person("check@localhost", "operator")
    SecondFactorRule.objects.create(site=museum.site)
    assert signed_in(square.person("operator")).get("/").status_code == 200
    assert signed_in(everywhere).get("/").status_code == 302
    assert signed_in(check).get("/").status_code == 200  # `up --check` has no telephone


def test_an_administrator_resets_lost_factors_and_nobody_removes_anothers(ada, square):
    with_app(ada)
    pk = Authenticator.objects.get(type="totp").pk
    signed_in(square.person("manager")).post(f"/account/second-factors/{pk}/remove/")
    assert Authenticator.objects.filter(pk=pk).exists()
    boss = signed_in(person("boss@square.example", "administrator"))
    assert "App that makes codes" in boss.get(f"/users/{ada.pk}/").content.decode()
    boss.post(f"/users/{ada.pk}/second-factor/")
    assert not Authenticator.objects.exists()
    assert Client().post("/sign-in/", {"username": ada.email, "password": PASSWORD})["Location"] == "/"


def test_new_recovery_codes_replace_the_old_and_need_a_factor(ada):
    client = signed_in(ada)
    assert client.post("/account/recovery-codes/").status_code == 302
    _secret, old = with_app(ada)
    new = client.post("/account/recovery-codes/").context["codes"]
    assert not set(new) & set(old)
    assert second(half_way(ada), old[0]).status_code == 422
    assert second(half_way(ada), new[0]).status_code == 302


def test_secrets_written_under_another_key_let_nobody_in(ada, settings):
    secret, codes = with_app(ada)
    settings.SECRET_KEY = "another key of another home"  # noqa: S105 - a made-up one
    client = half_way(ada)
    assert second(client, code(secret)).status_code == 422
    assert second(client, codes[0]).status_code == 422


def test_a_person_without_a_second_factor_signs_in_as_before(ada):
    assert Client().post("/sign-in/", {"username": ada.email, "password": PASSWORD})["Location"] == "/"
    assert User.objects.get(pk=ada.pk).last_login is not None
