"""Periodic jobs over many rows: each with one bad row among good ones, for which every other has its turn all the same."""

from __future__ import annotations

import datetime
import json
import logging

import pytest
from alert_scene import JPEG, scene
from django.conf import settings
from django.utils import timezone
from test_portal_people import enrolled, face, in_days

from federated.learning import control, refusals
from portal.alerts import actions as alert_actions
from portal.alerts import retention
from portal.alerts.models import Alert, Event
from portal.core import media
from portal.core.models import AuditRow
from portal.core.periodic import for_each
from portal.people import doors, expiry
from portal.people import tasks as people_tasks
from portal.people.models import DoorDay, Person
from portal.sites import key_actions
from portal.sites import tasks as sites_tasks
from portal.sites.models import Agent, FormerKeys
from portal.training.runs import refused

pytestmark = pytest.mark.django_db


def test_every_row_has_its_turn_and_a_bad_one_its_traceback(caplog):
    with caplog.at_level(logging.ERROR):
        assert for_each([1, 0, 2], lambda n: 2 / n) == [2.0, 1.0]
    assert "failed on 0" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_what_concerns_every_row_is_raised_at_once():
    with pytest.raises(ZeroDivisionError):
        for_each([0, 1], lambda n: 1 / n, stop=(ZeroDivisionError,))


def test_a_picture_whose_name_is_no_hash_keeps_no_other_sites_pictures(settings, tmp_path):
    settings.MEDIA_FOLDER = tmp_path
    broken, fine = scene(), scene("tower")
    for at in (broken, fine):
        alert_actions.resolve(user=at.operator, alert_id=at.alert(snapshot=media.put(JPEG + at.site.slug.encode())).pk, reason="real", note="")
    Event.objects.filter(camera__site=broken.site).update(snapshot="no hash")
    assert retention.forget_old(timezone.now() + datetime.timedelta(days=31)) == {"alerts": 1, "files": 1}
    assert not Alert.objects.filter(camera__site=fine.site).exists()


def test_one_person_whose_templates_cannot_be_deleted_keeps_nobody_elses(monkeypatch):
    at, raise_version = scene(), expiry.actions.raise_version
    broken, fine = enrolled(at), enrolled(at, name="Custode 2", pictures=[face(2)])
    Person.objects.update(expires=in_days(-40))
    monkeypatch.setattr(expiry.actions, "raise_version", lambda person: 1 / 0 if person == broken else raise_version(person))
    assert expiry.clean_up()[1] == 1
    assert (broken.templates.exists(), fine.templates.exists()) == (True, False)


def test_end_dates_that_break_do_not_keep_the_face_log(monkeypatch):
    at = scene()
    monkeypatch.setattr(expiry, "clean_up", lambda: 1 / 0)
    DoorDay.objects.create(camera=at.camera, day=timezone.localdate() - datetime.timedelta(days=900), people=1)
    people_tasks.clean_up(timestamp=0)
    assert not DoorDay.objects.exists()


def test_a_door_whose_day_holds_nonsense_does_not_stop_the_other_doors():
    broken, fine = scene(), scene("tower")
    for at in (broken, fine):
        at.camera.legal_mode = "M1"
        at.camera.save()
        health = {"t": 1.0, "door": {"people": 3, "visits": {"unknown": 2}}}
        Agent.objects.create(camera=at.camera, public_key=at.site.slug, health=health, last_seen=timezone.now())
    DoorDay.objects.create(camera=broken.camera, day=timezone.localdate(), people=3, last=5)
    assert doors.count() == 1
    assert DoorDay.objects.get(camera=fine.camera).strangers == 2


def two_agents():
    """Of which the first will break the job."""
    at = scene()
    return [Agent.objects.create(camera=at.camera, public_key=name, node_id=name, overlap_until=timezone.now()) for name in ("1", "2")]


def test_one_agents_keys_that_cannot_be_retired_do_not_keep_anothers(monkeypatch):
    broken, fine = two_agents()
    retire = key_actions.retire
    monkeypatch.setattr(key_actions, "retire", lambda *, agent, reason: 1 / 0 if agent == broken else retire(agent=agent, reason=reason))
    key_actions.end_overlaps()
    assert {agent.pk for agent in Agent.objects.filter(overlap_until=None)} >= {fine.pk}
    assert not Agent.objects.filter(pk=broken.pk, overlap_until=None).exists()


def test_one_node_that_the_superlink_will_not_let_go_does_not_keep_the_others(monkeypatch):
    for agent in two_agents():
        FormerKeys.objects.create(agent=agent, public_key=f"old {agent.node_id}", node_id=f"7{agent.node_id}", retired=timezone.now())
    let_go = []
    monkeypatch.setattr(control, "nodes", list)

    def unregister(node_id):
        if node_id == "71":
            raise control.Refused("no such node")
        let_go.append(node_id)

    monkeypatch.setattr(control, "unregister_node", unregister)
    sites_tasks.settle_keys(timestamp=0)
    assert let_go == ["72"]


@pytest.mark.parametrize(("line", "kept"), [({"path": "/v1/\0"}, 2), ({"id": ["no", "id"]}, 1)], ids=["a path with NUL", "an id that is a list"])
def test_one_odd_refusal_does_not_keep_the_others_out_of_the_audit_log(line, kept):
    folder = settings.HOME / "superlink"
    folder.mkdir(parents=True, exist_ok=True)
    fine = {"id": "fine", "path": "/v1/control", "address": "10.0.0.9", "listener": "fleet", "status": 403}
    (folder / refusals.FILE).write_text("".join(json.dumps(each) + "\n" for each in ({**fine, "id": "odd", **line}, fine)))
    assert refused.write_down() == kept
    assert AuditRow.objects.filter(verb=refused.VERB, data__id="fine").exists()
    assert refused.write_down() == 0
