"""Certificate requests (PKCS#10): an agent asks with the key it made itself, the portal reads the request and believes nothing in it but that key."""

from __future__ import annotations

import dataclasses

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

from federated.trust import signing
from federated.trust.pki import PkiError

LONGEST = 8192  # characters of a request: ours has about 400


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What counts in a request: the key whose owner signed it (base64, as in `signing.public_text`) and the name it asks for ("" : none)."""

    public: str
    name: str


def make(key: Ed25519PrivateKey, name: str) -> str:
    """A request (PEM) for this key under a name; its signature proves that the asker holds the private half."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, None)
    return made.public_bytes(serialization.Encoding.PEM).decode()


def read(text: str) -> Request:
    """Check a request's form, kind of key and signature. Extensions and all other wishes in it are passed over. Raises PkiError with the reason."""
    if len(text) > LONGEST:
        raise PkiError(f"a certificate request has at most {LONGEST} characters")
    try:
        request = x509.load_pem_x509_csr(text.encode())
        key, sound = request.public_key(), request.is_signature_valid
    except (ValueError, UnicodeError, UnsupportedAlgorithm) as error:
        raise PkiError(f"not a certificate request in PEM (PKCS#10): {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise PkiError(f"an agent's key must be Ed25519, this request has {_kind(key)}")
    if not sound:
        raise PkiError("the certificate request is not signed by its own key: its sender does not hold that key")
    return Request(signing.public_text(key), _name(request))


def _name(request: x509.CertificateSigningRequest) -> str:
    try:
        names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return ""
    return str(names[0].value) if names else ""


def _kind(key: object) -> str:
    size = getattr(key, "key_size", "")
    return f"{type(key).__name__.removesuffix('PublicKey').strip('_')} {size}".strip()
