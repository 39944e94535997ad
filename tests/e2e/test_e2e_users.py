"""A person's life in the portal, in two browsers: invited, given a role, in with a passkey, then with a code, closed while the watch room is open."""

from __future__ import annotations

import base64
import time

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP, PHONE, sign_in, watched_pages
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
CHOSEN = "nine slow swans over the arno"
AUTHENTICATOR = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}


def with_passkeys(page: Page) -> None:
    """Give the page's browser a built-in authenticator whose finger is always there."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**AUTHENTICATOR, "automaticPresenceSimulation": True}})


def sign_out(page: Page) -> None:
    if page.viewport_size == PHONE:
        page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def invited(boss: Page) -> str:
    """The one-time link that the administrator is shown."""
    boss.goto("/users/")
    boss.get_by_role("button", name="Invite somebody").click()
    boss.get_by_label("E-mail").fill("Ada@Specola.example")
    boss.get_by_label("Name").fill("Ada")
    boss.get_by_role("group", name="Every site").get_by_label("Security operator").check()
    boss.get_by_role("button", name="Invite", exact=True).click()
    link = boss.locator("#secret").inner_text()
    return link


def in_with_a_code(ada: Page) -> None:
    """Set up an app that makes codes, sign out, and come as far as the button of the second step, the code filled in."""
    ada.goto("/account/codes/")
    app = TOTP(base64.b32decode(ada.locator("#key").inner_text()), 6, SHA1(), 30)
    ada.get_by_label("Code that the app shows now").fill(app.generate(int(time.time())).decode())
    ada.get_by_role("button", name="Set up").click()
    expect(ada.get_by_text("App that makes codes", exact=False).first).to_be_visible()
    ada.goto("/account/")
    sign_out(ada)
    ada.fill("input[name=username]", "ada@specola.example")
    ada.fill("input[name=password]", CHOSEN)
    ada.get_by_role("button", name="Sign in", exact=True).click()
    expect(ada.get_by_role("button", name="Use a passkey")).to_be_visible()
    ada.get_by_label("Code of the app, or a recovery code").fill(app.generate(int(time.time())).decode())


def test_invited_given_a_role_in_with_passkey_and_code_and_closed(portal, chromium):
    address = portal.address.replace("127.0.0.1", "localhost")  # passkeys want a name
    with watched_pages(chromium, address) as opened:
        boss = opened("/sign-in/", DESKTOP)
        sign_in(boss, "administrator@specola.example", portal.password)
        link = invited(boss)
        assert link.startswith(f"{address}/welcome/")

        ada = opened(link.removeprefix(address), PHONE, with_passkeys)
        for field in ada.locator("input[type=password]").all():
            field.fill(CHOSEN)
        ada.get_by_role("button", name="Set the password and sign in").click()
        ada.wait_for_url(f"{address}/")
        ada.watched.allow("40[34]|410")
        ada.goto("/people/")
        expect(ada.get_by_role("heading", name="Not allowed")).to_be_visible()

        boss.get_by_role("link", name="To the account").click()
        boss.get_by_role("group", name="Every site").get_by_label("Site manager").check()
        boss.get_by_role("button", name="Save the roles").click()
        expect(boss.get_by_text("Roles saved.")).to_be_visible()
        ada.goto("/people/")
        expect(ada.get_by_role("heading", name="People & access")).to_be_visible()

        ada.goto("/account/")
        ada.get_by_label("Name of the new passkey").fill("Ada's telephone")
        ada.get_by_role("button", name="Add a passkey").click()
        expect(ada.locator("#codes li")).to_have_count(10)
        ada.get_by_role("button", name="I have kept them").click()
        sign_out(ada)
        ada.get_by_role("button", name="Sign in with a passkey").click()
        ada.wait_for_url(f"{address}/")

        in_with_a_code(ada)
        sockets, closed = [], []
        ada.on("websocket", lambda socket: (sockets.append(socket), socket.on("close", lambda each: closed.append(each))))
        ada.get_by_role("button", name="Sign in", exact=True).click()
        ada.wait_for_url(f"{address}/")
        wait_for(lambda: sockets, "the watch room's socket", 20, meanwhile=lambda: ada.wait_for_timeout(50))

        boss.on("dialog", lambda dialog: dialog.accept())
        boss.set_viewport_size(PHONE)
        boss.goto("/users/?q=ada")
        boss.get_by_role("link", name="Ada", exact=True).click()
        expect(boss.get_by_text("Passkey: Ada's telephone")).to_be_visible()
        boss.get_by_role("button", name="Close the account").click()
        expect(boss.get_by_text("The account is closed.")).to_be_visible()
        wait_for(lambda: closed, "the socket is closed", 20, meanwhile=lambda: ada.wait_for_timeout(50))
        ada.goto("/")
        expect(ada.get_by_role("heading", name="Sign in")).to_be_visible()
        ada.watched.allow("422|429")
        ada.get_by_role("button", name="Sign in with a passkey").click()
        expect(ada.get_by_text("This account is closed.")).to_be_visible()
