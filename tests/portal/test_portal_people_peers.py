"""Who may meet whom, the server's own answers to a door that keeps no whole list, and the page with the graph."""

from __future__ import annotations

import datetime
import time

import numpy as np
import pytest
from django.core.cache import cache
from django.utils import timezone

from federated.trust import pki
from federated.trust.signing import public_text, verify_document
from federated.trust.staff_list import box_text, load_or_make_box_key, pack, read_entry, unseal
from portal.core.models import AuditRow
from portal.people.models import Person, Template
from portal.sites.config import portal_key
from portal.sites.models import Camera
from tests.portal.portal_scene import Machine, machine, place, signed_in

pytestmark = pytest.mark.django_db


def face(n: int) -> np.ndarray:
    return np.eye(128, dtype=np.float32)[n]


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests():
    cache.clear()


@pytest.fixture
def square():
    """A site with two doors in mode M1, and one member of the staff."""
    found = place()
    Camera.objects.filter(site=found.site).update(legal_mode="M1")
    for camera in (found.door, found.square):
        camera.refresh_from_db()
    return found


def enrolled(site, name: str, n: int, **fields) -> Person:
    owner = fields.pop("owner")
    values = {"legal_basis": "consent", "document": "paper", "expires": timezone.now() + datetime.timedelta(days=1), "changed": 1, **fields}
    person = Person.objects.create(site=site, name=name, owner=owner, **values)
    Template.objects.create(person=person, vector=face(n))
    return person


def beat(agent: Machine, key: str, port: int = 4000, edition: str = "", **changes):
    neighbours = {"host": "127.0.0.1", "port": port, "key": key, "edition": edition, "keep": "all", "sharing": True, **changes}
    reported = {"t": time.time(), "config_version": None, "camera": {"state": "live", "fps": 5}, "neighbours": neighbours}
    return agent.send("POST", "heartbeat", reported).json()["neighbours"]


@pytest.fixture
def two(square, tmp_path):
    """Both doors' agents and their keys."""
    return [(machine(camera), pki.load_or_make_peer_key(tmp_path / f"{n}.key")) for n, camera in enumerate((square.door, square.square))]


def test_a_door_hears_where_the_other_one_listens(two):
    (gate, gate_key), (lawn, lawn_key) = two
    beat(lawn, lawn_key, 4002)
    body = verify_document(beat(gate, gate_key, 4001), public_text(portal_key()))
    assert body["peers"] == {str(lawn.agent.pk): {"host": "127.0.0.1", "port": 4002, "whole": True}}
    assert body["agent"] == str(gate.agent.pk)


def test_what_is_known_already_is_not_sent_again(two):
    (gate, key), _ = two
    first = beat(gate, key)
    assert beat(gate, key, edition=first["edition"]) is None


def test_the_certificate_names_the_agent_and_is_of_the_sites_own_authority(two):
    from cryptography import x509

    (gate, key), _ = two
    body = beat(gate, key)
    found, authority = (x509.load_pem_x509_certificate(body[name].encode()) for name in ("certificate", "authority"))
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert names == [str(gate.agent.pk)]
    found.verify_directly_issued_by(authority)
    assert found.not_valid_after_utc - timezone.now() < datetime.timedelta(days=8)


def test_two_sites_have_two_authorities(two, tmp_path):
    other = place("tower")
    Camera.objects.filter(pk=other.door.pk).update(legal_mode="M1")
    other.door.refresh_from_db()
    (gate, key), _ = two
    far = beat(machine(other.door), pki.load_or_make_peer_key(tmp_path / "far.key"), 4009)
    near = beat(gate, key)
    assert near["authority"] != far["authority"]
    assert near["peers"] == far["peers"] == {}


def test_a_revoked_neighbour_is_none(two):
    (gate, gate_key), (lawn, lawn_key) = two
    beat(lawn, lawn_key)
    lawn.agent.refresh_from_db()
    lawn.agent.revoked = timezone.now()
    lawn.agent.save()
    assert beat(gate, gate_key)["peers"] == {}


def test_a_camera_in_mode_m0_meets_nobody(two, square):
    (gate, key), _ = two
    Camera.objects.filter(pk=square.door.pk).update(legal_mode="M0")
    assert beat(gate, key) is None


def test_the_stop_button_ends_the_meeting_too(two, square):
    (gate, key), _ = two
    square.site.biometrics_stopped = True
    square.site.save()
    assert beat(gate, key) is None


@pytest.mark.parametrize("reported", [None, {}, {"host": "h", "port": 1, "key": "no key"}, {"host": "", "key": ""}])
def test_an_agent_that_listens_nowhere_meets_nobody(two, reported):
    answer = two[0][0].send("POST", "heartbeat", {"t": time.time(), "neighbours": reported})
    assert (answer.status_code, answer.json()["neighbours"]) == (200, None)


@pytest.mark.parametrize(
    ("reported", "field"), [([], "neighbours"), ("x", "neighbours"), ({"host": 3}, "neighbours.host"), ({"port": 70_000}, "neighbours.port")]
)
def test_nonsense_about_where_it_listens_is_refused_by_name(two, reported, field):
    answer = two[0][0].send("POST", "heartbeat", {"t": time.time(), "neighbours": reported})
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_where_a_neighbour_listens_is_passed_on_only_when_it_makes_sense(two):
    (gate, gate_key), (lawn, lawn_key) = two
    beat(lawn, lawn_key, 0)
    assert beat(gate, gate_key)["peers"] == {}


def ask(agent: Machine, probe, tmp_path):
    """The door says with which key it reads, then asks."""
    key = load_or_make_box_key(tmp_path / "box.key")
    agent.agent.health = {"gallery": {"version": 1, "key": box_text(key)}}
    agent.agent.save()
    return agent.send("POST", "faces", {"probe": probe if isinstance(probe, str) else pack(probe), "within_s": 1.0}), key


def test_the_server_names_one_of_the_staff_sealed_for_the_asker(two, square, tmp_path):
    person = enrolled(square.site, "Anna", 3, owner=square.person("manager"))
    answer, key = ask(two[0][0], face(3), tmp_path)
    reported = answer.json()
    (document,) = unseal(reported["sealed"], key)
    assert (reported["verdict"], round(reported["score"], 2)) == ("person", 1.0)
    assert read_entry(document, square.site.slug, public_text(portal_key())).person == str(person.uid)


def test_a_stranger_is_unknown_and_nothing_is_sealed(two, square, tmp_path):
    enrolled(square.site, "Anna", 3, owner=square.person("manager"))
    reported = ask(two[0][0], face(4), tmp_path)[0].json()
    assert (reported["verdict"], reported["sealed"]) == ("unknown", "")


def test_with_nobody_on_the_list_everybody_is_unknown(two, tmp_path):
    assert ask(two[0][0], face(4), tmp_path)[0].json()["verdict"] == "unknown"


def test_who_may_not_use_this_door_is_unknown_at_it(two, square, tmp_path):
    enrolled(square.site, "Anna", 3, owner=square.person("manager")).doors.set([square.square])
    assert [ask(agent, face(3), tmp_path)[0].json()["verdict"] for agent, _ in two] == ["unknown", "person"]


def test_a_revoked_or_expired_person_is_unknown(two, square, tmp_path):
    manager = square.person("manager")
    enrolled(square.site, "Anna", 3, owner=manager, revoked=timezone.now())
    enrolled(square.site, "Bruno", 4, owner=manager, expires=timezone.now() - datetime.timedelta(seconds=1))
    assert [ask(two[0][0], face(n), tmp_path)[0].json()["verdict"] for n in (3, 4)] == ["unknown", "unknown"]


def test_a_camera_in_mode_m0_may_ask_for_nobody_and_that_leaves_one_row(two, square, tmp_path):
    Camera.objects.filter(pk=square.door.pk).update(legal_mode="M0")
    assert ask(two[0][0], face(3), tmp_path)[0].status_code == 403
    assert AuditRow.objects.filter(verb="machine.refused").count() == 1


@pytest.mark.parametrize("probe", ["", "x", "AAAA", pack(face(1))[:-8], pack(face(1) * 3)])
def test_what_is_no_embedding_is_refused(two, probe, tmp_path):
    assert ask(two[0][0], probe, tmp_path)[0].status_code == 400


def test_an_agent_that_wants_names_only_is_sent_no_face(two, square, tmp_path):
    person = enrolled(square.site, "Anna", 3, owner=square.person("manager"))
    key = load_or_make_box_key(tmp_path / "box.key")
    held = {"version": 0, "key": box_text(key), "names": True}
    reported = two[0][0].send("POST", "heartbeat", {"t": time.time(), "gallery": held}).json()["gallery"]
    assert (list(reported["list"]["people"]), unseal(reported["sealed"], key)) == ([str(person.uid)], [])


COUNTED = {"decided": {"local": 6, "neighbour": 3, "server": 1}, "latency": {"p95_s": 0.02}, "hot": 2}


def page(square, **headers) -> str:
    return signed_in(square.person("operator")).get(f"/sites/{square.site.slug}/neighbours/", headers=headers).content.decode()


def test_the_page_shows_what_the_server_was_spared_and_who_answered_whom(two, square):
    (gate, gate_key), (lawn, lawn_key) = two
    ways = {str(gate.agent.pk): {"n": 7, "mean_s": 31.4, "spread_s": 4.2}}
    beat(gate, gate_key)
    beat(lawn, lawn_key, **COUNTED, ways=ways, answered={str(gate.agent.pk): 3, "server": 1})
    text = page(square)
    assert "90 %" in text
    assert "31 ± 4" in text
    assert "20 ms" in text
    assert text.count('class="way"') == 1
    assert "this server" in text


def test_the_page_says_so_when_no_camera_may_share(square):
    Camera.objects.filter(site=square.site).update(legal_mode="M0")
    assert "answers nobody" in page(square)


def test_before_the_first_face_the_page_says_so(two, square):
    beat(two[0][0], two[0][1])
    assert "No face has been decided yet" in page(square)


def test_only_the_changing_part_is_asked_for_again(square):
    assert "<html" not in page(square, **{"HX-Request": "true"})


NONSENSE = [
    {"decided": {"local": "many", "server": -3}, "ways": {"x": 3}, "answered": [], "latency": 5, "hot": None},
    {"decided": [], "ways": {"x": {"n": 1e9}}, "answered": {"server": "all", "nobody we know": 4}, "hot": True},
]


@pytest.mark.parametrize("reported", NONSENSE)
def test_whatever_an_agent_says_the_page_stands(two, square, reported):
    assert two[0][0].send("POST", "heartbeat", {"t": time.time(), "neighbours": {"host": "h", "port": 1, "key": two[0][1], **reported}}).status_code == 400
    assert "No face has been decided yet" in page(square)


def test_a_way_from_a_camera_to_another_needs_five_people_before_its_time_is_shown(two, square):
    (gate, gate_key), (lawn, lawn_key) = two
    beat(gate, gate_key)
    beat(lawn, lawn_key, ways={str(gate.agent.pk): {"n": 4, "mean_s": 31.4, "spread_s": 4.2}})
    assert "not yet" in page(square)


def test_a_reader_of_another_site_does_not_see_it(square):
    other = place("tower")
    assert signed_in(other.person("operator")).get(f"/sites/{square.site.slug}/neighbours/").status_code == 404
