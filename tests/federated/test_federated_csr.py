"""Certificate requests: the key and its proof are all that counts; whatever else a request wishes for is passed over or refused in words."""

from __future__ import annotations

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from federated.trust import csr, pki, signing

NOW = datetime.datetime.now(datetime.UTC)
AGENT = "0192f0c1-2b3c-7d4e-8f50-111213141516"


@pytest.fixture
def key():
    return ed25519.Ed25519PrivateKey.generate()


def builder(name=AGENT):
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []))


def pem(request):
    return request.public_bytes(serialization.Encoding.PEM).decode()


def certificate(folder, key, **changes):
    return x509.load_pem_x509_certificate(pki.sign_agent(folder, AGENT, key.public_key(), **changes).pem.encode())


def extension(found, kind):
    return found.extensions.get_extension_for_class(kind).value


def test_a_request_tells_whose_key_it_is_and_the_name(key):
    assert csr.read(csr.make(key, AGENT)) == csr.Request(signing.public_text(key), AGENT)


def test_a_request_holds_no_private_key(key):
    private = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    assert private not in base64.b64decode("".join(csr.make(key, AGENT).splitlines()[1:-1]))


def test_openssl_would_read_it(key):
    request = x509.load_pem_x509_csr(csr.make(key, AGENT).encode())
    assert request.is_signature_valid
    assert request.public_key() == key.public_key()


def test_a_request_without_a_name_has_none(key):
    assert csr.read(pem(builder("").sign(key, None))).name == ""


WRONG = {
    "RSA 2048": rsa.generate_private_key(65537, 2048),
    "EC 256": ec.generate_private_key(ec.SECP256R1()),
    "EC 384": ec.generate_private_key(ec.SECP384R1()),
    "Ed448": ed448.Ed448PrivateKey.generate(),
}


@pytest.mark.parametrize("kind", WRONG)
def test_any_other_kind_of_key_is_refused_by_name(kind):
    algorithm = None if kind == "Ed448" else hashes.SHA256()
    with pytest.raises(pki.PkiError, match=f"must be Ed25519, this request has {kind}"):
        csr.read(pem(builder().sign(WRONG[kind], algorithm)))


def test_a_request_that_its_key_did_not_sign_is_refused(key):
    raw = bytearray(base64.b64decode("".join(csr.make(key, AGENT).splitlines()[1:-1])))
    raw[-1] ^= 1
    body = base64.encodebytes(bytes(raw)).decode()
    with pytest.raises(pki.PkiError, match="not signed by its own key"):
        csr.read(f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n")


def test_the_key_of_another_put_into_a_request_is_refused(key):
    other = ed25519.Ed25519PrivateKey.generate()
    raw = base64.b64decode("".join(csr.make(key, AGENT).splitlines()[1:-1]))
    swapped = raw.replace(base64.b64decode(signing.public_text(key)), base64.b64decode(signing.public_text(other)))
    body = base64.encodebytes(swapped).decode()
    with pytest.raises(pki.PkiError, match="does not hold that key"):
        csr.read(f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n")


@pytest.mark.parametrize("text", ["", "rubbish", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "ключ", "\0"])
def test_what_is_no_request_is_refused(text):
    with pytest.raises(pki.PkiError, match="not a certificate request"):
        csr.read(text)


def test_a_huge_request_is_refused_unread(key):
    with pytest.raises(pki.PkiError, match="at most"):
        csr.read(csr.make(key, AGENT) + "x" * 9000)


def test_a_certificate_names_the_agent_and_serves_a_client_for_a_month(tmp_path, key):
    found = certificate(tmp_path, key)
    assert found.public_key() == key.public_key()
    assert found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == AGENT
    assert extension(found, x509.SubjectAlternativeName).get_values_for_type(x509.DNSName) == [AGENT]
    assert list(extension(found, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert abs((found.not_valid_after_utc - NOW).days - 30) <= 1


def test_forbidden_wishes_of_a_request_are_passed_over(tmp_path, key):
    wishes = builder().add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    wishes = wishes.add_extension(x509.SubjectAlternativeName([x509.DNSName("portal.example")]), critical=True)
    asked = csr.read(pem(wishes.sign(key, None)))
    found = x509.load_pem_x509_certificate(pki.sign_agent(tmp_path, AGENT, signing.public_from_text(asked.public)).pem.encode())
    assert extension(found, x509.BasicConstraints).ca is False
    assert "portal.example" not in extension(found, x509.SubjectAlternativeName).get_values_for_type(x509.DNSName)


def test_the_federations_authority_has_signed_it(tmp_path, key):
    authority = pki.ensure_authority(tmp_path)
    certificate(tmp_path, key).verify_directly_issued_by(x509.load_pem_x509_certificate(authority.ca.read_bytes()))


def test_what_was_issued_says_serial_end_and_authority(tmp_path, key):
    issued = pki.sign_agent(tmp_path, AGENT, key.public_key(), days=3)
    found = x509.load_pem_x509_certificate(issued.pem.encode())
    assert (issued.serial, issued.not_after) == (f"{found.serial_number:x}", found.not_valid_after_utc)
    assert issued.authority == (tmp_path / "ca.crt").read_text()
    assert len(issued.serial) <= 40


def test_two_certificates_have_two_serial_numbers(tmp_path, key):
    assert certificate(tmp_path, key).serial_number != certificate(tmp_path, key).serial_number


@pytest.mark.parametrize("name", ["", "../x", "Agent", "a b", "*"])
def test_a_strangers_name_gets_no_certificate(tmp_path, key, name):
    with pytest.raises(pki.PkiError, match="no name"):
        pki.sign_agent(tmp_path, name, key.public_key())


def test_a_damaged_authority_signs_nothing(tmp_path, key):
    (tmp_path / "ca.key").write_text("rubbish")
    with pytest.raises(pki.PkiError, match=r"ca\.key"):
        pki.sign_agent(tmp_path, AGENT, key.public_key())


def test_a_fingerprint_is_short_and_tells_keys_apart(key):
    mine, other = (signing.fingerprint(signing.public_text(each)) for each in (key, ed25519.Ed25519PrivateKey.generate()))
    assert len(mine) == 19
    assert mine != other
