"""No password or key in a text that others read: what is found, where it is refused, and what stood there before is masked."""

from __future__ import annotations

import datetime
import importlib
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.utils import timezone

from portal.accounts import actions as account_actions
from portal.accounts import user_actions
from portal.alerts import actions as alert_actions
from portal.alerts.models import HistoryEntry
from portal.analysis import actions as desk
from portal.analysis import examiners
from portal.core import audit, audit_check
from portal.core.models import AuditRow
from portal.core.secrets import MASK, holds_secret, mask_data, mask_secrets, refuse_secret
from portal.people import actions as people_actions
from portal.people import expiry
from portal.sites import actions, camera_actions, rules
from portal.training.rollout import canary
from tests.portal.alert_scene import scene
from tests.portal.portal_scene import person, problems, signed_in

SECRET = "rtsp://admin:p#ss@10.0.0.7:554/stream1"  # noqa: S105 - of a camera that is not there
SECRETS = (
    SECRET,
    "rtsp://admin:p@ss/word@cam.local/1",
    "the gate, rtsp://:hunter2@cam/1, upstairs",
    "http://10.0.0.7/cgi/video?user=admin&pwd=hunter2",
    "http://10.0.0.7/video?channel=1&PASSWORD=hunter2",
    "https://cloud.example/live?token=abc",
    "rtsp://10.0.0.7/user=admin_password=tlJw_channel=1_stream=0.sdp",
    "Password: hunter2",
    "Authorization: Basic YWRtaW46aHVudGVyMg==",
    "rtsp%3A%2F%2Fadmin%3Ahunter2%40cam",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
)
HARMLESS = (
    "The corridor, from the porter's lodge; ask maria@example.org for the password",
    "rtsp://10.0.0.7:554/stream1",
    "http://10.0.0.7:8080/a@b?user=admin",
    "Passo del Brennero: 12 cars, bypass=no",
    "Boarding pass: 12",
    "A basic camera installed in 2019",
    f"rtsp://admin:{MASK}@10.0.0.7/stream1",
)


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_refused_with_a_sentence_and_masked(text):
    with pytest.raises(ValidationError) as refused:
        refuse_secret(text)
    assert "others read it" in problems(refused)
    assert not holds_secret(mask_secrets(text))
    assert not any(secret in mask_secrets(text) for secret in ("p#ss", "p@ss", "hunter2", "tlJw", "abc", "YWRtaW46"))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays_as_it_is(text):
    assert mask_secrets(refuse_secret(text)) == text


def test_texts_anywhere_in_plain_data_are_masked():
    assert mask_data({"a": [SECRET, 7], "b": {"c": None}}) == {"a": [f"rtsp://admin:{MASK}@10.0.0.7:554/stream1", 7], "b": {"c": None}}


WRITES = {
    "site": lambda s: actions.make_site(user=s.boss, slug="new", name="New", note=SECRET),
    "camera": lambda s: actions.make_camera(user=s.boss, site=s.site, slug="new", name="New", note=SECRET),
    "camera's name": lambda s: actions.make_camera(user=s.boss, site=s.site, slug="new", name=SECRET),
    "note": lambda s: actions.change_note(user=s.boss, camera_id=s.camera.pk, note=SECRET),
    "zone": lambda s: rules.read({"zones": [{"name": SECRET, "polygon": [[0, 0], [1, 0], [1, 1]]}]}),
    "mode": lambda s: actions.change_mode(user=s.manager, camera_id=s.camera.pk, mode="M0", reason=SECRET),
    "stop": lambda s: actions.stop_biometrics(user=s.manager, site=s.site, reason=SECRET),
    "resume": lambda s: actions.resume_biometrics(user=s.manager, site=s.site, reason=SECRET),
    "revoke": lambda s: actions.revoke(user=s.boss, agent=s.agent, reason=SECRET),
    "alert's note": lambda s: alert_actions.add_note(user=s.manager, alert_id=s.alert.pk, text=SECRET),
    "resolution": lambda s: alert_actions.resolve(user=s.manager, alert_id=s.alert.pk, reason="other", note=SECRET),
    "case": lambda s: desk.open_case(user=s.manager, text="Is this true?", title=SECRET),
    "conclusion": lambda s: examiners.clean("neither", SECRET),
    "staff": lambda s: people_actions.enrol(user=s.manager, site=s.site, name="Anna", pictures=[], legal_basis="consent", document=SECRET, expires=s.soon),
    "extension": lambda s: expiry.extend(user=s.manager, uid="0" * 32, expires=s.soon, reason=SECRET),
    "own name": lambda s: account_actions.change_name(user=s.manager, name=SECRET),
    "invited": lambda s: user_actions.invite(actor=s.boss, email="new@x.example", name=SECRET, grants=frozenset({("operator", None)}), days=1),
    "renamed": lambda s: camera_actions.change_camera(user=s.boss, camera_id=s.camera.pk, name=SECRET),
    "switched off": lambda s: camera_actions.switch_camera(user=s.boss, camera_id=s.camera.pk, on=False, reason=SECRET),
    "site's note": lambda s: camera_actions.change_site(user=s.boss, site=s.site, note=SECRET),
    "canary": lambda s: canary.take_back(user=s.boss, canary_id=1, reason=SECRET),
}


@pytest.fixture
def square():
    made = scene()
    soon = timezone.now() + datetime.timedelta(days=30)
    boss = person("all@square.example", "administrator")
    return SimpleNamespace(boss=boss, soon=soon, alert=made.alert(), **{name: getattr(made, name) for name in ("site", "camera", "agent", "manager")})


@pytest.mark.django_db
@pytest.mark.parametrize("write", WRITES)
def test_every_text_that_others_read_refuses_a_secret(square, write):
    with pytest.raises(ValidationError) as refused:
        WRITES[write](square)
    assert "others read it" in problems(refused)
    assert not AuditRow.objects.filter(data__icontains="p#ss").exists()


@pytest.mark.django_db
def test_the_form_says_at_the_field_what_is_wrong_and_keeps_what_was_typed(square):
    camera = {"name": "Stairs", "slug": "stairs", "kind": "fixed", "plan_x": 0.2, "plan_y": 0.4, "heading": 90, "note": SECRET}
    answer = signed_in(square.boss).post("/sites/square/cameras/new/", camera)
    assert answer.status_code == 422
    assert "others read it" in str(answer.context["form"].errors["note"])
    assert "Stairs" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/sites/square/stop/", "/agents/{agent}/revoke/"])
def test_a_button_with_a_reason_says_so_on_the_page(square, page):
    answer = signed_in(person("both@square.example", "administrator")).post(page.format(agent=square.agent.pk), {"reason": SECRET}, follow=True)
    assert "others read it" in answer.content.decode()


@pytest.mark.django_db
def test_the_migration_masks_what_stood_there_before(square):
    square.camera.note, square.camera.name = SECRET, SECRET
    square.camera.save()
    alert_actions.add_note(user=square.manager, alert_id=square.alert.pk, text="The gate was open")
    HistoryEntry.objects.filter(verb="note").update(text=f"see {SECRET}")
    importlib.import_module("portal.house.migrations.0001_mask_secrets").mask(apps, None)
    square.camera.refresh_from_db()
    assert square.camera.note == f"rtsp://admin:{MASK}@10.0.0.7:554/stream1"
    assert "p#ss" not in square.camera.name
    assert HistoryEntry.objects.get(verb="note").text == f"see rtsp://admin:{MASK}@10.0.0.7:554/stream1"


@pytest.mark.django_db
def test_the_audit_page_masks_what_the_log_keeps(square):
    audit.record(actor="system", verb="camera.note_changed", subject="camera:1", site="square", data={"note": SECRET})
    assert "p#ss" not in signed_in(square.manager).get("/audit/").content.decode()
    assert audit_check.first_broken() is None
