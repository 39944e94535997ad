"""An agent that falls silent is one event and one row in the audit log, once for each silence."""

from __future__ import annotations

import asyncio
import datetime

import pytest
from django.utils import timezone

from portal.asgi import application
from portal.core import serving
from portal.core.models import AuditRow
from portal.sites import listening, silence, tasks
from portal.sites.models import Agent, ListeningPeriod
from tests.portal.portal_scene import machine, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    """An agent of a portal that has been there for an hour."""
    listened(3600)
    return machine(place().door).agent


def listened(since: float, until: float = 1) -> None:
    """A portal process was there from so many seconds ago until so many seconds ago."""
    t = timezone.now()
    since, until = t - datetime.timedelta(seconds=since), t - datetime.timedelta(seconds=until)
    ListeningPeriod.objects.update_or_create(pk=1, defaults={"since": since, "until": until})


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


@pytest.mark.parametrize("gap", [300, -300], ids=["stopped, asleep, or the clock put forward", "the clock put back"])
def test_after_a_gap_nobody_is_silent_before_the_portal_has_listened_for_a_minute(agent, gap):
    """The portal's only agent: no other one's heartbeat shows that the portal is there."""
    seen(agent, 300)
    listened(3600, gap)
    assert silence.notice() == [], "the worker is there before the portal"
    listening.note()
    assert silence.notice() == [], "the portal is there, the agent has had no time to call"
    listened(61)
    assert [event.agent_id for event in silence.notice()] == [str(agent.pk)]


def test_a_portal_that_was_never_there_notices_no_silence(agent):
    ListeningPeriod.objects.all().delete()
    seen(agent, 300)
    assert silence.notice() == []


def test_notes_without_a_gap_keep_the_beginning(agent):
    """Several processes: whichever notes, the time goes on."""
    begun = ListeningPeriod.objects.get().since
    listening.note()
    listening.note()
    assert ListeningPeriod.objects.get().since == begun
    seen(agent, 90)
    assert len(silence.notice()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_portal_process_notes_that_it_is_there_from_its_start_to_its_end(monkeypatch, caplog):
    """Also when the database was away in between."""
    ListeningPeriod.objects.all().delete()

    async def serve() -> list[str]:
        inbox, sent, noted, loop = asyncio.Queue(), [], asyncio.Event(), asyncio.get_running_loop()
        answers = iter([None, RuntimeError("the database is away")])

        def note() -> None:
            if (answer := next(answers, None)) is not None:
                raise answer
            original()
            if "the database is away" in caplog.text:
                loop.call_soon_threadsafe(noted.set)

        async def send(message: dict[str, str]) -> None:
            sent.append(message["type"])

        original = listening.note
        monkeypatch.setattr(serving, "repeated", [serving.Repeated(note, 0)])
        inbox.put_nowait({"type": "lifespan.startup"})
        served = asyncio.create_task(application({"type": "lifespan"}, inbox.get, send))
        await asyncio.wait_for(noted.wait(), 60)
        inbox.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait_for(served, 60)
        return sent

    assert asyncio.run(serve()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert listening.has_lasted(datetime.timedelta(0))
