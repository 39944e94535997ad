"""Cameras and sites after they are made: renamed, moved, switched off, deleted; the plan; what stays, and who may do it."""

from __future__ import annotations

import html
import json

import cv2
import numpy as np
import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from federated.contract.config import ConfigDocument
from federated.trust.signing import public_text, verify_document
from portal.alerts.models import Alert, Event
from portal.core import media
from portal.core.models import AuditRow
from portal.people.models import Person, Recognition
from portal.sites import camera_actions
from portal.sites.config import config_for, portal_key
from portal.sites.models import Agent, Camera, EnrolmentCode, Site, Zone
from tests.portal.alert_scene import JPEG, scene
from tests.portal.portal_scene import machine, person, place, signed_in, watch_lawn

pytestmark = pytest.mark.django_db
REASON = "Works on the roof until Friday"
GATE = "/sites/square/cameras/gate/"


@pytest.fixture
def square():
    cache.clear()
    return place()


@pytest.fixture
def manager(square):
    return signed_in(square.person("manager"))


def again(row):
    return type(row).every.get(pk=row.pk)


def settings(**changes):
    return {"name": "Staff gate", "kind": "door", "note": "", "plan_x": 0.5, "plan_y": 0.5, "heading": 0, **changes}


def picture(suffix=".png", size=(90, 120), channels=3):
    return cv2.imencode(suffix, np.full((*size, channels), 120, np.uint8))[1].tobytes()


def test_a_camera_is_renamed_and_keeps_its_address(square, manager):
    answer = manager.post(f"{GATE}settings/", settings(note="Above the porter's lodge"))
    assert answer["Location"] == GATE
    assert (again(square.door).name, again(square.door).slug) == ("Staff gate", "gate")
    assert AuditRow.objects.get(verb="camera.changed").data["name"] == {"before": "Gate of square", "after": "Staff gate"}


@pytest.mark.parametrize("changes", [{"name": ""}, {"plan_x": 1.5}, {"plan_y": "nan"}, {"heading": "north"}, {"kind": "flying"}])
def test_what_cannot_be_comes_back_with_what_was_typed(square, manager, changes):
    answer = manager.post(f"{GATE}settings/", settings(note="by the lodge", **changes))
    assert answer.status_code == 422
    assert "by the lodge" in answer.content.decode()
    assert again(square.door).name == "Gate of square"


def test_a_door_in_mode_m1_stays_a_door(square, manager):
    Camera.objects.filter(pk=square.door.pk).update(legal_mode="M1")
    answer = manager.post(f"{GATE}settings/", settings(kind="fixed"))
    assert "change its mode first" in answer.content.decode()


def move(client, body):
    return client.post(f"{GATE}move/", body if isinstance(body, bytes) else json.dumps(body), content_type="application/json")


def test_a_camera_is_moved_on_the_plan(square, manager):
    assert move(manager, {"x": 0.25, "y": 0.75, "heading": -30}).json() == {"x": 0.25, "y": 0.75, "heading": 330.0}
    assert (again(square.door).plan_x, again(square.door).heading) == (0.25, 330.0)


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), ({"x": 1}, 400), ({"x": 2, "y": 0, "heading": 0}, 422), (b'{"x": NaN, "y": 0, "heading": 0}', 422)]
)
def test_a_place_that_is_none_changes_nothing(square, manager, body, status):
    assert move(manager, body).status_code == status
    assert again(square.door).plan_x == 0.5


def test_switched_off_its_agent_sees_black_and_watches_for_nothing(square, manager):
    watch_lawn(square.square)
    manager.post("/sites/square/cameras/lawn/switch/", {"on": "0", "reason": REASON})
    camera = again(square.square)
    body = {name: value for name, value in config_for(camera).items() if name not in ("signature", "key")}
    document = ConfigDocument.parse(body)
    assert (document.rules, document.zones, len(document.masks), document.version) == ((), (), 1, 3)
    assert all(low <= 0 and high >= 1 for low, high in zip(np.min(document.masks[0], 0), np.max(document.masks[0], 0), strict=True))
    assert manager.get("/sites/square/cameras/lawn/state/").json()["state"] == "off"
    assert manager.get("/sites/square/cameras/lawn/frame.jpg").status_code == 204
    manager.post("/sites/square/cameras/lawn/switch/", {"on": "1", "reason": REASON})
    assert len(ConfigDocument.parse({k: v for k, v in config_for(again(square.square)).items() if k not in ("signature", "key")}).rules) == 3


def test_a_door_that_is_switched_off_recognises_nobody(square, manager):
    Camera.objects.filter(pk=square.door.pk).update(legal_mode="M1")
    manager.post(f"{GATE}switch/", {"on": "0", "reason": REASON})
    assert config_for(again(square.door))["legal_mode"] == "M0"
    assert again(square.door).legal_mode == "M1"


def test_switching_needs_a_reason_and_twice_leaves_one_row(square, manager):
    manager.post(f"{GATE}switch/", {"on": "0", "reason": "x"})
    assert again(square.door).switched_off is None
    for _ in range(2):
        manager.post(f"{GATE}switch/", {"on": "0", "reason": REASON})
    assert AuditRow.objects.filter(verb="camera.switched_off").count() == 1


def test_a_whole_site_is_switched_off_and_on(square, manager):
    manager.post("/sites/square/switch/", {"on": "0", "reason": REASON})
    assert not Camera.objects.filter(switched_off=None).exists()
    manager.post("/sites/square/switch/", {"on": "1", "reason": REASON})
    assert not Camera.objects.exclude(switched_off=None).exists()


@pytest.fixture
def watched():
    """A camera with an alert, its picture, a recognition in the face log, a zone, an agent and a code that nobody has used."""
    cache.clear()
    made = scene()
    sha256 = media.put(JPEG)
    made.alert(snapshot=sha256)
    watch_lawn(made.camera)
    staff = Person.objects.create(
        site=made.site, name="Anna", legal_basis="consent", document="folder 7", owner=made.manager, expires=timezone.now() + timezone.timedelta(days=9)
    )
    log = {"visit": "v", "started": timezone.now(), "net": "sface", "gallery_version": 1, "people": 1, "score": 0.7, "threshold": 0.4, "frames": 3}
    Recognition.objects.create(camera=made.camera, person=staff, **log)
    EnrolmentCode.objects.create(camera=made.camera, code_sha256="0" * 64, expires=timezone.now())
    return made


def test_the_page_before_the_end_says_what_happens(watched):
    page = signed_in(watched.manager).get(f"{GATE}delete/")
    assert page.context["counts"] == {"alerts": 1, "open": 1, "events": 1, "files": 1}
    assert page.context["law"] == {"rows": 1, "only": 0}
    assert Alert.objects.count() == 1


def test_a_deleted_camera_leaves_the_face_log_and_the_audit_log_and_nothing_else(watched, django_capture_on_commit_callbacks):
    sha256 = Event.objects.get().snapshot
    with django_capture_on_commit_callbacks(execute=True):
        signed_in(watched.manager).post(f"{GATE}delete/", {"name": watched.camera.name})
    assert not Camera.objects.exists()
    assert (Alert.objects.count(), Event.objects.count(), Zone.objects.count(), EnrolmentCode.objects.count()) == (0, 0, 0, 0)
    assert Agent.objects.get().revoked
    assert not media.exists(sha256)
    assert str(Recognition.objects.get().camera) == "Site square · Gate of square"
    assert AuditRow.objects.get(verb="camera.deleted").data == {"name": "Gate of square", "alerts": 1, "open": 1, "events": 1, "files": 1, "face_log": 1}
    assert "Gate of square" in signed_in(watched.manager).get("/people/log/").content.decode()


def test_the_agent_of_a_deleted_camera_is_refused_and_gets_no_configuration(square, manager):
    agent = machine(square.door)
    manager.post(f"{GATE}delete/", {"name": "Gate of square"})
    answer = agent.send("POST", "heartbeat", {"t": timezone.now().timestamp()})
    assert answer.status_code == 403


def test_a_short_name_can_be_given_again_after_the_end(square, manager):
    manager.post(f"{GATE}delete/", {"name": "Gate of square"})
    made = manager.post("/sites/square/cameras/new/", {"name": "Gate", "slug": "gate", "kind": "door", "plan_x": 0.1, "plan_y": 0.1, "heading": 0})
    assert made["Location"] == GATE


def test_the_wrong_name_deletes_nothing(watched):
    answer = signed_in(watched.manager).post(f"{GATE}delete/", {"name": "gate"})
    assert answer.status_code == 422
    assert Camera.objects.count() == 1


def test_a_door_for_which_alone_somebody_is_enrolled_is_not_deleted_from_under_them(watched):
    """A person without any door is enrolled for every door: deleting the last one would open all the others."""
    staff = Person.objects.get()
    staff.doors.set([watched.camera])
    answer = signed_in(watched.manager).post(f"{GATE}delete/", {"name": watched.camera.name})
    assert "enrolled for this door alone" in answer.content.decode()
    other = Camera.objects.create(site=watched.site, slug="back", name="Back door", kind="door", legal_mode="M1")
    staff.doors.set([watched.camera, other])
    signed_in(watched.manager).post(f"{GATE}delete/", {"name": watched.camera.name})
    assert list(staff.doors.all()) == [other]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_plan_is_drawn_anew_and_shown(square, manager, suffix):
    content = picture(suffix)
    manager.post("/sites/square/plan/", {"plan": SimpleUploadedFile(f"plan{suffix}", content)})
    site = again(square.site)
    shown = manager.get(site.plan_address)
    assert shown["Content-Type"] in ("image/png", "image/jpeg")
    assert cv2.imdecode(np.frombuffer(shown.content, np.uint8), 1).shape == (90, 120, 3)
    assert site.plan_address in manager.get("/sites/square/").content.decode()


def test_what_is_transparent_in_a_plan_is_white(square, manager):
    manager.post("/sites/square/plan/", {"plan": SimpleUploadedFile("plan.png", cv2.imencode(".png", np.zeros((40, 40, 4), np.uint8))[1].tobytes())})
    assert cv2.imdecode(np.frombuffer(manager.get(again(square.site).plan_address).content, np.uint8), 1).min() == 255


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "SVG"),
        (b"", "cannot be read"),
        (b"GIF89a" + b"\0" * 40, ""),
        (picture()[:60], "cannot be read"),
        (picture(size=(1, 20_000)), "no strip"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4) * 2 + b"\x08\x02\0\0\0" + b"\0" * 40, "at most"),
        (b"x" * (10 * 2**20 + 1), "at most 10 MB"),
    ],
)
def test_what_is_no_plan_is_refused_with_a_sentence(square, manager, content, words):
    answer = manager.post("/sites/square/plan/", {"plan": SimpleUploadedFile("plan.png", content)})
    assert answer.status_code == 422
    assert words in answer.context["plan_problem"]
    assert again(square.site).plan_picture == ""


def test_a_replaced_plan_is_gone_from_the_disk(square, manager, django_capture_on_commit_callbacks):
    manager.post("/sites/square/plan/", {"plan": SimpleUploadedFile("plan.png", picture())})
    first = again(square.site).plan_picture
    with django_capture_on_commit_callbacks(execute=True):
        manager.post("/sites/square/plan/", {"plan": SimpleUploadedFile("plan.png", picture(size=(50, 60)))})
    assert not media.exists(first)
    assert media.exists(again(square.site).plan_picture)


def test_a_site_is_renamed(square, manager):
    manager.post("/sites/square/settings/", {"name": "Piazza dei Miracoli", "place": "Pisa"})
    assert (again(square.site).name, again(square.site).slug) == ("Piazza dei Miracoli", "square")


def test_a_site_ends_when_nothing_is_left_of_it_and_its_short_name_is_never_given_again(square):
    boss = signed_in(person("all@square.example", "administrator"))
    square.person("manager")
    assert boss.post("/sites/square/delete/", {"name": "Site square"}).status_code == 422
    for camera in (square.door, square.square):
        camera_actions.delete_camera(user=person(f"{camera.slug}@x.example", "administrator"), camera_id=camera.pk, typed=camera.name)
    assert boss.post("/sites/square/delete/", {"name": "Site square"})["Location"] == "/sites/"
    assert boss.get("/sites/square/").status_code == 404
    assert not Site.objects.exists()
    assert boss.post("/sites/new/", {"name": "Another", "slug": "square"}).status_code == 422


PAGES = [f"{GATE}settings/", f"{GATE}move/", f"{GATE}switch/", f"{GATE}delete/"]
PAGES += [f"/sites/square/{name}/" for name in ("settings", "switch", "plan", "delete")]


@pytest.mark.parametrize("page", PAGES)
def test_who_only_looks_here_changes_nothing_whoever_they_are_elsewhere(square, page):
    reader = square.person("operator")
    reader.memberships.create(role="manager", site=place("museum").site)
    body = {"name": "Gate of square", "on": "0", "reason": REASON, "kind": "door", "plan_x": 0, "plan_y": 0, "heading": 0}
    sent = {"data": json.dumps({"x": 0, "y": 0, "heading": 0}), "content_type": "application/json"} if page.endswith("move/") else {"data": body}
    if page.endswith("plan/"):
        sent["data"]["plan"] = SimpleUploadedFile("plan.png", picture())
    assert signed_in(reader).post(page, **sent).status_code == 403
    assert signed_in(place("tower").person("manager")).post(page, **sent).status_code == 404
    assert not AuditRow.objects.filter(verb__regex="^(camera|site)").exists()


@pytest.mark.parametrize("role", ["manager", "administrator"])
def test_managers_and_administrators_of_the_site_open_its_settings(square, role):
    client = signed_in(square.person(role))
    assert {client.get(page).status_code for page in (f"{GATE}settings/", f"{GATE}delete/", "/sites/square/settings/", "/sites/square/cameras/new/")} == {200}


def test_a_camera_without_an_agent_leads_an_administrator_to_enrolment(square):
    link = f"/agents/#agent-{square.door.pk}"
    assert link in signed_in(square.person("administrator")).get(GATE).content.decode()
    assert link not in signed_in(square.person("manager")).get(GATE).content.decode()


@pytest.mark.parametrize("language", ["en", "it"])
def test_what_a_turned_camera_sees_now_is_accepted_as_its_view(square, manager, language):
    agent = machine(square.door).agent
    agent.health, agent.last_seen = {"camera": {"state": "tampered", "faults": ["moved"], "suspended": True}}, timezone.now()
    agent.save()
    button = {"en": "This is the view from now on", "it": "Questa è l'inquadratura da ora in poi"}[language]
    spoken, operator = {"accept-language": language}, signed_in(square.person("operator"))
    assert button in html.unescape(manager.get(GATE, headers=spoken).content.decode())
    assert button not in html.unescape(operator.get(GATE, headers=spoken).content.decode())
    before = ConfigDocument.parse(verify_document(config_for(square.door), public_text(portal_key())))
    assert manager.post(f"{GATE}view/")["Location"] == GATE
    after = ConfigDocument.parse(verify_document(config_for(again(square.door)), public_text(portal_key())))
    assert (before.view, after.view, after.version) == (0, 1, before.version + 1)
    assert AuditRow.objects.get(verb="camera.view_accepted").subject == f"camera:{square.door.pk}"
    assert operator.post(f"{GATE}view/").status_code == 403
    agent.health["camera"] |= {"suspended": False}
    agent.save()
    assert button not in html.unescape(manager.get(GATE, headers=spoken).content.decode()), "only of a camera that looks elsewhere"
