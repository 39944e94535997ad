"""The version before next to a canary: what agents report, what is kept of it, what the canary's page shows, and when the pictures go."""

from __future__ import annotations

import datetime
import hashlib
import json
import time

import pytest
from alert_scene import JPEG, WEBM, user
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.urls import reverse
from django.utils import timezone
from training_scene import administrator, agents, beat, canary_at, model

from federated.contract.message import VERSION
from federated.trust.signing import public_text, verify_document
from portal.alerts import actions as alerts
from portal.alerts.models import Event
from portal.analysis.models import Case, CaseFile
from portal.core import media
from portal.core.models import AuditRow
from portal.people import log as face_log
from portal.sites.config import portal_key
from portal.sites.models import Site
from portal.training.models import Canary, Compared, Disagreement
from portal.training.rollout import actions, canary, canary_comparison, queries, tasks
from tests.portal.signed_client import put_media, send_in_process
from tests.portal.wire import event

TAKEN = {"kept": True, "full": False, "contract": VERSION}

pytestmark = pytest.mark.django_db
DAY, SHOWN = datetime.timedelta(days=1), hashlib.sha256(JPEG).hexdigest()


class CanaryScene:
    """A canary at the first of three cameras; `key` signs for its agent."""

    def __init__(self):
        self.person, self.agents = administrator(), agents()
        self.agent, self.key = self.agents[0], Ed25519PrivateKey.generate()
        self.agent.public_key = public_text(self.key)
        self.agent.save()
        self.canary = canary_at(self.person, model(b"one"), self.agent)
        self.sha256 = self.canary.model.sha256

    def report(self, content=JPEG, **changes):
        """One disagreement, as the agent tells it, and its picture."""
        put_media(self.agent, self.key, snapshot := media.put(content), content)
        payload = {"detector": "anomaly", "sha256": self.sha256, "t": time.time(), "old_score": 0.1, "new_score": 0.9, "threshold": 0.5}
        return self.post({**payload, "snapshot": snapshot, **changes})

    def post(self, payload):
        return send_in_process("POST", "/api/v1/agents/disagreements", json.dumps(payload).encode(), self.key, str(self.agent.pk))

    def heartbeat(self, agent=None, **counts):
        """A heartbeat with what the shadow counted."""
        counted = {"sha256": self.sha256, "began": 5.0, "both": 1, "neither": 90, "only_new": 2, "only_old": 7, "skipped": 11, "old_ms": 8.0, "new_ms": 4.0}
        beat(agent or self.agent, trials={"anomaly": {**counted, **counts}})
        tasks.watch_canaries(timestamp=0)

    def page(self, client, person=None):
        client.force_login(person or self.person)
        return client.get(reverse("training:canary", args=[self.canary.pk])).content.decode()


@pytest.fixture
def scene():
    return CanaryScene()


def test_only_a_version_on_trial_is_signed_as_such(scene):
    (tried,) = queries.desired_models(scene.agent.camera)
    assert verify_document(tried, public_text(portal_key()))["trial"] is True
    actions.publish(user=scene.person, model_id=scene.canary.model_id)
    (published,) = queries.desired_models(scene.agent.camera)
    assert "trial" not in published


def test_the_same_document_is_signed_the_same_each_time(scene):
    assert queries.desired_models(scene.agent.camera) == queries.desired_models(scene.agent.camera)


def test_a_disagreement_is_kept_once_however_often_it_is_told(scene):
    answers = [scene.report() for _ in range(2)]
    assert [(each.status_code, each.json()) for each in answers] == [(201, TAKEN), (200, TAKEN)]
    assert (Disagreement.objects.get().only_new, AuditRow.objects.filter(verb="machine.refused").count()) == (True, 0)


@pytest.mark.parametrize("change", [{"detector": "people"}, {"sha256": "0" * 64}])
def test_a_version_that_is_not_on_trial_is_refused_with_one_audit_row(scene, change):
    assert scene.report(**change).status_code == 403
    assert (Disagreement.objects.count(), AuditRow.objects.filter(verb="machine.refused").count()) == (0, 1)


def test_another_cameras_trial_is_foreign(scene):
    canary.take_back(user=scene.person, canary_id=scene.canary.pk)
    canary_at(scene.person, scene.canary.model, scene.agents[1])
    assert scene.report().status_code == 403


def test_after_its_end_a_trial_takes_nothing(scene):
    canary.take_back(user=scene.person, canary_id=scene.canary.pk)
    assert scene.report().status_code == 403


def test_an_unsigned_call_is_not_even_looked_at(scene, client):
    assert client.post("/api/v1/agents/disagreements", {}, content_type="application/json").status_code == 401


@pytest.mark.parametrize("change", [{"t": 1e300}, {"t": "noon"}, {"new_score": 1.5}, {"old_score": None}, {"snapshot": "../x"}, {"threshold": "nan"}])
def test_what_makes_no_sense_is_400(scene, change):
    assert scene.report(**change).status_code == 400


@pytest.mark.parametrize("bound", ["MOST_A_CAMERA", "MOST_A_CANARY"])
def test_a_full_trial_says_so_and_keeps_no_more(scene, bound, monkeypatch, client):
    monkeypatch.setattr(canary_comparison, bound, 1)
    scene.report()
    answer = scene.report(JPEG + b"2")
    assert (answer.status_code, answer.json()) == (200, {**TAKEN, "kept": False, "full": True})
    assert Disagreement.objects.count() == 1
    assert "No more pictures are kept" in scene.page(client)


def test_heartbeats_are_counted_and_a_restart_begins_a_new_count(scene):
    scene.heartbeat()
    scene.heartbeat(neither=190)
    scene.heartbeat(began=9.0)
    (row,) = canary_comparison.by_camera(scene.canary)
    assert (row.frames, row.both, row.only_new, row.only_old, row.skipped) == (300, 2, 4, 14, 22)
    assert (row.old_ms, row.new_ms) == (8.0, 4.0)
    assert row.agree == pytest.approx(282 / 300)


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"both": -1}, {"both": 1.5}, {"both": True}, {"old_ms": "fast"}, {"began": None}, {"neither": 2**70}])
def test_counts_that_make_no_sense_or_are_of_another_version_are_left_out(scene, change):
    scene.heartbeat(**change)
    assert not Compared.objects.exists()


@pytest.mark.parametrize("payload", [None, [], "much", {"anomaly": 3}])
def test_a_heartbeat_may_say_nonsense(scene, payload):
    beat(scene.agent, trials=payload)
    tasks.watch_canaries(timestamp=0)
    assert not Compared.objects.exists()


def test_a_camera_that_is_not_on_trial_is_not_counted(scene):
    scene.heartbeat(agent=scene.agents[1])
    assert not Compared.objects.exists()


@pytest.mark.parametrize("end", [canary.take_back, None], ids=["taken back", "published"])
def test_the_last_counts_are_taken_when_the_trial_ends(scene, end):
    scene.heartbeat()
    beat(scene.agent, trials={"anomaly": {**scene.agent.health["trials"]["anomaly"], "neither": 500}})
    if end:
        end(user=scene.person, canary_id=scene.canary.pk)
    else:
        actions.publish(user=scene.person, model_id=scene.canary.model_id)
    assert canary_comparison.totals(scene.canary)["frames"] == 510


def test_too_many_lonely_alarms_take_the_version_back(scene):
    scene.heartbeat(neither=1000, only_new=61)
    scene.canary.refresh_from_db()
    assert (scene.canary.outcome, scene.canary.automatic) == ("rolled back", True)
    assert "the canary alone raised an alarm at 61 frames, at most 60 are allowed" in scene.canary.reason


def test_the_page_puts_both_versions_side_by_side(scene, client):
    scene.heartbeat(ended="RuntimeError: out of memory")
    page = scene.page(client)
    for text in ("Frames compared", "91.0 %", ">8.0<", ">4.0<", "out of memory", 'data-frames="100"', "They have agreed so far"):
        assert text in page


def test_before_anything_is_compared_the_page_says_to_wait(scene, client):
    assert "Nothing is compared yet" in scene.page(client)


def test_the_gallery_says_who_raised_it_with_both_scores(scene, client):
    scene.report()
    scene.report(JPEG + b"2", old_score=0.83, new_score=0.21)
    page = scene.page(client)
    assert "the new one raised this, the old one did not" in page
    assert "the old one raised this, the new one did not" in page
    assert "0.83" in page
    assert "0.21" in page


def picture(scene, row=None):
    return reverse("training:canary_picture", args=[scene.canary.pk, (row or Disagreement.objects.get()).pk])


def test_a_picture_is_shown_as_it_came_and_kept_by_no_cache(scene, client):
    scene.report()
    client.force_login(scene.person)
    answer = client.get(picture(scene))
    assert (answer.content, answer["Content-Type"], answer["Cache-Control"]) == (JPEG, "image/jpeg", "private, no-store")


def test_a_picture_that_has_not_come_yet_is_said_to_be_on_its_way(scene, client):
    scene.report(snapshot="0" * 64)
    assert "the picture is not here yet" in scene.page(client)
    assert client.get(picture(scene)).status_code == 404


def test_a_manager_of_another_site_sees_neither_rows_nor_pictures(scene, client):
    scene.heartbeat()
    scene.report()
    foreign = user("m@example.org", "manager", Site.objects.create(slug="other", name="Other"))
    page = scene.page(client, foreign)
    assert "None of these cameras is at a site of yours" in page
    assert "raised this" not in page
    assert client.get(picture(scene)).status_code == 404


@pytest.mark.parametrize("role", ["operator", None])
def test_who_may_not_read_models_may_not_read_their_pictures(scene, client, role):
    scene.report()
    if role:
        client.force_login(user("o@example.org", role))
    assert client.get(picture(scene)).status_code in (302, 403)


def test_the_page_costs_the_same_few_queries_for_any_number_of_pictures(scene, client, django_assert_max_num_queries):
    row = scene.canary.cameras.get()
    Disagreement.objects.bulk_create(Disagreement(row=row, snapshot=f"{n:064}", t=timezone.now(), old_score=0, new_score=1, threshold=0.5) for n in range(30))
    Compared.objects.bulk_create(Compared(row=row, agent=scene.agent, began=n) for n in range(30))
    client.force_login(scene.person)
    with django_assert_max_num_queries(41):
        client.get(reverse("training:canary", args=[scene.canary.pk]))


def ended(scene, days):
    canary.take_back(user=scene.person, canary_id=scene.canary.pk)
    Canary.objects.update(ended=timezone.now() - days * DAY)


def test_pictures_go_ninety_days_after_the_trial_and_the_counts_stay(scene):
    scene.report()
    scene.heartbeat()
    ended(scene, 89)
    tasks.forget_pictures(timestamp=0)
    assert media.exists(Disagreement.objects.get().snapshot)
    ended(scene, 91)
    tasks.forget_pictures(timestamp=0)
    assert (Disagreement.objects.count(), media.exists(SHOWN), Compared.objects.count()) == (0, False, 1)
    assert AuditRow.objects.get(verb="model.trial_pictures_forgotten").data == {"count": 1, "days": 90}


def test_a_picture_that_an_alert_shows_too_stays(scene):
    scene.report()
    shown = event(scene.agent.camera.site.slug, scene.agent.camera.slug, kind="anomaly", snapshot=media.put(JPEG), data={})
    alerts.record_events(agent=scene.agent, events=[shown])
    ended(scene, 91)
    assert canary_comparison.forget_old_pictures() == 1
    assert media.exists(shown["snapshot"])


def test_a_picture_that_lies_in_a_case_stays_when_the_trial_is_long_over(scene):
    scene.report()
    ended(scene, 91)
    case = Case.objects.create(title="what was it", opened_by=scene.person)
    CaseFile.objects.create(case=case, name="a", sha256=SHOWN, size=1, kind="JPEG")
    assert canary_comparison.forget_old_pictures() == 1
    assert media.exists(SHOWN)


def test_a_running_trials_pictures_never_go(scene):
    scene.report()
    assert canary_comparison.forget_old_pictures(timezone.now() + 900 * DAY) == 0


def test_the_face_logs_clean_up_leaves_a_trials_picture(scene):
    scene.report()
    old = event(
        scene.agent.camera.site.slug, scene.agent.camera.slug, kind="recognised", snapshot=media.put(JPEG), t=(timezone.now() - 40 * DAY).timestamp(), data={}
    )
    alerts.record_events(agent=scene.agent, events=[old])
    face_log.forget_old()
    assert not Event.objects.filter(pk=old["id"]).exists()
    assert media.exists(old["snapshot"])


def test_what_nobody_holds_is_forgotten_and_what_is_not_here_is_no_error():
    sha256 = media.put(WEBM)
    assert media.release([sha256]) == 1
    assert not media.exists(sha256)
    assert media.release([sha256]) == 0
