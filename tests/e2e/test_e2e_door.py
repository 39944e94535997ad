"""A restricted door from end to end: a real agent on real footage, a real portal, a browser; one of the staff and a stranger pass."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import cv2
import pytest
from playwright.sync_api import expect

from detectors.video import write_webm
from site_agents.link import identity_of, read_portal
from site_agents.staff_list_store import FILE, StaffListStore
from tests.e2e.conftest import DESKTOP, PHONE, sign_in, wait_until, watched_pages
from tests.e2e.server import Portal, prepared_portal, serving
from tests.phones import phone
from tests.site_agents.agent_lab import FOOTAGE, Program, wait_for, write_config
from tests.waiting import patience

pytestmark = pytest.mark.browser
DWELL_S, BEAT_S = 1.0, 3.0
RECOGNISED, STRANGER, NOBODY = (172, 246), (322, 358), (0, 30)  # frames of the gate's clip, ten a second
HELD_UP, FOUND = (0, 25), 42  # a phone before those frames; a seed of the simulation that the detector does find
SET_UP = """
from portal.accounts.models import User
from portal.sites import actions, rules
from portal.sites.models import Site
manager, site = User.objects.get(email="manager@specola.example"), Site.objects.get()
door = actions.make_camera(user=manager, site=site, slug="door", name="Staff door", kind="door")
whole = [[0, 0], [1, 0], [1, 1], [0, 1]]
rule = {"kind": "unknown_person", "zone": "Door", "min_s": 1, "cooldown_s": 3600}
actions.save_watching(user=manager, camera_id=door.pk, watching=rules.read({"zones": [{"name": "Door", "polygon": whole}], "rules": [rule]}))
actions.change_mode(user=manager, camera_id=door.pk, mode="M1", reason="A test with fictional staff")
print(actions.make_code(user="system", camera=door))
"""
CHECK_LIVE = """
from portal.accounts.models import User
from portal.sites import actions, rules
from portal.sites.models import Camera
manager, door = User.objects.get(email="manager@specola.example"), Camera.objects.get(slug="door")
watching = actions.watching_of(door)
kinds = [*watching["rules"], {"kind": "not_live_face", "zone": "Door", "cooldown_s": 3600}]
actions.save_watching(user=manager, camera_id=door.pk, watching=rules.read({**watching, "rules": kinds}))
"""
ENROL = """
import datetime, pathlib
from django.utils import timezone
from portal.accounts.models import User
from portal.people import actions
from portal.sites.models import Site
paper = {{"legal_basis": "consent", "document": "test", "alternative": "badge", "expires": timezone.now() + datetime.timedelta(seconds={seconds})}}
picture = pathlib.Path("infra/footage/staff/{picture}.jpg").read_bytes()
person = actions.enrol(user=User.objects.get(email="manager@specola.example"), site=Site.objects.get(), name="{picture}", pictures=[picture], **paper)
print(person.uid, person.expires.timestamp())
"""
REVOKE = """
from portal.accounts.models import User
from portal.people import actions
actions.revoke(user=User.objects.get(email="manager@specola.example"), uid="{uid}")
"""
STORED = """
import json
from portal.alerts.models import Alert, Event
events = Event.objects.filter(camera__slug="door").order_by("seq")
print(json.dumps({"events": [[e.kind, e.t.timestamp(), e.data] for e in events], "alerts": [a.kind for a in Alert.objects.filter(camera__slug="door")]}))
"""


class Door:
    """The running portal, the door's agent, and what it keeps."""

    def __init__(self, portal: Portal, program: Program) -> None:
        self.portal, self.program = portal, program
        self.folder = program.log.parent

    def enrol(self, picture: str, seconds: float = 86_400) -> tuple[str, float]:
        uid, expires = self.portal.django(ENROL.format(picture=picture, seconds=seconds)).split()
        return uid, float(expires)

    def staff(self) -> set[str]:
        """Whom the agent has on its disk, read with its own key."""
        if not (self.folder / FILE).exists():
            return set()
        return {entry.person for entry in StaffListStore(self.folder, identity_of(read_portal(self.folder))).load(0.0).entries}

    def stored(self) -> dict:
        return json.loads(self.portal.django(STORED))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Somebody of the staff comes to the door, then nobody, then a stranger, then nobody for half a minute."""
    return cut(tmp_path_factory.mktemp("clip") / "door.webm", [NOBODY, RECOGNISED, NOBODY, STRANGER, *[NOBODY] * 10])


def cut(path, parts):
    """Parts of the gate's clip, one after the other."""
    frames, reader = [], cv2.VideoCapture(str(FOOTAGE / "gate.webm"))
    while (found := reader.read())[0]:
        frames.append(found[1])
    shown = phone(*(cv2.imread(str(FOOTAGE / "staff" / f"custode-{n}.jpg")) for n in (3, 1)), FOUND) if HELD_UP in parts else None
    write_webm(path, (with_phone(frame, shown) if part is HELD_UP else frame for part in parts for frame in frames[slice(*part)]), 10.0)
    return path


def with_phone(frame, shown):
    """The frame with the phone held before it."""
    made, side = frame.copy(), len(shown)
    made[-side:, 170 : 170 + side] = shown
    return made


@pytest.fixture
def door(tmp_path) -> Iterator[Door]:
    """A portal of its own, that a test may stop; the agent is started by the test."""
    with prepared_portal(tmp_path / "portal") as portal:
        code = portal.django(SET_UP).strip()
        yield portal, code


def start(portal: Portal, code: str, tmp_path, path) -> Door:
    config = write_config(tmp_path / "agent", portal.address, path=str(path), fps=10.0)
    enrol = Program(config, "enrol", "--code", code)
    assert enrol.process.wait(patience(60)) == 0, enrol.text()
    return Door(portal, Program(config))


def test_one_of_the_staff_and_a_stranger_pass_and_there_is_one_alert(door, chromium, clip, tmp_path):
    """The alert is in the browser within two seconds of the dwell; revoking reaches the agent with one heartbeat."""
    portal, code = door
    with serving(portal), watched_pages(chromium, portal.address) as opened:
        page = opened("/sign-in/", {"width": 1920, "height": 1080})
        sign_in(page, "operator@specola.example", portal.password)
        expect(page.locator("#rows[data-connected=true]")).to_be_attached()
        at = start(portal, code, tmp_path, clip)
        try:
            uid, _ = at.enrol("custode-3")
            row = page.locator("#rows .row", has_text="Unknown person")
            wait_until(page, "[...document.querySelectorAll('#rows .row')].some(row => row.textContent.includes('Unknown person'))", 90)
            shown = time.time()
            expect(row).to_have_count(1)
            found = at.stored()
            (stranger,) = [each for each in found["events"] if each[0] == "unknown_person"]
            assert shown - (stranger[1] - stranger[2]["dwell_s"] + DWELL_S) < 2.0
            assert found["alerts"] == ["unknown_person"]
            assert {each[2]["person"] for each in found["events"] if each[0] == "recognised"} == {uid}
            assert at.staff() == {uid}
            portal.django(REVOKE.format(uid=uid))
            wait_for(lambda: not at.staff(), "the agent to forget", BEAT_S + 1.5)
            row.click()
            expect(page.locator("#pane img, #alert img").first).to_be_visible()
        finally:
            at.program.stop()


@pytest.mark.long
def test_a_phone_with_the_face_of_one_of_the_staff_opens_nothing(door, chromium, tmp_path):
    """Large and small: an alert with its picture and without a name, no line in the face log for the phone, and beside the rule how often it errs."""
    portal, code = door
    portal.django(CHECK_LIVE)
    path = cut(tmp_path / "phone.webm", [NOBODY, RECOGNISED, NOBODY, HELD_UP, *[NOBODY] * 10])
    with serving(portal), watched_pages(chromium, portal.address) as opened:
        page = opened("/sign-in/", DESKTOP)
        sign_in(page, "operator@specola.example", portal.password)
        uid = portal.django(ENROL.format(picture="custode-3", seconds=86_400)).split()[0]
        at = start(portal, code, tmp_path, path)
        try:
            wait_until(page, "[...document.querySelectorAll('#rows .row')].some(row => row.textContent.includes('Not a live face'))", 120)
            found = at.stored()
            (seen,) = [each for each in found["events"] if each[0] == "not_live_face"]
            assert uid not in json.dumps(seen)
            named = [each for each in found["events"] if each[0] == "recognised"]
            assert {each[2]["person"] for each in named} == {uid}
            assert [each for each in named if "ended" not in each[2] and abs(each[1] - seen[1]) < 2] == []
            the_phone_is_shown(page, opened("/", PHONE, storage_state=page.context.storage_state()))
        finally:
            at.program.stop()


def the_phone_is_shown(*pages):
    """The alert, the face log and the rule's help on each page."""
    for page in pages:
        page.goto("/?kind=not_live_face")
        page.locator("#rows .row", has_text="Not a live face").click()
        expect(page.locator("#pane img[data-picture], #alert img[data-picture]").first).to_be_visible()
        page.goto("/people/log/")
        expect(page.locator("table.log tbody tr").first).to_be_visible()
        page.get_by_label("Live face").select_option("Not a live face")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("Nothing fits")).to_be_visible()
        page.get_by_role("link", name="Their alerts").click()
        expect(page.locator("#rows .row")).to_have_count(1)
        page.goto("/sites/miracoli/cameras/door/")
        expect(page.get_by_text("measured on simulated media only")).to_be_visible()


def test_an_agent_without_a_portal_forgets_at_the_end_date(door, clip, tmp_path):
    portal, code = door
    at = None
    try:
        with serving(portal):
            at = start(portal, code, tmp_path, clip)
            wait_for(lambda: "applying configuration" in at.program.text(), "the configuration", 60)
            short, expires = at.enrol("custode-1", 15)
            long, _ = at.enrol("custode-2")
            wait_for(lambda: at.staff() == {short, long}, "both on the agent's list", 12)
        assert time.time() < expires
        wait_for(lambda: at.staff() == {long}, "the agent to forget, with its portal gone", expires - time.time() + 3)
        assert time.time() >= expires
        assert "come to the end date" in at.program.text()
    finally:
        if at is not None:
            at.program.stop()
