"""What lies outside the detector's domain is named with its reason."""

from __future__ import annotations

import pytest

from detectors.text import domain

ENGLISH = "I went to the museum today and it was closed, so we had an ice cream by the tower instead."
OUTSIDE = {
    "Italian": ("Oggi il museo è chiuso per lavori, ma la torre si può visitare anche senza prenotazione.", "text-language-it"),
    "Spanish": ("El museo está cerrado hoy pero la torre es muy bonita y se puede visitar por la tarde.", "text-language-es"),
    "French": ("Le musée est fermé aujourd'hui mais la tour est très belle et nous avons pris une glace.", "text-language-fr"),
    "German": ("Das Museum ist heute geschlossen, aber der Turm ist sehr schön und wir haben ein Eis gegessen.", "text-language-de"),
    "Portuguese": ("O museu está fechado hoje mas a torre é muito bonita e não tem fila para você.", "text-language-pt"),
    "Dutch": ("Het museum is vandaag dicht maar de toren is heel mooi en wij zijn er nog niet geweest.", "text-language-nl"),
    "Russian": ("Музей сегодня закрыт, но башня очень красивая, и мы ели мороженое.", "text-other-script"),
    "short": ("so it is closed", "text-too-short"),
    "long": (ENGLISH * 8, "text-too-long"),
    "emoji only": ("😀 😀 🎉 🎉 🎉 🎉 🎉 🎉 🎉 🎉 🎉 🎉 🎉", "text-no-words"),
    "links and names only": ("@museum @tower https://example.org/a #pisa", "text-no-words"),
    "a quotation": ("She wrote: “The tower leans because the ground under it is soft, and that is all.” I like it.", "text-quotation"),
    "code": ("def close(museum):\n    museum.doors = []\n    return [door.lock() for door in museum.doors]\nclose(pisa);", "text-code"),
}


@pytest.mark.parametrize(("text", "code"), OUTSIDE.values(), ids=OUTSIDE)
def test_what_nothing_can_be_said_of_is_named(text, code):
    found = domain.outside(text, least=20, rate=0.3)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        "lol no way they closed the tower again!!! https://t.co/abc",
        'He said "no way" and left the museum with my hat, thanks a lot',
        "Our guide Giovanni della Robbia told us about the Duomo di Pisa, it was great",
    ],
)
def test_english_posts_are_within(text):
    assert domain.outside(text, least=20, rate=0.3) is None
