"""Several alerts at once: everything or nothing, with the rights of each alert's site; one's own step taken back; a picture sent to the desk."""

from __future__ import annotations

import datetime
import threading
import time

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from portal.alerts import actions, bulk_actions
from portal.alerts.models import Alert, AlertLabel, AlertState, HistoryEntry
from portal.analysis.models import Case
from portal.core import media
from portal.core.models import AuditRow
from tests.portal.alert_scene import scene
from tests.portal.portal_scene import signed_in

pytestmark = pytest.mark.django_db
NOW = time.time()


@pytest.fixture
def square():
    return scene()


def raise_each(square) -> list[int]:
    """Three alerts of one camera, each of its own zone."""
    square.record(*[square.event(seq=n, t=NOW + n, data={"zone": f"zone {n}", "track": n}) for n in range(3)])
    return list(Alert.objects.filter(camera=square.camera).order_by("pk").values_list("pk", flat=True))


def states() -> list[tuple[str, str]]:
    return list(Alert.objects.order_by("pk").values_list("state", "reason"))


def test_a_list_is_acknowledged_decided_and_given_away_with_one_row_for_each(square):
    ids = raise_each(square)
    bulk_actions.acknowledge_many(user=square.operator, alert_ids=[*ids, ids[0]])
    bulk_actions.assign_many(user=square.operator, alert_ids=ids, assignee_id=square.manager.pk)
    done = bulk_actions.resolve_many(user=square.operator, alert_ids=ids, reason="false_alarm")
    assert [alert.pk for alert in done] == ids
    assert states() == [("resolved", "false_alarm")] * 3
    for verb in ("acknowledged", "assigned", "resolved"):
        assert sorted(AuditRow.objects.filter(verb=f"alert.{verb}").values_list("subject", flat=True)) == [f"alert:{pk}" for pk in ids]


def test_one_that_cannot_be_done_leaves_all_as_they_were_and_is_named(square):
    ids = raise_each(square)
    actions.resolve(user=square.manager, alert_id=ids[1], reason="real")
    before, rows = list(Alert.objects.order_by("pk").values()), AuditRow.objects.count()
    with pytest.raises(ValidationError, match=f"Alert #{ids[1]}: .*resolved this alert already. Nothing was changed"):
        bulk_actions.resolve_many(user=square.operator, alert_ids=ids, reason="test")
    assert (list(Alert.objects.order_by("pk").values()), AuditRow.objects.count()) == (before, rows)


@pytest.mark.parametrize("act", [bulk_actions.acknowledge_many, bulk_actions.resolve_many, bulk_actions.assign_many])
def test_rights_are_asked_at_the_site_of_each_alert(square, act):
    museum = scene("museum")
    ids, more = raise_each(square), {bulk_actions.resolve_many: {"reason": "real"}, bulk_actions.assign_many: {"assignee_id": None}}.get(act, {})
    foreign = museum.alert().pk
    with pytest.raises(Alert.DoesNotExist):
        act(user=square.operator, alert_ids=[*ids, foreign], **more)
    square.operator.memberships.create(role="administrator", site=museum.site)  # may look there, not act
    with pytest.raises(PermissionDenied, match=f"Alert #{foreign}"):
        act(user=square.operator, alert_ids=[*ids, foreign], **more)
    assert set(states()) == {("new", "")}


@pytest.mark.parametrize("ids", [[], range(1, 202)], ids=["none", "too many"])
def test_a_list_has_one_to_two_hundred(square, ids):
    with pytest.raises(ValidationError, match="one to 200"):
        bulk_actions.acknowledge_many(user=square.operator, alert_ids=ids)


def test_a_decision_is_taken_back_to_what_was_before_and_teaches_nothing(square):
    ids = raise_each(square)
    actions.assign(user=square.operator, alert_id=ids[0], assignee_id=square.manager.pk)
    actions.acknowledge(user=square.operator, alert_id=ids[1])
    before = list(Alert.objects.order_by("pk").values_list("state", "reason", "assignee"))
    bulk_actions.resolve_many(user=square.operator, alert_ids=ids, reason="false_alarm")
    assert AlertLabel.objects.filter(label="false_alarm").count() == 3
    actions.add_note(user=square.manager, alert_id=ids[0], text="A note is no step.")
    bulk_actions.undo(user=square.operator, alert_ids=ids)
    assert list(Alert.objects.order_by("pk").values_list("state", "reason", "assignee")) == before
    assert list(AlertLabel.objects.values_list("label", flat=True)) == [""] * 3
    assert [entry.detail_label for entry in HistoryEntry.objects.filter(verb="undone")] == ["resolved"] * 3
    with pytest.raises(ValidationError, match="no step of yours"):
        bulk_actions.undo(user=square.operator, alert_ids=ids)


def test_only_ones_own_last_step_is_taken_back_and_not_for_ever(square):
    (first, second, third) = raise_each(square)
    bulk_actions.acknowledge_many(user=square.operator, alert_ids=[first, second])
    actions.assign(user=square.manager, alert_id=first, assignee_id=None)
    HistoryEntry.objects.filter(alert=second).update(t=timezone.now() - bulk_actions.UNDO - datetime.timedelta(seconds=1))
    for pk in (first, second, third):
        with pytest.raises(ValidationError, match="no step of yours"):
            bulk_actions.undo(user=square.operator, alert_ids=[pk])


def test_the_page_and_the_api_do_the_same(square):
    ids, client = raise_each(square), signed_in(square.operator)
    assert client.post("/alerts/bulk/resolve", {"alert": ids, "reason": "real"}).json() == {"done": ids}
    assert client.post("/alerts/bulk/undo", {"alert": ids}).json() == {"done": ids}
    answer = client.post("/alerts/bulk/resolve", {"alert": ids, "reason": "ended"})
    assert (answer.status_code, answer.json()["error"]) == (422, f"Alert #{ids[0]}: Choose a reason. Nothing was changed.")
    assert client.post("/alerts/bulk/acknowledge", {"alert": [*ids, 10**9]}).status_code == 404
    body = client.post("/api/v1/alerts/bulk/acknowledge", {"alerts": ids}, content_type="application/json").json()
    assert [(each["id"], each["state"]) for each in body] == [(pk, "acknowledged") for pk in ids]
    assert client.post("/api/v1/alerts/bulk/resolve", {"alerts": [], "reason": "real"}, content_type="application/json").status_code == 400
    administrator = signed_in(square.administrator)
    assert administrator.post("/alerts/bulk/acknowledge", {"alert": ids}).status_code == 403
    assert administrator.post("/api/v1/alerts/bulk/acknowledge", {"alerts": ids}, content_type="application/json").status_code == 403


def test_a_picture_goes_to_the_desk_as_a_case_of_its_site(square, jpeg):
    sha256 = media.put(jpeg)
    alert = square.alert(snapshot=sha256)
    answer = signed_in(square.operator).post(f"/alerts/{alert.pk}/desk")
    case = Case.objects.get()
    assert answer["Location"] == f"/desk/{case.pk}/"
    assert (case.site, case.opened_by, case.files.get().sha256, case.title) == (square.site, square.operator, sha256, f"#{alert.pk} {alert}")
    assert (alert.entries.get().verb, alert.entries.get().detail) == ("sent", str(case.pk))
    assert AuditRow.objects.filter(verb="alert.sent", subject=f"alert:{alert.pk}").count() == 1


def test_an_alert_without_a_picture_opens_no_case(square):
    alert = square.alert(snapshot="ab" * 32)
    with pytest.raises(ValidationError, match="no picture"):
        bulk_actions.send_to_desk(user=square.operator, alert_id=alert.pk)
    with pytest.raises(PermissionDenied):
        bulk_actions.send_to_desk(user=square.administrator, alert_id=alert.pk)
    assert not Case.objects.exists()
    assert not alert.entries.exists()


@pytest.fixture
def jpeg():
    import cv2
    import numpy as np

    return cv2.imencode(".jpg", np.full((60, 80, 3), 128, np.uint8))[1].tobytes()


@pytest.mark.django_db(transaction=True)
def test_lists_in_other_orders_and_events_at_the_same_time_wait_for_each_other(square):
    ids = raise_each(square)
    barrier, problems = threading.Barrier(3), []

    def run(act) -> None:
        try:
            barrier.wait()
            act()
        except Exception as error:  # noqa: BLE001 - a thread's problem is this test's
            problems.append(error)
        finally:
            connection.close()

    acts = [
        lambda: bulk_actions.acknowledge_many(user=square.operator, alert_ids=ids),
        lambda: bulk_actions.acknowledge_many(user=square.manager, alert_ids=ids[::-1]),
        lambda: square.record(*[square.event(seq=9 + n, t=NOW + 5, data={"zone": f"zone {n}", "track": n}) for n in (2, 1, 0)]),
    ]
    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert [(alert.state, alert.count) for alert in Alert.objects.order_by("pk")] == [(AlertState.ACKNOWLEDGED, 2)] * 3
