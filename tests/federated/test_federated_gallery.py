"""The staff list on its way: what the portal signed and sealed arrives, and nothing else is believed."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from federated.trust.signing import public_text, sign_document
from federated.trust.staff_list import (
    GalleryRejected,
    box_text,
    load_or_make_box_key,
    pack,
    read_entry,
    read_list,
    seal,
    sign_entry,
    sign_list,
    unpack,
    unseal,
)

PORTAL, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PUBLIC = public_text(PORTAL)
AGENT = X25519PrivateKey.generate()


def face(n: int) -> np.ndarray:
    return np.eye(128, dtype=np.float32)[n]


def entry(**changes):
    values = {"site": "miracles", "person": "a", "template": face(0), "expires": 2e9, "version": 3, "key": PORTAL, **changes}
    return sign_entry(**values)


def test_half_precision_moves_the_cosine_of_two_faces_by_less_than_a_thousandth():
    a, b = (each / np.linalg.norm(each) for each in np.random.default_rng(1).normal(size=(2, 128)).astype(np.float32))
    assert abs(unpack(pack(a)) @ unpack(pack(b)) - a @ b) < 1e-3
    assert np.linalg.norm(unpack(pack(a))) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["", "%%%", "AAAA", pack(face(0) * 2), pack(face(0) * np.nan), pack(np.ones(64) / 8), "é", None, 7])
def test_what_is_no_embedding_is_rejected(text):
    with pytest.raises(GalleryRejected):
        unpack(text)


def test_an_entry_tells_both_templates_and_how_long_it_holds():
    found = read_entry(entry(small=face(1)), "miracles", PUBLIC)
    assert (found.person, found.expires, found.version, found.template[0], found.small[1]) == ("a", 2e9, 3, 1, 1)


def test_an_entry_may_have_no_template_for_small_faces():
    assert read_entry(entry(), "miracles", PUBLIC).small is None


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (entry(key=STRANGER), "signature"),
        (entry(site="elsewhere"), "another site"),
        ({**entry(), "expires": 9e9}, "signature"),
        (sign_document({"type": "list", "site": "miracles"}, PORTAL), "another kind"),
        (sign_document({"type": "entry", "site": "miracles", "person": "a"}, PORTAL), "makes no sense: .*missing"),
        (sign_document({**entry(), "wheels": 4}, PORTAL), "no sense: wheels: unknown field"),
        (sign_document({**entry(), "version": True}, PORTAL), "no sense: version"),
        (sign_document({**entry(), "expires": "9e9"}, PORTAL), "no sense: expires"),
        (sign_document({**entry(), "small": 5}, PORTAL), "no sense: small"),
        (sign_document({"type": "entry", "site": "miracles", "person": "a", "template": pack(face(0)), "expires": "soon", "version": 1}, PORTAL), "no sense"),
        ({"type": {1}, "signature": ""}, "signed"),
        ({}, "signature"),
    ],
)
def test_an_entry_that_is_not_the_portals_is_rejected(document, why):
    with pytest.raises(GalleryRejected, match=why):
        read_entry(document, "miracles", PUBLIC)


def test_a_list_says_who_stands_on_it():
    found = read_list(sign_list("miracles", "gate", 7, {"a": 3, "b": 7}, PORTAL), "miracles", "gate", PUBLIC)
    assert (found.version, found.people) == (7, {"a": 3, "b": 7})


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (sign_list("miracles", "gate", 7, {}, STRANGER), "signature"),
        (sign_list("elsewhere", "gate", 7, {}, PORTAL), "another site"),
        (sign_list("miracles", "tower", 7, {}, PORTAL), "is for tower, not for gate"),
        (sign_list("miracles", "gate", -1, {}, PORTAL), "no sense"),
        (sign_list("miracles", "gate", 7, {"a": "3"}, PORTAL), r"no sense: people\[...\]"),
        (sign_document({**sign_list("miracles", "gate", 7, {}, PORTAL), "people": ["a"]}, PORTAL), "no sense: people"),
        (sign_document({**sign_list("miracles", "gate", 7, {}, PORTAL), "wheels": 4}, PORTAL), "no sense: wheels: unknown field"),
        ("no object", "list"),
    ],
)
def test_a_list_that_is_not_ours_is_rejected(document, why):
    with pytest.raises(GalleryRejected, match=why):
        read_list(document, "miracles", "gate", PUBLIC)


def test_what_is_signed_stands_on_the_wire_as_before_the_types():
    people = {"type": "list", "site": "miracles", "camera": "gate", "version": 7, "people": {"a": 3}}
    assert sign_list("miracles", "gate", 7, {"a": 3}, PORTAL) == sign_document(people, PORTAL)
    fields = {"type": "entry", "site": "miracles", "person": "a", "template": pack(face(0)), "expires": 2e9, "version": 3}
    assert entry() == sign_document(fields, PORTAL)
    assert entry(small=face(1)) == sign_document({**fields, "small": pack(face(1))}, PORTAL)


def test_what_a_newer_portal_adds_to_list_and_entry_is_dropped():
    newer = {"contract": "1.9", "wheels": 4}
    assert read_entry(sign_document({**entry(), **newer}, PORTAL), "miracles", PUBLIC).person == "a"
    assert read_list(sign_document({**sign_list("miracles", "gate", 7, {"a": 3}, PORTAL), **newer}, PORTAL), "miracles", "gate", PUBLIC).people == {"a": 3}


def test_the_agent_opens_what_was_sealed_for_it():
    assert unseal(seal([entry()], box_text(AGENT)), AGENT) == [entry()]


def test_nothing_of_a_sealed_list_can_be_read():
    sealed = base64.b64decode(seal([entry()], box_text(AGENT)))
    assert pack(face(0)).encode() not in sealed
    assert b"entry" not in sealed


def test_the_same_list_is_sealed_anew_each_time():
    assert seal([entry()], box_text(AGENT)) != seal([entry()], box_text(AGENT))


def test_nobody_else_can_open_it():
    with pytest.raises(GalleryRejected, match="another agent"):
        unseal(seal([entry()], box_text(AGENT)), X25519PrivateKey.generate())


@pytest.mark.parametrize("at", [0, 20, 32, 40, 44, -1])
def test_a_flipped_byte_is_noticed(at):
    content = bytearray(base64.b64decode(seal([entry()], box_text(AGENT))))
    content[at] ^= 1
    with pytest.raises(GalleryRejected):
        unseal(base64.b64encode(content).decode(), AGENT)


@pytest.mark.parametrize("sealed", ["", "AAAA", "%", None, base64.b64encode(bytes(44)).decode()])
def test_what_was_never_sealed_is_rejected(sealed):
    with pytest.raises(GalleryRejected):
        unseal(sealed, AGENT)


@pytest.mark.parametrize("public", ["", "AAAA", "%", base64.b64encode(bytes(32)).decode(), None])
def test_a_list_is_sealed_for_keys_only(public):
    with pytest.raises(GalleryRejected, match="X25519"):
        seal([entry()], public)


def test_a_sealed_thing_that_is_no_list_is_rejected():
    with pytest.raises(GalleryRejected, match="no list"):
        unseal(seal(["entry"], box_text(AGENT)), AGENT)


def test_the_key_is_made_once_and_is_the_owners_alone(tmp_path):
    made = load_or_make_box_key(tmp_path / "gallery.key")
    assert box_text(load_or_make_box_key(tmp_path / "gallery.key")) == box_text(made)
    assert (tmp_path / "gallery.key").stat().st_mode & 0o077 == 0
