"""The demo's names follow the reader's language, and what is kept, signed or typed by people does not."""

from __future__ import annotations

import re

import pytest
from alert_scene import user
from django.db import connection
from django.urls import reverse
from django.utils import translation

from infra.footage import manifest
from portal.core import naming
from portal.demo.names import NAMES
from portal.sites.config import config_for
from portal.sites.models import Camera, Site, Zone

pytestmark = pytest.mark.django_db


@pytest.fixture
def square():
    site = Site.objects.create(
        slug="square-of-miracles", name="Square of Miracles", note="Demo site: the clips were filmed elsewhere.", plan="plans/square-of-miracles.svg"
    )
    camera = Camera.objects.create(site=site, slug="square", name="Square", note="The lawn seen from Torre")
    Zone.objects.create(camera=camera, name="Lawn", polygon=[[0, 0], [1, 0], [1, 1]])
    return camera


def test_every_name_of_the_demo_has_its_italian():
    described = manifest()
    cameras = described["cameras"]
    placed = [each["name"] for camera in cameras for what in ("zones", "lines") for each in camera.get(what, [])]
    used = {described["site"]["note"], *(each[what] for each in cameras for what in ("title", "note")), *placed}
    assert used - set(NAMES) == set()
    with translation.override("it"):
        assert [name for name in NAMES if naming.shown(name) == name and name != "Drone"] == []


@pytest.mark.parametrize(
    ("language", "words"),
    [("it", ["Piazza dei Miracoli", "square-of-miracles.it.svg", "girati altrove"]), ("en", ["Square of Miracles", "square-of-miracles.svg"])],
)
def test_a_page_shows_the_demos_names_and_plan_in_the_readers_language(client, square, language, words):
    client.force_login(user("manager@example.org", "manager"))
    text = client.get(reverse("sites:site", args=["square-of-miracles"]), headers={"accept-language": language}).content.decode()
    assert [word for word in words if word not in text] == []
    assert re.search(r"<h1>([^<]*)", text)[1] == words[0]
    assert "The lawn seen from Torre" in text


def test_saving_an_italian_page_changes_no_name(square):
    with translation.override("it"):
        camera = Camera.objects.get()
        assert (camera.name, camera.zones.get().name, str(camera.site)) == ("Piazza", "Prato", "Piazza dei Miracoli")
        camera.save()
        assert Zone.objects.filter(name="Prato").exists()
        assert [zone["name"] for zone in config_for(camera)["zones"]] == ["Lawn"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sites_camera")
        assert cursor.fetchall() == [("Square",)]
