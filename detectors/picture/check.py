"""The first look at a picture: what the file says of itself, and where faces are. It never claims more than it knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detectors import drawing, image, registry
from detectors.messages import Message
from detectors.picture.provenance import TAGS, Exif, Provenance, read_c2pa, read_exif
from detectors.registry import tool
from detectors.types import Face, ModelCard, PictureEvidence, Progress, Report, ReportField, ReportPart, TableEvidence, Verdict

WORDS = {
    "title": {"en": "Picture check", "it": "Controllo di un'immagine"},
    "about": {
        "en": "What a picture file says of its own origin, and where faces are in it.",
        "it": "Che cosa dice un file della propria origine, e dove vi sono volti nell'immagine.",
    },
    "reading-picture": {"en": "reading the picture", "it": "lettura dell'immagine"},
    "looking-for-faces": {"en": "looking for faces", "it": "ricerca dei volti"},
    "reading-provenance": {"en": "reading its provenance", "it": "lettura della provenienza"},
    "writing-report": {"en": "writing the report", "it": "scrittura del referto"},
    "origin-unknown": {"en": "nothing known of its origin", "it": "origine sconosciuta"},
    "provenance-broken": {"en": "provenance broken", "it": "provenienza alterata"},
    "provenance-made-by-ai": {"en": "says itself that it was made by AI", "it": "dichiara di essere stata creata da un'IA"},
    "provenance-intact": {"en": "provenance intact", "it": "provenienza integra"},
    "no-provenance": {
        "en": "It carries no C2PA provenance; most pictures do not, so this says nothing for or against it.",
        "it": "Non contiene una provenienza C2PA; la maggior parte delle immagini non l'ha, quindi questo non dice nulla né a favore né contro.",
    },
    "provenance-does-not-hold": {
        "en": "It carries C2PA provenance that does not hold: {problems}.",
        "it": "Contiene una provenienza C2PA che non regge: {problems}.",
    },
    "provenance-does-not-hold-why": {
        "en": "It carries C2PA provenance that does not hold: no reason given.",
        "it": "Contiene una provenienza C2PA che non regge: senza motivo indicato.",
    },
    "provenance-signed": {
        "en": "Its C2PA provenance is intact ({software}, signed by {signer}); the signer was not checked against a list of trusted signers.",
        "it": "La sua provenienza C2PA è integra ({software}, firmata da {signer}); il firmatario non è stato confrontato con un elenco di firmatari fidati.",
    },
    "provenance-signed-software-unnamed": {
        "en": "Its C2PA provenance is intact (unnamed software, signed by {signer}); the signer was not checked against a list of trusted signers.",
        "it": "La sua provenienza C2PA è integra (software senza nome, firmata da {signer}); "
        "il firmatario non è stato confrontato con un elenco di firmatari fidati.",
    },
    "provenance-signed-signer-unnamed": {
        "en": "Its C2PA provenance is intact ({software}, signed by an unnamed signer); the signer was not checked against a list of trusted signers.",
        "it": "La sua provenienza C2PA è integra ({software}, firmata da un firmatario senza nome); "
        "il firmatario non è stato confrontato con un elenco di firmatari fidati.",
    },
    "provenance-signed-unnamed": {
        "en": "Its C2PA provenance is intact (unnamed software, signed by an unnamed signer); the signer was not checked against a list of trusted signers.",
        "it": "La sua provenienza C2PA è integra (software senza nome, firmata da un firmatario senza nome); "
        "il firmatario non è stato confrontato con un elenco di firmatari fidati.",
    },
    "provenance-by-algorithm": {
        "en": "The provenance says that it was generated or composed by an algorithm.",
        "it": "La provenienza dice che è stata generata o composta da un algoritmo.",
    },
    "exif-names-editor": {
        "en": "EXIF names the editing software {editor}; editing is not in itself deceit.",
        "it": "L'EXIF indica il programma di modifica {editor}; modificare non è di per sé un inganno.",
    },
    "no-exif": {
        "en": "It carries no EXIF data; most sites remove it, so this says nothing.",
        "it": "Non contiene dati EXIF; la maggior parte dei siti li toglie, quindi questo non dice nulla.",
    },
    "faces-found": {
        "en": ("{count} face was found.", "{count} faces were found."),
        "it": ("È stato trovato {count} volto.", "Sono stati trovati {count} volti."),
    },
    "pixels-not-examined": {
        "en": "Whether the pixels were generated or manipulated was not examined.",
        "it": "Non è stato esaminato se i pixel siano stati generati o manipolati.",
    },
    "part-file": {"en": "File", "it": "File"},
    "part-faces": {"en": "Faces", "it": "Volti"},
    "part-exif": {"en": "EXIF", "it": "EXIF"},
    "part-provenance": {"en": "C2PA provenance", "it": "Provenienza C2PA"},
    "file-kind": {"en": "Kind", "it": "Tipo"},
    "file-bytes": {"en": "Size in bytes", "it": "Dimensione in byte"},
    "picture-width": {"en": "Width in pixels", "it": "Larghezza in pixel"},
    "picture-height": {"en": "Height in pixels", "it": "Altezza in pixel"},
    "face-count": {"en": "Faces found", "it": "Volti trovati"},
    "face-number": {"en": "Face", "it": "Volto"},
    "face-left": {"en": "Left", "it": "Sinistra"},
    "face-top": {"en": "Top", "it": "Alto"},
    "face-width": {"en": "Width", "it": "Larghezza"},
    "face-height": {"en": "Height", "it": "Altezza"},
    "face-score": {"en": "Score of the face finder", "it": "Punteggio del rilevatore di volti"},
    "found": {"en": "Present", "it": "Presente"},
    "not-readable": {"en": "Not read", "it": "Non letto"},
    "exif-make": {"en": "Camera make", "it": "Marca della fotocamera"},
    "exif-model": {"en": "Camera model", "it": "Modello della fotocamera"},
    "exif-software": {"en": "Software", "it": "Software"},
    "exif-taken": {"en": "Taken", "it": "Scattata"},
    "exif-changed": {"en": "Changed", "it": "Modificata"},
    "exif-lens": {"en": "Lens", "it": "Obiettivo"},
    "exif-artist": {"en": "Artist", "it": "Autore"},
    "exif-copyright": {"en": "Copyright", "it": "Copyright"},
    "exif-place": {"en": "Place (latitude, longitude)", "it": "Luogo (latitudine, longitudine)"},
    "c2pa-state": {"en": "State of the signature", "it": "Stato della firma"},
    "c2pa-generator": {"en": "Made by", "it": "Creata da"},
    "c2pa-signer": {"en": "Signed by", "it": "Firmata da"},
    "c2pa-actions": {"en": "Actions", "it": "Azioni"},
    "c2pa-ai": {"en": "Says that it was made by AI", "it": "Dichiara di essere stata creata da un'IA"},
    "c2pa-problems": {"en": "Problems", "it": "Problemi"},
    "evidence-faces": {"en": "The faces that were found", "it": "I volti trovati"},
    "evidence-face-table": {"en": "Where the faces are, in pixels", "it": "Dove sono i volti, in pixel"},
}


@tool("picture-check", family="picture", media=("picture",), inputs=1, words=WORDS)
class PictureCheck:
    """Faces, EXIF and C2PA provenance of a picture file."""

    def __init__(self, opened: None, card: ModelCard) -> None:
        self.card, self.finder = card, registry.shared("faces")

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """The report on one picture file. Raises BadInput with the reason."""
        progress(0.0, Message("reading-picture"))
        content = image.read_bytes(paths[0])
        picture, kind = image.read(content), image.kind_of(content)
        progress(0.3, Message("looking-for-faces"))
        faces = self.finder.find(picture)
        progress(0.6, Message("reading-provenance"))
        exif, provenance = read_exif(content), read_c2pa(content, kind)
        progress(0.9, Message("writing-report"))
        size = {"kind": ("file-kind", kind), "bytes": ("file-bytes", len(content))}
        size |= {"width": ("picture-width", picture.shape[1]), "height": ("picture-height", picture.shape[0])}
        parts = (
            _part("file", size),
            _part("faces", {"count": ("face-count", len(faces))}),
            _part("exif", _exif_fields(exif)),
            _part("provenance", _provenance_fields(provenance)),
        )
        evidence = (PictureEvidence("faces", Message("evidence-faces"), drawing.draw_faces(picture, faces)), *_face_table(faces))
        return Report(judge(exif, provenance, len(faces)), parts=parts, evidence=evidence, models={"faces": self.finder.card.sha256})


def judge(exif: Exif, provenance: Provenance, faces: int) -> Verdict:
    """What the file's own words allow to be said; pixels are not examined, and the last reason says so."""
    label, band, reasons = _of_provenance(provenance)
    if exif.editor:
        reasons.append(Message("exif-names-editor", {"editor": exif.editor}))
    elif exif.problem:
        reasons.append(exif.problem)
    elif not exif.found:
        reasons.append(Message("no-exif"))
    reasons += [Message("faces-found", {"count": faces}), Message("pixels-not-examined")]
    return Verdict(Message(label), None, None, band, tuple(reasons))


def _of_provenance(found: Provenance) -> tuple[str, str, list[Message]]:
    if not found.found:
        return "origin-unknown", "unsure", [found.problem or Message("no-provenance")]
    if found.state == "Invalid":
        why = Message("provenance-does-not-hold", {"problems": ", ".join(found.problems)}) if found.problems else Message("provenance-does-not-hold-why")
        return "provenance-broken", "suspicious", [why]
    signed = _signed(found.claim_generator, found.signed_by)
    if found.ai:
        return "provenance-made-by-ai", "suspicious", [signed, Message("provenance-by-algorithm")]
    return "provenance-intact", "clear", [signed]


def _signed(software: str, signer: str) -> Message:
    if software and signer:
        return Message("provenance-signed", {"software": software, "signer": signer})
    if signer:
        return Message("provenance-signed-software-unnamed", {"signer": signer})
    return Message("provenance-signed-signer-unnamed", {"software": software}) if software else Message("provenance-signed-unnamed")


def _part(name: str, fields: dict[str, tuple[str, object]]) -> ReportPart:
    """A part from {key: (code of its label, value)}."""
    return ReportPart(name, Message(f"part-{name}"), tuple(ReportField(key, Message(code), value) for key, (code, value) in fields.items()))


def _exif_fields(exif: Exif) -> dict[str, tuple[str, object]]:
    fields: dict[str, tuple[str, object]] = {"found": ("found", exif.found)}
    if exif.problem:
        fields["problem"] = "not-readable", exif.problem
    fields |= {key: (f"exif-{key}", exif.tags[key]) for key in TAGS.values() if key in exif.tags}
    if exif.place:
        fields["place"] = "exif-place", exif.place
    return fields


def _provenance_fields(found: Provenance) -> dict[str, tuple[str, object]]:
    if not found.found:
        return {"found": ("found", False), **({"problem": ("not-readable", found.problem)} if found.problem else {})}
    return {
        "found": ("found", True),
        "state": ("c2pa-state", found.state),
        "claim_generator": ("c2pa-generator", found.claim_generator),
        "signed_by": ("c2pa-signer", found.signed_by),
        "actions": ("c2pa-actions", found.actions),
        "ai": ("c2pa-ai", found.ai),
        "problems": ("c2pa-problems", found.problems),
    }


def _face_table(faces: Sequence[Face]) -> tuple[TableEvidence, ...]:
    if not faces:
        return ()
    columns = tuple(Message(f"face-{name}") for name in ("number", "left", "top", "width", "height", "score"))
    rows = tuple((n, *(round(each, 1) for each in face.box), round(face.score, 4)) for n, face in enumerate(faces, 1))
    return (TableEvidence("face-table", Message("evidence-face-table"), columns, rows),)
