"""One click says whether an alert was real; the camera's agent hears of it once, whoever else changes their mind, and nothing else is told."""

from __future__ import annotations

import json
import time

import pytest
from django.conf import settings
from django.core.cache import cache
from django.urls import reverse

from detectors.objects.head import EXCLUDED
from federated.contract.heartbeat import LabelsHeld
from federated.trust import signing
from portal.alerts import actions, labels
from portal.alerts.models import Alert, AlertLabel, AlertState, ResolutionReason
from portal.core.models import AuditRow
from portal.sites.config import portal_key
from site_agents.alert_labels import verify
from site_agents.signed_config import Identity
from tests.portal.alert_scene import scene
from tests.portal.signed_client import send_in_process

pytestmark = pytest.mark.django_db
PICTURE = "a" * 64


@pytest.fixture
def square(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "MEDIA_FOLDER", tmp_path)
    cache.clear()
    return scene()


@pytest.fixture
def operator(client, square):
    client.force_login(square.operator, "django.contrib.auth.backends.ModelBackend")
    return client


def alert(square, **changes) -> Alert:
    return square.alert(**{"snapshot": PICTURE, **changes})


def several(square, count: int) -> list[Alert]:
    """Alerts in zones of their own, so that none joins another."""
    return [alert(square, data={"zone": f"zone {n}"}) for n in range(count)]


def judge(square, found: Alert, reason: str = "false_alarm", note: str = "") -> None:
    actions.resolve(user=square.operator, alert_id=found.pk, reason=reason, note=note)


def beat(square, held) -> dict:
    """What the agent's next heartbeat brings, as the agent believes it."""
    body = json.dumps({"t": time.time(), "verdicts": held}).encode()
    document = send_in_process("POST", "/api/v1/heartbeat", body, square.key, str(square.agent.pk)).json()["verdicts"]
    if document is None:
        return {}
    identity = Identity(square.site.slug, square.camera.slug, signing.public_text(portal_key()))
    labels, number = verify(document, identity, held["number"])
    return {"labels": dict(labels), "number": number}


def event_of(found: Alert) -> str:
    return str(found.events.get().pk)


@pytest.mark.parametrize("reason", ["real", "false_alarm"])
def test_one_click_resolves_and_leaves_its_audit_row(operator, square, reason):
    found = alert(square)
    html = operator.get(reverse("alerts:alert", args=[found.pk])).content.decode()
    assert f'name="reason" value="{reason}"' in html
    operator.post(reverse("alerts:resolve", args=[found.pk]), {"reason": reason})
    found.refresh_from_db()
    assert (found.state, found.reason) == (AlertState.RESOLVED, reason)
    assert AuditRow.objects.get(verb="alert.resolved").data == {"detail": reason}


def test_who_may_only_look_sees_no_such_buttons_and_cannot_click(client, square):
    found = alert(square)
    client.force_login(square.administrator, "django.contrib.auth.backends.ModelBackend")
    assert b'value="false_alarm"' not in client.get(reverse("alerts:alert", args=[found.pk])).content
    assert client.post(reverse("alerts:resolve", args=[found.pk]), {"reason": "real"}).status_code == 403
    assert not AlertLabel.objects.exists()


def test_a_resolved_alert_offers_no_second_verdict(operator, square):
    found = alert(square)
    judge(square, found)
    assert b'value="false_alarm"' not in operator.get(reverse("alerts:alert", args=[found.pk])).content


def test_the_agent_hears_of_a_verdict_once(square):
    found = alert(square)
    judge(square, found)
    first = beat(square, {"number": 0})
    assert first["labels"] == {event_of(found): "false_alarm"}
    assert beat(square, {"number": first["number"]}) == {}


def test_what_was_not_acknowledged_is_said_again(square):
    judge(square, alert(square))
    assert beat(square, {"number": 0}) == beat(square, {"number": 0}) != {}


def test_all_events_of_an_alert_get_its_label(square):
    found = alert(square)
    square.record(*(square.event(snapshot=PICTURE, seq=n) for n in range(2, 5)))
    judge(square, found, "real")
    assert list(beat(square, {"number": 0})["labels"].values()) == ["real"] * 4


def test_an_event_without_a_picture_is_not_told(square):
    judge(square, square.alert())
    assert beat(square, {"number": 0})["labels"] == {}


def test_a_change_of_mind_is_told_as_the_newest(square):
    found = alert(square)
    judge(square, found)
    number = beat(square, {"number": 0})["number"]
    actions.reopen(user=square.operator, alert_id=found.pk)
    back = beat(square, {"number": number})
    judge(square, found, "real")
    assert back["labels"] == {event_of(found): ""}
    assert beat(square, {"number": back["number"]})["labels"] == {event_of(found): "real"}
    assert AlertLabel.objects.count() == 1


@pytest.mark.parametrize("reason", [ResolutionReason.TEST, ResolutionReason.OTHER])
def test_another_reason_teaches_nothing(square, reason):
    judge(square, alert(square), reason, note="a drill")
    assert beat(square, {"number": 0}) == {}


def test_reopening_what_taught_nothing_tells_nothing(square):
    found = alert(square)
    actions.reopen(user=square.operator, alert_id=found.pk)
    assert not AlertLabel.objects.exists()


@pytest.mark.parametrize("kind", [kind for kind in EXCLUDED if kind not in ("line_crossed", "recognised")])
def test_alerts_about_faces_and_cameras_teach_nothing(square, kind):
    judge(square, alert(square, kind=kind))
    assert not AlertLabel.objects.exists()


def test_many_verdicts_come_in_bounded_answers_and_none_is_lost(square, monkeypatch):
    monkeypatch.setattr(labels, "ALERTS", 3)
    found = several(square, 7)
    for each in found:
        judge(square, each)
    labelled, number, answers = {}, 0, 0
    while news := beat(square, {"number": number}):
        labelled |= news["labels"]
        number, answers = news["number"], answers + 1
        assert len(news["labels"]) <= 3
    assert (set(labelled), answers) == ({event_of(each) for each in found}, 3)


def test_of_an_endless_alert_only_the_newest_events_are_told(square, monkeypatch):
    monkeypatch.setattr(labels, "EVENTS", 2)
    found = alert(square)
    late = [square.event(snapshot=PICTURE, seq=n, t=time.time() + n) for n in range(2, 5)]
    square.record(*late)
    judge(square, found)
    assert set(beat(square, {"number": 0})["labels"]) == {late[1]["id"], late[2]["id"]}


def test_an_agent_ahead_of_a_restored_portal_is_told_everything(square):
    found = alert(square)
    judge(square, found)
    ahead = AlertLabel.objects.get().pk + 1000
    news = beat(square, {"number": ahead})
    assert news == {"labels": {event_of(found): "false_alarm"}, "number": ahead - 1000}


def test_an_agent_that_keeps_nothing_is_told_nothing(square):
    judge(square, alert(square))
    assert labels.news(square.camera, None) is None


@pytest.mark.parametrize("held", [3, [], {}, {"number": "7"}, {"number": -1}, {"number": True}, {"number": 1.5}, {"number": 2**70}], ids=str)
def test_an_agent_that_says_nonsense_is_refused_by_name(square, held):
    body = json.dumps({"t": time.time(), "verdicts": held}).encode()
    answer = send_in_process("POST", "/api/v1/heartbeat", body, square.key, str(square.agent.pk))
    assert answer.status_code == 400
    assert answer.json()["field"].startswith("verdicts")


def test_another_cameras_agent_hears_nothing(square):
    judge(square, alert(square))
    assert labels.news(scene("elsewhere").camera, LabelsHeld(number=0)) is None


def test_a_quiet_heartbeat_asks_one_question(square, django_assert_num_queries):
    judge(square, alert(square))
    number = AlertLabel.objects.get().pk
    with django_assert_num_queries(1):
        assert labels.news(square.camera, LabelsHeld(number=number)) is None


def test_only_ids_and_words_are_told(square):
    found = alert(square, detections=[{"kind": "person", "score": 0.8, "box": [1, 2, 3, 4], "track": None, "data": {}}])
    judge(square, found, note="the gardener")
    document = labels.news(square.camera, LabelsHeld(number=0))
    assert set(document) == {"type", "site", "camera", "after", "upto", "labels", "signature"}
    assert "gardener" not in json.dumps(document)


@pytest.mark.parametrize(("fields", "kept"), [(0.83, 0.83), (0, 0.0), (1.7, None), (-1, None), ("high", None), (True, None), (None, None)])
def test_an_alert_keeps_what_its_camera_thinks(square, fields, kept):
    assert alert(square, data={"zone": "altar", "false_alarm": fields}).false_alarm == kept


def test_an_alert_is_as_doubtful_as_its_least_doubtful_event(square):
    found = alert(square, data={"zone": "altar", "false_alarm": 0.9})
    square.record(*(square.event(seq=n, data={"zone": "altar", **fields}) for n, fields in enumerate([{"false_alarm": 0.2}, {}, {"false_alarm": 0.7}], 2)))
    found.refresh_from_db()
    assert (found.count, found.false_alarm) == (4, 0.2)


def test_a_doubtful_alert_says_so_and_stays_in_the_list(operator, square):
    found = alert(square, data={"zone": "altar", "false_alarm": 0.83})
    room, page = (operator.get(url).content.decode() for url in ("/", reverse("alerts:alert", args=[found.pk])))
    assert f'id="alert-{found.pk}"' in room
    assert "83 % likely false" in room
    assert "83 % likely a false alarm, as operators here judged similar ones." in page


def test_an_alert_that_nobody_has_learned_to_judge_says_nothing(operator, square):
    found = alert(square)
    assert "likely a false alarm" not in operator.get(reverse("alerts:alert", args=[found.pk])).content.decode()


def test_likely_false_alarms_can_be_looked_at_alone_and_never_be_hidden(operator, square):
    doubtful, other = (alert(square, data={"zone": zone, "false_alarm": p}) for zone, p in (("altar", 0.9), ("steps", 0.1)))
    html = operator.get("/?doubtful=1").content.decode()
    assert f'id="alert-{doubtful.pk}"' in html
    assert f'id="alert-{other.pk}"' not in html
    assert f'id="alert-{doubtful.pk}"' in operator.get("/").content.decode()
