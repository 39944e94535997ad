"""Tricks with Unicode are put right and shown, honest writing is left as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from detectors.attacks import disguised
from detectors.text import hygiene

PLAIN = "The museum is closed on Monday."
TRICKS = {
    "soft hyphens": ("The mu\u00adse\u00adum is closed on Monday.", "soft-hyphen"),
    "zero-width spaces": ("The\u200b museum is clo\u200bsed on Monday.", "zero-width"),
    "joiners in words": ("The mus\u200deum is c\u200closed on Monday.", "zero-width"),
    "byte order mark": ("\ufeffThe museum is closed on Monday.", "zero-width"),
    "word joiner and fillers": ("The\u2060 mus\u3164eum is clo\u115fsed on Monday.", "zero-width"),
    "tags": ("The museum\U000e0041\U000e0042 is closed on Monday.", "zero-width"),
    "Cyrillic letters": ("The museum is сlоsеd on Mоnday.", "homoglyph"),
    "Greek letters": ("Τhe museum is clοsed οn Μonday.", "homoglyph"),
    "a whole word of Armenian": ("The museum is closed օո Monday.", "homoglyph"),
    "Armenian and Cherokee": ("Ꭲhe museum is clօsed on Monday.", "homoglyph"),
    "mathematical letters": ("The 𝐦𝐮𝐬𝐞𝐮𝐦 is 𝑐𝑙𝑜𝑠𝑒𝑑 on 𝖬𝗈𝗇𝖽𝖺𝗒.", "styled-letter"),
    "fullwidth letters": ("Ｔｈｅ museum is closed on Monday．", "styled-letter"),
    "small capitals": ("The ᴍᴜsᴇum is closed on Monday.", "styled-letter"),
    "direction marks": ("The \u200emuseum\u200f is \u2066closed\u2069 on Monday.", "direction"),
    "letters stored backwards": ("The \u202emuesum\u202c is closed on Monday.", "reversed"),
    "piled marks": ("The muse\u0335\u0336\u0337um is closed on Monday.", "stacked-mark"),
    "a stroke through every letter": ("The m\u0336u\u0336s\u0336e\u0336u\u0336m\u0336 is closed on Monday.", "stacked-mark"),
    "variation selectors": ("The mus\ufe0feum is closed on\U000e0101 Monday.", "variation"),
    "control characters": ("The mus\x00eum is\x07 closed on Monday.", "control"),
    "other spaces": ("The\u00a0museum\u2009is closed on\u3000Monday.", "space"),
}
HONEST = {
    "plain": PLAIN,
    "Italian": "Perché l’ingresso è chiuso? Così è più bello… «forse»",
    "emoji of several parts": "The guards \U0001f469\u200d\U0001f692 and families \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
    "keycap and flags": "1\ufe0f\u20e3 \U0001f1ee\U0001f1f9 \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "Russian": "Оса сосёт сок, а мы пьём чай.",
    "Greek": "Το μουσείο είναι κλειστό τη Δευτέρα.",
    "Persian with a non-joiner": "می\u200cخواهم به موزه بروم",
    "Hindi with a joiner": "क\u094d\u200dष",
    "Russian name in English": "The painter Шишкин is in room 4, 20 °C, 5 μm, ½ price™, 2nd floor, H₂O and m².",
    "lines": "one\n\ntwo\tthree",
    "Vietnamese and Czech": "Nguyễn Huệ, Dvořák, Łódź, İstanbul, ığdır",
    "nothing": "",
}


@pytest.mark.parametrize(("text", "kind"), TRICKS.values(), ids=TRICKS)
def test_a_trick_is_put_right_and_shown(text, kind):
    found = hygiene.clean(text)
    assert found.text == PLAIN
    assert kind in {each.kind for each in found.removals}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_honest_writing_is_left_alone(text):
    assert hygiene.clean(text) == hygiene.CleanText(text, tuple(range(len(text))), ())


def test_each_removal_has_its_place_name_and_what_it_became():
    text = "a\u00adb c\u200bd рay"
    assert hygiene.clean(text).removals == (
        hygiene.Removal(1, 2, "soft-hyphen", "\u00ad", ""),
        hygiene.Removal(5, 6, "zero-width", "\u200b", ""),
        hygiene.Removal(8, 9, "homoglyph", "р", "p"),
    )
    assert hygiene.clean(text).removals[1].name == "U+200B ZERO WIDTH SPACE"


def test_places_of_the_clean_text_lead_back_to_the_text_as_it_came():
    found = hygiene.clean("x\u200b mu\u00adseum")
    assert found.text == "x museum"
    start = found.text.index("museum")
    assert found.original_span(start, start + 6) == (3, 10)


def test_what_is_stored_backwards_is_read_as_it_is_shown_up_to_the_end_of_the_line():
    found = hygiene.clean("\u202eelpmaxe\nnext")
    assert found.text == "example\nnext"
    assert [(each.kind, each.put) for each in found.removals] == [("direction", ""), ("reversed", "example")]


def test_a_single_letter_is_put_right_only_where_other_words_are_disguised():
    assert hygiene.clean("I saw а mоnk").text == "I saw a monk"
    assert hygiene.clean("the angle ν is small").text == "the angle ν is small"


def test_a_ligature_becomes_its_letters_at_one_place():
    found = hygiene.clean("ﬁn")
    assert (found.text, found.origin) == ("fin", (0, 0, 1))


def test_a_letter_and_its_mark_become_one_character_without_a_word_about_it():
    found = hygiene.clean("perche\u0301 no")
    assert (found.text, found.removals) == ("perché no", ())
    assert found.original_span(7, 9) == (8, 10)


@pytest.mark.parametrize("name", disguised.TRICKS)
def test_a_whole_post_in_disguise_comes_back_letter_for_letter(name):
    made = disguised.TRICKS[name](PLAIN)
    assert made != PLAIN
    assert hygiene.clean(made).text == PLAIN


@given(some.text(some.characters(exclude_categories=["Cs"]), max_size=60))
def test_cleaning_twice_changes_nothing_more(text):
    once = hygiene.clean(text)
    assert len(once.origin) == len(once.text)
    assert all(0 <= at < len(text) for at in once.origin)
    assert all(0 <= each.start < each.end <= len(text) and each.kind in hygiene.KINDS for each in once.removals)
    assert hygiene.clean(once.text).text == once.text
