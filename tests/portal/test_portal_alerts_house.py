"""What is not well with the house itself is one alert with a severity, raised once, whoever looks, and closed by itself when it is well again."""

from __future__ import annotations

import collections
import datetime
import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from portal.alerts import actions, house, kinds, queries, retention
from portal.alerts.events import AlertRaised, AlertsChanged
from portal.alerts.models import Alert, AlertState, HistoryEntry, HouseCondition
from portal.core import events, health
from portal.core.models import AuditRow
from portal.core.severity import Severity
from portal.live import queries as live
from portal.sites import health as sites_health
from portal.sites.models import Agent
from tests.portal.alert_scene import scene, user
from tests.portal.test_portal_sites_silence import listened

pytestmark = pytest.mark.django_db
MINUTE = datetime.timedelta(minutes=1)
Usage = collections.namedtuple("Usage", "total used free")


@pytest.fixture
def square(monkeypatch):
    """A portal that has been there for an hour, with a worker and room; its one agent spoke just now."""
    monkeypatch.setattr(health, "workers", lambda: 1)
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: Usage(100 * 2**30, 0, 50 * 2**30))
    listened(3600)
    made = scene()
    speaks(made.agent)
    return made


def speaks(agent: Agent, ago: float = 1, *, frame_ago: float = 1, skew: float = 0, **heartbeat) -> None:
    """The agent's last heartbeat came so many seconds ago, and its last frame."""
    t = timezone.now().timestamp() - ago
    camera = {"state": "live", "last_frame_t": t + ago - frame_ago - skew, **heartbeat.pop("camera", {})}
    health = {"t": t, "started": t - 3600, "disk_free": 1e10, **heartbeat, "camera": camera}
    seen = timezone.now() - datetime.timedelta(seconds=ago)
    Agent.objects.filter(pk=agent.pk).update(last_seen=seen, health=health, clock_skew=skew)


def look(times: int = 1, later: datetime.timedelta = datetime.timedelta(0)) -> list[tuple[str, str]]:
    """What is open after the portal looked."""
    for _ in range(times):
        house.check(timezone.now() + later)
    return sorted(Alert.objects.exclude(state=AlertState.RESOLVED).values_list("kind", "state"))


def well_again() -> list[tuple[str, str]]:
    """Two looks so far apart that what has ended is believed."""
    look()
    HouseCondition.objects.exclude(better=None).update(better=timezone.now() - house.WELL)
    return look()


def restarts(count: int, ago: float = 60, cause: str = "killed") -> dict:
    return {"restarts": {"count_24h": count, "last_t": timezone.now().timestamp() - ago, "cause": cause}}


def test_a_house_that_is_well_raises_nothing(square):
    assert look(2) == []
    assert AuditRow.objects.filter(verb="alert.raised").count() == 0


def test_a_dead_agent_is_one_alert_that_closes_when_it_speaks_again(square, django_capture_on_commit_callbacks, monkeypatch):
    raised, changed = [], []
    monkeypatch.setattr(events, "handlers", {AlertRaised: [raised.append], AlertsChanged: [changed.append]})
    speaks(square.agent, 26 * 60)
    with django_capture_on_commit_callbacks(execute=True):
        assert look(3) == [("agent_silent", "new")]
    alert = Alert.objects.get()
    assert (alert.severity, alert.camera, alert.site, alert.count) == (Severity.HIGH, square.camera, square.site, 1)
    assert [(event.alert_id, event.kind, event.severity) for event in raised] == [(alert.pk, "agent_silent", 3)]
    assert changed == [AlertsChanged(site_id=square.site.pk, alert_ids=(alert.pk,))]
    speaks(square.agent)
    with django_capture_on_commit_callbacks(execute=True):
        assert well_again() == []
    alert.refresh_from_db()
    assert (alert.state, alert.reason, alert.get_reason_display()) == ("resolved", "ended", "Ended by itself")
    assert changed[-1].alert_ids == (alert.pk,)
    assert [(entry.verb, entry.author) for entry in alert.entries.all()] == [(HistoryEntry.Verb.ENDED, None)]
    assert list(AuditRow.objects.filter(verb__startswith="alert.").values_list("verb", "actor")) == [("alert.raised", "system"), ("alert.ended", "system")]
    speaks(square.agent, 120)
    look()
    assert Alert.objects.count() == 2, "a second silence is another one"


def test_a_connection_that_comes_and_goes_is_one_alert(square):
    for _ in range(4):
        speaks(square.agent, 90)
        look()
        speaks(square.agent)
        look()
    assert Alert.objects.count() == 1


def test_wall_health_and_alert_agree_about_a_dead_agent(square):
    speaks(square.agent, 26 * 60)
    look()
    (tile,) = live.wall(square.operator)
    assert (tile["state"], sites_health.agents(square.operator).level) == ("silent", "problem")


@pytest.mark.parametrize("camera", [{"state": "starting", "last_frame_t": None}, {"state": "live"}, {"state": "stale"}], ids=["starting", "live", "stale"])
def test_a_source_without_pictures_is_never_waiting_or_well(square, camera):
    """However the agent names it: an hour after its start it has nothing to show."""
    speaks(square.agent, frame_ago=600, camera=camera)
    assert look(2) == [("camera_stale", "new")]
    assert live.wall(square.operator)[0]["state"] == "stale"
    assert sites_health.agents(square.operator).level == "warning"
    speaks(square.agent)
    assert well_again() == []


def test_an_agent_that_has_just_begun_is_starting(square):
    speaks(square.agent, camera={"state": "starting", "last_frame_t": None}, started=timezone.now().timestamp() - 10)
    assert (look(), live.wall(square.operator)[0]["state"]) == ([], "starting")


def test_what_the_agent_itself_tells_of_its_source_is_the_same_alert_and_closes_too(square):
    alert = square.alert(kind="camera_stale", data={"silent_s": 5.0})
    speaks(square.agent, frame_ago=60)
    assert look(2) == [("camera_stale", "new")]
    square.record(square.event(kind="camera_stale", seq=2, data={"silent_s": 5.0}))
    assert Alert.objects.get().count == 2
    speaks(square.agent)
    assert well_again() == []
    assert Alert.objects.get(pk=alert.pk).reason == "ended"


def test_a_silent_agent_leaves_open_what_cannot_be_judged_without_it(square):
    speaks(square.agent, frame_ago=60)
    look()
    speaks(square.agent, 120, frame_ago=180)
    assert well_again() == [("agent_silent", "new"), ("camera_stale", "new")]


@pytest.mark.parametrize(
    ("heartbeat", "kind", "detail"),
    [
        (lambda: {"disk_free": 0.0}, "agent_disk_full", "0 MB"),
        (lambda: {"disk_free": 400.0 * 2**20}, "agent_disk_low", "400 MB"),
        (lambda: restarts(3), "agent_restarting", "3 × killed"),
        (lambda: restarts(5, cause="TypeError: None"), "agent_restarting", "5 × TypeError: None"),
    ],
    ids=["no disk", "little disk", "crash loop", "crash loop by an error"],
)
def test_what_a_heartbeat_reports_is_an_alert_until_it_is_over(square, heartbeat, kind, detail):
    speaks(square.agent, **heartbeat())
    assert look(2) == [(kind, "new")]
    alert = Alert.objects.get()
    assert (alert.detail, alert.severity) == (detail, kinds.HOUSE[kind].severity)
    assert "killed" not in detail or "killed from outside" in alert.detail_label
    checks = [sites_health.disks(square.operator), sites_health.restarts(square.operator)]
    assert [str(square.camera) in check.detail for check in checks] == ["disk" in kind, "restarting" in kind]
    speaks(square.agent)
    assert well_again() == []


@pytest.mark.parametrize("heartbeat", [restarts(2), restarts(9, ago=2 * 3600)], ids=["an accident", "calm for two hours"])
def test_restarts_that_are_no_loop_raise_nothing(square, heartbeat):
    speaks(square.agent, **heartbeat)
    assert look() == []


def test_a_certificate_that_is_not_renewed_is_an_alert(square):
    now = timezone.now()
    Agent.objects.filter(pk=square.agent.pk).update(certificate_issued=now - 28 * 24 * 60 * MINUTE, certificate_not_after=now + 2 * 24 * 60 * MINUTE)
    assert look(2) == [("certificate_overdue", "new")]
    assert sites_health.certificates(square.operator).level == "warning"
    Agent.objects.filter(pk=square.agent.pk).update(certificate_issued=now, certificate_not_after=now + 30 * 24 * 60 * MINUTE)
    assert well_again() == []


@pytest.mark.parametrize(("free", "kinds_open", "level"), [(11, [], "ok"), (9, ["disk_low"], "warning"), (1, ["disk_full"], "problem")])
def test_the_portals_disk_is_an_alert_before_it_is_full(square, monkeypatch, free, kinds_open, level):
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: Usage(100 * 2**30, 0, free * 2**30))
    assert [kind for kind, _ in look(2)] == kinds_open
    assert health.disk().level == level
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: Usage(100 * 2**30, 0, 50 * 2**30))
    assert well_again() == []


def test_a_disk_at_the_edge_is_one_alert(square, monkeypatch):
    for free in (9, 11, 9, 11):
        monkeypatch.setattr(health.shutil, "disk_usage", lambda _, free=free: Usage(100 * 2**30, 0, free * 2**30))
        well_again()
    assert Alert.objects.count() == 1


def test_a_worker_that_is_down_concerns_everybody_and_nobody_elses_site(square, monkeypatch):
    monkeypatch.setattr(health, "workers", lambda: 0)
    assert look(2) == [("worker_down", "new")]
    alert, other = Alert.objects.get(), scene("museum")
    assert (alert.camera, alert.site) == (None, None)
    stranger = user("nobody@example.org", "operator", other.site)
    stranger.memberships.all().delete()
    for reader, seen in ((square.operator, 1), (other.administrator, 1), (stranger, 0)):
        assert queries.inbox(reader).filter(kind="worker_down").count() == seen
    actions.acknowledge(user=other.operator, alert_id=alert.pk)
    assert queries.open_by_site(square.operator) == {}
    monkeypatch.undo()
    monkeypatch.setattr(health, "workers", lambda: 1)
    assert well_again() == []
    assert AuditRow.objects.filter(verb="alert.ended", site="").count() == 1
    Alert.objects.update(last_t=timezone.now() - datetime.timedelta(days=99))
    retention.forget_old()
    assert not Alert.objects.exists()


def test_what_a_person_resolved_is_not_raised_again_before_it_came_anew(square):
    speaks(square.agent, 90)
    look()
    alert = Alert.objects.get()
    actions.resolve(user=square.operator, alert_id=alert.pk, reason="real", note="The electrician works there")
    assert look(3) == []
    retention.forget_old(timezone.now() + datetime.timedelta(days=400))
    assert Alert.objects.get() == alert, "what it stands for lasts"
    speaks(square.agent)
    assert well_again() == []
    assert Alert.objects.get().reason == "real"


def test_nobody_chooses_that_it_ended_by_itself(square):
    speaks(square.agent, 90)
    look()
    with pytest.raises(ValidationError, match="Choose a reason"):
        actions.resolve(user=square.operator, alert_id=Alert.objects.get().pk, reason="ended")


def test_an_agent_cannot_raise_an_alert_about_the_house(square):
    recorded = square.record(square.event(kind="worker_down"))
    assert [each["reason"] for each in recorded.rejected] == ["kind: the portal itself raises these alerts"]


def test_a_revoked_agent_and_a_camera_without_one_are_not_missed(square):
    speaks(square.agent, 90)
    look()
    Agent.objects.update(revoked=timezone.now())
    assert well_again() == []


@pytest.mark.parametrize("gap", [300, -300], ids=["away, asleep, or the clock put forward", "the clock put back"])
def test_a_portal_that_was_away_calls_nobody_before_it_has_listened(square, gap):
    speaks(square.agent, 300, frame_ago=300)
    listened(3600, gap)
    assert look(2) == []
    listened(30)
    assert look() == []
    listened(61)
    assert look() == [("agent_silent", "new")]


@pytest.mark.parametrize("jump", [3600, -3600], ids=["forward", "back"])
def test_a_dead_agent_is_dead_after_a_jump_of_the_clock(square, jump):
    """Its last heartbeat lies an hour ahead when the clock was put back: it is no more alive for that."""
    speaks(square.agent, 90 + jump)
    assert live.wall(square.operator)[0]["state"] == "silent"
    assert look(2) == [("agent_silent", "new")]
    assert Alert.objects.get().opened <= timezone.now()


def test_an_alert_that_looks_ended_is_not_closed_by_a_jump_alone(square):
    speaks(square.agent, 90)
    look()
    speaks(square.agent)
    look()
    look(later=-60 * MINUTE)
    assert Alert.objects.get().state == "new"


@pytest.mark.django_db(transaction=True)
def test_four_portals_at_once_raise_one_alert_and_close_it_once(square):
    speaks(square.agent, 90)

    def at_once() -> None:
        barrier = threading.Barrier(4)

        def run() -> None:
            barrier.wait()
            house.check()
            connection.close()

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    at_once()
    assert Alert.objects.count() == HouseCondition.objects.count() == AuditRow.objects.filter(verb="alert.raised").count() == 1
    speaks(square.agent)
    HouseCondition.objects.update(better=timezone.now() - house.WELL)
    at_once()
    assert HistoryEntry.objects.count() == AuditRow.objects.filter(verb="alert.ended").count() == 1
