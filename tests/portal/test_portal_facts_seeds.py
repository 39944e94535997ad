"""The seeds of the memory for facts are well formed: fields, keys, aliases, dates, both languages, sources; and so are the hand-labelled mentions."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SEEDS = ROOT / "portal" / "facts" / "seeds"
MENTIONS = ROOT / "tests" / "portal" / "data" / "fact_mentions.csv"
FEWEST_MENTIONS, FEWEST_UNLINKED = 130, 50
COLUMNS = [
    *("key", "kind", "name_en", "name_it", "aliases", "statement_en", "statement_it", "from", "to"),
    *("source_author", "source_title", "source_year", "source_where", "tags"),
]
KINDS = {"person", "event", "place", "date", "slogan", "quotation", "symbol", "work"}
FEWEST = {"pisa": 130, "propaganda": 440}
FILES = sorted(FEWEST)
MAY_BE_EMPTY = {"aliases", "from", "to", "source_year"}
EVERYDAY = {
    *("tower", "torre", "the tower", "la torre", "fire", "wall", "muro", "flag", "square", "piazza", "truth"),
    *("president", "war", "guerra", "hope", "change", "law", "legge", "mask", "vaccine"),
}


@cache
def rows(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def every_row() -> list[dict[str, str]]:
    return [row for name in FILES for row in rows(name)]


def as_date(value: str, *, end: bool) -> date:
    """A year or a day as a day; a bare year begins on 1 January and ends on 31 December."""
    if re.fullmatch(r"\d{1,4}", value):
        return date(int(value), 12, 31) if end else date(int(value), 1, 1)
    return date.fromisoformat(value)


def wrong_dates(row: dict[str, str]) -> bool:
    try:
        first = as_date(row["from"], end=False) if row["from"] else None
        last = as_date(row["to"], end=True) if row["to"] else None
    except ValueError:
        return True
    return bool(first and last and first > last) or (last is not None and first is None)


def as_looked_up(name: str) -> str:
    """The words of a name without case, accents and signs, as a linker compares them."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    return " ".join(re.findall(r"[^\W_]+", bare.casefold()))


def aliases(row: dict[str, str]) -> list[str]:
    return [alias for alias in row["aliases"].split("|") if alias]


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_the_agreed_columns_and_enough_rows(name):
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        assert next(csv.reader(lines)) == COLUMNS
    assert len(rows(name)) >= FEWEST[name]


def test_keys_are_stable_ascii_slugs_and_unique_over_all_files():
    keys = Counter(row["key"] for row in every_row())
    assert [key for key in keys if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key)] == []
    assert [key for key, times in keys.items() if times > 1] == []


def test_every_kind_is_one_of_the_eight():
    assert {row["kind"] for row in every_row()} <= KINDS


def test_every_field_is_filled_except_those_that_may_be_empty():
    assert [(row["key"], column) for row in every_row() for column in COLUMNS if column not in MAY_BE_EMPTY and not row[column]] == []


def test_fields_hold_plain_text_without_markup_or_stray_spaces():
    strange = re.compile(r"<[a-zA-Z/]|&[a-z]+;|https?://|  |[\t\n\r\u00a0\u200b\ufeff]|^ | $")
    assert [(row["key"], column) for row in every_row() for column in COLUMNS if strange.search(row[column])] == []


def test_statements_are_written_in_two_languages_at_the_agreed_length():
    lengths = {(row["key"], column): len(row[column].split()) for row in every_row() for column in ("statement_en", "statement_it")}
    assert {where: words for where, words in lengths.items() if not 15 <= words <= 60} == {}
    assert [row["key"] for row in every_row() if row["statement_en"] == row["statement_it"]] == []


def test_statements_end_like_sentences_and_are_in_their_own_language():
    english, italian = re.compile(r"\b(the|of|and|was|is|in|by)\b", re.I), re.compile(r"\b(il|lo|la|di|del|della|e|è|che|un|una|dal|nel)\b", re.I)
    assert [row["key"] for row in every_row() if row["statement_en"][-1] not in '.”"' or row["statement_it"][-1] not in '.”"»'] == []
    assert [row["key"] for row in every_row() if not english.search(row["statement_en"]) or not italian.search(row["statement_it"])] == []


def test_no_statement_stands_twice():
    statements = Counter(row[column] for row in every_row() for column in ("statement_en", "statement_it"))
    assert [statement for statement, times in statements.items() if times > 1] == []


def test_dates_are_years_or_days_and_in_order():
    assert [(row["key"], row["from"], row["to"]) for row in every_row() if wrong_dates(row)] == []


def test_every_source_is_complete_and_only_an_online_entry_lacks_its_year():
    online = {row["key"] for row in every_row() if row["source_year"] == "" and "online" in row["source_where"]}
    assert [row["key"] for row in every_row() if row["key"] not in online and not re.fullmatch(r"\d{4}", row["source_year"])] == []
    assert [row["key"] for row in every_row() if row["source_year"] and not 1300 <= int(row["source_year"]) <= 2026] == []


def test_an_alias_leads_to_one_fact_only():
    owners: dict[str, set[str]] = {}
    for row in every_row():
        for alias in [row["name_en"], row["name_it"], *aliases(row)]:
            owners.setdefault(as_looked_up(alias), set()).add(row["key"])
    assert {alias: keys for alias, keys in owners.items() if len(keys) > 1} == {}


def test_no_alias_stands_twice_in_a_fact_is_blank_or_an_everyday_word():
    assert [row["key"] for row in every_row() if len(aliases(row)) != len(set(aliases(row)))] == []
    assert [(row["key"], alias) for row in every_row() for alias in row["aliases"].split("|") if alias != alias.strip() or alias == "="] == []
    assert [(row["key"], alias) for row in every_row() for alias in aliases(row) if alias.removeprefix("=").casefold() in EVERYDAY] == []


def test_short_aliases_count_only_in_exact_case():
    assert [(row["key"], alias) for row in every_row() for alias in aliases(row) if len(alias) < 4 and not alias.startswith("=")] == []


def test_tags_are_slugs_and_not_repeated():
    tags = {row["key"]: row["tags"].split("|") for row in every_row()}
    assert {key: found for key, found in tags.items() if len(found) != len(set(found)) or not all(re.fullmatch(r"[a-z0-9-]+", tag) for tag in found)} == {}


def labelled_mentions() -> list[dict[str, str]]:
    with MENTIONS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_labelled_mentions_are_enough_with_hard_negatives_among_them():
    mentions = labelled_mentions()
    assert list(mentions[0]) == ["text", "start", "end", "key"]
    assert len(mentions) >= FEWEST_MENTIONS
    assert sum(not each["key"] for each in mentions) >= FEWEST_UNLINKED


def test_labelled_mentions_stand_in_their_texts_on_whole_words_and_name_facts_that_exist():
    keys = {row["key"] for row in every_row()}
    assert [each for each in labelled_mentions() if each["key"] and each["key"] not in keys] == []
    for each in labelled_mentions():
        text, start, end = each["text"], int(each["start"]), int(each["end"])
        assert 0 <= start < end <= len(text), each
        assert text[start:end] == text[start:end].strip(), each
        assert not text[start - 1 : start].isalnum(), each
        assert not text[end : end + 1].isalnum(), each


def test_no_mention_is_labelled_twice_and_none_overlaps_another():
    spans: dict[str, list[tuple[int, int]]] = {}
    for each in labelled_mentions():
        spans.setdefault(each["text"], []).append((int(each["start"]), int(each["end"])))
    assert [text for text, found in spans.items() if any(first[1] > second[0] for first, second in pairwise(sorted(found)))] == []
