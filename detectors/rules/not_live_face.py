"""A print, a poster, a phone or a tablet with a face on it is held before a restricted door: where this rule stands, such a face gets no name."""

from __future__ import annotations

import dataclasses

from detectors.rules.door import NOT_LIVE, DoorRule, Visitor
from detectors.rules.numbers import COOLDOWN
from detectors.rules.registry import NOT_LIVE_FACE, rule_kind
from detectors.rules.scene import RuleFinding, SceneView
from detectors.types import Detection

HELP = {
    "en": (
        "A face on a phone, a tablet, a print or a poster gets no name in this zone and raises an alert. Off by default: measured on simulated media only, "
        "it missed 51 % of them (20 % of phones, 84 % of posters), and of live people it refused 1.3 %, at worst 3.8 %. "
        "It raises the effort; it is no proof. Leave it off where pictures of people are meant to be recognised."
    ),
    "it": (
        "Un volto su un telefono, un tablet, una stampa o un poster in questa zona non riceve un nome e genera un allarme. Di norma è spenta: misurata solo "
        "su immagini simulate, non ne ha riconosciuti il 51 % (il 20 % dei telefoni, l’84 % dei poster) e ha respinto l’1,3 % delle persone dal vivo, al "
        "peggio il 3,8 %. Rende l’inganno più difficile; non è una prova. Va lasciata spenta dove si vogliono riconoscere immagini di persone."
    ),
}  # the figures are those of the detector's card for a track of three looks; a test compares them


@rule_kind(
    NOT_LIVE_FACE,
    label={"en": "Picture of a face instead of a face (mode M1)", "it": "Immagine di un volto al posto di un volto (modalità M1)"},
    event={"en": "Not a live face", "it": "Volto non dal vivo"},
    about="zone",
    numbers=(COOLDOWN,),
    mode="M1",
    order=45,
    severity=3,
    companion=True,
    help=HELP,
)
class NotLiveFaceRule(DoorRule):
    """One finding for each face track that was found to be a picture of a face. Who is on it was not asked: the finding names nobody."""

    def judge(self, face: Detection, visitor: Visitor, view: SceneView) -> list[RuleFinding]:
        """A face that is no live one, once."""
        if face.data["verdict"] != NOT_LIVE or not self._may_report(visitor, view.t):
            return []
        measured = {name: face.data[name] for name in ("looks", "score", "threshold") if name in face.data}
        (found,) = self._report(NOT_LIVE_FACE, face, visitor, view, measured)
        return [dataclasses.replace(found, score=face.data.get("score", found.score))]
