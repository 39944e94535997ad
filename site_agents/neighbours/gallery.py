"""Signed galleries: entries that a neighbour may pass on and nobody may forge, versions that only rise, and the search in them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detectors.faces import identify
from federated.signing import SignatureRejected, canonical, sign_document, verify_document
from site_agents.errors import GalleryRefused, MessageRefused
from site_agents.neighbours.messages import pack, unpack


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One enrolled person: an opaque id, the template (128,), until when (Unix seconds), since which version, and the signed document itself."""

    person: str
    template: np.ndarray
    expires: float
    version: int
    document: dict[str, Any]


@dataclasses.dataclass(slots=True)
class Gallery:
    """What one agent holds of its site's list: who is on it (id to the version of the entry); with `keep` the templates too. A stolen weak box tells little."""

    site: str
    public: str
    keep: bool
    version: int = 0
    entries: dict[str, Entry] = dataclasses.field(default_factory=dict)
    people: dict[str, int] = dataclasses.field(default_factory=dict)
    documents: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def sign_entry(site: str, person: str, template: np.ndarray, expires: float, version: int, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The portal's word that `person` is on the site's list."""
    return sign_document({"type": "entry", "site": site, "person": person, "template": pack(template), "expires": expires, "version": version}, key)


def sign_gallery(site: str, base: int, version: int, entries: Sequence[Mapping[str, Any]], removed: Sequence[str], key: Ed25519PrivateKey) -> dict[str, Any]:
    """A change from version `base` (0: nothing, the whole list) to `version`."""
    return sign_document({"type": "gallery", "site": site, "base": base, "version": version, "entries": list(entries), "removed": list(removed)}, key)


def read_entry(document: Mapping[str, Any], gallery: Gallery, now: float) -> Entry:
    """A believed entry. Raises GalleryRefused when it is forged, of another site, expired, or not on the list that this agent knows."""
    person, template, expires, version = _read_entry(_content(document), gallery.site, gallery.public)
    if expires <= now:
        raise GalleryRefused("the entry has expired")
    if gallery.people.get(person) != version:
        raise GalleryRefused(f"the person is not on the list of version {gallery.version}, or with another entry")
    return Entry(person, template, expires, version, dict(document))


def apply(gallery: Gallery, document: Mapping[str, Any], now: float) -> bool:
    """Take a newer version; False when it is none. Raises GalleryRefused: forged, of another site, or a change to a version that we do not have."""
    body = _believe(document, gallery, "gallery")
    base, version = body.get("base"), body.get("version")
    if not isinstance(base, int) or not isinstance(version, int) or not 0 <= base < version:
        raise GalleryRefused("a gallery's versions make no sense")
    if version <= gallery.version:
        return False
    if base not in (0, gallery.version):
        raise GalleryRefused(f"a change to version {base}, and here is version {gallery.version}")
    entries = {each["person"]: Entry(*_read_entry(_content(each), gallery.site, gallery.public), each) for each in body["entries"]}
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


def search(entries: Iterable[Entry], probe: np.ndarray, threshold: float, now: float) -> tuple[Entry | None, float]:
    """The enrolled person of the embedding `probe` (128,), or None for a stranger, and the best cosine; expired entries do not count."""
    valid = [each for each in entries if each.expires > now]
    if not valid:
        return None, -1.0
    found = identify.identify(
        identify.Gallery(tuple(each.person for each in valid), np.stack([each.template for each in valid]), np.arange(len(valid))), probe, threshold
    )
    return next((each for each in valid if each.person == found.person), None), found.score


def _believe(document: Mapping[str, Any], gallery: Gallery, kind: str) -> dict[str, Any]:
    try:
        body = verify_document(document, gallery.public)
    except SignatureRejected as error:
        raise GalleryRefused(f"{kind}: {error}") from error
    if body.get("type") != kind or body.get("site") != gallery.site:
        raise GalleryRefused(f"a {kind} of another site or another kind")
    return body


def _content(document: Mapping[str, Any]) -> bytes:
    try:
        return canonical(document)
    except (ValueError, TypeError, RecursionError) as error:
        raise GalleryRefused(f"an entry that nobody can have signed: {error}") from error


@lru_cache(maxsize=20_000)
def _read_entry(content: bytes, site: str, public: str) -> tuple[str, np.ndarray, float, int]:
    """Verified once for the same bytes: the same person walks by many times."""
    body = _believe(json.loads(content), Gallery(site, public, False), "entry")
    try:
        return str(body["person"]), unpack(body["template"]), float(body["expires"]), int(body["version"])
    except (KeyError, TypeError, ValueError, MessageRefused) as error:
        raise GalleryRefused(f"an entry makes no sense: {error}") from error
