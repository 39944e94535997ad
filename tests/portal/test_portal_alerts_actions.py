"""What people may do with an alert, and what each deed leaves behind."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from portal.alerts import actions
from portal.alerts.events import AlertRaised
from portal.alerts.models import Alert, AlertState
from portal.core import events
from portal.core.models import AuditRow
from tests.portal.alert_scene import scene, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def square():
    return scene()


@pytest.fixture
def alert(square):
    return square.alert()


def deeds(alert):
    return [(entry.verb, entry.author.email) for entry in alert.entries.all()]


def test_an_operator_acknowledges_and_has_the_alert(square, alert):
    actions.acknowledge(user=square.operator, alert_id=alert.pk)
    alert.refresh_from_db()
    assert (alert.state, alert.assignee) == (AlertState.ACKNOWLEDGED, square.operator)
    assert deeds(alert) == [("acknowledged", square.operator.email)]


def test_acknowledging_twice_leaves_one_line(square, alert):
    actions.acknowledge(user=square.operator, alert_id=alert.pk)
    actions.acknowledge(user=square.manager, alert_id=alert.pk)
    assert deeds(alert) == [("acknowledged", square.operator.email)]


def test_every_deed_leaves_one_audit_row_that_names_the_person(square, alert):
    actions.resolve(user=square.operator, alert_id=alert.pk, reason="false_alarm", note="a pigeon")
    row = AuditRow.objects.get(verb="alert.resolved")
    assert (row.actor, row.subject, row.site) == (f"user:{square.operator.email}", f"alert:{alert.pk}", "square")
    assert row.data == {"detail": "false_alarm", "text": "a pigeon"}


def test_an_alert_is_given_to_somebody_and_to_nobody(square, alert):
    actions.assign(user=square.operator, alert_id=alert.pk, assignee_id=square.manager.pk)
    assert Alert.objects.get().assignee == square.manager
    actions.assign(user=square.operator, alert_id=alert.pk, assignee_id=None)
    assert Alert.objects.get().assignee is None


def test_an_alert_is_not_given_to_a_stranger(square, alert):
    stranger = user("stranger@museum.example", "operator", scene("museum").site)
    with pytest.raises(ValidationError):
        actions.assign(user=square.operator, alert_id=alert.pk, assignee_id=stranger.pk)
    assert AuditRow.objects.filter(verb="alert.assigned").count() == 0


@pytest.mark.parametrize(("reason", "note"), [("", ""), ("boredom", ""), ("other", " ")])
def test_a_resolution_needs_a_reason_and_other_needs_words(square, alert, reason, note):
    with pytest.raises(ValidationError):
        actions.resolve(user=square.operator, alert_id=alert.pk, reason=reason, note=note)
    assert Alert.objects.get().state == AlertState.NEW


def test_an_alert_is_resolved_once(square, alert):
    actions.resolve(user=square.operator, alert_id=alert.pk, reason="real")
    with pytest.raises(ValidationError):
        actions.resolve(user=square.manager, alert_id=alert.pk, reason="test")
    assert Alert.objects.get().reason == "real"


def test_a_resolution_can_be_taken_back(square, alert):
    actions.resolve(user=square.operator, alert_id=alert.pk, reason="real")
    actions.reopen(user=square.manager, alert_id=alert.pk)
    alert.refresh_from_db()
    assert (alert.state, alert.reason, alert.assignee) == (AlertState.ACKNOWLEDGED, "", square.manager)


def test_a_note_is_kept_as_text(square, alert):
    actions.add_note(user=square.manager, alert_id=alert.pk, text=" <b>seen</b>\x00 ")
    assert alert.entries.get().text == "<b>seen</b>"


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001], ids=["empty", "blank", "too long"])
def test_a_note_that_says_nothing_or_too_much_is_refused(square, alert, text):
    with pytest.raises(ValidationError):
        actions.add_note(user=square.manager, alert_id=alert.pk, text=text)


DEEDS = {
    "acknowledge": lambda **who: actions.acknowledge(**who),
    "assign": lambda **who: actions.assign(**who, assignee_id=None),
    "resolve": lambda **who: actions.resolve(**who, reason="real"),
    "reopen": lambda **who: actions.reopen(**who),
    "note": lambda **who: actions.add_note(**who, text="hello"),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_an_administrator_may_look_and_not_act(square, alert, deed):
    with pytest.raises(PermissionDenied):
        deed(user=square.administrator, alert_id=alert.pk)


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_an_operator_of_another_site_sees_nothing(alert, deed):
    with pytest.raises(Alert.DoesNotExist):
        deed(user=scene("museum").operator, alert_id=alert.pk)


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_a_role_taken_away_meanwhile_counts_at_once(square, alert, deed):
    assert square.operator.has_role("operator")
    square.operator.memberships.all().delete()
    with pytest.raises(Alert.DoesNotExist):
        deed(user=square.operator, alert_id=alert.pk)


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_a_closed_account_can_do_nothing(square, alert, deed):
    type(square.operator).objects.filter(pk=square.operator.pk).update(is_active=False)
    with pytest.raises((PermissionDenied, Alert.DoesNotExist)):
        deed(user=square.operator, alert_id=alert.pk)


@pytest.mark.parametrize("deed", [DEEDS["acknowledge"], DEEDS["note"]], ids=["acknowledge", "note"])
def test_browsers_are_told_once_the_change_is_stored(square, alert, deed, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr("portal.core.push.send", lambda group, message: sent.append((group, message)))
    with django_capture_on_commit_callbacks(execute=True):
        deed(user=square.operator, alert_id=alert.pk)
        assert sent == []
    assert sent == [(f"alerts-site-{square.site.pk}", {"alerts": [alert.pk]})]


def test_a_new_alert_is_one_domain_event_and_what_joins_it_is_none(square, monkeypatch, django_capture_on_commit_callbacks):
    raised = []
    monkeypatch.setattr(events, "handlers", {})
    events.subscribe(AlertRaised, raised.append)
    with django_capture_on_commit_callbacks(execute=True):
        alert = square.alert()
        square.alert()
        square.record(square.event(kind="line_crossed", data={"line": "gate"}))
    assert raised == [AlertRaised(alert_id=alert.pk, kind=alert.kind, site="square", camera="gate", t=alert.opened, severity=2)]
