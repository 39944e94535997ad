"""Two pictures, one question: how much more often do faces look this alike when they show one person than when they show two?"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detectors import drawing, image, registry
from detectors.faces import landmarks, likelihood
from detectors.faces.concerns import band_of, concerns_of, detail_of
from detectors.faces.embed import align, aligned_points
from detectors.faces.likelihood import Cell, Ratio
from detectors.messages import Message, Param
from detectors.registry import tool
from detectors.types import Face, ModelCard, PictureEvidence, Progress, Report, ReportField, ReportPart, Verdict

EQUAL = 0.3  # |log10 LR| below this (a factor of two) is called "about as often"
# The population of the shipped table, whose words stand in the table itself: with it they are in Italian too.
LFW = (
    "Labeled Faces in the Wild: news photographs of public people of about 2002, mostly frontal and well lit; few women, children and old people (1,246 people)"
)
LFW_IT = (
    "Labeled Faces in the Wild: fotografie di stampa di persone pubbliche del 2002 circa, per lo più frontali e ben illuminate; "
    "poche donne, pochi bambini e anziani (1.246 persone)"
)
WORDS = {
    "title": {"en": "Face comparison, 1:1", "it": "Confronto di volti, 1:1"},
    "about": {
        "en": "How much more often faces look this alike when they show one person than when they show two: a likelihood ratio with its limits.",
        "it": "Quanto più spesso dei volti si somigliano così quando mostrano una persona che quando ne mostrano due: un rapporto di verosimiglianza.",
    },
    "reading-picture-n": {"en": "reading picture {n}", "it": "lettura dell'immagine {n}"},
    "faces-of-picture-n": {"en": "faces of picture {n}", "it": "volti dell'immagine {n}"},
    "writing-report": {"en": "writing the report", "it": "scrittura del referto"},
    "cannot-compare": {"en": "cannot compare", "it": "impossibile confrontare"},
    "cannot-say": {"en": "cannot say: a face is too small or too blurred", "it": "impossibile dire: un volto è troppo piccolo o troppo sfocato"},
    "ratio": {"en": "log10 LR {log10:+.1f} ({low:+.1f} to {high:+.1f})", "it": "log10 LR {log10:+.1f} (da {low:+.1f} a {high:+.1f})"},
    "ratio-at-cap": {
        "en": "log10 LR {log10:+.1f} ({low:+.1f} to {high:+.1f}), at the cap",
        "it": "log10 LR {log10:+.1f} (da {low:+.1f} a {high:+.1f}), al limite",
    },
    "no-face-in": {"en": "No face was found in picture {n}.", "it": "Nell'immagine {n} non è stato trovato alcun volto."},
    "no-face-in-both": {"en": "No face was found in picture 1 and 2.", "it": "Nelle immagini 1 e 2 non è stato trovato alcun volto."},
    "same-file": {"en": "Both files are the same, byte for byte.", "it": "I due file sono identici, byte per byte."},
    "no-calibration": {"en": "There is no calibration for so little detail.", "it": "Non c'è una calibrazione per così poco dettaglio."},
    "alike-neither": {
        "en": "Faces this alike are about as frequent among pairs of one person as among pairs of two people "
        "(log10 LR {log10:+.1f}, 95 % interval {low:+.1f} to {high:+.1f}).",
        "it": "Volti così simili sono all'incirca altrettanto frequenti tra coppie di una persona e tra coppie di due persone "
        "(log10 LR {log10:+.1f}, intervallo al 95 % da {low:+.1f} a {high:+.1f}).",
    },
    "alike-one": {
        "en": "Faces this alike are about {times:,} times more frequent among pairs of one person than among pairs of two people "
        "(log10 LR {log10:+.1f}, 95 % interval {low:+.1f} to {high:+.1f}).",
        "it": "Volti così simili sono circa {times:,} volte più frequenti tra coppie di una persona che tra coppie di due persone "
        "(log10 LR {log10:+.1f}, intervallo al 95 % da {low:+.1f} a {high:+.1f}).",
    },
    "alike-two": {
        "en": "Faces this alike are about {times:,} times more frequent among pairs of two people than among pairs of one person "
        "(log10 LR {log10:+.1f}, 95 % interval {low:+.1f} to {high:+.1f}).",
        "it": "Volti così simili sono circa {times:,} volte più frequenti tra coppie di due persone che tra coppie di una persona "
        "(log10 LR {log10:+.1f}, intervallo al 95 % da {low:+.1f} a {high:+.1f}).",
    },
    "ratio-population": {
        "en": "Population: {population}; {genuine:,} pairs of one person and {impostor:,} pairs of two, their faces reduced to {band_1} and {band_2} pixels.",
        "it": "Popolazione: {population}; {genuine:,} coppie di una persona e {impostor:,} coppie di due, con i volti ridotti a {band_1} e {band_2} pixel.",
    },
    "ratio-population-lfw": {
        "en": f"Population: {LFW}; {{genuine:,}} pairs of one person and {{impostor:,}} pairs of two, their faces reduced to {{band_1}} and {{band_2}} pixels.",
        "it": f"Popolazione: {LFW_IT}; {{genuine:,}} coppie di una persona e {{impostor:,}} coppie di due, "
        "con i volti ridotti a {band_1} e {band_2} pixel.",
    },
    "population-lfw": {"en": LFW, "it": LFW_IT},
    "ratio-cap": {
        "en": "No log10 LR beyond {cap:.1f} is given either way: the scarcer kind has {pairs:,} pairs.",
        "it": "Non si dà un log10 LR oltre {cap:.1f} in nessuna delle due direzioni: il tipo più raro ha {pairs:,} coppie.",
    },
    "ratio-cap-reached": {
        "en": "This comparison lies at that cap, which also cuts its interval.",
        "it": "Questo confronto è a quel limite, che ne taglia anche l'intervallo.",
    },
    "ratio-baseline": {
        "en": "The landmark distances alone give log10 LR {log10:+.1f} ({low:+.1f} to {high:+.1f}); "
        "they are shown for comparison and are not part of the result.",
        "it": "Le sole distanze tra i punti del volto danno log10 LR {log10:+.1f} (da {low:+.1f} a {high:+.1f}); "
        "sono mostrate per confronto e non fanno parte del risultato.",
    },
    "ratio-caution": {
        "en": "A likelihood ratio weighs this one finding. It is no probability that two pictures show one person: "
        "that also rests on all else known in the case.",
        "it": "Un rapporto di verosimiglianza pesa questo solo elemento. Non è la probabilità che due immagini mostrino una persona: "
        "quella dipende anche da tutto il resto che si sa del caso.",
    },
    "part-picture-n": {"en": "Picture {n}", "it": "Immagine {n}"},
    "part-likelihood-ratio": {"en": "Likelihood ratio", "it": "Rapporto di verosimiglianza"},
    "part-landmark-baseline": {"en": "Landmark distances, for comparison", "it": "Distanze tra i punti del volto, per confronto"},
    "part-calibration": {"en": "Calibration", "it": "Calibrazione"},
    "picture-sha256": {"en": "sha256", "it": "sha256"},
    "picture-width": {"en": "Width in pixels", "it": "Larghezza in pixel"},
    "picture-height": {"en": "Height in pixels", "it": "Altezza in pixel"},
    "face-count": {"en": "Faces found", "it": "Volti trovati"},
    "compared-box": {"en": "Compared face: left, top, width, height", "it": "Volto confrontato: sinistra, alto, larghezza, altezza"},
    "face-score": {"en": "Score of the face finder", "it": "Punteggio del rilevatore di volti"},
    "compared-quality": {"en": "Quality of the face (0 to 1)", "it": "Qualità del volto (da 0 a 1)"},
    "compared-detail": {"en": "Detail of the face in pixels a side", "it": "Dettaglio del volto in pixel per lato"},
    "compared-warnings": {"en": "Warnings", "it": "Avvertenze"},
    "ratio-cosine": {"en": "Cosine of the two faces", "it": "Coseno dei due volti"},
    "ratio-distance": {"en": "Distance of the two shapes", "it": "Distanza delle due forme"},
    "ratio-log10": {"en": "log10 LR", "it": "log10 LR"},
    "ratio-low": {"en": "95 % interval from", "it": "Intervallo al 95 % da"},
    "ratio-high": {"en": "95 % interval to", "it": "Intervallo al 95 % a"},
    "ratio-most": {"en": "Cap", "it": "Limite"},
    "ratio-is-capped": {"en": "At the cap", "it": "Al limite"},
    "ratio-cllr": {"en": "Cost of the calibration (Cllr)", "it": "Costo della calibrazione (Cllr)"},
    "ratio-cllr-min": {"en": "Lowest cost that these scores allow (Cllr min)", "it": "Costo minimo che questi punteggi permettono (Cllr min)"},
    "calibration-population": {"en": "Population", "it": "Popolazione"},
    "calibration-people": {"en": "People resampled for the interval", "it": "Persone ricampionate per l'intervallo"},
    "calibration-genuine": {"en": "Pairs of one person", "it": "Coppie di una persona"},
    "calibration-impostor": {"en": "Pairs of two people", "it": "Coppie di due persone"},
    "calibration-pixels": {"en": "Faces reduced to pixels a side", "it": "Volti ridotti a pixel per lato"},
    "calibration-cap-rule": {"en": "Rule of the cap", "it": "Regola del limite"},
    "cap-rule": {
        "en": "|log10 LR| is at most log10 of the number of pairs of the scarcer kind",
        "it": "|log10 LR| è al massimo il log10 del numero di coppie del tipo più raro",
    },
    "calibration-table": {"en": "sha256 of the table", "it": "sha256 della tabella"},
    "evidence-picture-n": {"en": "Picture {n} with the faces that were found", "it": "L'immagine {n} con i volti trovati"},
    "evidence-aligned": {"en": "The two compared faces, aligned", "it": "I due volti confrontati, allineati"},
    "evidence-tippett": {
        "en": "Share of pairs with at least this log10 LR: of one person (green, unbroken), of two people (red, dashed), "
        "and where this comparison lies (gold, upright, with its value)",
        "it": "Quota di coppie con almeno questo log10 LR: di una persona (verde, continua), di due persone (rosso, a tratti), "
        "e dove sta questo confronto (oro, verticale, con il valore)",
    },
}


@dataclasses.dataclass(frozen=True, slots=True)
class ComparedPicture:
    """Picture `n` of the two: its file's sha256, its faces, and of the largest face the embedded Face, its aligned crop and its detail in pixels."""

    n: int
    sha256: str
    picture: np.ndarray
    faces: list[Face]
    face: Face | None = None
    crop: np.ndarray | None = None
    detail: float = 0.0

    @property
    def concerns(self) -> list[Message]:
        """What speaks against trusting a comparison with this face."""
        return concerns_of(self.n, self.crop, self.face, len(self.faces)) if self.face else []


@dataclasses.dataclass(frozen=True, slots=True)
class WeighedPair:
    """What the comparison of two faces gave: the cosine, the calibration used, its ratio and that of the landmark baseline."""

    score: float
    cell: Cell
    ratio: Ratio
    distance: float
    baseline: Ratio


@tool("face-compare", family="faces", media=("picture",), inputs=2, examiners=True, weights="face-likelihood-1", words=WORDS)
class FaceCompare:
    """One-to-one comparison of the largest face of each picture: a log10 likelihood ratio with its interval, its population and its cap."""

    def __init__(self, path: Path, card: ModelCard) -> None:
        self.card, self.table = card, likelihood.read(path)
        self.finder, self.embedder = registry.shared("faces"), registry.shared("face-embedding")

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """The report on two picture files. Raises BadInput."""
        pictures = []
        for n, path in enumerate(paths, 1):
            progress(0.4 * (n - 1), Message("reading-picture-n", {"n": n}))
            content = image.read_bytes(path)
            decoded = image.read(content)
            progress(0.4 * (n - 1) + 0.2, Message("faces-of-picture-n", {"n": n}))
            pictures.append(self.look(n, hashlib.sha256(content).hexdigest(), decoded))
        progress(0.9, Message("writing-report"))
        a, b = pictures
        weighed = self._weigh(a, b)
        parts = [_picture_part(each) for each in pictures]
        evidence = [_drawn(each) for each in pictures]
        if a.face and b.face:
            crops = (drawing.draw_points(each.crop, aligned_points(each.face.landmarks)) for each in pictures)
            evidence.append(PictureEvidence("aligned", Message("evidence-aligned"), drawing.side_by_side(*crops, zoom=1)))
        if weighed:
            plot = drawing.draw_tippett(weighed.cell.tippett, weighed.ratio.log10)
            evidence.append(PictureEvidence("tippett", Message("evidence-tippett"), plot))
            parts += self._numbers(weighed, a, b)
        models = {each.card.name: each.card.sha256 for each in (self.finder, self.embedder, self)}
        return Report(self._verdict(weighed, a, b), parts=tuple(parts), evidence=tuple(evidence), models=models)

    def look(self, n: int, sha256: str, picture: np.ndarray) -> ComparedPicture:
        """The faces of picture `n` (BGR uint8), the largest of them embedded and measured. Raises BadInput."""
        faces = sorted(self.finder.find(picture), key=lambda face: -face.box.w * face.box.h)
        if not faces:
            return ComparedPicture(n, sha256, picture, faces)
        face, crop = self.embedder.embed(picture, faces[:1])[0], align(picture, faces[0].landmarks)
        return ComparedPicture(n, sha256, picture, faces, face, crop, detail_of(crop, face.landmarks))

    def _weigh(self, a: ComparedPicture, b: ComparedPicture) -> WeighedPair | None:
        bands = [band_of(each.detail) for each in (a, b) if each.face]
        if len(bands) < 2 or None in bands or (cell := self.table.cell(*bands)) is None:
            return None
        score = float(a.face.embedding @ b.face.embedding)
        distance = landmarks.likeness(landmarks.shape_of(a.face.landmarks), landmarks.shape_of(b.face.landmarks))
        return WeighedPair(score, cell, cell.ratio(score), distance, self.table.landmarks.ratio(distance))

    def _verdict(self, weighed: WeighedPair | None, a: ComparedPicture, b: ComparedPicture) -> Verdict:
        reasons = [*a.concerns, *b.concerns, *([Message("same-file")] if a.sha256 == b.sha256 else [])]
        if not (a.face and b.face):
            missing = [each.n for each in (a, b) if not each.face]
            none = Message("no-face-in-both") if len(missing) == 2 else Message("no-face-in", {"n": missing[0]})
            return Verdict(Message("cannot-compare"), None, None, "unsure", (none, *reasons))
        if weighed is None:
            return Verdict(Message("cannot-say"), None, None, "unsure", (*reasons, Message("no-calibration")))
        ratio, cell = weighed.ratio, weighed.cell
        population = self.table.population
        counts: dict[str, Param] = {"population": population, "genuine": cell.genuine, "impostor": cell.impostor}
        reasons += [
            ratio_in_words(ratio),
            Message("ratio-population-lfw" if population == LFW else "ratio-population", {**counts, "band_1": band_of(a.detail), "band_2": band_of(b.detail)}),
            Message("ratio-cap", {"cap": ratio.cap, "pairs": min(cell.genuine, cell.impostor)}),
            *([Message("ratio-cap-reached")] if ratio.capped else []),
            Message("ratio-baseline", _interval(weighed.baseline)),
            Message("ratio-caution"),
        ]
        label = Message("ratio-at-cap" if ratio.capped else "ratio", _interval(ratio))
        return Verdict(label, round(ratio.log10, 3), None, "unsure", tuple(reasons))

    def _numbers(self, weighed: WeighedPair, a: ComparedPicture, b: ComparedPicture) -> list[ReportPart]:
        cell, table = weighed.cell, self.table
        cosine = ReportField("cosine", Message("ratio-cosine"), round(weighed.score, 4))
        distance = ReportField("distance", Message("ratio-distance"), round(-weighed.distance, 4))
        calibration = (
            ReportField("population", Message("calibration-population"), Message("population-lfw") if table.population == LFW else table.population),
            ReportField("people_resampled", Message("calibration-people"), cell.people),
            ReportField("pairs_of_one_person", Message("calibration-genuine"), cell.genuine),
            ReportField("pairs_of_two_people", Message("calibration-impostor"), cell.impostor),
            ReportField("pixels", Message("calibration-pixels"), (band_of(a.detail), band_of(b.detail))),
            ReportField("cap_rule", Message("calibration-cap-rule"), Message("cap-rule")),
            ReportField("table_sha256", Message("calibration-table"), self.card.sha256),
        )
        return [
            ReportPart("likelihood-ratio", Message("part-likelihood-ratio"), (cosine, *_ratio_fields(weighed.ratio, cell))),
            ReportPart("landmark-baseline", Message("part-landmark-baseline"), (distance, *_ratio_fields(weighed.baseline, table.landmarks))),
            ReportPart("calibration", Message("part-calibration"), calibration),
        ]


def ratio_in_words(ratio: Ratio) -> Message:
    """How often faces are this alike, with "about as often" below a factor of two; never a claim of identity."""
    if abs(ratio.log10) < EQUAL:
        return Message("alike-neither", _interval(ratio))
    return Message("alike-one" if ratio.log10 > 0 else "alike-two", {"times": times_of(abs(ratio.log10)), **_interval(ratio)})


def times_of(log10: float) -> int | float:
    """10 ** log10 with two digits that count."""
    times = 10**log10
    return int(float(f"{times:.2g}")) if times >= 10 else round(times, 1)


def _interval(ratio: Ratio) -> dict[str, Param]:
    """The ratio and its interval with one digit; never a negative nought."""
    return {"log10": round(ratio.log10, 1) + 0, "low": round(ratio.low, 1) + 0, "high": round(ratio.high, 1) + 0}


def _ratio_fields(ratio: Ratio, cell: Cell) -> tuple[ReportField, ...]:
    return (
        ReportField("log10_lr", Message("ratio-log10"), round(ratio.log10, 3)),
        ReportField("low", Message("ratio-low"), round(ratio.low, 3)),
        ReportField("high", Message("ratio-high"), round(ratio.high, 3)),
        ReportField("cap", Message("ratio-most"), round(ratio.cap, 3)),
        ReportField("at_the_cap", Message("ratio-is-capped"), ratio.capped),
        ReportField("cllr", Message("ratio-cllr"), cell.cllr),
        ReportField("cllr_min", Message("ratio-cllr-min"), cell.cllr_min),
    )


def _drawn(found: ComparedPicture) -> PictureEvidence:
    return PictureEvidence(f"picture-{found.n}", Message("evidence-picture-n", {"n": found.n}), drawing.draw_faces(found.picture, found.faces))


def _picture_part(found: ComparedPicture) -> ReportPart:
    fields = [
        ReportField("sha256", Message("picture-sha256"), found.sha256),
        ReportField("width", Message("picture-width"), found.picture.shape[1]),
        ReportField("height", Message("picture-height"), found.picture.shape[0]),
        ReportField("faces", Message("face-count"), len(found.faces)),
    ]
    if face := found.face:
        fields += [
            ReportField("box", Message("compared-box"), tuple(round(each, 1) for each in face.box)),
            ReportField("found", Message("face-score"), round(face.score, 4)),
            ReportField("quality", Message("compared-quality"), face.quality),
            ReportField("detail_pixels", Message("compared-detail"), round(found.detail, 1)),
            ReportField("warnings", Message("compared-warnings"), tuple(found.concerns)),
        ]
    return ReportPart(f"picture-{found.n}", Message("part-picture-n", {"n": found.n}), tuple(fields))
