"""The first look at a picture: what the file says of itself, and where faces are. It never claims more than it knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detectors import drawing, image, registry
from detectors.faces.turned import turn_by, turn_needed
from detectors.formats import trailer_of
from detectors.messages import Message
from detectors.picture.provenance import TAGS, TRUST_LIST_DATE, Exif, Provenance, read_c2pa, read_exif
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
    "trailer-film": {
        "en": "The picture ends {bytes:,} bytes before its file does: behind it stands a short film, as motion photos have, which was not examined.",
        "it": "L'immagine finisce {bytes:,} byte prima del file: in coda c'è un breve filmato, come nelle foto in movimento, che non è stato esaminato.",
    },
    "trailer-picture": {
        "en": "The picture ends {bytes:,} bytes before its file does: behind it stands another picture, which was not examined.",
        "it": "L'immagine finisce {bytes:,} byte prima del file: in coda c'è un'altra immagine, che non è stato esaminato.",
    },
    "trailer-archive": {
        "en": "The picture ends {bytes:,} bytes before its file does: behind it stands an archive (ZIP), which was not examined.",
        "it": "L'immagine finisce {bytes:,} byte prima del file: in coda c'è un archivio (ZIP), che non è stato esaminato.",
    },
    "trailer-document": {
        "en": "The picture ends {bytes:,} bytes before its file does: behind it stands a document (PDF), which was not examined.",
        "it": "L'immagine finisce {bytes:,} byte prima del file: in coda c'è un documento (PDF), che non è stato esaminato.",
    },
    "trailer-other": {
        "en": "The picture ends {bytes:,} bytes before its file does: behind it stands data of an unknown kind, which was not examined.",
        "it": "L'immagine finisce {bytes:,} byte prima del file: in coda c'è dati di tipo sconosciuto, che non è stato esaminato.",
    },
    "hidden-colours": {
        "en": "Transparent parts hide colours that a viewer does not show. Both views are given; faces were looked for in both.",
        "it": "Le parti trasparenti nascondono colori che non si vedono. Sono riportate entrambe le viste; i volti sono stati cercati in entrambe.",
    },
    "picture-turned": {
        "en": "The picture seems to be turned: its faces stand upright after turning it clockwise by {degrees} degrees. It was examined so.",
        "it": "L'immagine sembra girata: i volti sono dritti dopo averla ruotata di {degrees} gradi in senso orario. È stata esaminata così.",
    },
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
        "en": "Its C2PA provenance is intact: the file is as it was when {signer} signed it with {software}.",
        "it": "La sua provenienza C2PA è integra: il file è com'era quando {signer} lo ha firmato con {software}.",
    },
    "provenance-signed-software-unnamed": {
        "en": "Its C2PA provenance is intact: the file is as it was when {signer} signed it.",
        "it": "La sua provenienza C2PA è integra: il file è com'era quando {signer} lo ha firmato.",
    },
    "provenance-signed-signer-unnamed": {
        "en": "Its C2PA provenance is intact: the file is as it was when somebody unnamed signed it.",
        "it": "La sua provenienza C2PA è integra: il file è com'era quando qualcuno senza nome lo ha firmato.",
    },
    "signer-trusted": {
        "en": "The signer's certificate leads to a trusted list (that of the C2PA of {date}, or this site's own).",
        "it": "Il certificato del firmatario porta a un elenco fidato (quello della C2PA del {date}, o quello di questo sito).",
    },
    "signer-unknown": {
        "en": "The signer is on no trusted list (that of the C2PA of {date}, and this site's own): anybody can make such a certificate at home.",
        "it": "Il firmatario non è in alcun elenco fidato (quello della C2PA del {date} e quello di questo sito): "
        "chiunque può farsi in casa un tale certificato.",
    },
    "signer-expired": {
        "en": "The signer's certificate has expired, and no trusted time stamp shows that it was valid when the file was signed: "
        "who signed can no longer be verified.",
        "it": "Il certificato del firmatario è scaduto, e nessuna marca temporale fidata mostra che fosse valido alla firma: "
        "chi ha firmato non si può più verificare.",
    },
    "signer-revoked": {
        "en": "The signer's certificate was revoked: who signed cannot be relied on.",
        "it": "Il certificato del firmatario è stato revocato: non ci si può fidare di chi ha firmato.",
    },
    "provenance-signer-unknown": {"en": "intact since signing, signer unknown", "it": "integra dalla firma, firmatario sconosciuto"},
    "provenance-signer-expired": {"en": "signed; signer can no longer be verified", "it": "firmata; il firmatario non si può più verificare"},
    "provenance-signer-revoked": {"en": "signed; the signer's certificate was revoked", "it": "firmata; il certificato del firmatario è stato revocato"},
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
    "trailer-bytes": {"en": "Bytes behind the picture", "it": "Byte dopo l'immagine"},
    "trailer-kind": {"en": "What stands there", "it": "Che cosa vi si trova"},
    "hidden-faces": {"en": "Faces in the hidden colours", "it": "Volti nei colori nascosti"},
    "evidence-hidden": {"en": "The same picture without its transparency: what it hides", "it": "La stessa immagine senza trasparenza: ciò che nasconde"},
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
        decoded, kind = image.decode(content), image.kind_of(content)
        progress(0.3, Message("looking-for-faces"))
        degrees = turn_needed(self.finder, decoded.pixels)
        picture = turn_by(decoded.pixels, degrees)
        faces = self.finder.find(picture)
        hidden = None if decoded.hidden is None else turn_by(decoded.hidden, degrees)
        hidden_faces = [] if hidden is None else self.finder.find(hidden)
        progress(0.6, Message("reading-provenance"))
        exif, provenance, trailer = read_exif(content, kind), read_c2pa(content, kind), trailer_of(content)
        progress(0.9, Message("writing-report"))
        size = {"kind": ("file-kind", kind), "bytes": ("file-bytes", len(content))}
        size |= {"width": ("picture-width", picture.shape[1]), "height": ("picture-height", picture.shape[0])}
        notes = [Message("picture-turned", {"degrees": degrees})] if degrees else []
        if trailer:
            size |= {"trailer_bytes": ("trailer-bytes", trailer.size), "trailer_kind": ("trailer-kind", Message(f"behind-{trailer.kind}"))}
            notes.append(Message(f"trailer-{trailer.kind}", {"bytes": trailer.size}))
        if hidden is not None:
            notes.append(Message("hidden-colours"))
        found: dict[str, tuple[str, object]] = {"count": ("face-count", len(faces))}
        parts = (
            _part("file", size),
            _part("faces", found if hidden is None else {**found, "hidden": ("hidden-faces", len(hidden_faces))}),
            _part("exif", _exif_fields(exif)),
            _part("provenance", _provenance_fields(provenance)),
        )
        evidence = [PictureEvidence("faces", Message("evidence-faces"), drawing.draw_faces(picture, faces)), *_face_table(faces)]
        if hidden is not None:
            evidence.append(PictureEvidence("hidden", Message("evidence-hidden"), drawing.draw_faces(hidden, hidden_faces)))
        verdict = judge(exif, provenance, len(faces), notes)
        return Report(verdict, parts=parts, evidence=tuple(evidence), models={"faces": self.finder.card.sha256})


def judge(exif: Exif, provenance: Provenance, faces: int, notes: Sequence[Message] = ()) -> Verdict:
    """What the file's own words allow to be said, and `notes` on the file itself; pixels are not examined, and the last reason says so."""
    label, band, reasons = _of_provenance(provenance)
    reasons += notes
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
    if not found.intact:
        why = Message("provenance-does-not-hold", {"problems": ", ".join(found.problems)}) if found.problems else Message("provenance-does-not-hold-why")
        return "provenance-broken", "suspicious", [why]
    signed = [_signed(found.claim_generator, found.signed_by)]
    signed.append(Message(f"signer-{found.signer}", {"date": TRUST_LIST_DATE} if found.signer in ("trusted", "unknown") else {}))
    if found.ai:
        return "provenance-made-by-ai", "suspicious", [*signed, Message("provenance-by-algorithm")]
    if found.signer == "trusted":
        return "provenance-intact", "clear", signed
    return f"provenance-signer-{found.signer}", "unsure", signed


def _signed(software: str, signer: str) -> Message:
    if software and signer:
        return Message("provenance-signed", {"software": software, "signer": signer})
    if signer:
        return Message("provenance-signed-software-unnamed", {"signer": signer})
    return Message("provenance-signed-signer-unnamed")


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
