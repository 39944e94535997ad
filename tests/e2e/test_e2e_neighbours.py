"""Two restricted doors that help each other: one keeps names only and learns faces from the other; a page shows it, and a dead portal changes little."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from site_agents.link import identity_of, read_portal
from site_agents.staff_list_store import StaffListStore
from tests.e2e.conftest import sign_in, watched_pages
from tests.e2e.server import Portal, prepared_portal, serving
from tests.e2e.test_e2e_door import ENROL, NOBODY, RECOGNISED, STRANGER, cut
from tests.site_agents.agent_lab import Program, wait_for, write_config
from tests.waiting import patience, patience_ms

pytestmark = pytest.mark.browser
SET_UP = """
import json
from portal.accounts.models import User
from portal.sites import actions, rules
from portal.sites.models import Site
manager, site = User.objects.get(email="manager@specola.example"), Site.objects.get()
whole = [[0, 0], [1, 0], [1, 1], [0, 1]]
rule = {"kind": "unknown_person", "zone": "Door", "min_s": 1, "cooldown_s": 3600}
codes = {}
for slug, x in (("hall", 0.2), ("yard", 0.8)):
    door = actions.make_camera(user=manager, site=site, slug=slug, name=slug.title(), kind="door", plan_x=x, plan_y=0.5)
    actions.save_watching(user=manager, camera_id=door.pk, watching=rules.read({"zones": [{"name": "Door", "polygon": whole}], "rules": [rule]}))
    actions.change_mode(user=manager, camera_id=door.pk, mode="M1", reason="A test with fictional staff")
    codes[slug] = actions.make_code(user="system", camera=door)
print(json.dumps({"codes": codes, "site": site.slug}))
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Somebody of the staff comes, then nobody, then a stranger, then nobody; over and over."""
    return cut(tmp_path_factory.mktemp("clip") / "door.webm", [NOBODY, RECOGNISED, NOBODY, STRANGER, NOBODY, NOBODY])


class Doors:
    """A portal, and the agents of its two doors."""

    def __init__(self, portal: Portal, folder) -> None:
        made = json.loads(portal.django(SET_UP))
        self.portal, self.folder, self.codes, self.site = portal, folder, made["codes"], made["site"]
        self.programs: dict[str, Program] = {}

    def start(self, name: str, clip, keep: str = "all") -> Program:
        config = write_config(self.folder / name, self.portal.address, path=str(clip), fps=10.0)
        with config.open("a") as file:
            file.write(f'[neighbours]\nhost = "127.0.0.1"\nkeep = "{keep}"\n')
        enrol = Program(config, "enrol", "--code", self.codes[name])
        assert enrol.process.wait(patience(60)) == 0, enrol.text()
        return self.restart(name)

    def restart(self, name: str) -> Program:
        self.programs[name] = Program(self.folder / name / "agent.toml")
        return self.programs[name]

    def faces_at(self, name: str) -> int:
        folder = self.folder / name
        return len(StaffListStore(folder, identity_of(read_portal(folder))).load(0.0).entries)


@pytest.fixture
def doors(tmp_path) -> Iterator[Doors]:
    with prepared_portal(tmp_path / "portal") as portal:
        made = Doors(portal, tmp_path)
        yield made
        for program in made.programs.values():
            program.stop()


def recognised(program: Program) -> int:
    return len(re.findall(r"recognised .* score", program.text()))


def test_a_door_that_keeps_names_only_recognises_through_its_neighbour_also_without_a_portal(doors, chromium, clip):
    with serving(doors.portal), watched_pages(chromium, doors.portal.address) as opened:
        hall = doors.start("hall", clip)
        doors.portal.django(ENROL.format(picture="custode-3", seconds=86_400))
        wait_for(lambda: "knowing version" in hall.text(), "the list at the hall", 60)
        yard = doors.start("yard", clip, keep="expected")
        wait_for(lambda: recognised(yard), "a recognition at the yard", 90)
        assert (doors.faces_at("hall"), doors.faces_at("yard")) == (1, 0)
        page = opened("/sign-in/", {"width": 1920, "height": 1080})
        sign_in(page, "manager@specola.example", doors.portal.password)
        page.goto(f"{doors.portal.address}/sites/{doors.site}/neighbours/")
        answered = page.locator("section[aria-labelledby=helps-title] tbody tr", has_text="Yard")
        expect(answered.first).to_be_visible(timeout=patience_ms(30))
        expect(page.locator(".helpers .post.is-sharing")).to_have_count(2, timeout=patience_ms(15))
    yard.stop()
    before = recognised(yard)
    again = doors.restart("yard")
    wait_for(lambda: recognised(again) > before, "a recognition with the portal gone", 90)
    assert "no heartbeat" in again.text()
