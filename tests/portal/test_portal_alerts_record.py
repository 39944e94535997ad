"""What happens to events: stored once, in order, joined into alerts, and refused one by one or as a whole."""

from __future__ import annotations

import datetime
import threading
import time
import uuid

import pytest
from django.db import connection
from django.utils import timezone

from portal.alerts import actions, record
from portal.alerts.models import Alert, AlertState, Event
from portal.core.models import AuditRow
from portal.people.models import Person
from tests.portal.alert_scene import scene

pytestmark = pytest.mark.django_db
NOW = time.time()


@pytest.fixture
def square():
    return scene()


def test_an_event_is_kept_as_the_agent_said_it(square):
    sent = square.event(models={"people": "ab" * 32}, detections=[{"kind": "person", "score": 0.8, "box": [1, 2, 3, 4], "track": 7, "data": {}}])
    assert square.record(sent).accepted == [sent["id"]]
    event = Event.objects.get(pk=sent["id"])
    assert (event.t.timestamp(), event.kind, event.models) == (pytest.approx(sent["t"], abs=1e-5), "person_in_zone", {"people": "ab" * 32})
    assert event.detections == [{"kind": "person", "score": 0.8, "box": [1, 2, 3, 4], "track": 7, "data": {}}]


def test_an_event_raises_an_alert_and_leaves_one_audit_row(square):
    alert = square.alert()
    row = AuditRow.objects.get(verb="events.recorded")
    assert (alert.state, alert.zone, alert.count) == (AlertState.NEW, "altar", 1)
    assert row.actor == f"agent:{square.agent.pk}"
    assert row.data == {"accepted": 1, "duplicates": 0, "rejected": 0, "alerts": [alert.pk]}


def test_the_same_event_twice_is_stored_once(square):
    sent = square.event()
    square.record(sent)
    again = square.record(sent)
    assert (again.accepted, again.duplicates) == ([], [sent["id"]])
    assert Event.objects.count() == Alert.objects.get().count == 1
    assert AuditRow.objects.count() == 1


def test_an_event_said_again_with_its_clip_gets_the_clip(square):
    sent = square.event(snapshot="aa" * 32)
    square.record(sent)
    before = Alert.objects.get()
    assert square.record({**sent, "clip": "bb" * 32}).duplicates == [sent["id"]]
    assert (Event.objects.get().clip, Alert.objects.get().count) == ("bb" * 32, 1)
    assert Alert.objects.get().changed > before.changed


@pytest.mark.parametrize("again", [{"clip": "cc" * 32}, {"clip": None}, {"score": 0.1, "kind": "anomaly"}], ids=["clip", "no clip", "rest"])
def test_nothing_that_was_said_is_changed_by_saying_it_again(square, again):
    sent = square.event(clip="bb" * 32)
    square.record(sent)
    before = Event.objects.values().get()
    square.record({**sent, **again})
    assert Event.objects.values().get() == before


def test_another_camera_cannot_fill_in_a_clip(square):
    other, sent = scene("museum"), square.event()
    square.record(sent)
    other.record(other.event(id=sent["id"], clip="cc" * 32))
    assert Event.objects.get().clip is None


def test_the_same_event_twice_in_one_batch_is_stored_once(square):
    sent = square.event()
    recorded = square.record(sent, sent)
    assert (recorded.accepted, recorded.duplicates) == ([sent["id"]], [sent["id"]])
    assert Alert.objects.get().count == 1


def test_an_id_that_another_camera_used_is_a_duplicate(square):
    other, sent = scene("museum"), square.event()
    square.record(sent)
    recorded = other.record(other.event(id=sent["id"]))
    assert (recorded.accepted, recorded.duplicates) == ([], [sent["id"]])
    assert Event.objects.get().camera == square.camera


def test_events_of_one_occurrence_join_one_alert(square):
    square.record(*[square.event(seq=n, t=NOW + n, score=0.5 + n / 10) for n in range(4)])
    square.record(square.event(seq=9, t=NOW + 60))
    alert = Alert.objects.get()
    assert (alert.count, alert.score, alert.opened.timestamp(), alert.last_t.timestamp()) == (5, 0.9, pytest.approx(NOW), pytest.approx(NOW + 60))


@pytest.mark.parametrize("other", [{"kind": "loitering"}, {"data": {"zone": "door"}}, {"t": NOW + 300}], ids=["kind", "zone", "later"])
def test_another_kind_zone_or_time_is_another_alert(square, other):
    square.record(square.event(t=NOW), square.event(**{"t": NOW, "seq": 2, **other}))
    assert Alert.objects.count() == 2


def test_a_resolved_alert_is_not_joined(square):
    Alert.objects.filter(pk=square.alert(t=NOW).pk).update(state=AlertState.RESOLVED)
    square.record(square.event(t=NOW + 1))
    assert Alert.objects.filter(state=AlertState.NEW).get().count == 1


def test_an_acknowledged_alert_is_joined_by_what_is_about_nobody_in_particular(square):
    Alert.objects.filter(pk=square.alert(t=NOW, kind="anomaly", data={}).pk).update(state=AlertState.ACKNOWLEDGED)
    square.record(square.event(t=NOW + 1, kind="anomaly", data={}))
    assert Alert.objects.get().count == 2


def test_a_late_event_joins_without_becoming_the_last(square):
    square.record(square.event(t=NOW, seq=2, snapshot="aa" * 32))
    square.record(square.event(t=NOW - 30, seq=1, snapshot="bb" * 32))
    alert = Alert.objects.get()
    assert (alert.last_t.timestamp(), alert.picture) == (pytest.approx(NOW), "aa" * 32)
    assert alert.opened.timestamp() == pytest.approx(NOW - 30)


def test_a_crossed_line_is_counted_and_raises_no_alert(square):
    square.record(square.event(kind="line_crossed", data={"line": "stairs", "direction": "a_to_b"}))
    assert (Event.objects.count(), Alert.objects.count()) == (1, 0)


def test_a_batch_is_stored_in_the_cameras_order(square):
    sent = [square.event(seq=n, t=NOW + n) for n in (5, 3, 4, 1, 2)]
    assert square.record(*sent).accepted == [each["id"] for each in sorted(sent, key=lambda each: each["seq"])]


def test_an_empty_batch_changes_nothing(square):
    assert square.record().accepted == []
    assert AuditRow.objects.count() == 0


WRONG = {
    "no_kind": {"kind": ""},
    "capital_kind": {"kind": "PersonInZone"},
    "score_too_high": {"score": 1.5},
    "score_no_number": {"score": "high"},
    "score_nan": {"score": float("nan")},
    "id_no_uuid": {"id": "7"},
    "id_a_list": {"id": []},
    "snapshot_no_sha256": {"snapshot": "../../etc/passwd"},
    "mode_unknown": {"legal_mode": "M9"},
    "negative_seq": {"seq": -1},
    "huge_seq": {"seq": 2**63},
    "data_a_list": {"data": []},
    "detections_a_number": {"detections": 5},
    "unknown_field": {"colour": "red"},
    "t_infinite": {"t": float("inf")},
    "t_beyond_calendars": {"t": 1e18},
    "nul_in_data": {"data": {"zone": "a\x00b"}},
    "nan_in_data": {"data": {"x": float("nan")}},
    "half_a_character": {"data": {"zone": "\ud800"}},
    "too_large": {"data": {"x": "x" * 300_000}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_one_bad_event_is_refused_with_a_reason_and_the_others_are_kept(square, wrong):
    good = square.event()
    bad = {**square.event(seq=2), **wrong}
    recorded = square.record(bad, good)
    assert recorded.accepted == [good["id"]]
    assert [(each["id"], bool(each["reason"])) for each in recorded.rejected] == [(str(bad["id"]), True)]


@pytest.mark.parametrize("nonsense", [None, 7, "event", [], {}])
def test_what_is_no_event_at_all_is_refused(square, nonsense):
    assert len(square.record(nonsense).rejected) == 1


@pytest.mark.parametrize("foreign", [{"camera": "drone"}, {"site": "museum"}, {"site": None}])
def test_a_batch_with_an_event_of_another_camera_is_refused_whole(square, foreign):
    with pytest.raises(record.ForeignEvent):
        square.record(square.event(), square.event(**foreign))
    assert Event.objects.count() == AuditRow.objects.count() == 0


@pytest.mark.parametrize("t", [86_400.0, NOW + 86_400], ids=["clock at 1970", "tomorrow"])
def test_an_event_of_a_broken_clock_is_kept_with_the_portals_time(square, t):
    alert = square.alert(t=t)
    assert abs(alert.opened.timestamp() - time.time()) < 60
    assert Event.objects.get().data["agent_t"] == t


@pytest.mark.django_db(transaction=True)
def test_two_senders_of_the_same_events_store_them_once(square):
    sent = [square.event(seq=n, t=NOW + n) for n in range(40)]
    barrier, answers = threading.Barrier(3), []

    def send():
        barrier.wait()
        answers.append(square.record(*sent))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(answer.accepted) for answer in answers) == [0, 0, 40]
    assert (Event.objects.count(), Alert.objects.get().count) == (40, 40)


def test_a_recognition_of_nobody_on_the_list_is_refused_and_an_alert_only_loses_the_name(square):
    nobody = str(uuid.uuid4())
    gone = square.event(kind="recognised", data={"person": nobody})
    behind = square.event(kind="tailgating", data={"known": nobody, "seconds": 2})
    reasons = square.record(gone, behind)
    assert [each["id"] for each in reasons.rejected] == [gone["id"]]
    assert reasons.accepted == [behind["id"]]
    assert Event.objects.get().data == {"seconds": 2}


def test_a_recognition_of_somebody_on_the_list_is_kept(square):
    owner = square.manager
    person = Person.objects.create(site=square.site, name="A", legal_basis="consent", document="7", owner=owner, expires="2090-01-01T00:00Z")
    sent = square.event(kind="recognised", data={"person": str(person.uid)})
    assert square.record(sent).accepted == [sent["id"]]
    assert Event.objects.get().data["person"] == str(person.uid)


@pytest.mark.parametrize("off", [-3600.0, 3600.0, -NOW + 1000.0], ids=["an hour slow", "an hour fast", "in 1970"])
def test_a_wrong_clocks_events_are_put_right_by_when_the_batch_was_sent_and_both_times_are_kept(square, off):
    true = timezone.now() - datetime.timedelta(seconds=300)
    sent = square.event(t=true.timestamp() + off)
    actions.record_events(agent=square.agent, events=[sent], sent=timezone.now() + datetime.timedelta(seconds=off))
    event = Event.objects.get()
    assert abs(event.t - true) < datetime.timedelta(seconds=60)
    assert event.data["agent_t"] == pytest.approx(sent["t"])
    assert event.data["clock_corrected_s"] == pytest.approx(-off, abs=60)


@pytest.mark.parametrize(("off", "data"), [(-4.0, {}), (-3600.0, {"clock_corrected_s": 3600.0})], ids=["on its way", "corrected by the agent"])
def test_a_time_that_is_right_already_stays(square, off, data):
    sent = square.event(data={"zone": "altar", **data})
    actions.record_events(agent=square.agent, events=[sent], sent=timezone.now() + datetime.timedelta(seconds=off))
    assert Event.objects.get().t.timestamp() == pytest.approx(sent["t"], abs=0.01)
