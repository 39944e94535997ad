"""An agent that falls silent is one event and one row in the audit log, once for each silence."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from portal.core.models import AuditRow
from portal.sites import silence, tasks
from portal.sites.models import Agent
from tests.portal.portal_scene import machine, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return machine(place().door).agent


def seen(agent: Agent, seconds_ago: float) -> None:
    Agent.objects.filter(pk=agent.pk).update(last_seen=timezone.now() - datetime.timedelta(seconds=seconds_ago))


def test_an_agent_that_speaks_is_not_silent(agent):
    seen(agent, 5)
    assert silence.notice() == []


def test_a_short_silence_calls_nobody(agent):
    seen(agent, 40)
    assert silence.notice() == []


def test_a_minute_of_silence_is_noticed_once(agent):
    seen(agent, 90)
    (event,) = silence.notice()
    assert (event.agent_id, event.camera, event.site) == (str(agent.pk), agent.camera.slug, agent.camera.site.slug)
    tasks.notice_silence(timestamp=0)
    row = AuditRow.objects.get(verb="agent.silent")
    assert (row.actor, row.subject, row.data["camera"]) == ("system", f"agent:{agent.pk}", agent.camera.slug)


def test_a_second_silence_is_another_one(agent):
    seen(agent, 90)
    silence.notice()
    later = timezone.now() + datetime.timedelta(minutes=10)
    Agent.objects.filter(pk=agent.pk).update(last_seen=later - datetime.timedelta(minutes=3))
    assert len(silence.notice(later)) == 1
    assert silence.notice(later) == []


def test_an_agent_that_enrolled_and_never_spoke_is_noticed(agent):
    Agent.objects.filter(pk=agent.pk).update(last_seen=None, enrolled=timezone.now() - datetime.timedelta(minutes=5))
    assert len(silence.notice()) == 1


def test_a_revoked_agent_is_not_missed(agent):
    seen(agent, 90)
    Agent.objects.filter(pk=agent.pk).update(revoked=timezone.now())
    assert silence.notice() == []
