"""What a picture file says of its own origin: EXIF, and C2PA manifests with their signatures. Nothing is fetched from the network."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

TAGS = {
    "Image Make": "camera make",
    "Image Model": "camera model",
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


def read_exif(content: bytes) -> dict[str, Any]:
    """{"found", "tags", "place" (latitude, longitude) or None, "editor" or None}; "error" when EXIF is there but broken or unreadable here."""
    try:
        import exifread
    except ImportError:
        return {"found": False, "error": "EXIF is not read here: the package exifread is not installed"}
    try:
        said = exifread.process_file(io.BytesIO(content), details=False)
        place = exifread.utils.get_gps_coords(said)
    except (ValueError, KeyError, IndexError, TypeError, ZeroDivisionError, struct.error) as error:
        return {"found": False, "error": f"the EXIF data is damaged ({type(error).__name__})"}
    tags = {name: str(said[tag]).strip()[:LONGEST] for tag, name in TAGS.items() if tag in said and str(said[tag]).strip()}
    editor = next((tags["software"] for each in EDITORS if each in tags.get("software", "").lower()), None)
    return {"found": bool(said), "tags": tags, "place": [round(each, 6) for each in place] if place else None, "editor": editor}


def read_c2pa(content: bytes, kind: str) -> dict[str, Any]:
    """{"found", "state" (Valid, Invalid, Trusted), "claim_generator", "signed_by", "actions", "ai", "problems"}; "error" when it cannot be read.

    "Valid" says that the picture is as it was signed; who signed is not checked against a list of trusted signers.
    """
    try:
        import c2pa
    except ImportError:
        return {"found": False, "error": "C2PA is not read here: the package c2pa-python is not installed"}
    if kind not in MIME:
        return {"found": False, "error": f"C2PA is not read from {kind} files"}
    try:
        with c2pa.Context(settings=c2pa.Settings.from_dict(QUIET)) as context:
            reader = c2pa.Reader.try_create(MIME[kind], io.BytesIO(content), context=context)
            if reader is None:
                return {"found": False}
            with reader:
                return _summary(json.loads(reader.json()))
    except c2pa.C2paError as error:
        return {"found": True, "state": "Invalid", "problems": [str(error)[:LONGEST]]}


def _summary(said: dict[str, Any]) -> dict[str, Any]:
    manifest = said.get("manifests", {}).get(said.get("active_manifest"), {})
    actions = [action for each in manifest.get("assertions", []) if "actions" in each.get("label", "") for action in each.get("data", {}).get("actions", [])]
    sources = [str(action.get("digitalSourceType", "")).rsplit("/", 1)[-1] for action in actions]
    generators = manifest.get("claim_generator_info") or [{"name": manifest.get("claim_generator", "")}]
    return {
        "found": True,
        "state": said.get("validation_state", "Invalid"),
        "claim_generator": str(generators[0].get("name", ""))[:LONGEST],
        "signed_by": str(manifest.get("signature_info", {}).get("issuer", ""))[:LONGEST],
        "actions": [str(action.get("action", ""))[:LONGEST] for action in actions],
        "ai": any(source in MADE_BY_AI for source in sources),
        "problems": [str(each.get("code", "")) for each in said.get("validation_status", [])],
    }
