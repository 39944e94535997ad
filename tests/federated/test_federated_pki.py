"""Keys and certificates of a federation."""

from __future__ import annotations

import datetime
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from federated.trust import pki

NOW = datetime.datetime.now(datetime.UTC)


def certificate_of(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def names_of(path):
    names = certificate_of(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def test_a_second_call_changes_nothing(tmp_path):
    pki.ensure_authority(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    pki.ensure_authority(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert sorted(before) == ["ca.crt", "ca.key", "server.crt", "server.key"]


def test_private_keys_are_for_their_owner_only(tmp_path):
    pki.ensure_authority(tmp_path)
    pki.make_node_key(tmp_path / "node.key")
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("ca.key", "server.key", "node.key")} == {0o600}


def test_the_server_answers_for_loopback_and_the_given_hosts(tmp_path):
    authority = pki.ensure_authority(tmp_path, ["museum.example", "10.1.2.3"])
    assert names_of(authority.certificate) == {"localhost", "127.0.0.1", "::1", "museum.example", "10.1.2.3"}


def test_a_new_host_renews_the_server_certificate_but_no_key(tmp_path):
    authority = pki.ensure_authority(tmp_path)
    ca, key = authority.ca.read_bytes(), authority.key.read_bytes()
    pki.ensure_authority(tmp_path, ["museum.example"])
    assert "museum.example" in names_of(authority.certificate)
    assert (authority.ca.read_bytes(), authority.key.read_bytes()) == (ca, key)


def test_a_certificate_about_to_expire_is_renewed(tmp_path):
    authority = pki.ensure_authority(tmp_path)
    first = certificate_of(authority.certificate)
    pki.ensure_authority(tmp_path, now=NOW + datetime.timedelta(days=pki.SERVER_DAYS - 10))
    assert certificate_of(authority.certificate).not_valid_after_utc > first.not_valid_after_utc


def test_a_renewed_authority_keeps_its_key(tmp_path):
    authority = pki.ensure_authority(tmp_path)
    old = certificate_of(authority.ca)
    pki.ensure_authority(tmp_path, now=NOW + datetime.timedelta(days=pki.AUTHORITY_DAYS - 1))
    new = certificate_of(authority.ca)
    assert new.serial_number != old.serial_number
    assert new.public_key() == old.public_key()
    certificate_of(authority.certificate).verify_directly_issued_by(old)


def test_the_server_certificate_is_signed_by_the_authority(tmp_path):
    authority = pki.ensure_authority(tmp_path)
    certificate_of(authority.certificate).verify_directly_issued_by(certificate_of(authority.ca))
    ssl.create_default_context(cafile=str(authority.ca)).load_verify_locations(cadata=authority.ca_pem)


def test_a_damaged_certificate_is_made_again(tmp_path):
    authority = pki.ensure_authority(tmp_path)
    authority.certificate.write_text("rubbish")
    pki.ensure_authority(tmp_path)
    assert certificate_of(authority.certificate)


@pytest.mark.parametrize("name", ["ca.key", "server.key"])
def test_a_damaged_private_key_is_an_error_that_names_the_file(tmp_path, name):
    pki.ensure_authority(tmp_path)
    (tmp_path / name).write_text("rubbish")
    with pytest.raises(pki.PkiError, match=name):
        pki.ensure_authority(tmp_path)


def test_files_of_two_authorities_are_not_mixed(tmp_path):
    pki.ensure_authority(tmp_path / "a")
    other = pki.ensure_authority(tmp_path / "b")
    (tmp_path / "a" / "ca.crt").write_bytes(other.ca.read_bytes())
    with pytest.raises(pki.PkiError, match="does not belong"):
        pki.ensure_authority(tmp_path / "a")


def test_a_node_keeps_its_key(tmp_path):
    public = pki.make_node_key(tmp_path / "deep" / "node.key")
    assert public == pki.make_node_key(tmp_path / "deep" / "node.key")
    assert public.startswith("ecdsa-sha2-nistp384 ")
    assert b"OPENSSH PRIVATE KEY" in (tmp_path / "deep" / "node.key").read_bytes()


def test_two_nodes_have_two_keys(tmp_path):
    assert pki.make_node_key(tmp_path / "a") != pki.make_node_key(tmp_path / "b")


@pytest.mark.parametrize("content", ["", "rubbish", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"])
def test_a_damaged_node_key_is_never_replaced_silently(tmp_path, content):
    (tmp_path / "node.key").write_text(content)
    with pytest.raises(pki.PkiError, match=r"node\.key"):
        pki.make_node_key(tmp_path / "node.key")
    assert (tmp_path / "node.key").read_text() == content


def test_a_public_key_survives_the_check(tmp_path):
    public = pki.make_node_key(tmp_path / "node.key")
    registered = serialization.load_pem_public_key(pki.check_node_public_key(public + " a comment"))
    assert registered.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode() == public


@pytest.mark.parametrize(
    "text", ["", "rubbish", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS", "ecdsa-sha2-nistp384 AAAA", "ключ"]
)
def test_anything_but_a_p384_key_is_refused(text):
    with pytest.raises(pki.PkiError):
        pki.check_node_public_key(text)


def test_an_agents_certificate_names_it_and_serves_both_ends(tmp_path):
    credentials = pki.ensure_peer(tmp_path, "cam-3")
    found = x509.load_pem_x509_certificate(credentials.certificate.read_bytes())
    assert found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == ["cam-3"]
    assert len(found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == 2
    assert credentials.key.stat().st_mode & 0o777 == 0o600


def test_an_agents_good_certificate_is_kept_and_an_old_one_renewed_with_its_key(tmp_path):
    first = pki.ensure_peer(tmp_path, "cam-3")
    certificate, key = first.certificate.read_bytes(), first.key.read_bytes()
    assert pki.ensure_peer(tmp_path, "cam-3").certificate.read_bytes() == certificate
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=360)
    assert pki.ensure_peer(tmp_path, "cam-3", later).certificate.read_bytes() != certificate
    assert first.key.read_bytes() == key


@pytest.mark.parametrize("name", ["", "../x", "Cam", "a b", "-a", "a" * 64, "x\n"])
def test_a_name_that_is_no_hosts_gets_no_certificate(tmp_path, name):
    with pytest.raises(pki.PkiError, match="no name"):
        pki.ensure_peer(tmp_path, name)
