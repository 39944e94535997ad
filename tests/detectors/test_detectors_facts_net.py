"""The net with a stream of facts: its shapes, its gate, and memes without text or facts."""

from __future__ import annotations

import numpy as np
import torch

from detectors.nets.facts import FactsNet
from detectors.train.facts_ablation import other_facts


def given(facts: int = 5):
    torch.manual_seed(0)
    read, present = torch.ones(3, 7, dtype=torch.bool), torch.ones(3, facts, dtype=torch.bool)
    read[1], present[2] = False, False  # a meme without text, one without facts
    return torch.randn(3, 7, 12), read, torch.randn(3, 6), torch.randn(3, facts, 12), present


def test_log_odds_of_both_tasks_and_finite_without_text_or_facts():
    text, meme = FactsNet(12, 6, 20, 22).eval()(*given())
    assert text.shape == (3, 20)
    assert meme.shape == (3, 22)
    assert torch.isfinite(text).all()
    assert torch.isfinite(meme).all()


def test_facts_count_for_nothing_until_the_gate_opens_and_then_only_where_there_are_some():
    net, (tokens, read, picture, facts, present) = FactsNet(12, 6, 20, 22).eval(), given()
    assert torch.equal(net(tokens, read, picture, facts, present)[0], net(tokens, read, picture, -facts, present)[0])
    with torch.no_grad():
        net.cross.gate.fill_(1.0)
    one, other = (net(tokens, read, picture, each, present)[0] for each in (facts, -facts))
    assert not torch.allclose(one[0], other[0])
    assert torch.equal(one[2], other[2])


def test_the_gate_gets_a_gradient_at_zero():
    net = FactsNet(12, 6, 20, 22).eval()
    net(*given())[0].sum().backward()
    assert net.cross.gate.grad is not None
    assert float(net.cross.gate.grad) != 0.0


def test_random_facts_are_as_many_and_none_of_the_own():
    linked = [("a", "b"), (), ("c",), ("b", "d")]
    drawn = other_facts(linked, np.random.default_rng(0))
    assert [len(each) for each in drawn] == [2, 0, 1, 2]
    assert all(not set(own) & set(others) for own, others in zip(linked, drawn, strict=True))
