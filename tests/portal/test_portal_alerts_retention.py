"""What goes by itself: closed alerts, pictures and clips after their site's days; what stays, and who may change the days."""

from __future__ import annotations

import datetime

import pytest
from alert_scene import JPEG, WEBM, scene
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse
from django.utils import timezone

from portal.alerts import actions as alert_actions
from portal.alerts import retention, tasks
from portal.alerts.models import Alert, AlertState, Event
from portal.analysis.models import Case, CaseFile
from portal.core import media
from portal.core.models import AuditRow
from portal.people import log as face_log
from portal.sites import actions
from portal.sites.models import Site

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(settings, tmp_path):
    settings.MEDIA_FOLDER = tmp_path
    return scene()


def later(days: float) -> datetime.datetime:
    return timezone.now() + datetime.timedelta(days=days)


def closed(at, **changes) -> Alert:
    """An alert with a picture and a clip, resolved."""
    alert = at.alert(snapshot=media.put(JPEG), clip=media.put(WEBM), **changes)
    return alert_actions.resolve(user=at.operator, alert_id=alert.pk, reason="real", note="seen to")


def test_a_closed_alert_goes_after_thirty_days_with_picture_clip_and_history(at):
    alert = closed(at)
    names = Event.objects.values_list("snapshot", "clip").get()
    assert retention.forget_old(later(31)) == {"alerts": 1, "files": 2}
    assert not Alert.objects.filter(pk=alert.pk).exists()
    assert Event.objects.count() == 0
    assert [media.exists(name) for name in names] == [False, False]


def test_nothing_goes_before_its_day(at):
    closed(at)
    assert retention.forget_old(later(29)) == {"alerts": 0, "files": 0}
    assert media.exists(Event.objects.get().snapshot)


def test_the_audit_log_says_how_much_went_and_nothing_on_other_nights(at):
    closed(at)
    retention.forget_old(later(31))
    retention.forget_old(later(32))
    row = AuditRow.objects.get(verb="alerts.forgotten")
    assert (row.site, row.data) == (at.site.slug, {"alerts": 1, "pictures and clips": 2, "days": 30})


def test_an_open_alert_stays_with_all_it_has_however_old(at):
    alert = at.alert(snapshot=media.put(JPEG))
    assert retention.forget_old(later(300)) == {"alerts": 0, "files": 0}
    assert Alert.objects.get(pk=alert.pk).thumbnail


@pytest.mark.parametrize("content", [JPEG, WEBM], ids=["picture", "clip"])
def test_an_alert_whose_picture_or_clip_lies_in_a_case_stays_whole(at, content):
    alert = closed(at)
    case = Case.objects.create(title="theft", site=at.site, opened_by=at.operator)
    CaseFile.objects.create(case=case, name="a", sha256=media.put(content), size=1, kind="JPEG")
    assert retention.forget_old(later(31)) == {"alerts": 0, "files": 0}
    assert alert.events.get().snapshot
    case.delete()
    assert retention.forget_old(later(31))["alerts"] == 1


def test_a_file_that_another_alert_names_stays(at):
    old, young = closed(at), closed(at)
    Alert.objects.filter(pk=old.pk).update(last_t=later(-40))
    Event.objects.filter(alert=old).update(t=later(-40))
    assert retention.forget_old() == {"alerts": 1, "files": 0}
    assert media.exists(young.events.get().clip)


def test_a_counted_crossing_stays_as_a_number_without_its_picture(at):
    at.record(at.event(kind="line_crossed", snapshot=media.put(JPEG)))
    assert retention.forget_old(later(31)) == {"alerts": 0, "files": 1}
    assert Event.objects.get(kind="line_crossed").snapshot is None
    assert retention.forget_old(later(32)) == {"alerts": 0, "files": 0}


def test_recognitions_are_left_to_the_face_log(at):
    at.record(at.event(kind="recognised", snapshot=media.put(JPEG)))
    assert retention.forget_old(later(31)) == {"alerts": 0, "files": 0}
    assert Event.objects.get(kind="recognised").snapshot


def test_the_face_log_leaves_a_picture_that_a_case_holds(at):
    at.record(at.event(kind="recognised", snapshot=media.put(JPEG)))
    case = Case.objects.create(title="who was it", site=at.site, opened_by=at.operator)
    CaseFile.objects.create(case=case, name="a", sha256=media.put(JPEG), size=1, kind="JPEG")
    face_log.forget_old(later(31))
    assert not Event.objects.exists()
    assert media.exists(media.put(JPEG))


def test_each_site_has_its_own_days(at):
    other = scene("tower")
    closed(at)
    closed(other)
    actions.change_kept_days(user=other.manager, site=other.site, days="7")
    assert retention.forget_old(later(8))["alerts"] == 1
    assert Alert.objects.get().camera == at.camera


def test_more_than_one_batch_goes(at, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        closed(at)
    assert retention.forget_old(later(31)) == {"alerts": 5, "files": 2}


def test_the_worker_does_it_every_night(at):
    closed(at)
    Alert.objects.update(last_t=later(-40), state=AlertState.RESOLVED)
    tasks.clean_up(0)
    assert not Alert.objects.exists()


def test_a_manager_changes_the_days_and_the_audit_log_says_so(at, client):
    client.force_login(at.manager)
    page = client.post(reverse("sites:kept", args=[at.site.slug]), {"days": "14"}, follow=True)
    assert "after 14 days" in page.content.decode()
    assert Site.objects.get().kept_days == 14
    assert AuditRow.objects.get(verb="site.kept_days_changed").data == {"before": 30, "after": 14}


def test_saving_the_same_days_again_is_no_change(at):
    actions.change_kept_days(user=at.manager, site=at.site, days=30)
    assert not AuditRow.objects.filter(verb="site.kept_days_changed").exists()


@pytest.mark.parametrize("days", ["0", "366", "-3", "1.5", "", "many", "9" * 30, "٣"])
def test_days_that_make_no_sense_change_nothing(at, days):
    with pytest.raises(ValidationError, match="1 to 365 days"):
        actions.change_kept_days(user=at.manager, site=at.site, days=days)
    assert Site.objects.get().kept_days == 30


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_only_a_manager_of_the_site_changes_the_days(at, client, role):
    with pytest.raises(PermissionDenied):
        actions.change_kept_days(user=getattr(at, role), site=at.site, days=1)
    client.force_login(getattr(at, role))
    assert 'name="days"' not in client.get(reverse("sites:site", args=[at.site.slug])).content.decode()


def test_a_manager_of_another_site_does_not_find_it(at, client):
    client.force_login(scene("tower").manager)
    assert client.post(reverse("sites:kept", args=[at.site.slug]), {"days": "1"}).status_code == 404
    assert not Site.objects.exclude(kept_days=30).exists()
