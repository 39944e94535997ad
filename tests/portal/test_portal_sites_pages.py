"""The pages of sites, cameras and agents: what each role sees, draws, presses and is refused."""

from __future__ import annotations

import datetime
import json
import time
import uuid

import pytest
from django.core.cache import cache
from django.utils import timezone

from portal.core.models import AuditRow
from portal.sites import actions
from portal.sites.models import Agent, Camera, EnrolmentCode, Site
from tests.portal.alert_scene import JPEG
from tests.portal.portal_scene import WATCHING, machine, person, place, signed_in, watch_lawn

pytestmark = pytest.mark.django_db
LAWN = "/sites/square/cameras/lawn/"
GATE = "/sites/square/cameras/gate/"
REASON = "Decision 12 of 4 May"


@pytest.fixture
def square():
    cache.clear()
    return place()


@pytest.fixture
def manager(square):
    return signed_in(square.person("manager"))


@pytest.fixture
def administrator(square):
    return signed_in(person("all@square.example", "administrator"))


def save(client, document, page=LAWN):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return client.post(page, body, content_type="application/json")


def again(row):
    row.refresh_from_db()
    return row


def test_the_overview_of_nothing_says_what_to_do_first():
    assert "No site to show" in signed_in(person("all@square.example", "administrator")).get("/sites/").content.decode()


def test_the_overview_counts_open_alerts_of_each_site(square):
    from tests.portal.alert_scene import scene

    scene("museum").alert()
    text = signed_in(person("all@square.example", "operator")).get("/sites/").content.decode()
    assert "open alert<" in text.replace(" <", "<")


def test_a_site_shows_its_cameras_and_what_they_watch_for(square, manager):
    watch_lawn(square.square)
    text = manager.get("/sites/square/").content.decode()
    assert "Lawn of square" in text
    assert "lawn" in text
    assert "after 2" in text


def test_a_sites_page_costs_the_same_few_queries_for_any_number_of_cameras(square, manager, django_assert_max_num_queries):
    for n in range(8):
        watch_lawn(Camera.objects.create(site=square.site, slug=f"c{n}", name=f"Camera {n}"))
    with django_assert_max_num_queries(20):
        manager.get("/sites/square/")


def test_the_tiles_say_each_cameras_state_in_the_readers_language(square, manager):
    enrolled = machine(square.door).agent
    Agent.objects.filter(pk=enrolled.pk).update(last_seen=timezone.now() - datetime.timedelta(minutes=1))
    tiles = manager.get("/sites/square/tiles/", headers={"accept-language": "it"}).json()["cameras"]
    assert {tile["state"]: tile["label"] for tile in tiles} == {"silent": "L'agente non risponde", "none": "Nessun agente"}


def test_looking_at_a_camera_asks_its_agent_for_frames(square, manager):
    assert manager.get(f"{GATE}frame.jpg").status_code == 204
    assert cache.get(f"watch:{square.door.pk}") is True
    cache.set(f"frame:{square.door.pk}", JPEG, 30)
    answer = manager.get(f"{GATE}frame.jpg")
    assert (answer.content, answer["Content-Type"], answer["Cache-Control"]) == (JPEG, "image/jpeg", "no-store")


def test_a_stranger_asks_no_camera_for_frames(square):
    assert signed_in(None).get(f"{GATE}frame.jpg").status_code == 302
    assert cache.get(f"watch:{square.door.pk}") is None


def test_what_is_drawn_is_saved_and_answered_with_its_version(square, manager):
    answer = save(manager, {**WATCHING, "version": 1})
    assert (answer.status_code, answer.json()) == (200, {"version": 2})
    assert [zone.name for zone in square.square.zones.all()] == ["lawn"]


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(square, manager):
    watch_lawn(square.square)
    answer = save(manager, {"zones": [], "lines": [], "rules": [], "masks": [], "version": 1})
    assert answer.status_code == 409
    assert "Somebody else changed this camera" in answer.json()["error"]
    assert square.square.zones.count() == 1


@pytest.mark.parametrize("version", [None, "1", 1.0, [], -1])
def test_who_does_not_say_which_version_was_read_saves_nothing(square, manager, version):
    assert save(manager, {**WATCHING, "version": version}).status_code == 409
    assert again(square.square).config_version == 1


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"not json"])
def test_what_cannot_be_read_is_400_and_changes_nothing(square, manager, body):
    assert save(manager, body).status_code == 400
    assert again(square.square).config_version == 1


@pytest.mark.parametrize("document", [[], 7, {"version": 1, "zones": 7}, {"version": 1, "zones": [{"name": "z", "polygon": [[0, 0]]}]}])
def test_what_makes_no_sense_is_refused_with_a_sentence(square, manager, document):
    answer = save(manager, document)
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")


def test_an_operator_looks_and_does_not_draw(square):
    operator = signed_in(square.person("operator"))
    page = operator.get(LAWN)
    assert page.context["editor"]["editable"] is False
    assert save(operator, {**WATCHING, "version": 1}).status_code == 403


def test_a_manager_elsewhere_who_guards_here_does_not_draw_here(square):
    reader = square.person("operator")
    reader.memberships.create(role="manager", site=place("museum").site)
    client = signed_in(reader)
    assert save(client, {**WATCHING, "version": 1}).status_code == 403
    assert client.post(f"{GATE}mode/", {"mode": "M1", "reason": REASON}).status_code == 403
    assert again(square.door).legal_mode == "M0"


def test_the_editor_offers_biometric_rules_at_doors_only(square, manager):
    offered = {page: {kind["kind"] for kind in manager.get(page).context["editor"]["kinds"]} for page in (LAWN, GATE)}
    assert offered[GATE] - offered[LAWN] == {"unknown_person", "not_live_face", "tailgating"}


DOOR = {"version": 1, "zones": [{"name": "Door", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}], "rules": [{"kind": "not_live_face", "zone": "Door"}]}


def test_a_rule_about_live_faces_takes_a_zone_where_faces_are_compared(square, manager):
    answer = save(manager, DOOR, GATE)
    assert answer.status_code == 422
    assert "does nothing in the zone Door, because no faces are compared there" in answer.json()["error"]
    assert "Unknown person (mode M1) / Stranger behind" in answer.json()["error"]
    assert save(manager, {**DOOR, "rules": [*DOOR["rules"], {"kind": "tailgating", "zone": "Door"}]}, GATE).status_code == 200


def test_beside_it_stands_how_often_it_errs_and_that_the_media_were_simulated(square, manager):
    (kind,) = [each for each in manager.get(GATE, headers={"accept-language": "it"}).context["editor"]["kinds"] if each["help"]]
    assert kind["kind"] == "not_live_face"
    assert "immagini simulate" in kind["help"]


@pytest.mark.parametrize(("models", "warned"), [([], False), (["face-embedding"], True), (["face-embedding", "face-liveness"], False)])
def test_an_agent_that_does_not_look_is_named_on_the_cameras_page(square, manager, models, warned):
    save(manager, {**DOOR, "rules": [*DOOR["rules"], {"kind": "tailgating", "zone": "Door"}]}, GATE)
    manager.post(f"{GATE}mode/", {"mode": "M1", "reason": REASON})
    machine(square.door).send("POST", "heartbeat", {"t": time.time(), "models": dict.fromkeys(models, "ab" * 32)})
    assert ("this camera’s agent does not look" in manager.get(GATE).content.decode()) is warned


def test_a_name_drawn_on_a_camera_is_never_markup(square, manager):
    name = "</script><script>alert(1)</script>"
    save(manager, {"version": 1, "zones": [{"name": name, "polygon": WATCHING["zones"][0]["polygon"]}], "lines": [], "rules": [], "masks": []})
    assert square.square.zones.get().name == name
    assert "<script>alert" not in manager.get(LAWN).content.decode()


def test_a_manager_changes_the_mode_with_a_reason(square, manager):
    manager.post(f"{GATE}mode/", {"mode": "M1", "reason": REASON})
    assert again(square.door).legal_mode == "M1"
    assert AuditRow.objects.get(verb="camera.mode_changed").data == {"before": "M0", "after": "M1", "reason": REASON}


@pytest.mark.parametrize(("mode", "reason"), [("M1", ""), ("M1", "because"), ("M2", REASON), ("", REASON)])
def test_a_mode_that_may_not_be_comes_back_with_a_sentence(square, manager, mode, reason):
    answer = manager.post(f"{GATE}mode/", {"mode": mode, "reason": reason}, follow=True)
    assert 'class="notice error"' in answer.content.decode()
    assert again(square.door).legal_mode == "M0"


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_only_a_manager_changes_the_mode(square, role):
    assert signed_in(square.person(role)).post(f"{GATE}mode/", {"mode": "M1", "reason": REASON}).status_code == 403


def test_an_operator_stops_biometrics_and_a_manager_allows_them_again(square, manager):
    signed_in(square.person("operator")).post("/sites/square/stop/")
    assert again(square.site).biometrics_stopped
    manager.post("/sites/square/resume/", {"reason": REASON})
    assert not again(square.site).biometrics_stopped


def test_allowing_biometrics_again_needs_a_reason_and_the_role(square, manager):
    actions.stop_biometrics(user=square.person("operator"), site=square.site)
    assert signed_in(square.person("administrator")).post("/sites/square/resume/", {"reason": REASON}).status_code == 403
    manager.post("/sites/square/resume/", {"reason": "ok"})
    assert again(square.site).biometrics_stopped


@pytest.mark.parametrize("page", ["stop/", "resume/", "cameras/new/"])
def test_a_foreign_sites_buttons_are_not_there(manager, page):
    place("museum")
    assert manager.post(f"/sites/museum/{page}", {"reason": REASON}).status_code == 404


def test_an_administrator_makes_a_site_and_a_camera(administrator):
    made = administrator.post("/sites/new/", {"name": "Leaning bell", "slug": "bell"})
    assert made["Location"] == "/sites/bell/"
    camera = {"name": "Stairs", "slug": "stairs", "kind": "fixed", "plan_x": 0.2, "plan_y": 0.4, "heading": 90}
    assert administrator.post("/sites/bell/cameras/new/", camera)["Location"] == "/sites/bell/cameras/stairs/"
    assert Camera.objects.get(slug="stairs").heading == 90


@pytest.mark.parametrize("changes", [{"name": ""}, {"slug": ""}, {"slug": "two words"}, {"slug": "square"}, {"latitude": "north"}, {"name": "x" * 500}])
def test_a_site_that_cannot_be_comes_back_with_what_was_typed(square, administrator, changes):
    answer = administrator.post("/sites/new/", {"name": "Leaning bell", "slug": "bell", "place": "Pisa by the river", **changes})
    assert answer.status_code == 422
    assert "Pisa by the river" in answer.content.decode()
    assert Site.objects.count() == 1


@pytest.mark.parametrize("changes", [{"slug": "gate"}, {"slug": ""}, {"kind": "flying"}, {"plan_x": "left"}, {"heading": ""}])
def test_a_camera_that_cannot_be_comes_back_with_what_was_typed(square, administrator, changes):
    camera = {"name": "Stairs of the bell", "slug": "stairs", "kind": "fixed", "plan_x": 0.2, "plan_y": 0.4, "heading": 90, **changes}
    answer = administrator.post("/sites/square/cameras/new/", camera)
    assert answer.status_code == 422
    assert "Stairs of the bell" in answer.content.decode()
    assert Camera.objects.count() == 2


def test_an_administrator_of_one_site_makes_no_other(square):
    client = signed_in(square.person("administrator"))
    assert client.post("/sites/new/", {"name": "Leaning bell", "slug": "bell"}).status_code == 403
    assert Site.objects.count() == 1


def test_a_code_is_shown_once_as_a_command_to_copy(square, administrator):
    text = administrator.post(f"/agents/{square.door.pk}/code/").content.decode()
    (code,) = [word for word in text.replace("<", " ").split() if actions.hash_code(word) == EnrolmentCode.objects.get().code_sha256]
    assert "manage.py agent enrol" in text
    assert code not in administrator.get("/agents/").content.decode()


def test_no_code_is_made_for_a_camera_of_another_site(square):
    museum = place("museum")
    assert signed_in(square.person("administrator")).post(f"/agents/{museum.door.pk}/code/").status_code == 404
    assert not EnrolmentCode.objects.exists()


def test_revoking_an_agent_says_so_and_lists_it_apart(square, administrator):
    enrolled = machine(square.door).agent
    text = administrator.post(f"/agents/{enrolled.pk}/revoke/", {"reason": "stolen"}, follow=True).content.decode()
    assert again(enrolled).revoked
    assert "The agent is revoked" in text
    assert "Revoked agents" in text


def test_an_agent_of_another_site_cannot_be_revoked(square):
    foreign = machine(place("museum").door).agent
    client = signed_in(square.person("administrator"))
    assert client.post(f"/agents/{foreign.pk}/revoke/").status_code == 404
    assert client.post(f"/agents/{uuid.uuid4()}/revoke/").status_code == 404
    assert again(foreign).revoked is None


@pytest.mark.parametrize("role", ["operator", "manager"])
def test_who_does_not_administrate_makes_no_codes_and_revokes_nothing(square, role):
    enrolled = machine(square.door).agent
    client = signed_in(square.person(role))
    assert {client.post(f"/agents/{square.door.pk}/code/").status_code, client.post(f"/agents/{enrolled.pk}/revoke/").status_code} == {403}
    assert (EnrolmentCode.objects.count(), again(enrolled).revoked) == (0, None)


def test_the_inventory_shows_what_an_agent_runs_and_what_wants_a_look(square, administrator):
    enrolled = machine(square.door).agent
    enrolled.last_seen, enrolled.clock_skew = timezone.now(), 90.0
    enrolled.health = {
        "versions": {"specola": "0.1.0"},
        "models": {"anomaly": "ab" * 32},
        "outbox": {"pending": 900},
        "data": {"anomaly": 31},
        "disk_free": 2**20,
    }
    enrolled.save()
    text = administrator.get("/agents/").content.decode()
    for shown in ("0.1.0", "abab", "900", "backlog", "nearly full", "off: set the machine"):
        assert shown in text, shown


def test_the_inventory_costs_the_same_few_queries_for_any_number_of_agents(square, administrator, django_assert_max_num_queries):
    for n in range(6):
        machine(place(f"museum-{n}").door)
    with django_assert_max_num_queries(17):
        administrator.get("/agents/")
