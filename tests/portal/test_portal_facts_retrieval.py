"""Which facts a text leans on: names in every spelling, rare words, and nothing where there is nothing."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from portal.facts import linking, retrieval
from portal.facts.linking import Name
from portal.facts.models import FactAlias
from tests.portal import facts_scene


@pytest.fixture
def archive(db):
    return facts_scene.archive()


def named(text: str) -> dict[str, tuple[str, ...]]:
    """The facts found in a text, and the words each was found by."""
    return {each.fact.key: tuple(text[start:end] for start, end in each.spans) for each in retrieval.find(text) if each.by != "words"}


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("They lied about the LEANING TOWER OF PISA!", "leaning-tower", "LEANING TOWER OF PISA"),
        ("La torre pendente crollerà?", "leaning-tower", "torre pendente"),
        ("Visit Piazza-dei-Miracoli now", "piazza-dei-miracoli", "Piazza-dei-Miracoli"),
        ("credere\nobbedire… combattere", "credere", None),  # the dots may end a sentence: no link
        ("CREDERE, OBBEDIRE,\nCOMBATTERE", "credere", "CREDERE, OBBEDIRE,\nCOMBATTERE"),
        ("dopo l'incendio del Camposanto", "camposanto-fire", "incendio del Camposanto"),
        ("Swa\u00adsti\u200bkas on the wall", "nazi-symbol", "Swa\u00adsti\u200bkas"),
        ("Galiléo", "galileo", "Galiléo"),
        ("DUX on a wall", "duce", "DUX"),
    ],
)
def test_a_name_is_found_whatever_its_case_accents_and_signs_between(archive, text, key, words):
    assert named(text).get(key) == (None if words is None else (words,))


@pytest.mark.parametrize("text", ["the duce of the school", "Galileos", "the tower", "we leaning. Tower of Pisa", "x" * 5000, "🙂🙂", "", "\u200b", "a dux b"])
def test_no_link_where_the_name_does_not_stand_as_a_whole(archive, text):
    assert named(text) == {}


def test_the_longest_name_wins_and_another_stays_where_it_stands_alone(archive):
    assert set(named("The Leaning Tower of Pisa")) == {"leaning-tower"}
    assert named("Reopening of the Leaning Tower, and the Leaning Tower itself") == {
        "tower-reopening": ("Reopening of the Leaning Tower",),
        "leaning-tower": ("Leaning Tower",),
    }


def test_a_name_of_two_facts_is_shown_as_uncertain_and_one_of_many_not_at_all(archive):
    for key in ("galileo", "ides"):
        FactAlias.objects.create(fact=archive.fact(key), text="Zaffiro", key="zaffiro", first="zaffiro")
    assert {each.fact.key: each.by for each in retrieval.find("Zaffiro")} == {"galileo": "name-of-several", "ides": "name-of-several"}
    for key in ("credere", "duce"):
        FactAlias.objects.create(fact=archive.fact(key), text="Zaffiro", key="zaffiro", first="zaffiro")
    assert retrieval.find("Zaffiro") == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Molten lead ran over the frescoes in July 1944", "camposanto-fire"),
        ("Il piombo fuso colò per le strade", None),  # two rare words are too few
        ("Il piombo fuso danneggiò il tetto nel luglio 1944", "camposanto-fire"),
        ("It is a crime to display the emblem of the ancient party", "nazi-symbol"),
    ],
)
def test_rare_words_that_stand_together_find_a_fact(archive, text, key):
    assert [each.fact.key for each in retrieval.find(text)] == ([key] if key else [])


def test_rare_words_scattered_over_a_long_text_find_nothing(archive):
    filler = " The weather was fine and nobody wrote anything about it for another whole week. " * 5
    assert retrieval.find(f"Molten.{filler}Frescoes.{filler}July.{filler}1944.") == []


def test_nothing_is_found_in_what_our_sources_do_not_hold(archive):
    assert retrieval.find("A cat video went viral in Seattle yesterday, and the mayor laughed.") == []
    assert retrieval.count_in_use() == 10


def test_at_most_five_and_names_before_words(archive):
    text = "Galileo, the Leaning Tower, Piazza dei Miracoli, a swastika, Ides of March, DUX. Molten lead ran over the frescoes in July 1944"
    found = retrieval.find(text)
    assert len(found) == 5
    assert {each.by for each in found} == {"name"}


def test_a_long_text_is_read_in_reasonable_time_and_work(archive, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        retrieval.find("Galileo and the molten lead of July 1944 on the frescoes. " * 3000)


@pytest.mark.parametrize(
    ("name", "exact", "linked"),
    [
        *(("Torre", False, False), ("torre", True, True), ("EU", False, False), ("1944", False, False), ("La torre", False, False)),
        *(("We can do it", False, True), ("Pìsa", False, True), ("!!!", False, False), ("w " * 60, False, False)),
    ],
)
def test_words_of_everyday_speech_are_no_names(name, exact, linked):
    assert linking.linkable(name, exact=exact) == linked


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        *(("so Nixon lied", True), ("Then Nixon lied", True), ("President Nixon", True), ("NIXON LIED", True), ("RICHARD NIXON", True)),
        *(("a visit. Nixon lied", True), ("Cynthia Nixon signed", False), ("T. Nixon signed", False), ("T Nixon", False)),
    ],
)
def test_a_surname_with_another_first_name_is_of_somebody_else(text, linked):
    assert bool(linking.link(linking.words_of(text), [Name(1, "Nixon", person=True)])) == linked
    assert linking.link(linking.words_of(text), [Name(1, "Nixon")])


def test_equal_names_keep_their_place_and_never_overlap():
    text = "New New York York"
    mentions = linking.link(linking.words_of(text), [Name(1, "New York"), Name(2, "New"), Name(3, "York York")])
    assert [(text[each.start : each.end], each.facts) for each in mentions] == [("New", (2,)), ("New York", (1,))]


def test_the_memes_of_a_folder_are_linked_into_a_file(archive, tmp_path, capsys):
    texts = {"one": "They lied about the LEANING TOWER OF PISA!", "two": "Good morning"}
    entries = [{"id": name, "text": text, "labels": [], "image": f"{name}.png"} for name, text in texts.items()]
    (tmp_path / "task3.json").write_text(json.dumps(entries))
    call_command("link_facts", str(tmp_path), str(tmp_path / "linked.json"))
    linked = json.loads((tmp_path / "linked.json").read_text())
    assert [(each["key"], each["by"]) for each in linked["one"]] == [("leaning-tower", "name")]
    assert linked["two"] == []
    assert capsys.readouterr().out.startswith("2 memes, 1 with a fact, 1 of them by a name")
