"""The demo's made-up history: marked wherever a person reads it, no part of any real count, and gone for good when the demo is off."""

from __future__ import annotations

import datetime
import json

import cv2
import numpy as np
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.utils import timezone

from portal.accounts.models import User
from portal.alerts import actions, demo_records, queries
from portal.alerts.flow import visitor_flow
from portal.alerts.models import Alert, AlertLabel, Event
from portal.core import media
from portal.core.models import AuditRow
from portal.sites.models import Site
from tests.portal.alert_scene import user
from tests.portal.portal_scene import machine, signed_in
from tests.portal.wire import event

pytestmark = pytest.mark.django_db
SHIPPED = django_settings.ROOT / "infra" / "footage"


@pytest.fixture
def folder(settings, tmp_path):
    """The shipped footage without its staff, and an empty home."""
    settings.HOME, settings.MEDIA_FOLDER = tmp_path / "home", tmp_path / "media"
    manifest = (SHIPPED / "manifest.toml").read_text()
    folder = tmp_path / "footage"
    folder.mkdir()
    (folder / "manifest.toml").write_text(manifest[: manifest.index("[[staff]]")])
    for clip in SHIPPED.glob("*.webm"):
        (folder / clip.name).symlink_to(clip)
    return folder


@pytest.fixture
def demo(folder):
    """The demo's site with its cameras and history."""
    call_command("demo", "--footage", str(folder))
    return folder


def test_the_demo_begins_with_a_week_of_visitors_and_a_day_of_past_alerts_all_of_them_marked(demo):
    site = Site.objects.get()
    today = timezone.localdate()
    shown = visitor_flow(site, today - datetime.timedelta(days=6), today)
    assert {line["line"] for line in shown["lines"]} == {"Path", "Road"}
    assert shown["demo"]["n"] == sum(sum(line["totals"]) for line in shown["lines"]) == sum(sum(line["demo"]) for line in shown["lines"]) > 1000
    assert shown["demo"]["until"] <= timezone.now().timestamp()
    alerts = Alert.objects.all()
    assert len({(alert.camera_id, alert.kind, alert.zone) for alert in alerts}) >= 6
    assert all(alert.demo and alert.state == "resolved" and alert.thumbnail and alert.opened < timezone.now() for alert in alerts)
    for alert in alerts:
        picture = cv2.imdecode(np.fromfile(media.path(alert.picture), np.uint8), cv2.IMREAD_COLOR)
        x, y, w, h = alert.last.detections[0]["box"]
        assert 0 <= x < x + w <= picture.shape[1] + 1
        assert 0 <= y < y + h <= picture.shape[0] + 1


def test_every_page_says_that_it_is_made_up_and_it_is_in_no_count_and_teaches_no_camera(demo):
    alert, client = Alert.objects.first(), signed_in(user("ada@x.example", "operator"))
    page = client.get("/").content.decode()
    assert page.count('<span class="demo">Demo data</span>') == Alert.objects.count()
    assert "are demo data" in page
    assert "no camera reported it" in client.get(f"/alerts/{alert.pk}/").content.decode()
    assert client.get(f"/api/v1/alerts/{alert.pk}").json()["demo"] is True
    words = client.get(f"/sites/{Site.objects.get().slug}/", headers={"Accept-Language": "it"}).content.decode()
    assert "Dati dimostrativi: i {n} attraversamenti fino al {t}" in words
    ada = User.objects.get(email="ada@x.example")
    assert queries.counts(ada) == {"new": 0, "acknowledged": 0, "mine": 0, "ring": None, "today": 0}
    alert = Alert.objects.filter(reason="real").exclude(kind="unknown_person").first()
    actions.reopen(user=ada, alert_id=alert.pk)
    actions.resolve(user=ada, alert_id=alert.pk, reason="false_alarm")
    assert AlertLabel.objects.count() == 0


def test_it_is_made_once_and_when_it_was_taken_away_it_stays_away_and_what_a_camera_saw_stays(demo, capsys):
    site = Site.objects.get()
    made = Event.objects.count()
    call_command("demo", "--footage", str(demo))
    assert Event.objects.count() == made
    camera = site.cameras.get(slug="square")
    found = [("line_crossed", {"line": "Path", "direction": "a_to_b"}), ("anomaly", {})]
    seen = [event(site=site.slug, camera="square", seq=n, kind=kind, data=data) for n, (kind, data) in enumerate(found)]
    actions.record_events(agent=machine(camera).agent, events=seen)
    pictures = {alert.picture for alert in Alert.objects.filter(demo=True)}
    call_command("demo", "--forget")
    gone = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert gone["alerts"] == len(pictures) == gone["files"]
    assert not any(media.exists(name) for name in pictures)
    assert (Event.objects.count(), Alert.objects.get().kind) == (2, "anomaly")
    call_command("demo", "--footage", str(demo))
    assert Event.objects.filter(demo=True).count() == 0
    assert [row.verb for row in AuditRow.objects.filter(verb__startswith="demo.").order_by("seq")] == [demo_records.MADE, demo_records.FORGOTTEN]


def test_other_clips_get_no_history_of_ours(folder):
    call_command("demo", "--footage", str(folder), "--clips", "holiday")
    assert Event.objects.count() == 0
