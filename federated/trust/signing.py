"""Trust between portal and sites: Ed25519 keys, signed documents, and RFC 9421 HTTP message signatures.

Exceptions::

    SignatureRejected          the message or document must not be believed; str() says why
    +-- SignatureStale         signed too long ago or in the future: `skew` seconds tells by how much the clocks differ
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import ED25519
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from detectors.files import create_durably

TAG = "specola"
COVERED = ("@method", "@path", "@query", "content-digest")
WINDOW = 300.0  # seconds a signature stays good; the receiver remembers nonces for at least this long on both sides


class SignatureRejected(Exception):
    """The signature is missing, malformed or false."""


class SignatureStale(SignatureRejected):
    """The signature was made outside the window. `skew` is the receiver's clock minus the signer's, in seconds."""

    def __init__(self, skew: float):
        super().__init__(f"signed {skew:+.0f} s from now by this clock; at most {WINDOW:.0f} s are allowed")
        self.skew = skew


@dataclasses.dataclass(frozen=True, slots=True)
class Signed:
    """Who signed an HTTP message, its nonce (to refuse replays) and when (Unix seconds)."""

    key_id: str
    nonce: str
    created: float


@dataclasses.dataclass(slots=True)
class HttpMessage:
    """The little of an HTTP request that a signature covers; headers are changed in place when signing."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""


def load_or_make_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 private key (PEM, PKCS8) or make one, readable by its owner only."""
    if path.exists():
        found = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(found, Ed25519PrivateKey):
            raise ValueError("it is not an Ed25519 key")
        return found
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    return key if create_durably(path, pem) else load_or_make_key(path)


def public_text(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """The public half as 44 characters of base64 (32 raw bytes), the form kept in databases and configuration."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return base64.b64encode(public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)).decode()


def public_from_text(text: str) -> Ed25519PublicKey:
    """The opposite of `public_text`. Raises SignatureRejected when the text is no Ed25519 public key."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise SignatureRejected(f"not an Ed25519 public key: {error}") from error


def fingerprint(public: str) -> str:
    """A public key's short name for people to compare: the first 16 hexadecimal digits of the SHA-256 of its base64 text, in fours."""
    digits = hashlib.sha256(public.encode()).hexdigest()
    return " ".join(digits[at : at + 4] for at in range(0, 16, 4))


def canonical(document: Any) -> bytes:
    """JSON bytes that are the same for the same content: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sign_document(document: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Return the document with a `signature` field over everything else in it."""
    body = {name: value for name, value in document.items() if name != "signature"}
    return {**body, "signature": base64.b64encode(key.sign(canonical(body))).decode()}


def verify_document(document: Mapping[str, Any], public: str) -> dict[str, Any]:
    """Return the document without its signature. Raises SignatureRejected unless `public` (base64) signed exactly this content."""
    body = {name: value for name, value in document.items() if name != "signature"}
    try:
        public_from_text(public).verify(base64.b64decode(document.get("signature", "")), canonical(body))
    except (BadSignature, ValueError, TypeError) as error:
        raise SignatureRejected("the signature does not belong to this document") from error
    return body


def sign_http(message: HttpMessage, key: Ed25519PrivateKey, key_id: str, now: float | None = None) -> None:
    """Add Content-Digest, Signature-Input and Signature (RFC 9421, 9530) to the message's headers."""
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=_Keys(private=key))
    created = datetime.datetime.fromtimestamp(time.time() if now is None else now, datetime.UTC)
    signer.sign(message, key_id=key_id, created=created, nonce=uuid.uuid4().hex, tag=TAG, covered_component_ids=COVERED, body=message.body)


def verify_http(message: HttpMessage, find_key: Callable[[str], str | None], now: float | None = None) -> Signed:
    """Check who sent the message. `find_key` maps a key id to its public key (base64), None when unknown or revoked.

    Raises SignatureStale when only the time is wrong, SignatureRejected otherwise. Replays are the caller's to refuse, by the nonce.
    """
    verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=_Keys(find=find_key))
    try:
        # Age is checked below, with the receiver's own window in both directions, so that the answer can tell the skew.
        verifier.max_clock_skew = datetime.timedelta(days=36500)
        (result,) = verifier.verify(message, max_age=None, expect_tag=TAG, require_components=COVERED, body=message.body)
    except (HTTPMessageSignaturesException, ValueError, KeyError) as error:
        raise SignatureRejected(str(error) or type(error).__name__) from error
    created, nonce = result.parameters.get("created"), result.nonce
    if not isinstance(created, int) or not nonce:
        raise SignatureRejected("the signature has no creation time or no nonce")
    skew = (time.time() if now is None else now) - created
    if abs(skew) > WINDOW:
        raise SignatureStale(skew)
    return Signed(str(result.parameters["keyid"]), nonce, float(created))


class _Keys(HTTPSignatureKeyResolver):
    def __init__(self, private: Ed25519PrivateKey | None = None, find: Callable[[str], str | None] = lambda key_id: None):
        self.private, self.find = private, find

    def resolve_private_key(self, key_id: str) -> Any:
        return self.private

    def resolve_public_key(self, key_id: str) -> Any:
        text = self.find(key_id)
        if text is None:
            raise SignatureRejected(f"no such agent or its key was revoked: {key_id}")
        return public_from_text(text)
