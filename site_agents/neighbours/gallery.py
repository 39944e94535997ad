"""Signed galleries: entries that a neighbour may pass on and nobody may forge, versions that only rise, and the search in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detectors.faces import identify
from federated.trust.signing import SignatureRejected, sign_document, verify_document
from federated.trust.staff_list import GalleryRejected, StaffEntry
from federated.trust.staff_list import read_entry as read_signed_entry
from site_agents.errors import StaffListRefused


@dataclasses.dataclass(slots=True)
class PeerGallery:
    """What one agent holds of its site's list: who is on it (id to the version of the entry); with `keep` the templates too. A stolen weak box tells little."""

    site: str
    public: str
    keep: bool
    version: int = 0
    entries: dict[str, StaffEntry] = dataclasses.field(default_factory=dict)
    people: dict[str, int] = dataclasses.field(default_factory=dict)
    documents: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def sign_gallery(site: str, base: int, version: int, entries: Sequence[Mapping[str, Any]], removed: Sequence[str], key: Ed25519PrivateKey) -> dict[str, Any]:
    """A change from version `base` (0: nothing, the whole list) to `version`."""
    return sign_document({"type": "gallery", "site": site, "base": base, "version": version, "entries": list(entries), "removed": list(removed)}, key)


def read_entry(document: Mapping[str, Any], gallery: PeerGallery, now: float) -> StaffEntry:
    """A verified entry. Raises StaffListRefused when it is forged, of another site, expired, or not on the list that this agent knows."""
    entry = _verified_entry(document, gallery)
    if entry.expires <= now:
        raise StaffListRefused("the entry has expired")
    if gallery.people.get(entry.person) != entry.version:
        raise StaffListRefused(f"the person is not on the list of version {gallery.version}, or with another entry")
    return entry


def apply(gallery: PeerGallery, document: Mapping[str, Any], now: float) -> bool:
    """Take a newer version; False when it is none. Raises StaffListRefused: forged, of another site, or a change to a version that we do not have."""
    body = _verify(document, gallery, "gallery")
    base, version = body.get("base"), body.get("version")
    if not isinstance(base, int) or not isinstance(version, int) or not 0 <= base < version:
        raise StaffListRefused("a gallery's versions make no sense")
    if version <= gallery.version:
        return False
    if base not in (0, gallery.version):
        raise StaffListRefused(f"a change to version {base}, and here is version {gallery.version}")
    entries = {entry.person: entry for each in body["entries"] if (entry := _verified_entry(each, gallery))}
    if base == 0:
        gallery.people, gallery.entries, gallery.documents = {}, {}, []
    for person in body["removed"]:
        gallery.people.pop(person, None)
        gallery.entries.pop(person, None)
    gallery.version = version
    gallery.people.update({person: entry.version for person, entry in entries.items()})
    if gallery.keep:
        gallery.entries.update({person: entry for person, entry in entries.items() if entry.expires > now})
        gallery.documents.append(dict(document))
    return True


def search(entries: Iterable[StaffEntry], probe: np.ndarray, threshold: float, now: float) -> tuple[StaffEntry | None, float]:
    """The enrolled person of the embedding `probe` (128,), or None for a stranger, and the best cosine; expired entries do not count."""
    valid = [each for each in entries if each.expires > now]
    if not valid:
        return None, -1.0
    found = identify.identify(
        identify.Gallery(tuple(each.person for each in valid), np.stack([each.template for each in valid]), np.arange(len(valid))), probe, threshold
    )
    return next((each for each in valid if each.person == found.person), None), found.score


def _verify(document: Mapping[str, Any], gallery: PeerGallery, kind: str) -> dict[str, Any]:
    try:
        body = verify_document(document, gallery.public)
    except SignatureRejected as error:
        raise StaffListRefused(f"{kind}: {error}") from error
    if body.get("type") != kind or body.get("site") != gallery.site:
        raise StaffListRefused(f"a {kind} of another site or another kind")
    return body


def _verified_entry(document: Mapping[str, Any], gallery: PeerGallery) -> StaffEntry:
    try:
        return read_signed_entry(document, gallery.site, gallery.public)
    except GalleryRejected as error:
        raise StaffListRefused(str(error)) from error
