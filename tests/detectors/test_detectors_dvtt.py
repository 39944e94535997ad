"""DVTT: the published size, its shapes, what each half reads, memes without text, and learning that its seed repeats."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectors.nets.dvtt import PUBLISHED, Dvtt, DvttSizes, TextTransformer
from detectors.train.dvtt import MemeTokens, blanked, chances, figures, fit, standardised

SMALL = DvttSizes(12, 6, 8)


def given():
    torch.manual_seed(0)
    read = torch.ones(3, 7, dtype=torch.bool)
    read[0, 4:], read[1] = False, False  # a shorter meme, one without text
    return torch.randn(3, 7, 12), read, torch.randn(3, 49, 6)


def net(techniques: int = 22) -> Dvtt:
    torch.manual_seed(0)
    return Dvtt(SMALL, techniques).eval()


def streams(count: int = 48) -> MemeTokens:
    rng = np.random.default_rng(0)
    read = np.arange(5) < rng.integers(1, 6, count)[:, None]
    text, picture = rng.normal(size=(count, 5, 12)), rng.normal(size=(count, 49, 6))
    labels = np.stack([text[:, 0, 0] > 0, picture.mean(1)[:, 0] > 0], 1)
    return MemeTokens((text * read[..., None]).astype(np.float32), read, picture.astype(np.float32), {1: labels[:, :1], 3: labels})


def test_the_published_net_has_137_million_numbers_and_four_layers_of_four_heads_in_each_half():
    with torch.device("meta"):
        published = Dvtt(PUBLISHED, 22)
    assert sum(each.numel() for each in published.parameters()) == pytest.approx(137e6, rel=0.005)
    for half in (published.over_text, published.over_picture):
        assert (len(half.encoder.layers), len(half.decoder.layers)) == (4, 4)
        assert {(each.self_attn.num_heads, each.linear1.out_features) for each in half.encoder.layers} == {(4, 1024)}
    assert published.place.out_features == 2048


@pytest.mark.parametrize("kind", [Dvtt, TextTransformer])
def test_chances_of_each_technique_also_without_text(kind):
    found = kind(SMALL, 22).eval()(*given())
    assert found.shape == (3, 22)
    assert bool(((found > 0) & (found < 1)).all())


def test_what_stands_after_the_end_of_a_text_counts_for_nothing():
    text, read, picture = given()
    other = torch.where(read[..., None], text, torch.full_like(text, 9.0))
    assert torch.allclose(net()(text, read, picture), net()(other, read, picture), atol=1e-6)


def test_each_half_reads_both_streams_and_the_picture_has_places():
    text, read, picture = given()
    for half in ("of_text", "of_picture"):
        one = net()
        with torch.no_grad():
            getattr(one, half).weight.zero_()  # this half says the same of every meme
        before = one(text, read, picture)
        assert not torch.allclose(before[0], one(-text, read, picture)[0], atol=1e-6)
        assert not torch.allclose(before[0], one(text, read, -picture)[0], atol=1e-6)
    assert not torch.allclose(net()(text, read, picture)[0], net()(text, read, picture.flip(1))[0], atol=1e-6)


def test_a_blank_stream_counts_for_nothing():
    whole = streams()
    other = whole._replace(picture=-whole.picture)
    rows, one = np.arange(8), net(2)
    assert np.array_equal(chances(one, blanked(whole, "task3-text"), rows), chances(one, blanked(other, "task3-text"), rows))
    other = whole._replace(text=-whole.text)
    assert np.array_equal(chances(one, blanked(whole, "task3-picture"), rows), chances(one, blanked(other, "task3-picture"), rows))


def test_standardising_looks_at_trained_memes_alone():
    whole, trained = streams(), np.arange(24)
    changed = whole._replace(text=whole.text.copy())
    changed.text[24:] *= 100
    assert np.array_equal(standardised(whole, whole, trained).text[:24], standardised(changed, changed, trained).text[:24])


@pytest.mark.parametrize("variant", ["task3-text", "task3-picture"])
def test_a_blank_stream_is_standardised_to_nothing_and_learned_from(variant):
    blank, trained = blanked(streams(), variant), np.arange(40)
    shown = standardised(blank, blank, trained)
    gone, left = (shown.picture, shown.text) if variant == "task3-text" else (shown.text, shown.picture)
    assert not gone.any()
    assert np.isfinite(left).all()
    one, losses = fit(shown, 3, trained, 0)
    assert np.isfinite(losses).all()
    assert np.isfinite(chances(one, shown, trained)).all()


def test_the_seed_repeats_what_is_learned():
    whole, trained = streams(), np.arange(40)
    first, losses = fit(whole, 3, trained, 1)
    again, same = fit(whole, 3, trained, 1)
    assert losses == same
    assert np.array_equal(chances(first, whole, np.arange(40, 48)), chances(again, whole, np.arange(40, 48)))


def test_figures_tell_a_perfect_net_from_the_rivals_by_folds_it_has_not_seen():
    truth = np.random.default_rng(0).random((60, 5)) < [0.6, 0.5, 0.4, 0.3, 0.2]
    perfect, folds = truth.astype(float), np.arange(60) % 6
    rows = figures({"unseen": perfect, "dev": perfect}, 1 - perfect, truth, truth, folds)
    assert rows["net"]["micro_f1"]["value"] == rows["dev, six nets, threshold .3 as published"]["micro_f1"]["value"] == 1
    assert rows["net less the shipped lines"]["macro_f1"]["low"] > 0
    assert rows["net less the three most frequent"]["micro_f1"]["value"] == pytest.approx(1 - rows["the three most frequent"]["micro_f1"]["value"])
