"""A rule kind is one file: a toy kind appears in form, check, signed configuration, alerts and the agent's engine, and nothing else in the tree changes."""

from __future__ import annotations

import json
import sys

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from detectors import rules as folder
from detectors.rules import registry
from detectors.rules.engine import Engine
from detectors.rules.scene import SceneView
from detectors.types import Box, Detection
from portal.alerts import queries
from portal.sites import rules
from portal.sites.config import config_for, portal_key
from portal.sites.models import Camera
from site_agents import signed_config
from site_agents.signed_config import Identity
from tests.portal.alert_scene import scene
from tests.portal.portal_scene import SQUARE, signed_in

pytestmark = pytest.mark.django_db
TOY = '''
from detectors.rules.numbers import RuleNumber, after
from detectors.rules.registry import rule_kind
from detectors.rules.scene import RuleFinding

@rule_kind(
    "crowd",
    label={"en": "Many people at once", "it": "Molte persone insieme"},
    event={"en": "Crowd", "it": "Folla"},
    about="zone",
    numbers=(RuleNumber("people", {"en": "how many", "it": "quante"}, 3, 2, 500, 1),),
    person="leader",
)
class CrowdRule:
    """So many people stand in the zone."""

    def __init__(self, config):
        self.zone, self.people, self.fired = config.zone, config.values["people"], False

    def step(self, view):
        inside = [each for each in view.tracks if each.kind == "person" and self.zone.contains(view.foot(each))]
        before, self.fired = self.fired, len(inside) >= self.people
        return [RuleFinding("crowd", view.t, 1.0, tuple(inside), {"zone": self.zone.name})] if self.fired and not before else []

    def reset(self):
        self.fired = False
'''
WATCHED = {"zones": [{"name": "lawn", "polygon": SQUARE}], "rules": [{"kind": "crowd", "zone": "lawn", "people": 2}]}


@pytest.fixture
def crowd(tmp_path, monkeypatch):
    """The toy file, as if it lay beside the others when the programs start."""
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    (tmp_path / "crowd.py").write_text(TOY)
    registry.discover()
    yield registry.kinds()["crowd"]
    registry.withdraw("crowd")
    del sys.modules["detectors.rules.crowd"]


@pytest.fixture
def square():
    return scene()


def people(count: int, t: float) -> SceneView:
    return SceneView(t, 100, 100, tracks=tuple(Detection("person", 0.9, Box(45, 40, 4, 10), number) for number in range(count)))


@pytest.mark.parametrize(("language", "label", "asked"), [("en", "Many people at once", "how many"), ("it", "Molte persone insieme", "quante")])
def test_it_is_offered_on_the_cameras_page_in_the_readers_language(crowd, square, language, label, asked):
    page = signed_in(square.manager).get("/sites/square/cameras/gate/", headers={"accept-language": language})
    (offered,) = [kind for kind in page.context["editor"]["kinds"] if kind["kind"] == "crowd"]
    assert (offered["label"], offered["about"]) == (label, "zone")
    assert offered["numbers"] == [{"name": "people", "label": asked, "default": 3, "least": 2, "most": 500, "step": 1}]


def test_what_is_drawn_passes_the_check_and_the_agent_fires_it_from_the_signed_configuration(crowd, square):
    client = signed_in(square.manager)
    sent = {**WATCHED, "masks": [], "lines": [], "version": square.camera.config_version}
    assert client.post("/sites/square/cameras/gate/", json.dumps(sent), content_type="application/json").status_code == 200
    document = config_for(Camera.objects.get())
    public = signed_config.signing.public_text(portal_key())
    config = signed_config.verify(json.loads(json.dumps(document)), Identity("square", "gate", public))
    engine = Engine(config.rules)
    found = [finding for t, count in enumerate([1, 2, 3, 1, 2]) for finding in engine.step(people(count, float(t)))]
    assert [(each.kind, each.t, each.data) for each in found] == [("crowd", 1.0, {"zone": "lawn"}), ("crowd", 4.0, {"zone": "lawn"})]


def test_a_number_outside_its_limits_is_refused_and_named_in_italian(crowd):
    with translation.override("it"), pytest.raises(ValidationError, match="Molte persone insieme, quante"):
        rules.read({**WATCHED, "rules": [{"kind": "crowd", "zone": "lawn", "people": 1}]})


def test_its_events_raise_alerts_with_its_words_in_list_filter_and_search(crowd, square):
    alert = square.alert(kind="crowd", data={"zone": "lawn"})
    assert ("crowd", "Crowd") in queries.choices(square.operator)["kinds"]
    with translation.override("it"):
        assert alert.kind_label == "Folla"
        assert list(queries.inbox(square.operator, queries.AlertFilters(q="folla"))) == [alert]


def test_the_person_it_names_is_forgotten_with_the_others(crowd, square):
    erased = "0e8f7a52-6c1b-4d0a-9c53-6a4f2b1d9e70"
    alert = square.alert(kind="crowd", data={"zone": "lawn", "leader": erased})
    assert alert.last.data == {"zone": "lawn"}


def test_the_sites_page_shows_its_numbers(crowd, square):
    signed_in(square.manager).post("/sites/square/cameras/gate/", json.dumps({**WATCHED, "version": 1}), content_type="application/json")
    text = signed_in(square.manager).get("/sites/square/", headers={"accept-language": "it"}).content.decode()
    assert "Molte persone insieme" in text
    assert "quante: 2" in text


def test_without_the_file_no_part_offers_it(square):
    assert "crowd" not in registry.kinds()
    with pytest.raises(ValidationError):
        rules.read(WATCHED)
    assert Engine([signed_config.CameraRule("crowd")]).watches == []


WRONG = {
    "two kinds of one name": ('"crowd"', '"loitering"', "two rule kinds are called 'loitering'"),
    "a language is missing": (', "it": "Folla"', "", "no words in it"),
    "a default outside its limits": ("3, 2, 500", "1, 2, 500", "outside its limits"),
    "about something else": ('"zone"', '"moon"', "about zone, line, camera"),
}


@pytest.mark.parametrize(("old", "new", "problem"), WRONG.values(), ids=WRONG)
def test_a_kind_that_makes_no_sense_stops_the_start(tmp_path, monkeypatch, old, new, problem):
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    (tmp_path / "wrong.py").write_text(TOY.replace(old, new))
    with pytest.raises(ValueError, match=problem):
        registry.discover()
