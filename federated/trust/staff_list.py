"""The staff list on its way to a camera: each person's entry and the list itself signed by the portal, both sealed for the one agent that may read them.

A seal is X25519 with a key made for it, HKDF-SHA256 and ChaCha20-Poly1305: whoever copies the traffic or a database row reads nothing.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from detectors.files import create_durably
from federated.contract.message import ContractError
from federated.contract.staff_list import StaffEntryDocument, StaffListDocument
from federated.trust.signing import SignatureRejected, canonical, sign_document, verify_document

DIMENSIONS = 128
PURPOSE = b"specola staff list 1"
KEY = 32  # bytes of a public key
RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw


class GalleryRejected(Exception):
    """A staff list, or an entry of it, must not be believed; str() says why."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class StaffEntry:
    """One enrolled person: an opaque id, the template (128,), the small-face net's (128,) or None, until when (Unix seconds), since which version of the
    list, and the signed document itself, which may be passed on."""

    person: str
    template: np.ndarray
    small: np.ndarray | None
    expires: float
    version: int
    document: dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class StaffList:
    """Who stands on a camera's list of this version: id to the version of the entry."""

    version: int
    people: dict[str, int]


def sign_entry(site: str, person: str, template: np.ndarray, expires: float, version: int, key: Ed25519PrivateKey, *, small: Any = None) -> dict[str, Any]:
    """The portal's word that `person` is on the site's list."""
    packed = None if small is None else pack(small)
    document = StaffEntryDocument(site=site, person=person, template=pack(template), expires=expires, version=version, small=packed)
    return sign_document(document.to_json(), key)


def read_entry(document: Mapping[str, Any], site: str, public: str) -> StaffEntry:
    """A believed entry; whether it has expired is the reader's to judge. Raises GalleryRejected: forged, of another site, or senseless."""
    try:
        content = canonical(document)
    except (ValueError, TypeError, RecursionError) as error:
        raise GalleryRejected(f"an entry that nobody can have signed: {error}") from error
    return StaffEntry(*_read_entry(content, site, public), dict(document))


def forget_entries() -> None:
    """Drop the entries that are remembered as verified: somebody was taken off a list."""
    _read_entry.cache_clear()


def sign_list(site: str, camera: str, version: int, people: Mapping[str, int], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The portal's word that exactly these people, each with the entry of that version, may be recognised at a camera."""
    return sign_document(StaffListDocument(site=site, camera=camera, version=version, people=dict(people)).to_json(), key)


def read_list(document: Mapping[str, Any], site: str, camera: str, public: str) -> StaffList:
    """A believed list. Raises GalleryRejected: forged, for another camera, or senseless."""
    body = _verified(document, public, "list", site)
    try:
        listed = StaffListDocument.parse(body)
    except ContractError as error:
        raise GalleryRejected(f"the list makes no sense: {error}") from error
    if listed.camera != camera:
        raise GalleryRejected(f"the list is for {listed.camera}, not for {camera}")
    return StaffList(listed.version, listed.people)


def pack(vector: Any) -> str:
    """An embedding (128,) as text: half precision is enough (the cosine moves by less than .001) and half the bytes."""
    return base64.b64encode(np.asarray(vector, "<f2").tobytes()).decode()


def unpack(text: str) -> np.ndarray:
    """The embedding (128,) float32, normalised again. Raises GalleryRejected when it is none."""
    try:
        vector = np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)
    except (ValueError, TypeError, binascii.Error) as error:
        raise GalleryRejected("an embedding is not base64 of half-precision numbers") from error
    length = float(np.linalg.norm(vector))
    if vector.shape != (DIMENSIONS,) or not 0.98 < length < 1.02:
        raise GalleryRejected("an embedding has another size than 128 or is not normalised")
    return vector / length


def load_or_make_box_key(path: Path) -> X25519PrivateKey:
    """The key an agent reads its list with (PEM, PKCS8), readable by its owner only; made when there is none."""
    if path.exists():
        found = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(found, X25519PrivateKey):
            raise ValueError("it is not an X25519 key")
        return found
    key = X25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key if create_durably(path, pem) else load_or_make_box_key(path)


def box_text(key: X25519PrivateKey) -> str:
    """The public half as base64."""
    return base64.b64encode(key.public_key().public_bytes(*RAW)).decode()


def seal(entries: Sequence[Mapping[str, Any]], public: str, *, purpose: bytes = PURPOSE) -> str:
    """The entries as text that only the holder of the key behind `public` can read, for this purpose. Raises GalleryRejected when that is no key."""
    try:
        theirs, ours = X25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True)), X25519PrivateKey.generate()
        shared = ours.exchange(theirs)
    except (ValueError, TypeError) as error:
        raise GalleryRejected("not an X25519 public key") from error
    mine, nonce = ours.public_key().public_bytes(*RAW), os.urandom(12)
    return base64.b64encode(mine + nonce + ChaCha20Poly1305(_derive(shared, mine, purpose)).encrypt(nonce, canonical(list(entries)), mine)).decode()


def unseal(sealed: str, key: X25519PrivateKey, *, purpose: bytes = PURPOSE) -> list[dict[str, Any]]:
    """The opposite of `seal`. Raises GalleryRejected: sealed for somebody else or something else, damaged, or no list."""
    try:
        content = base64.b64decode(sealed, validate=True)
        theirs, nonce = content[:KEY], content[KEY : KEY + 12]
        shared = key.exchange(X25519PublicKey.from_public_bytes(theirs))
        entries = json.loads(ChaCha20Poly1305(_derive(shared, theirs, purpose)).decrypt(nonce, content[KEY + 12 :], theirs))
    except (InvalidTag, ValueError, TypeError, binascii.Error) as error:
        raise GalleryRejected("the list is damaged, or was sealed for another agent") from error
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise GalleryRejected("what was sealed is no list of entries")
    return entries


def _derive(shared: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, purpose).derive(shared)


def _verified(document: Mapping[str, Any], public: str, kind: str, site: str) -> dict[str, Any]:
    try:
        body = verify_document(document, public)
    except (SignatureRejected, ValueError, TypeError, AttributeError) as error:
        raise GalleryRejected(f"{kind}: {error}") from error
    if body.get("type") != kind or body.get("site") != site:
        raise GalleryRejected(f"a {kind} of another site or another kind")
    return body


@lru_cache(maxsize=20_000)
def _read_entry(content: bytes, site: str, public: str) -> tuple[str, np.ndarray, np.ndarray | None, float, int]:
    """Verified once for the same bytes: the same person walks by many times."""
    body = _verified(json.loads(content), public, "entry", site)
    try:
        entry = StaffEntryDocument.parse(body)
    except ContractError as error:
        raise GalleryRejected(f"an entry makes no sense: {error}") from error
    return entry.person, unpack(entry.template), None if entry.small is None else unpack(entry.small), entry.expires, entry.version
