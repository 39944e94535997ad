"""Posts are told apart in tables and texts, and what lies outside the detector's domain is named with its reason."""

from __future__ import annotations

import pytest

from detectors.errors import BadInput
from detectors.text import domain, posts
from detectors.text.posts import PostedText

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


def test_rows_of_a_table_are_posts_with_their_accounts_and_lines():
    content = 'id,Text,author\n1,"one, two\nthree",anna\n2,four,bert\n'
    assert posts.read_posts(content) == ([PostedText("one, two\nthree", "anna", 2), PostedText("four", "bert", 4)], "table")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_a_byte_order_mark_are_read(separator):
    content = f"\ufefftesto{separator}autore\r\nciao a tutti{separator}anna\r\n"
    assert posts.read_posts(content) == ([PostedText("ciao a tutti", "anna", 2)], "table")


def test_a_sentence_with_a_comma_and_the_word_text_is_no_table():
    assert posts.read_posts("Read the text, please")[1] == "whole"


def test_short_lines_are_posts():
    assert posts.read_posts("one\ntwo\n") == ([PostedText("one", "", 1), PostedText("two", "", 2)], "lines")


def test_blank_lines_part_posts_of_several_lines():
    assert posts.read_posts("one\ntwo\n\n\nthree\r\n") == ([PostedText("one\ntwo", "", 1), PostedText("three", "", 5)], "paragraphs")


def test_a_long_line_makes_it_one_text():
    assert posts.read_posts(f"{'word ' * 100}\nend")[1] == "whole"


def test_escaped_emoji_and_entities_are_the_characters_that_were_posted():
    assert posts.unescape("<U+0001F600> a &amp; b <U+110000> <U+D800>") == "\U0001f600 a & b <U+110000> <U+D800>"


@pytest.mark.parametrize(("content", "code"), [(" \n ", "text-none"), ("text\n" + "a\n" * 5001, "text-too-many-posts"), ("text,account\n", "text-none")])
def test_nothing_and_too_much_are_refused(content, code):
    with pytest.raises(BadInput) as caught:
        posts.read_posts(content)
    assert caught.value.message.code == code
