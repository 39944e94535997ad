"""What `manage.py up` and `status` ask of the portal, with the key of the home folder; and the session with which `up --check` proves itself."""

from __future__ import annotations

import io

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.sites.models import Agent
from tests.portal.portal_scene import machine, place

pytestmark = pytest.mark.django_db


def ask(key: str = settings.SUPERVISOR_KEY):
    return Client().get("/healthz/programs", headers={"Authorization": f"Bearer {key}"})


def test_the_last_sign_of_life_of_worker_and_agents():
    gate, now = machine(place().door), timezone.now()
    Agent.objects.filter(pk=gate.agent.pk).update(last_seen=now)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING last_heartbeat")
        beat = cursor.fetchone()[0]
    assert ask().json() == {"worker": beat.timestamp(), "agents": {"gate": now.timestamp()}}


def test_an_agent_that_is_revoked_or_never_reported_is_not_alive():
    square = place()
    revoked, silent = machine(square.door), machine(square.square)
    Agent.objects.filter(pk=revoked.agent.pk).update(last_seen=timezone.now(), revoked=timezone.now())
    assert silent.agent.last_seen is None
    assert ask().json()["agents"] == {}


@pytest.mark.parametrize("key", ["", "Bearer", "another"])
def test_without_the_key_of_the_home_folder_nothing_is_shown(key):
    answer = ask(key)
    assert answer.status_code == 403
    assert b"agents" not in answer.content


def test_only_its_owner_can_read_the_key():
    assert (settings.HOME / "secrets" / "supervisor.key").stat().st_mode & 0o077 == 0


def test_the_session_of_the_check_opens_the_portal_until_it_is_closed():
    printed = io.StringIO()
    call_command("check_session", "open", stdout=printed)
    browser = Client()
    browser.cookies["sessionid"] = printed.getvalue().strip()
    assert browser.get("/api/v1/agents").status_code == 200
    assert not User.objects.get(email="check@localhost").has_usable_password()
    call_command("check_session", "close")
    assert browser.get("/api/v1/agents").status_code in (401, 403)
