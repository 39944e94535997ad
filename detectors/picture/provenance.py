"""What a picture file says of its own origin: EXIF, and C2PA manifests with their signatures. Nothing is fetched from the network."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from detectors.heif import exif_of
from detectors.messages import Message, declare
from detectors.weights import home

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
MIME = {"JPEG": "image/jpeg", "PNG": "image/png", "WebP": "image/webp", "GIF": "image/gif", "HEIC": "image/heic", "AVIF": "image/avif"}
# Whom to trust: the list of the C2PA that is shipped, and whatever certificates the site puts into this folder of its home.
TRUST_LIST = Path(__file__).parent / "trust" / "c2pa-2025-12.pem"
TRUST_LIST_DATE = "2025-12"
SITE_TRUST = "c2pa-trust"
# What the validator may find wrong of the signer alone: the file is as it was signed all the same (C2PA 2.2, 15.7).
SIGNER_ONLY = {
    "signingCredential.untrusted": "unknown",
    "signingCredential.expired": "expired",
    "signingCredential.invalid": "unknown",
    "signingCredential.ocsp.unknown": "unknown",
    "signingCredential.ocsp.inaccessible": "unknown",
    "signingCredential.revoked": "revoked",
    "signingCredential.ocsp.revoked": "revoked",
    "timeStamp.untrusted": "unknown",
    "timeStamp.mismatch": "unknown",
    "timeStamp.outsideValidity": "unknown",
    "timeOfSigning.outsideValidity": "expired",
    "claimSignature.outsideValidity": "expired",
}
LONGEST = 200
log = logging.getLogger(__name__)


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

    `intact`: the picture is as it was signed. `signer` says who signed it: "trusted" (on the list of the C2PA or of this site), "unknown", "expired" (the
    certificate is over and nothing proves that it signed before), "revoked".
    """

    found: bool = False
    state: str = ""
    claim_generator: str = ""
    signed_by: str = ""
    actions: tuple[str, ...] = ()
    ai: bool = False
    intact: bool = False
    signer: str = ""
    problems: tuple[str, ...] = ()
    problem: Message | None = None


def read_exif(content: bytes, kind: str) -> Exif:
    """What EXIF says of a picture file of this kind (`image.kind_of`); never raises, whatever the bytes are."""
    try:
        import exifread
    except ImportError:
        return Exif(problem=Message("exif-not-installed"))
    if kind in ("HEIC", "AVIF") and not (content := exif_of(content, kind)):  # exifread fails on the containers that libheif writes
        return Exif()
    try:
        found = exifread.process_file(io.BytesIO(content), details=False)
        place = exifread.utils.get_gps_coords(found)
        tags = {key: str(found[tag]).strip()[:LONGEST] for tag, key in TAGS.items() if tag in found and str(found[tag]).strip()}
    except Exception as error:  # noqa: BLE001 - on damaged bytes this parser raises whatever comes, AssertionError and NotImplementedError among it
        return Exif(problem=Message("exif-damaged", {"error": type(error).__name__}))
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
        with c2pa.Context(settings=c2pa.Settings.from_dict(_settings())) as context:
            reader = c2pa.Reader.try_create(MIME[kind], io.BytesIO(content), context=context)
            if reader is None:
                return Provenance()
            with reader:
                return summary(json.loads(reader.json()))
    except c2pa.C2paError as error:
        return Provenance(found=True, state="Invalid", problems=(str(error)[:LONGEST],))


def _settings() -> dict[str, Any]:
    """Whom the validator trusts; nothing is fetched from the network."""
    trust = {"trust_anchors": TRUST_LIST.read_text()}
    if own := "".join(_own_certificates(home() / SITE_TRUST)):
        trust["user_anchors"] = own
    return {"verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False}, "trust": trust}


def _own_certificates(folder: Path) -> Iterator[str]:
    """The site's own PEM files, each only when it can be read: one that is damaged must not take the trust from all others."""
    for file in sorted(folder.glob("*.pem")):
        try:
            text = file.read_text()
        except (OSError, UnicodeDecodeError):
            log.exception("%s cannot be read", file)
            continue
        if "-----BEGIN CERTIFICATE-----" in text:
            yield text + "\n"


def _signer(state: str, problems: Sequence[str]) -> tuple[bool, str]:
    """Whether the file is as it was signed, and what is to be thought of who signed it; the worst of it when there is more than one finding."""
    if state == "Trusted":
        return True, "trusted"
    if not set(problems) <= set(SIGNER_ONLY) or (state != "Valid" and not problems):
        return False, ""
    found = {SIGNER_ONLY[problem] for problem in problems}
    return True, next((each for each in ("revoked", "expired") if each in found), "unknown")


def summary(store: dict[str, Any]) -> Provenance:
    """What the validator's JSON of a manifest store comes to."""
    manifest = store.get("manifests", {}).get(store.get("active_manifest"), {})
    actions = [action for each in manifest.get("assertions", []) if "actions" in each.get("label", "") for action in each.get("data", {}).get("actions", [])]
    sources = [str(action.get("digitalSourceType", "")).rsplit("/", 1)[-1] for action in actions]
    problems = tuple(str(each.get("code", "")) for each in store.get("validation_status", []))
    intact, signer = _signer(store.get("validation_state", "Invalid"), problems)
    generators = manifest.get("claim_generator_info") or [{"name": manifest.get("claim_generator", "")}]
    return Provenance(
        found=True,
        state=store.get("validation_state", "Invalid"),
        claim_generator=str(generators[0].get("name", ""))[:LONGEST],
        signed_by=str(manifest.get("signature_info", {}).get("issuer", ""))[:LONGEST],
        actions=tuple(str(action.get("action", ""))[:LONGEST] for action in actions),
        ai=any(source in MADE_BY_AI for source in sources),
        intact=intact,
        signer=signer,
        problems=problems,
    )
