"""The first look at a picture: what the file says of itself, and where faces are. It never claims more than it knows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detectors import drawing, image, registry
from detectors.picture.provenance import read_c2pa, read_exif
from detectors.registry import detector
from detectors.types import ModelCard, Report, Verdict

Progress = Callable[[float, str], None]


@detector("picture-check", family="picture", kind="tool")
class PictureCheck:
    """Faces, EXIF and C2PA provenance of a picture file."""

    def __init__(self, session: None, card: ModelCard) -> None:
        self.card, self.finder = card, registry.shared("faces")

    def report(self, path: Path | str, progress: Progress = lambda done, what: None) -> Report:
        """The report on one picture file; `progress` is called with a share 0..1 and a word. Raises BadInput with the reason."""
        progress(0.0, "reading the picture")
        content = image.read_bytes(path)
        picture, kind = image.read(content), image.kind_of(content)
        progress(0.3, "looking for faces")
        faces = self.finder.find(picture)
        progress(0.6, "reading its provenance")
        exif, provenance = read_exif(content), read_c2pa(content, kind)
        progress(0.9, "writing the report")
        found = [{"box": [round(each, 1) for each in face.box], "score": round(face.score, 4)} for face in faces]
        report = Report(
            judge(exif, provenance, len(faces)),
            parts=(
                {"name": "file", "kind": kind, "bytes": len(content), "width": picture.shape[1], "height": picture.shape[0]},
                {"name": "faces", "count": len(faces), "faces": found},
                {"name": "exif", **exif},
                {"name": "provenance", **provenance},
            ),
            evidence={"faces": drawing.draw_faces(picture, faces)},
            models={"faces": self.finder.card.sha256},
            input_sha256=hashlib.sha256(content).hexdigest(),
        )
        progress(1.0, "done")
        return report


def judge(exif: dict[str, Any], provenance: dict[str, Any], faces: int) -> Verdict:
    """What the file's own words allow to be said; pixels are not examined, and the last reason says so."""
    label, band, reasons = _of_provenance(provenance)
    if exif.get("editor"):
        reasons.append(f"EXIF names the editing software {exif['editor']}; editing is not in itself deceit.")
    elif exif.get("error"):
        reasons.append(f"{exif['error'][0].upper()}{exif['error'][1:]}.")
    elif not exif.get("found"):
        reasons.append("It carries no EXIF data; most sites remove it, so this says nothing.")
    reasons.append(f"{faces} {'face was' if faces == 1 else 'faces were'} found.")
    reasons.append("Whether the pixels were generated or manipulated was not examined.")
    return Verdict(label, None, None, band, tuple(reasons))


def _of_provenance(said: dict[str, Any]) -> tuple[str, str, list[str]]:
    if not said.get("found"):
        why = said.get("error", "It carries no C2PA provenance; most pictures do not, so this says nothing for or against it")
        return "nothing known of its origin", "unsure", [f"{why[0].upper()}{why[1:]}."]
    if said["state"] == "Invalid":
        problems = ", ".join(said["problems"]) or "no reason given"
        return "provenance broken", "suspicious", [f"It carries C2PA provenance that does not hold: {problems}."]
    by = f"{said['claim_generator'] or 'unnamed software'}, signed by {said['signed_by'] or 'an unnamed signer'}"
    signed = f"Its C2PA provenance is intact ({by}); the signer was not checked against a list of trusted signers."
    if said["ai"]:
        return "says itself that it was made by AI", "suspicious", [signed, "The provenance says that it was generated or composed by an algorithm."]
    return "provenance intact", "clear", [signed]
