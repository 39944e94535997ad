"""Was a picture made to fool a net? A desk tool over the two detectors of adversarial inputs: the picture as a classifier sees it, and every face in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detectors import drawing, image, registry
from detectors.faces.embed import align
from detectors.messages import Message
from detectors.registry import tool
from detectors.types import Face, ModelCard, PictureEvidence, Progress, Report, ReportField, ReportPart, TableEvidence, Verdict

MOST_FACES = 12  # a crowd's largest faces are examined

WORDS = {
    "title": {"en": "Attack on a net", "it": "Attacco a una rete"},
    "about": {
        "en": "Whether a picture, or a face in it, was changed so that a recognition net answers wrongly.",
        "it": "Se un'immagine, o un volto in essa, è stata alterata perché una rete di riconoscimento risponda in modo sbagliato.",
    },
    "adversarial-reading": {"en": "reading the picture", "it": "lettura dell'immagine"},
    "adversarial-examining-picture": {"en": "examining the picture", "it": "esame dell'immagine"},
    "adversarial-examining-faces": {"en": "examining the faces", "it": "esame dei volti"},
    "adversarial-suspicious": {"en": "signs of an attack on a net", "it": "segni di un attacco a una rete"},
    "adversarial-no-signs": {"en": "no signs of an attack found", "it": "nessun segno di attacco trovato"},
    "adversarial-picture-over": {
        "en": "The picture scores {score:.2f}, above the threshold of {threshold:.2f}: its answer moves, or its fine grain looks, as in attacked pictures.",
        "it": "L'immagine ha un punteggio di {score:.2f}, sopra la soglia di {threshold:.2f}: la risposta si sposta, o la grana fine è, "
        "come nelle immagini attaccate.",
    },
    "adversarial-picture-under": {
        "en": "The picture scores {score:.2f}, not above the threshold of {threshold:.2f}.",
        "it": "L'immagine ha un punteggio di {score:.2f}, non sopra la soglia di {threshold:.2f}.",
    },
    "adversarial-faces-over": {
        "en": ("{count} face scores above the threshold of {threshold:.2f}.", "{count} faces score above the threshold of {threshold:.2f}."),
        "it": ("{count} volto ha un punteggio sopra la soglia di {threshold:.2f}.", "{count} volti hanno un punteggio sopra la soglia di {threshold:.2f}."),
    },
    "adversarial-faces-under": {
        "en": ("{count} face was examined: none scores above the threshold.", "{count} faces were examined: none scores above the threshold."),
        "it": ("È stato esaminato {count} volto: nessuno supera la soglia.", "Sono stati esaminati {count} volti: nessuno supera la soglia."),
    },
    "adversarial-no-faces": {"en": "No face was found.", "it": "Non è stato trovato alcun volto."},
    "adversarial-more-faces": {
        "en": "Only the {most} largest faces were examined.",
        "it": "Sono stati esaminati solo i {most} volti più grandi.",
    },
    "adversarial-errs": {
        "en": "About one harmless picture or face in a hundred is flagged as well, and whoever makes an attack with this very program at hand gets past it: "
        "the detectors' cards give the figures.",
        "it": "Viene segnalata anche circa un'immagine o un volto innocuo su cento, e chi prepara un attacco avendo a disposizione questo stesso programma "
        "lo elude: le schede dei rilevatori riportano le cifre.",
    },
    "adversarial-only-these": {
        "en": "Only attacks on the two nets here (EfficientNet-Lite0 and SFace) were learned from; patches, printed attacks, make-up "
        "and forged content were not.",
        "it": "Si è imparato solo da attacchi alle due reti usate qui (EfficientNet-Lite0 e SFace); non da adesivi, attacchi stampati, "
        "trucco o contenuti falsi.",
    },
    "adversarial-resized": {
        "en": "The picture was cut to the square in its middle and resized to 224 x 224, as the net sees it: an attack made for another size may be "
        "lost in that.",
        "it": "L'immagine è stata tagliata al quadrato centrale e portata a 224 x 224, come la vede la rete: "
        "un attacco fatto per un'altra dimensione può andarvi perso.",
    },
    "adversarial-part-picture": {"en": "Picture", "it": "Immagine"},
    "adversarial-part-faces": {"en": "Faces", "it": "Volti"},
    "adversarial-score": {"en": "Score, 0 to 1", "it": "Punteggio, da 0 a 1"},
    "adversarial-threshold": {"en": "Threshold", "it": "Soglia"},
    "adversarial-count": {"en": "Faces examined", "it": "Volti esaminati"},
    "adversarial-number": {"en": "Face", "it": "Volto"},
    "adversarial-evidence-faces": {"en": "The faces that were examined", "it": "I volti esaminati"},
    "adversarial-evidence-table": {"en": "Score of each face", "it": "Punteggio di ogni volto"},
}
CARD = {
    "version": "1",
    "licence": "Apache-2.0",
    "source": "detectors/adversarial/check.py",
    "preprocessing": {"picture": "the square in the middle at 224 x 224", "faces": "found by YuNet, aligned at 112 x 112"},
    "thresholds": {"score": "those of the cards adversarial-image and adversarial-face"},
    "data": "that of the cards adversarial-image and adversarial-face",
    "metrics": {},
    "limits": "Attacks on EfficientNet-Lite0 and SFace only; a picture of another size is resized first, which an attack may not outlast.",
}


@tool("adversarial-check", family="adversarial", media=("picture",), inputs=1, words=WORDS, card=CARD)
class AdversarialCheck:
    """How suspicious a picture and its faces are of having been made to fool a net."""

    def __init__(self, opened: None, card: ModelCard) -> None:
        self.card, self._finder = card, registry.shared("faces")
        self._picture, self._face = registry.shared("adversarial-image"), registry.shared("adversarial-face")

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """The report on one picture file. Raises BadInput with the reason."""
        progress(0.0, Message("adversarial-reading"))
        picture = image.read(paths[0])
        progress(0.1, Message("adversarial-examining-picture"))
        score = self._picture.score(picture)
        progress(0.3, Message("adversarial-examining-faces"))
        found = sorted(self._finder.find(picture), key=lambda face: -face.box.w * face.box.h)
        faces = found[:MOST_FACES]
        scores = []
        for n, face in enumerate(faces):
            scores.append(self._face.score(align(picture, face.landmarks)))
            progress(0.3 + 0.6 * (n + 1) / len(faces), Message("adversarial-examining-faces"))
        bounds = self._picture.card.thresholds["score"], self._face.card.thresholds["score"]
        models = {each.card.name: each.card.sha256 for each in (self._finder, self._picture, self._face)}
        verdict = judge(score, scores, bounds, resized=picture.shape[:2] != (224, 224), more=len(found) > len(faces))
        parts = [_part("picture", {"score": ("adversarial-score", round(score, 4)), "threshold": ("adversarial-threshold", round(bounds[0], 4))})]
        parts.append(_part("faces", {"count": ("adversarial-count", len(faces)), "threshold": ("adversarial-threshold", round(bounds[1], 4))}))
        return Report(verdict, parts=tuple(parts), evidence=_evidence(picture, faces, scores), models=models)


def judge(score: float, faces: Sequence[float], bounds: tuple[float, float], *, resized: bool, more: bool) -> Verdict:
    """What the scores allow to be concluded, and what they do not."""
    over = sum(each > bounds[1] for each in faces)
    suspicious = score > bounds[0] or over > 0
    reasons = [Message(f"adversarial-picture-{'over' if score > bounds[0] else 'under'}", {"score": score, "threshold": bounds[0]})]
    if over:
        reasons.append(Message("adversarial-faces-over", {"count": over, "threshold": bounds[1]}))
    else:
        reasons.append(Message("adversarial-faces-under", {"count": len(faces)}) if faces else Message("adversarial-no-faces"))
    if more:
        reasons.append(Message("adversarial-more-faces", {"most": MOST_FACES}))
    if resized:
        reasons.append(Message("adversarial-resized"))
    reasons += [Message("adversarial-errs"), Message("adversarial-only-these")]
    label = Message("adversarial-suspicious" if suspicious else "adversarial-no-signs")
    return Verdict(label, max([score, *faces]), None, "suspicious" if suspicious else "unsure", tuple(reasons))


def _evidence(picture: object, faces: Sequence[Face], scores: Sequence[float]) -> tuple[PictureEvidence | TableEvidence, ...]:
    if not faces:
        return ()
    rows = tuple((n, round(score, 4)) for n, score in enumerate(scores, 1))
    table = TableEvidence("scores", Message("adversarial-evidence-table"), (Message("adversarial-number"), Message("adversarial-score")), rows)
    return PictureEvidence("faces", Message("adversarial-evidence-faces"), drawing.draw_faces(picture, list(faces))), table


def _part(name: str, fields: dict[str, tuple[str, object]]) -> ReportPart:
    return ReportPart(name, Message(f"adversarial-part-{name}"), tuple(ReportField(key, Message(label), value) for key, (label, value) in fields.items()))
