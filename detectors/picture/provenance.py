"""What a picture file says of its own origin: EXIF, and C2PA manifests with their signatures. Nothing is fetched from the network."""

from __future__ import annotations

import dataclasses
import io
import json
import struct
from collections.abc import Mapping
from typing import Any

from detectors.messages import Message, declare

# EXIF tag -> the key of its field in a report; its words are `exif-<key>`.
TAGS = {
    "Image Make": "make",
    "Image Model": "model",
    "Image Software": "software",
    "EXIF DateTimeOriginal": "taken",
    "Image DateTime": "changed",
    "EXIF LensModel": "lens",
    "Image Artist": "artist",
    "Image Copyright": "copyright",
}
EDITORS = ("photoshop", "gimp", "lightroom", "affinity", "pixelmator", "snapseed", "canva", "facetune", "paint")
MADE_BY_AI = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia")
MIME = {"JPEG": "image/jpeg", "PNG": "image/png", "WebP": "image/webp", "GIF": "image/gif"}
QUIET = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
LONGEST = 200


declare(
    {
        "exif-not-installed": {
            "en": "EXIF is not read here: the package exifread is not installed.",
            "it": "Qui l'EXIF non si legge: il pacchetto exifread non è installato.",
        },
        "exif-damaged": {"en": "The EXIF data is damaged ({error}).", "it": "I dati EXIF sono danneggiati ({error})."},
        "c2pa-not-installed": {
            "en": "C2PA is not read here: the package c2pa-python is not installed.",
            "it": "Qui la C2PA non si legge: il pacchetto c2pa-python non è installato.",
        },
        "c2pa-not-in": {"en": "C2PA is not read from {kind} files.", "it": "Dai file {kind} la C2PA non si legge."},
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Exif:
    """`tags` by the keys of TAGS, `place` as latitude and longitude, `editor` when a tag names editing software; `problem` when it cannot be read."""

    found: bool = False
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    place: tuple[float, float] | None = None
    editor: str | None = None
    problem: Message | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Provenance:
    """A C2PA manifest: `state` is Valid, Invalid or Trusted; `problem` says why none can be read, `problems` are the validator's codes.

    "Valid" says that the picture is as it was signed; who signed is not checked against a list of trusted signers.
    """

    found: bool = False
    state: str = ""
    claim_generator: str = ""
    signed_by: str = ""
    actions: tuple[str, ...] = ()
    ai: bool = False
    problems: tuple[str, ...] = ()
    problem: Message | None = None


def read_exif(content: bytes) -> Exif:
    """What EXIF says of a picture file; never raises, whatever the bytes are."""
    try:
        import exifread
    except ImportError:
        return Exif(problem=Message("exif-not-installed"))
    try:
        found = exifread.process_file(io.BytesIO(content), details=False)
        place = exifread.utils.get_gps_coords(found)
    except (ValueError, KeyError, IndexError, TypeError, ZeroDivisionError, struct.error) as error:
        return Exif(problem=Message("exif-damaged", {"error": type(error).__name__}))
    tags = {key: str(found[tag]).strip()[:LONGEST] for tag, key in TAGS.items() if tag in found and str(found[tag]).strip()}
    editor = next((tags["software"] for each in EDITORS if each in tags.get("software", "").lower()), None)
    return Exif(bool(found), tags, (round(place[0], 6), round(place[1], 6)) if place else None, editor)


def read_c2pa(content: bytes, kind: str) -> Provenance:
    """What a C2PA manifest in a picture file of this kind (`image.kind_of`) says; never raises. Nothing is fetched from the network."""
    try:
        import c2pa
    except ImportError:
        return Provenance(problem=Message("c2pa-not-installed"))
    if kind not in MIME:
        return Provenance(problem=Message("c2pa-not-in", {"kind": kind}))
    try:
        with c2pa.Context(settings=c2pa.Settings.from_dict(QUIET)) as context:
            reader = c2pa.Reader.try_create(MIME[kind], io.BytesIO(content), context=context)
            if reader is None:
                return Provenance()
            with reader:
                return _summary(json.loads(reader.json()))
    except c2pa.C2paError as error:
        return Provenance(found=True, state="Invalid", problems=(str(error)[:LONGEST],))


def _summary(store: dict[str, Any]) -> Provenance:
    manifest = store.get("manifests", {}).get(store.get("active_manifest"), {})
    actions = [action for each in manifest.get("assertions", []) if "actions" in each.get("label", "") for action in each.get("data", {}).get("actions", [])]
    sources = [str(action.get("digitalSourceType", "")).rsplit("/", 1)[-1] for action in actions]
    generators = manifest.get("claim_generator_info") or [{"name": manifest.get("claim_generator", "")}]
    return Provenance(
        found=True,
        state=store.get("validation_state", "Invalid"),
        claim_generator=str(generators[0].get("name", ""))[:LONGEST],
        signed_by=str(manifest.get("signature_info", {}).get("issuer", ""))[:LONGEST],
        actions=tuple(str(action.get("action", ""))[:LONGEST] for action in actions),
        ai=any(source in MADE_BY_AI for source in sources),
        problems=tuple(str(each.get("code", "")) for each in store.get("validation_status", [])),
    )
