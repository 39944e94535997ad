"""Whole numbers out of addresses and forms: what is none is told apart before anything is converted."""

from __future__ import annotations

import pytest

from portal.core.numbers import whole


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_plain_digits_are_a_number(text, number):
    assert whole(text) == number


@pytest.mark.parametrize("text", [None, "", "-1", "+1", " 1", "1.0", "1e3", "1_000", "9" * 19, "9" * 5000, "²", "٣", "x", "NaN", "\x00"])
def test_anything_else_is_none(text):
    assert whole(text) is None
