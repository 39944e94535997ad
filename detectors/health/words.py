"""What camera-health's reasons mean, for people."""

from __future__ import annotations

from detectors.messages import Message, UnknownMessage, declare, worded

declare(
    {
        "camera-black": {"en": "The picture is black.", "it": "L'immagine è nera."},
        "camera-overexposed": {
            "en": "The picture is dazzled: so bright that the scene cannot be seen.",
            "it": "L'immagine è abbagliata: così chiara che la scena non si vede.",
        },
        "camera-frozen": {"en": "The picture stands still: the camera repeats one frame.", "it": "L'immagine è ferma: la telecamera ripete un fotogramma."},
        "camera-blurred": {"en": "The picture is blurred: out of focus or fogged.", "it": "L'immagine è sfocata: fuori fuoco o appannata."},
        "camera-greasy": {
            "en": "Part of the lens is smeared: grease, drops or dirt.",
            "it": "Una parte dell'obiettivo è velata: grasso, gocce o sporco.",
        },
        "camera-half-covered": {"en": "Something covers part of the lens.", "it": "Qualcosa copre una parte dell'obiettivo."},
        "camera-sprayed": {
            "en": "Paint or dirt is spread over the lens.",
            "it": "Vernice o sporco è sparso sull'obiettivo.",
        },
        "camera-covered": {"en": "The lens is covered.", "it": "L'obiettivo è coperto."},
        "camera-moved": {
            "en": "The camera has been turned or moved: zones and rules are suspended until it looks again where they were drawn, or they are drawn anew.",
            "it": "La telecamera è stata girata o spostata: zone e regole sono sospese finché non guarda di nuovo dove furono disegnate, o si ridisegnano.",
        },
        "camera-view-lost": {
            "en": "Nothing of the usual view can be found: turned away, or something stands before it. Zones and rules are suspended.",
            "it": "Della vista abituale non si trova più nulla: girata altrove, o qualcosa le sta davanti. Zone e regole sono sospese.",
        },
    }
)


def message_for(reason: str) -> Message:
    """The sentence for a reason, as a message. One that this version does not have has no words."""
    return Message(f"camera-{reason.replace('_', '-')}")


def sentence(reason: str, language: str = "en") -> str:
    """What a reason means, in the reader's language; one of an agent newer than this in plain words."""
    try:
        return worded(message_for(reason), language)
    except UnknownMessage:
        return reason.replace("_", " ")
