"""When an account changed hands: the place is found, accounts that never change are left alone as often as promised, and the report says what it rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import detectors
from detectors.messages import LANGUAGES, worded
from detectors.reports import report_to_json
from detectors.text import changes

PERSON = [
    "Great evening at the opera with @maria, what a voice! https://t.co/a{n}",
    "Late again... the 23 bus never comes on Sundays #commute",
    "Thanks @carlo for the photos of the dig, you are a star https://t.co/b{n}",
    "So proud of my students today, they asked better questions than I did #teaching",
    "Anybody else hearing the bells at this hour? @pisa_news",
    "My mother's lasagna recipe, finally written down: https://t.co/c{n}",
]
MACHINE = [
    "the people are going to be the best people in the world and we are going to be great again",
    "i am the one who is the people of the world and the people is the best thing of all",
    "we will be a great country and the people will be the great people of our great nation",
    "and the best of the people is the people who are the people that make the great people",
    "they are the most beautiful of all and the great thing is the thing that we are the best",
    "it is the great day of the world and the world is the people of the great day again",
]


def posts(kinds: str, account: str = "hall", *, dated: bool = True) -> str:
    """A table of posts, one for each letter of `kinds`: p by a person, m by a machine."""
    rows = ["time,account,text"]
    for n, kind in enumerate(kinds):
        text = (PERSON if kind == "p" else MACHINE)[n % 6].format(n=n)
        rows.append(f'{f"2026-09-{n // 4 + 1:02d} {8 + n % 4:02d}:00:00" if dated else ""},{account},"{text} {n}"')
    return "\n".join(rows)


def report(folder: Path, text: str):
    file = folder / "posts.csv"
    file.write_text(text)
    return detectors.shared("machine-text").report([file])


def test_accounts_that_never_change_are_named_as_often_as_promised():
    scores = np.random.default_rng(1).standard_t(3, (400, 25))
    found = [changes.find(each) for each in scores]
    assert sum(each.p <= changes.LEVEL for each in found) <= 11  # 4 expected; 12 or more would come by chance once in a thousand times
    assert changes.find(scores[0]) == changes.find(scores[0])


@pytest.mark.parametrize("place", [4, 9, 20])
def test_the_place_is_found_and_lies_in_the_interval(place):
    scores = np.random.default_rng(2).normal(0, 0.5, 24)
    scores[place:] += 3
    found = changes.find(scores)
    assert (found.place, found.p) == (place, 0.001)
    assert found.low <= place <= found.high
    assert found.after - found.before == pytest.approx(3, abs=0.6)


@pytest.mark.parametrize("scores", [np.zeros(30), np.arange(changes.LEAST_POSTS - 1.0), np.zeros(0)], ids=["all alike", "too few", "none"])
def test_of_too_little_nothing_is_said(scores):
    assert changes.find(scores) is None


def test_of_very_many_posts_the_latest_are_looked_at_without_taking_long():
    scores = np.random.default_rng(3).normal(0, 1, 20_000)
    scores[-100:] += 2
    found = changes.find(scores)
    assert found.low <= changes.MOST_POSTS - 100 <= found.high


def test_an_account_that_is_taken_over_is_shown_with_the_place_and_the_time(tmp_path):
    found = report(tmp_path, posts("p" * 12 + "m" * 12))
    shown = {each.name: each for each in found.evidence}
    row = shown["changes"].rows[0]
    assert row[:3] == ("hall", 24, 12)
    assert row[4] == "2026-09-04 08:00:00"
    assert row[7].code == "machine-text-change-dated"
    assert float(row[6].params["share"]) > float(row[5].params["share"])
    assert shown["change-1"].marks[0][0] == 12.5
    assert "machine-text-changed" in {each.code for each in found.verdict.reasons}
    for language in LANGUAGES:
        assert all(worded(each, language) for each in found.verdict.reasons)
    assert "hall" in report_to_json(found)["names"]


def test_posts_stand_in_the_order_of_their_times_whatever_the_order_of_the_file(tmp_path):
    head, *rows = posts("p" * 12 + "m" * 12).split("\n")
    shuffled = [rows[n] for n in np.random.default_rng(4).permutation(len(rows))]
    assert next(each for each in report(tmp_path, "\n".join([head, *shuffled])).evidence if each.name == "changes").rows[0][2] == 12


def test_without_times_the_order_of_the_file_counts_and_is_named(tmp_path):
    row = next(each for each in report(tmp_path, posts("p" * 12 + "m" * 12, dated=False)).evidence if each.name == "changes").rows[0]
    assert (row[2], row[4], row[7].code) == (12, None, "machine-text-change-given")


@pytest.mark.parametrize("kinds", ["p" * 24, "m" * 24, "pm" * 12, "pppmmm"])
def test_accounts_without_a_change_get_no_table(tmp_path, kinds):
    assert "changes" not in {each.name for each in report(tmp_path, posts(kinds)).evidence}
