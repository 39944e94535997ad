"""Pages and API of a trial."""

from __future__ import annotations

import pytest
from alert_scene import JPEG, user
from django.urls import reverse
from training_scene import administrator, agents, beat, canary_at, model

from portal.alerts import actions as alerts
from portal.core import media
from portal.training.models import Canary, ModelVersion
from tests.portal.wire import event

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    client.person = administrator()
    client.force_login(client.person)
    return client


def test_the_form_starts_a_trial_at_the_chosen_cameras_and_shows_it(admin):
    first, second, _ = agents()
    kept = model(b"one")
    answer = admin.post(reverse("training:canary_start", args=[kept.pk]), {"cameras": [first.camera_id, second.camera_id, "x"]}, follow=True)
    assert list(Canary.objects.get().cameras.values_list("camera__slug", flat=True)) == ["c0", "c1"]
    assert "does not run it yet" in answer.content.decode()


def test_a_trial_without_a_camera_is_refused_with_a_sentence(admin):
    answer = admin.post(reverse("training:canary_start", args=[model(b"one").pk]), follow=True)
    assert "at least one camera" in answer.content.decode()


def test_the_page_shows_pictures_of_what_the_cameras_raised(admin):
    first = agents()[0]
    started = canary_at(admin.person, model(b"one"), first)
    beat(first, models={"anomaly": started.model.sha256})
    sent = event(first.camera.site.slug, first.camera.slug, kind="anomaly", snapshot=media.put(JPEG), data={})
    alerts.record_events(agent=first, events=[sent])
    page = admin.get(reverse("training:canary", args=[started.pk])).content.decode()
    assert "Unusual movement" in page
    assert "/snapshot" in page


def test_pictures_of_a_foreign_site_are_not_shown(client):
    first = agents()[0]
    started = canary_at(administrator(), model(b"one"), first)
    alerts.record_events(agent=first, events=[event(first.camera.site.slug, first.camera.slug, kind="anomaly", data={})])
    from portal.sites.models import Site

    client.force_login(user("m@example.org", "manager", Site.objects.create(slug="other", name="Other")))
    page = client.get(reverse("training:canary", args=[started.pk])).content.decode()
    assert "Unusual movement" not in page


def test_taking_back_by_the_page_says_so_and_offers_no_more_buttons(admin):
    started = canary_at(admin.person, model(b"one"), agents()[0])
    page = admin.post(reverse("training:canary_take_back", args=[started.pk]), {"reason": "night alarms"}, follow=True).content.decode()
    assert "Taken back on" in page
    assert "night alarms" in page
    assert "Publish to all agents" not in page


def test_a_manager_may_look_but_not_touch(client):
    started = canary_at(administrator(), model(b"one"), agents()[0])
    client.force_login(user("m@example.org", "manager"))
    page = client.get(reverse("training:canary", args=[started.pk])).content.decode()
    assert "Take it back" not in page
    assert client.post(reverse("training:canary_take_back", args=[started.pk])).status_code == 403
    assert client.post(reverse("training:canary_start", args=[started.model_id])).status_code == 403


def test_the_registry_links_to_trials(admin):
    started = canary_at(admin.person, model(b"one"), agents()[0])
    page = admin.get(reverse("training:models")).content.decode()
    assert reverse("training:canary", args=[started.pk]) in page


def test_the_api_tries_and_takes_back(admin):
    first = agents()[0]
    body = {"cameras": [first.camera_id]}
    started = admin.post(reverse("api:start-canary", args=[model(b"one").pk]), body, content_type="application/json")
    assert (started.status_code, started.json()["state"]) == (201, "canary")
    back = admin.post(reverse("api:take-back", args=[started.json()["canary"]]), {"reason": "enough"}, content_type="application/json")
    assert back.json()["state"] == "rolled back"


@pytest.mark.parametrize("name", ["api:start-canary", "api:take-back"])
def test_the_api_knows_neither_strange_models_nor_strange_trials(admin, name):
    assert admin.post(reverse(name, args=[4711]), {"cameras": [1]}, content_type="application/json").status_code == 404


@pytest.mark.parametrize(("name", "method"), [("training:canary", "get"), ("training:canary_take_back", "post"), ("training:canary_start", "post")])
def test_what_is_not_there_is_404(admin, name, method):
    assert getattr(admin, method)(reverse(name, args=[4711])).status_code == 404


def test_a_version_may_be_published_without_a_trial_but_the_page_asks_first(admin):
    kept = model(b"one")
    assert "has not run as a canary" in admin.get(reverse("training:models")).content.decode()
    admin.post(reverse("training:publish", args=[kept.pk]))
    assert ModelVersion.objects.get().state == "published"
