"""Hashed n-grams, packed tables, trees as arrays and the measures: each against its plain form by hand."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.text import measures, ngrams, tables, trees


def test_every_run_of_characters_is_there_with_its_place_in_the_text():
    found = ngrams.characters("abca", (1, 2))
    assert found.counts == {1: 6, 2: 5}
    assert list(zip(found.starts[:6].tolist(), found.ends[:6].tolist(), strict=True)) == [(0, 0), (0, 1), (1, 2), (2, 3), (3, 4), (4, 4)]
    assert found.places[1] == found.places[4]  # the two letters a
    assert len(set(found.of_length(2).tolist())) == 5


def test_the_same_run_has_the_same_place_in_any_text_and_case_counts():
    assert set(ngrams.characters("xxtower", (4,)).places) & set(ngrams.characters("the tower", (4,)).places)
    assert not set(ngrams.characters("Tower", (3,)).places[1:2]) & set(ngrams.characters("tower", (3,)).places[1:2])


def test_the_places_are_those_of_every_machine():
    assert ngrams.characters("a").places.tolist() == [124213, 995214, 124213, 875309, 785886, 26015]


def test_words_in_lower_case_marks_and_addresses():
    assert ngrams.words("The Tower! https://a.b/c").of_length(1).tolist() == ngrams.words("the tower ! http://x").of_length(1).tolist()


def test_shapes_forget_what_it_is_about_but_not_how_it_is_said():
    assert ngrams.shapes("The tower leans and we wait").places.tolist() == ngrams.shapes("The horse sings and we rest").places.tolist()
    assert ngrams.shapes("The tower leans").places.tolist() != ngrams.shapes("the tower leans").places.tolist()


@pytest.mark.parametrize("view", [ngrams.characters, ngrams.words, ngrams.shapes])
@pytest.mark.parametrize("text", ["", "x", "\ud800", "😀", "a b\nc"])
def test_any_text_has_n_grams_within_the_table(view, text):
    found = view(text)
    assert len(found.places) == len(found.starts) == len(found.ends) == sum(found.counts.values()) > 0
    assert found.places.min() >= 0
    assert found.places.max() < 1 << ngrams.BITS


def made_table(questions: int = 2) -> tables.NGramTable:
    rng = np.random.default_rng(0)
    idf = np.where(rng.random(1 << ngrams.BITS) < 0.7, rng.uniform(1, 10, 1 << ngrams.BITS), 0).astype(np.float32)
    weights = rng.normal(0, 0.1, (1 << ngrams.BITS, questions)) ** 3
    return tables.packed(idf, weights, [0.5, -0.25][:questions], 10 * weights[::-1])


def test_a_packed_table_decides_as_the_sums_by_hand():
    table, found = made_table(), ngrams.words("the tower and the tower")
    counted = {place: found.places.tolist().count(place) for place in found.places.tolist()}
    shares = {place: (1 + np.log(n)) * float(table.idf()[place]) for place, n in counted.items()}
    length = np.sqrt(sum(share**2 for share in shares.values()))
    wanted = sum(shares[place] / length * table.unpacked(np.array([place]))[0] for place in counted) + table.bias
    assert table.decisions(found)[:2] == pytest.approx(wanted, rel=1e-5)


def test_the_ratios_of_the_places_that_were_met_are_summed_once_each_and_averaged():
    table, found = made_table(), ngrams.words("the tower and the tower")
    met = [place for place in set(found.places.tolist()) if table.rarity[place]]
    roots = table.ratios[met].astype(float) / tables.LARGEST
    wanted = (roots * np.abs(roots) * table.largest_ratio).sum(0)
    assert table.decisions(found)[2:] == pytest.approx([*wanted, *(wanted / len(met))])


def test_packing_into_bytes_keeps_weights_within_a_hundredth_of_the_largest():
    weights = np.random.default_rng(1).normal(0, 1, (1000, 1)) ** 3
    table = tables.packed(np.ones(1000, np.float32), weights, [0.0], weights)
    assert np.abs(table.unpacked(np.arange(1000)) - weights).max() < 0.01 * np.abs(weights).max()
    assert table.idf() == pytest.approx(np.ones(1000), rel=1e-6)


def test_what_the_characters_moved_sums_to_the_decision():
    table, text = made_table(), "the tower leans"
    found = ngrams.words(text, (1,))
    inner = ngrams.NGrams(found.places[1:-1], found.starts[1:-1], found.ends[1:-1], {1: 3})
    moved = table.contributions(inner, 0, len(text))
    assert moved.sum() == pytest.approx(table.decisions(inner)[0] - table.bias[0])
    assert moved[3] == 0  # the space belongs to no word


def test_a_table_survives_its_file():
    table = made_table()
    again = tables.read(table.arrays("x"), "x")
    assert again.decisions(ngrams.words("a b")) == pytest.approx(table.decisions(ngrams.words("a b")))


def test_trees_go_left_at_the_threshold_and_add_their_leaves():
    one = trees.Trees(
        feature=np.array([[0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]),
        threshold=np.array([[1.0, 5.0, 0, 0, 0], [0, 0, 0, 0, 0.0]]),
        left=np.array([[1, 3, 2, 3, 4], [0, 0, 0, 0, 0]]),
        right=np.array([[2, 4, 2, 3, 4], [0, 0, 0, 0, 0]]),
        value=np.array([[9, 9, 10.0, 20.0, 30.0], [0.5, 9, 9, 9, 9]]),
        base=0.25,
    )
    rows = np.array([[1.0, 5.0], [1.0, 6.0], [2.0, 0.0]])
    assert one.score(rows).tolist() == [20.75, 30.75, 10.75]
    assert one.score(np.empty((0, 2))).tolist() == []
    assert trees.read(one.arrays("t"), "t").score(rows).tolist() == [20.75, 30.75, 10.75]


def test_every_measure_belongs_to_one_signal():
    places = [at for found in measures.signals().values() for at in found]
    assert sorted(places) == list(range(len(measures.names())))


def measured(text: str) -> dict[str, float]:
    return dict(zip(measures.names(), measures.measure(text).tolist(), strict=False))


def test_measures_are_what_they_are_called():
    found = measured("THE tower. The tower leans! @anna #pisa https://example.org/x")
    assert found["mentions"] == pytest.approx(1 / 3)
    assert found["urls"] == pytest.approx(1 / 3)
    assert found["ends-with-url"] == 1
    assert found["upper-words"] == pytest.approx(1 / 7)
    assert found["function-article"] == pytest.approx(2 / 7)
    assert found["again-pairs"] == pytest.approx(1 / 6)


def test_repetition_packs_better():
    assert measured("the tower leans " * 8)["packed"] < measured("Pisa has a tower that leans to the south, as everybody who came here has seen.")["packed"]


@pytest.mark.parametrize("text", ["", " ", "😀", "a", "\n\n", "'" * 50, "x" * 5000])
def test_any_text_has_finite_measures(text):
    assert np.isfinite(measures.measure(text)).all()


def test_rarity_of_what_was_never_met_and_of_what_is_common():
    characters, words = ngrams.characters("the tower"), ngrams.words("the tower")
    never = np.zeros(1 << ngrams.BITS, np.float32)
    found = measures.rarity(characters, words, never, never)
    assert found[[2, 4, 7]].tolist() == [1, 1, 1]
    common = measures.rarity(characters, words, never + 2, never + 2)
    assert common[[0, 2, 4, 7, 8]] == pytest.approx([0.2, 0, 0, 0, 0])
