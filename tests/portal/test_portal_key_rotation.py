"""Certificates at the agents' door: issued, renewed with both keys believed meanwhile, refused when they have ended, replaced or revoked."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from federated.trust import csr, signing
from portal.core.models import AuditRow
from portal.sites import actions, certificates, key_actions
from portal.sites.models import Agent, FormerKeys
from tests.portal.keys_scene import Renewal, beat, enrolled, node_key
from tests.portal.portal_scene import machine, person, place, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def square():
    cache.clear()
    return place()


@pytest.fixture
def gate(square):
    return enrolled(square.door)


def again(gate):
    gate.agent.refresh_from_db()
    return gate.agent


def rows(verb):
    return [row.data for row in AuditRow.objects.filter(verb=verb)]


def later(**ago):
    """Let an agent's overlap have begun so long ago."""
    Agent.objects.update(overlap_until=timezone.now() + key_actions.OVERLAP - datetime.timedelta(**ago))


def test_enrolling_gives_a_certificate_of_the_agents_id_and_key(gate):
    found = x509.load_pem_x509_certificate(gate.agent.certificate.encode())
    assert found.public_key() == gate.key.public_key()
    assert found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == [str(gate.agent.pk)]
    assert (gate.agent.certificate_serial, gate.agent.certificate_not_after) == (f"{found.serial_number:x}", found.not_valid_after_utc)


def test_the_authority_that_signed_is_told_and_fits(gate):
    authority = x509.load_pem_x509_certificate(key_actions.authority_pem().encode())
    x509.load_pem_x509_certificate(gate.agent.certificate.encode()).verify_directly_issued_by(authority)


def test_how_long_a_certificate_is_good_can_be_set(square, settings):
    settings.CERTIFICATE_DAYS = 3
    left = enrolled(square.door).agent.certificate_not_after - timezone.now()
    assert datetime.timedelta(days=2, hours=23) < left <= datetime.timedelta(days=3)


def test_an_agents_name_cannot_be_chosen_by_its_request(square, gate):
    other = enrolled(square.square, csr=csr.make(Ed25519PrivateKey.generate(), str(gate.agent.pk)))
    assert str(gate.agent.pk) not in x509.load_pem_x509_certificate(other.agent.certificate.encode()).subject.rfc4514_string()


def test_an_expired_certificate_is_refused_with_the_day_and_one_row(gate):
    ended = timezone.now() - datetime.timedelta(seconds=1)
    Agent.objects.update(certificate_not_after=ended)
    answer = beat(gate)
    assert (answer.status_code, answer.json()["error"]) == (401, f"certificate expired on {ended:%Y-%m-%d %H:%M} UTC: enrol again")
    assert "skew_s" not in answer.json()
    assert [row["status"] for row in rows("machine.refused")] == [401]


def test_an_expired_certificate_cannot_renew_itself(gate):
    Agent.objects.update(certificate_not_after=timezone.now() - datetime.timedelta(seconds=1))
    assert Renewal(gate).send().status_code == 401


def test_who_has_expired_enrols_again_with_a_code(square, gate):
    Agent.objects.update(certificate_not_after=timezone.now() - datetime.timedelta(seconds=1))
    assert beat(enrolled(square.door, gate.key)).status_code == 200


def test_new_keys_come_with_a_certificate_a_row_and_a_job(gate):
    ProcrastinateJob.objects.all().delete()
    renewal = Renewal(gate)
    fields = renewal.send().json()
    assert x509.load_pem_x509_certificate(fields["certificate"].encode()).public_key() == renewal.new.key.public_key()
    (row,) = rows("agent.rotated")
    assert row["key"] == signing.fingerprint(signing.public_text(renewal.new.key))
    assert [(job.task_name, job.args) for job in ProcrastinateJob.objects.all()] == [("sites.register_node", {"agent_id": str(gate.agent.pk)})]
    assert again(gate).node_public_key == renewal.body["node_public_key"]


def test_both_keys_are_believed_until_the_new_one_has_spoken(gate):
    renewal = Renewal(gate)
    renewal.send()
    assert [beat(gate).status_code, beat(gate).status_code] == [200, 200]
    assert beat(renewal.new).status_code == 200
    assert beat(gate).status_code == 401
    assert beat(renewal.new).status_code == 200
    assert [row["reason"] for row in rows("agent.key_retired")] == ["the agent speaks with its new key"]


def test_a_replaced_key_is_told_so_and_leaves_a_row(gate):
    renewal = Renewal(gate)
    renewal.send()
    beat(renewal.new)
    assert "replaced by a newer one on" in beat(gate).json()["error"]
    assert [row["status"] for row in rows("machine.refused")] == [401]


def test_an_overlap_ends_by_itself(gate):
    renewal = Renewal(gate)
    renewal.send()
    later(hours=1, seconds=1)
    assert [beat(gate).status_code, beat(renewal.new).status_code] == [401, 200]


def test_the_worker_ends_overlaps_that_nobody_ended(gate):
    Renewal(gate).send()
    later(minutes=59)
    key_actions.end_overlaps()
    assert FormerKeys.objects.get().retired is None
    later(hours=1, seconds=1)
    key_actions.end_overlaps()
    assert FormerKeys.objects.get().retired
    assert again(gate).overlap_until is None


def test_an_answer_that_was_lost_is_given_again(gate):
    renewal = Renewal(gate)
    first, second = renewal.send(), renewal.send()
    assert first.json() == second.json()
    assert (FormerKeys.objects.count(), len(rows("agent.rotated"))) == (1, 1)


def test_after_a_long_night_the_new_key_itself_may_ask_for_the_lost_answer(gate):
    renewal = Renewal(gate)
    first = renewal.send()
    later(hours=9)
    assert renewal.send().status_code == 401
    assert renewal.send(by=renewal.new).json() == first.json()


def test_new_keys_that_were_lost_before_they_were_used_are_replaced_by_others(gate):
    lost, second = Renewal(gate), Renewal(gate)
    lost.send()
    assert second.send().status_code == 200
    assert [beat(lost.new).status_code, beat(gate).status_code, beat(second.new).status_code] == [401, 200, 200]
    assert beat(gate).status_code == 401


def test_a_key_may_be_renewed_again_and_again(gate):
    for _ in range(3):
        renewal = Renewal(gate)
        assert renewal.send().status_code == 200
        gate = renewal.new
    assert beat(gate).status_code == 200
    assert FormerKeys.objects.filter(retired=None).count() == 0


def test_the_replaced_keys_certificate_ends_also_within_the_overlap(gate):
    Renewal(gate).send()
    FormerKeys.objects.update(certificate_not_after=timezone.now() - datetime.timedelta(seconds=1))
    assert "certificate expired" in beat(gate).json()["error"]


def refused(renewal, words):
    answer = renewal.send()
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.json()
    assert FormerKeys.objects.count() == 0


def test_a_request_for_another_agents_name_is_refused(square, gate):
    other = enrolled(square.square)
    refused(Renewal(gate, csr=csr.make(Ed25519PrivateKey.generate(), str(other.agent.pk))), "must name this agent")


def test_a_key_of_the_wrong_kind_is_refused(gate):
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(gate.agent.pk))])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(ec.generate_private_key(ec.SECP384R1()), hashes.SHA384())
    refused(Renewal(gate, csr=request.public_bytes(serialization.Encoding.PEM).decode()), "must be Ed25519")


def test_a_key_that_another_agent_has_is_refused(square, gate):
    other = enrolled(square.square)
    refused(Renewal(gate, csr=csr.make(other.key, str(gate.agent.pk))), "used before")


def test_a_node_key_that_is_in_use_is_refused(gate):
    refused(Renewal(gate, node_public_key=gate.agent.node_public_key), "used before")


@pytest.mark.parametrize("key", ["", "rubbish", "ssh-ed25519 AAAA"])
def test_a_node_key_that_is_none_is_refused(gate, key):
    assert Renewal(gate, node_public_key=key).send().status_code == 400
    assert again(gate).rotated is None


def test_a_replaced_key_never_comes_back(square, gate):
    renewal = Renewal(gate)
    renewal.send()
    beat(renewal.new)
    assert Renewal(renewal.new, csr=csr.make(gate.key, str(gate.agent.pk))).send().status_code == 400
    code = actions.make_code(user="system", camera=square.door)
    body = {"code": code, "csr": csr.make(gate.key, "gate")}
    assert machine(square.square).send("POST", "agents/enrol", body).status_code == 400


def test_revoking_ends_both_keys_at_the_next_call(square, gate):
    renewal = Renewal(gate)
    renewal.send()
    actions.revoke(user=square.person("administrator"), agent=gate.agent)
    assert [beat(gate).status_code, beat(renewal.new).status_code, renewal.send().status_code] == [403, 403, 403]


def test_another_agent_of_the_camera_ends_both_keys(square, gate):
    renewal = Renewal(gate)
    renewal.send()
    enrolled(square.door)
    assert [beat(gate).status_code, beat(renewal.new).status_code] == [403, 403]


def test_an_agent_from_before_certificates_is_believed_and_asked_for_new_keys(square):
    old = machine(square.door)
    assert beat(old).json()["renew_keys"] is True
    renewal = Renewal(old)
    renewal.send()
    assert beat(renewal.new).json()["renew_keys"] is False
    assert again(old).certificate_not_after > timezone.now()


def test_an_agent_with_a_certificate_is_not_asked(gate):
    assert beat(gate).json()["renew_keys"] is False


def test_an_administrator_asks_for_new_keys_until_they_have_come(square, gate):
    administrator = square.person("administrator")
    for _ in range(2):
        key_actions.ask_renewal(user=administrator, agent=gate.agent)
    assert [beat(gate).json()["renew_keys"] for _ in range(2)] == [True, True]
    renewal = Renewal(gate)
    renewal.send()
    assert beat(renewal.new).json()["renew_keys"] is False
    assert len(rows("agent.renewal_asked")) == 1


@pytest.mark.parametrize("role", ["operator", "manager"])
def test_nobody_else_asks(square, gate, role):
    user = square.person(role)
    with pytest.raises(PermissionDenied):
        key_actions.ask_renewal(user=user, agent=gate.agent)
    assert signed_in(user).post(f"/agents/{gate.agent.pk}/renew/").status_code == 403
    assert again(gate).renew_asked is None


def test_the_button_asks_and_is_then_closed(square, gate):
    client = signed_in(person("all@square.example", "administrator"))
    assert "Renew keys now" in client.get("/agents/").content.decode()
    text = client.post(f"/agents/{gate.agent.pk}/renew/", follow=True).content.decode()
    assert "the agent is asked for new keys" in text
    assert 'data-certificate="asked"' in text
    assert client.post(f"/agents/{place('museum').site.pk}/renew/").status_code == 404


STANDINGS = [(30, "good"), (7, "good"), (5, "overdue"), (0.01, "overdue"), (-1, "expired")]


@pytest.mark.parametrize(("days", "name"), STANDINGS)
def test_the_inventory_tells_how_a_certificate_stands(square, gate, days, name):
    now = timezone.now()
    Agent.objects.update(certificate_not_after=now + datetime.timedelta(days=days), certificate_issued=now - datetime.timedelta(days=30 - days))
    assert certificates.of(again(gate), now).name == name
    client = signed_in(person("all@square.example", "administrator"))
    for page in ("/agents/", "/training/nodes/"):
        text = client.get(page).content.decode()
        assert f'data-certificate="{name}"' in text
        assert signing.fingerprint(gate.agent.public_key) in text


def test_the_inventory_tells_the_last_renewal(square, gate):
    Renewal(gate).send()
    text = signed_in(person("all@square.example", "administrator")).get("/agents/").content.decode()
    assert "renewed " in text
    assert "the one before is believed until" in text


def test_a_damaged_authority_is_the_portals_trouble_and_the_old_key_holds(gate, monkeypatch, tmp_path):
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.key").write_text("rubbish")
    monkeypatch.setattr(settings, "HOME", tmp_path)
    assert Renewal(gate).send().status_code == 503
    assert (FormerKeys.objects.count(), beat(gate).status_code) == (0, 200)


def test_a_heartbeat_with_the_present_key_asks_no_more_than_before(gate, django_assert_max_num_queries):
    beat(gate)
    with django_assert_max_num_queries(5):
        beat(gate)


def test_a_node_key_made_twice_is_two_keys():
    assert node_key() != node_key()
