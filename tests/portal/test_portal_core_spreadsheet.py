"""Tables for a spreadsheet: no cell computes, whatever a text begins with, and every CSV of the portal goes through the one helper."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core import spreadsheet

PORTAL = Path(__file__).resolve().parents[2] / "portal"


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u200b=1", '"=1', "|calc", "＝1+1", "\ufeff@x", "-", "+39 050 1"]
)
def test_what_a_spreadsheet_would_compute_stands_behind_an_apostrophe(text):
    assert spreadsheet.defused(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["La torre", "", -3, 2.5, None, "-0.1234", "+3", "1e-5", "-3,5", "a=b", "2026-09-01"])
def test_numbers_and_harmless_texts_stay(cell):
    assert spreadsheet.defused(cell) == cell


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_no_line_loses_a_text_or_begins_a_formula(cells):
    back = next(csv.reader(io.StringIO("".join(spreadsheet.lines(cells, [])), newline="")))
    assert [each.removeprefix("'") for each in back] == [each.removeprefix("'") for each in cells]
    assert not any(each.startswith(spreadsheet.FORMULAS) and not spreadsheet.NUMBER.fullmatch(each) for each in back)


def test_nothing_else_in_the_portal_writes_csv():
    writers = [path.name for path in PORTAL.rglob("*.py") if re.search(r"csv\.(?:Dict)?writer|\bwriterows?\(", path.read_text())]
    assert writers == ["spreadsheet.py"]
