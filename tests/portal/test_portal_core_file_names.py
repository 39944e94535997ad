"""Names of files are shown without what deceives or breaks a line."""

from __future__ import annotations

import pytest

from portal.core.file_names import LONGEST, shown_name


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("foto.jpg", "foto.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\scan.png", "scan.png"),
        ("caffe\u0300.jpg", "caff\u00e8.jpg"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("\u2067\u05e6\u05d9\u05dc\u05d5\u05dd\u2069.jpg", "\u05e6\u05d9\u05dc\u05d5\u05dd.jpg"),
        ("a\x00b\nc.png", "abc.png"),
        ("\ud800.png", ".png"),
        ("", "?"),
        (None, "?"),
        ("..", "?"),
        ("/", "?"),
    ],
)
def test_a_name_is_shown_as_its_last_part_without_what_deceives(given, shown):
    assert shown_name(given) == shown


def test_a_long_name_keeps_its_ending():
    shown = shown_name("x" * 500 + ".heic")
    assert (len(shown), shown[-6:]) == (LONGEST, "….heic")
