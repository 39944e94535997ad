"""Signed galleries: forged, foreign, old and expired ones change nothing."""

from __future__ import annotations

import pytest
from neighbours_lab import KEY, NOW, PUBLIC, SITE, STRANGER_KEY, document, entry, face

from site_agents.errors import StaffListRefused
from site_agents.neighbours import gallery
from site_agents.neighbours.gallery import PeerGallery


@pytest.fixture
def held() -> PeerGallery:
    made = PeerGallery(SITE, PUBLIC, keep=True)
    gallery.apply(made, document(), NOW)
    return made


def test_a_whole_list_is_taken(held):
    assert (held.version, sorted(held.entries)) == (1, ["anna", "bruno", "carla"])


def test_a_weak_box_keeps_who_is_on_the_list_and_no_face():
    weak = PeerGallery(SITE, PUBLIC, keep=False)
    assert gallery.apply(weak, document(), NOW)
    assert (weak.entries, weak.documents, sorted(weak.people)) == ({}, [], ["anna", "bruno", "carla"])


def test_a_change_adds_and_removes(held):
    assert gallery.apply(held, document(2, 1, {"dario": 3}, removed=("anna",)), NOW)
    assert (held.version, sorted(held.entries)) == (2, ["bruno", "carla", "dario"])


def test_whoever_is_missing_in_a_new_whole_list_is_gone(held):
    gallery.apply(held, document(5, 0, {"bruno": 1}), NOW)
    assert sorted(held.entries) == sorted(held.people) == ["bruno"]


@pytest.mark.parametrize("version", [1])
def test_the_same_version_again_is_no_news(held, version):
    assert not gallery.apply(held, document(version, 0, {"eva": 5}), NOW)
    assert "eva" not in held.entries


def test_a_change_to_a_version_that_is_not_here_is_refused(held):
    with pytest.raises(StaffListRefused, match="version 3"):
        gallery.apply(held, document(4, 3), NOW)
    assert held.version == 1


@pytest.mark.parametrize(("base", "version"), [(2, 2), (3, 2), (-1, 2), ("0", 2), (0, 2.5)])
def test_versions_that_make_no_sense_are_refused(held, base, version):
    with pytest.raises(StaffListRefused, match="versions"):
        gallery.apply(held, gallery.sign_gallery(SITE, base, version, [], [], KEY), NOW)


def test_a_gallery_signed_by_somebody_else_is_refused(held):
    with pytest.raises(StaffListRefused, match="signature"):
        gallery.apply(held, gallery.sign_gallery(SITE, 0, 2, [], [], STRANGER_KEY), NOW)


def test_a_gallery_changed_on_its_way_is_refused(held):
    with pytest.raises(StaffListRefused, match="signature"):
        gallery.apply(held, document(2) | {"removed": ["anna"]}, NOW)


def test_a_gallery_of_another_site_is_refused(held):
    with pytest.raises(StaffListRefused, match="another site"):
        gallery.apply(held, gallery.sign_gallery("museum", 0, 2, [], [], KEY), NOW)


def test_an_entry_is_no_gallery_although_the_portal_signed_it(held):
    with pytest.raises(StaffListRefused, match="another kind"):
        gallery.apply(held, entry("anna", 0), NOW)


@pytest.mark.parametrize("changes", [{"key": STRANGER_KEY}, {"site": "museum"}])
def test_a_list_with_one_forged_or_foreign_entry_changes_nothing(held, changes):
    bad = gallery.sign_gallery(SITE, 0, 2, [entry("dario", 3, version=2), entry("eva", 4, version=2, **changes)], [], KEY)
    with pytest.raises(StaffListRefused):
        gallery.apply(held, bad, NOW)
    assert (held.version, sorted(held.entries)) == (1, ["anna", "bruno", "carla"])


def test_an_entry_that_a_neighbour_passes_on_is_believed(held):
    assert gallery.read_entry(entry("anna", 0), held, NOW).person == "anna"


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"expires": NOW}, "expired"), ({"version": 2}, "not on the list"), ({"key": STRANGER_KEY}, "signature"), ({"site": "museum"}, "another site")],
)
def test_an_entry_that_is_expired_newer_forged_or_foreign_is_refused(held, changes, words):
    with pytest.raises(StaffListRefused, match=words):
        gallery.read_entry(entry("anna", 0, **changes), held, NOW)


def test_an_entry_of_somebody_removed_is_refused_although_its_signature_is_good(held):
    gallery.apply(held, document(2, 1, {}, removed=("anna",)), NOW)
    with pytest.raises(StaffListRefused, match="not on the list"):
        gallery.read_entry(entry("anna", 0), held, NOW)


def test_the_search_names_the_right_person_and_nobody_for_a_stranger(held):
    found, score = gallery.search(held.entries.values(), face(1), 0.5, NOW)
    assert (found.person, score) == ("bruno", pytest.approx(1, abs=1e-3))
    assert gallery.search(held.entries.values(), face(9), 0.5, NOW)[0] is None


def test_the_search_passes_over_whoever_has_expired(held):
    gallery.apply(held, document(2, 1, {"dario": 3}, expires=NOW + 10), NOW)
    assert gallery.search(held.entries.values(), face(3), 0.5, NOW + 9)[0].person == "dario"
    assert gallery.search(held.entries.values(), face(3), 0.5, NOW + 10)[0] is None


def test_the_search_in_nobody_finds_nobody():
    assert gallery.search([], face(0), 0.5, NOW) == (None, -1.0)
