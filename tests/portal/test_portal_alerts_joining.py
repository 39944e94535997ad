"""An alert does not swallow what comes later: joining has an end by kind, a stranger after the acknowledgement is a new alert, what was acknowledged stays."""

from __future__ import annotations

import datetime
import threading
import time

import pytest
from django.db import connection

from portal.alerts import actions, kinds, queries
from portal.alerts.filters import moment
from portal.alerts.models import Alert, AlertState, Event
from portal.core import media
from portal.sites.models import Rule, Zone
from tests.portal.alert_scene import JPEG, scene
from tests.portal.portal_scene import signed_in

pytestmark = pytest.mark.django_db
NOW = time.time() - 3600
DOOR = "unknown_person"


@pytest.fixture
def square():
    return scene()


def visit(square, track: int, t: float, seq: int = 1, **changes) -> Alert:
    """A stranger at the door, as an agent sends it: the alert that it is in."""
    return square.alert(**{"kind": DOOR, "seq": seq, "t": NOW + t, "data": {"zone": "door", "track": track}, **changes})


def test_a_stranger_after_the_acknowledgement_is_a_new_alert_and_the_same_one_is_not(square):
    first = visit(square, 7, 0)
    assert visit(square, 8, 5).pk == first.pk, "nobody has looked yet: one row for what goes on at the door"
    actions.acknowledge(user=square.operator, alert_id=first.pk)
    assert visit(square, 7, 10).pk == visit(square, 8, 12).pk == first.pk, "whom somebody has seen"
    second = visit(square, 9, 15)
    assert (second.pk != first.pk, second.state) == (True, AlertState.NEW)
    assert [alert.pk for alert in queries.inbox(square.operator)] == [second.pk, first.pk]
    assert visit(square, 9, 20).pk == second.pk


def test_a_track_of_the_program_that_ran_before_is_not_the_same_person(square):
    """A program that starts again numbers its tracks from one."""
    first = visit(square, 1, 0)
    actions.acknowledge(user=square.operator, alert_id=first.pk)
    square.agent.health = {"t": NOW + 30, "started": NOW + 20}
    assert visit(square, 1, 30).pk != first.pk


def test_what_was_acknowledged_keeps_the_picture_that_was_seen_and_every_event_its_own(square):
    pictures = [media.put(JPEG + bytes([n])) for n in range(4)]
    first = visit(square, 7, 0, snapshot=pictures[0])
    visit(square, 7, 1, snapshot=pictures[1])
    actions.acknowledge(user=square.operator, alert_id=first.pk)
    visit(square, 7, 2, snapshot=pictures[2])
    later = square.event(kind=DOOR, t=NOW + 3, data={"zone": "door", "track": 7})
    square.record(later)
    square.record({**later, "snapshot": pictures[3]})  # its picture came with the second sending
    alert = Alert.objects.get()
    assert (alert.picture, alert.count, alert.last_t.timestamp()) == (pictures[1], 4, pytest.approx(NOW + 3))
    assert queries.picture_of(alert).snapshot == queries.media_of(square.operator, alert.pk, "snapshot") == pictures[1]
    assert [event.snapshot for event in queries.events_of(alert)] == pictures[::-1]
    assert [queries.media_of(square.operator, alert.pk, "snapshot", str(event.pk)) for event in queries.events_of(alert)] == pictures[::-1]


@pytest.mark.parametrize("kind", [DOOR, "person_in_zone", "anomaly", "of_a_newer_agent"])
def test_joining_has_an_end_by_quiet_time_by_number_and_by_length(square, kind):
    limits = kinds.joining(kind)
    quiet, span = limits.quiet.total_seconds(), limits.span.total_seconds()

    def alerts(times: list[float]) -> list[int]:
        Alert.objects.all().delete()
        square.record(*[square.event(kind=kind, seq=n, t=NOW + t, data={"zone": "a"}) for n, t in enumerate(times)])
        return [alert.count for alert in Alert.objects.order_by("opened")]

    assert alerts([0, quiet - 1]) == [2]
    assert alerts([0, quiet + 1]) == [1, 1]
    assert alerts([n / 10 for n in range(limits.most_events + 1)]) == [limits.most_events, 1]
    steps = int(span // (quiet - 1)) + 2
    long = [n * (quiet - 1) for n in range(steps)]
    assert len(alerts(long)) > 1 or limits.most_events < steps
    opened = list(Alert.objects.values_list("opened", "last_t"))
    assert all(last - first <= limits.span for first, last in opened)


def test_the_limits_of_every_kind_fit_on_its_pane():
    assert all(limits.most_events <= queries.SHOWN_EVENTS for limits in (kinds.USUAL, *kinds.JOINING.values()))
    assert set(kinds.JOINING) <= {kind for kind, _ in kinds.alerting()}


def test_a_late_event_within_a_long_alert_still_joins_it(square):
    span = kinds.joining("anomaly").span.total_seconds()
    times = [n * 100 for n in range(int(span // 100) + 1)]
    square.record(*[square.event(kind="anomaly", seq=n + 2, t=NOW + t, data={}) for n, t in enumerate(times)])
    square.record(square.event(kind="anomaly", seq=1, t=NOW + 50, data={}))
    assert Alert.objects.order_by("opened").first().count == len(times) + 1


def test_the_severity_is_that_of_the_rule_and_else_of_its_kind(square):
    zone = Zone.objects.create(camera=square.camera, name="altar", polygon=[[0, 0], [1, 0], [1, 1]])
    assert square.alert(t=NOW, kind="loitering").severity == 1
    Rule.objects.create(camera=square.camera, kind="loitering", zone=zone, severity=3)
    assert square.alert(t=NOW + 900, kind="loitering").severity == 3
    assert square.alert(t=NOW + 900, kind="loitering", data={"zone": "lawn"}).severity == 1
    assert square.alert(t=NOW, kind="of_a_newer_agent").severity == 2


@pytest.mark.django_db(transaction=True)
def test_batches_and_an_acknowledgement_at_the_same_time_lose_nothing(square):
    """However they fall: no event is lost or counted twice, and after the acknowledgement a stranger is in an alert that nobody has acknowledged."""
    first = visit(square, 0, 0)
    barrier = threading.Barrier(5)

    def run(act) -> None:
        barrier.wait()
        act()
        connection.close()

    def batch(track: int):
        return lambda: square.record(*[square.event(kind=DOOR, seq=n, t=NOW + 1 + n, data={"zone": "door", "track": track}) for n in range(4)])

    acts = [*(batch(track) for track in (1, 2, 3, 4)), lambda: actions.acknowledge(user=square.operator, alert_id=first.pk)]
    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Event.objects.exclude(alert=None).count() == sum(alert.count for alert in Alert.objects.all()) == 17
    seen = {event.data["track"] for event in Event.objects.filter(alert=first)}
    assert not seen & {event.data["track"] for event in Event.objects.exclude(alert=first)}, "each of them was there before, or is a new alert"


def test_two_alerts_of_one_night_stand_in_the_order_in_which_they_were_last_seen(square):
    """The first was opened later, the second went on for longer."""
    square.record(square.event(kind="loitering", t=NOW, seq=1), square.event(kind="anomaly", t=NOW + 30, seq=2, data={}))
    square.record(square.event(kind="loitering", t=NOW + 60, seq=3))
    assert [alert.kind for alert in queries.inbox(square.operator)] == ["loitering", "anomaly"]
    assert [alert.kind for alert in queries.inbox(square.operator, queries.AlertFilters(sort="opened"))] == ["anomaly", "loitering"]


def test_filters_by_severity_and_time_and_the_timeline(square):
    opened = {kind: square.alert(kind=kind, t=NOW + n * 600, seq=n, data={}).opened for n, kind in enumerate(("loitering", "person_in_zone", "object_left"))}

    def found(**filters) -> list[str]:
        return [alert.kind for alert in queries.inbox(square.operator, queries.AlertFilters.read(filters))]

    assert found(severity="3") == ["object_left"]
    assert found(severity="2+") == ["object_left", "person_in_zone"]
    assert found(sort="severity") == ["object_left", "person_in_zone", "loitering"]
    assert found(sort="oldest") == ["loitering", "person_in_zone", "object_left"]
    assert found(since=opened["person_in_zone"].isoformat()) == ["object_left", "person_in_zone"]
    assert found(until=opened["person_in_zone"].isoformat()) == ["loitering"]
    for wrong in ({"severity": "9"}, {"severity": "x+"}, {"since": "yesterday"}, {"until": "2026-02-31"}, {"since": "9999-99-99T99:99"}):
        assert found(**wrong) == []
    begin = opened["loitering"]
    step = datetime.timedelta(minutes=15)
    shown = queries.timeline(square.operator, queries.AlertFilters(), begin=begin, end=begin + 4 * step, step=step)
    assert [tuple(each[level] for level in ("low", "medium", "high")) for each in shown] == [(1, 1, 0), (0, 0, 1), (0, 0, 0), (0, 0, 0)]
    answer = signed_in(square.operator).get("/alerts/timeline", {"since": begin.isoformat(), "until": (begin + 4 * step).isoformat(), "severity": "2+"}).json()
    assert (answer["step"], sum(each["medium"] + each["high"] for each in answer["buckets"]), answer["buckets"][0]["low"]) == (60, 2, 0)
    assert signed_in(square.operator).get("/alerts/timeline?since=nonsense").status_code == 200
    assert queries.timeline(square.operator, queries.AlertFilters(kind="anomaly"), begin=begin, end=begin + step, step=step)[0]["low"] == 0


def test_both_half_past_two_of_the_night_when_clocks_go_back_are_in_a_range_that_names_them(square, settings):
    """25 October 2026, Rome: 02:30 comes at 00:30 and at 01:30 UTC. A range from 02:30 to 02:30 holds the hour between."""
    first, second = (datetime.datetime(2026, 10, 25, hour, 30, tzinfo=datetime.UTC) for hour in (0, 1))
    assert (moment("2026-10-25T02:30"), moment("2026-10-25T02:30", end=True)) == (first, second)
    assert moment("2026-10-25T02:30+01:00") == second
    day = datetime.timedelta(hours=25)
    assert moment("2026-10-25", end=True) - moment("2026-10-25") == day
    for t in (first, second):
        square.record(square.event(kind="anomaly", t=t.timestamp(), data={}))
    shown = queries.timeline(square.operator, queries.AlertFilters(), begin=first, end=second + datetime.timedelta(hours=1), step=datetime.timedelta(hours=1))
    assert [each["low"] for each in shown] == [1, 1]
