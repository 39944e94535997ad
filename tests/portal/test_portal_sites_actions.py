"""What people may change at sites and cameras, and what each deed leaves behind."""

from __future__ import annotations

import copy
import threading

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from portal.core.models import AuditRow
from portal.sites import actions, rules
from portal.sites.models import Agent, Camera, EnrolmentCode, Site
from tests.portal.portal_scene import WATCHING, machine, person, place, problems

pytestmark = pytest.mark.django_db
REASON = "Works council agreement 12/2026"


@pytest.fixture
def square():
    return place()


def save(square, user=None, *, version=None, **changes):
    watching = rules.read({**copy.deepcopy(WATCHING), **changes})
    return actions.save_watching(user=user or square.person("manager"), camera_id=square.square.pk, watching=watching, version=version)


def verbs():
    return list(AuditRow.objects.order_by("id").values_list("verb", flat=True))


def test_saving_zones_raises_the_version_and_leaves_what_was_and_what_is(square):
    camera = save(square, version=1)
    row = AuditRow.objects.get(verb="camera.zones_saved")
    assert camera.config_version == 2
    assert (row.data["before"]["zones"], row.data["after"]["zones"][0]["name"]) == ([], "lawn")


def test_what_is_saved_is_what_is_read_again(square):
    save(square)
    stored = actions.watching_of(Camera.objects.get(pk=square.square.pk))
    assert stored["zones"] == WATCHING["zones"]
    assert stored["lines"] == WATCHING["lines"]
    assert sorted(rule["kind"] for rule in stored["rules"]) == ["camera_stale", "line_crossed", "person_in_zone"]


def test_saving_the_same_again_changes_nothing(square):
    manager = square.person("manager")
    save(square, manager)
    assert save(square, manager).config_version == 2
    assert verbs().count("camera.zones_saved") == 1


def test_zones_that_are_left_out_are_gone(square):
    manager = square.person("manager")
    save(square, manager)
    camera = save(square, manager, zones=[], rules=[])
    assert (camera.zones.count(), camera.rules.count(), camera.lines.count()) == (0, 0, 1)


def test_who_saves_an_old_version_is_told_and_nothing_is_lost(square):
    manager = square.person("manager")
    save(square, manager, version=1)
    with pytest.raises(actions.Changed) as refused:
        save(square, manager, version=1, zones=[], rules=[])
    assert refused.value.version == 2
    assert square.square.zones.count() == 1


@pytest.mark.parametrize("role", ["operator"])
def test_an_operator_draws_no_zones(square, role):
    with pytest.raises(PermissionDenied):
        save(square, square.person(role))
    assert not square.square.zones.exists()


def test_a_manager_of_another_site_draws_no_zones(square):
    with pytest.raises(PermissionDenied):
        save(square, place("museum").person("manager"))


@pytest.mark.django_db(transaction=True)
def test_two_people_saving_at_once_never_mix_their_zones():
    square, outcomes = place(), []
    users = [person(f"{n}@square.example", "manager", square.site) for n in range(2)]

    def one(n):
        try:
            outcomes.append(save(square, users[n], version=1, zones=[{**WATCHING["zones"][0], "name": f"by {n}"}], rules=[]).config_version)
        except actions.Changed:
            outcomes.append("changed")
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, outcomes)) == ["2", "changed"]
    assert square.square.zones.count() == 1


def change_mode(square, user, mode="M1", reason=REASON, camera=None):
    return actions.change_mode(user=user, camera_id=(camera or square.door).pk, mode=mode, reason=reason)


def test_a_manager_changes_the_legal_mode_with_a_reason(square):
    camera = change_mode(square, square.person("manager"))
    row = AuditRow.objects.get(verb="camera.mode_changed")
    assert (camera.legal_mode, camera.config_version) == ("M1", 2)
    assert row.data == {"before": "M0", "after": "M1", "reason": REASON}


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_nobody_else_changes_the_legal_mode(square, role):
    with pytest.raises(PermissionDenied):
        change_mode(square, square.person(role))
    assert Camera.objects.get(pk=square.door.pk).legal_mode == "M0"


@pytest.mark.parametrize("reason", ["", "   ", "because", "\x00" * 20])
def test_no_mode_without_a_reason(square, reason):
    with pytest.raises(ValidationError):
        change_mode(square, square.person("manager"), reason=reason)
    assert Camera.objects.get(pk=square.door.pk).legal_mode == "M0"


@pytest.mark.parametrize("mode", ["M2", "M3", "", "m1"])
def test_no_mode_beyond_m1_can_be_chosen(square, mode):
    with pytest.raises(ValidationError):
        change_mode(square, square.person("manager"), mode=mode)


def test_m1_is_for_doors(square):
    with pytest.raises(ValidationError) as refused:
        change_mode(square, square.person("manager"), camera=square.square)
    assert "door" in problems(refused)


@pytest.mark.parametrize("role", ["operator", "manager", "administrator"])
def test_anybody_on_duty_presses_the_stop_button(square, role):
    actions.stop_biometrics(user=square.person(role), site=square.site)
    assert Site.objects.get(pk=square.site.pk).biometrics_stopped
    assert set(Camera.objects.values_list("config_version", flat=True)) == {2}
    assert verbs()[-1] == "site.biometrics_stopped"


def test_nobody_from_elsewhere_presses_it(square):
    with pytest.raises(PermissionDenied):
        actions.stop_biometrics(user=place("museum").person("manager"), site=square.site)


def test_pressing_it_twice_leaves_one_row(square):
    operator = square.person("operator")
    for _ in range(2):
        actions.stop_biometrics(user=operator, site=square.site)
    assert verbs().count("site.biometrics_stopped") == 1


def test_only_a_manager_with_a_reason_allows_it_again(square):
    operator, manager = square.person("operator"), square.person("manager")
    actions.stop_biometrics(user=operator, site=square.site)
    with pytest.raises(PermissionDenied):
        actions.resume_biometrics(user=operator, site=square.site, reason=REASON)
    with pytest.raises(ValidationError):
        actions.resume_biometrics(user=manager, site=square.site, reason="")
    actions.resume_biometrics(user=manager, site=square.site, reason=REASON)
    assert not Site.objects.get(pk=square.site.pk).biometrics_stopped


def test_a_code_is_kept_as_a_hash_only(square):
    code = actions.make_code(user=square.person("administrator"), camera=square.door)
    row = EnrolmentCode.objects.get()
    assert row.code_sha256 == actions.hash_code(code)
    assert code not in str(AuditRow.objects.values_list("data", "subject"))


def test_a_new_code_ends_the_one_that_was_not_used(square):
    administrator = square.person("administrator")
    actions.make_code(user=administrator, camera=square.door)
    second = actions.make_code(user=administrator, camera=square.door)
    assert [row.code_sha256 for row in EnrolmentCode.objects.all()] == [actions.hash_code(second)]


@pytest.mark.parametrize("role", ["operator", "manager"])
def test_only_an_administrator_makes_codes_and_revokes(square, role):
    agent, user = machine(square.door).agent, square.person(role)
    with pytest.raises(PermissionDenied):
        actions.make_code(user=user, camera=square.door)
    with pytest.raises(PermissionDenied):
        actions.revoke(user=user, agent=agent)
    assert Agent.objects.get().revoked is None


def test_revoking_twice_leaves_one_row(square):
    agent, administrator = machine(square.door).agent, square.person("administrator")
    for _ in range(2):
        actions.revoke(user=administrator, agent=agent, reason="stolen")
    assert verbs() == ["agent.revoked"]
    assert Agent.objects.get().revoked


def test_a_new_camera_watches_its_own_picture_and_knows_no_biometrics(square):
    camera = actions.make_camera(user=square.person("manager"), site=square.site, slug="tower", name="Tower")
    assert camera.legal_mode == "M0"
    assert set(camera.rules.values_list("kind", flat=True)) == {"camera_stale", "camera_tampered"}


def test_two_cameras_of_one_name_in_addresses_are_refused(square):
    with pytest.raises(ValidationError):
        actions.make_camera(user=square.person("manager"), site=square.site, slug="gate", name="Another gate")


def test_a_new_site_needs_an_administrator_of_every_site(square):
    with pytest.raises(PermissionDenied):
        actions.make_site(user=square.person("administrator"), slug="new", name="New")
    site = actions.make_site(user=person("all@square.example", "administrator"), slug="new", name="New")
    assert Site.objects.get(slug="new") == site
