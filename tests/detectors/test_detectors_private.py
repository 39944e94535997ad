"""DP-SGD: no sample's gradient is longer than the clip, the noise is as large as it says, and a net learns all the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectors.nets.anomaly import AnomalyNet
from detectors.train.private import PrivateRecipe, WholeNet, clipped_sum, fit

LINE = PrivateRecipe(rate=0.5, steps=60, sigma=0.0, clip=1.0, lr=0.2)


def losses(net, pairs):
    return (net(pairs[:, :1]) - pairs[:, 1:]).square()[:, 0]


def pairs(count: int = 32) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(count, 1)).astype(np.float32)
    return np.hstack([x, 3 * x + 1])


def net_of(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Linear(1, 1)


def summed(net, samples, clip):
    whole = WholeNet(net, losses)
    total, mean = clipped_sum(whole, {name: value.detach() for name, value in whole.named_parameters()}, samples, clip)
    return torch.cat([value.flatten() for value in total.values()]), mean


@pytest.mark.parametrize("sample", range(6))
def test_no_sample_counts_for_more_than_the_clip(sample):
    assert summed(net_of(), 100 * pairs()[sample : sample + 1], 0.5)[0].norm() <= 0.5 + 1e-6


def test_a_short_gradient_stays_as_it_is():
    short = summed(net_of(), pairs()[:1], 1e6)[0]
    assert torch.equal(summed(net_of(), pairs()[:1], float(short.norm()) * 1.01)[0], short)


def test_without_a_clip_the_sum_is_what_backward_says():
    net = net_of()
    losses(net, torch.from_numpy(pairs(100))).sum().backward()
    wanted = torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
    assert torch.allclose(summed(net, pairs(100), 1e9)[0], wanted, rtol=1e-4)


def test_one_sample_more_moves_the_sum_by_the_clip_at_the_most():
    difference = summed(net_of(), pairs(), 0.7)[0] - summed(net_of(), pairs()[:-1], 0.7)[0]
    assert 0 < difference.norm() <= 0.7 + 1e-5


def test_the_mean_loss_is_told_and_of_nothing_there_is_none():
    assert summed(net_of(), pairs(), 1.0)[1] == pytest.approx(float(losses(net_of(), torch.from_numpy(pairs())).mean().detach()), rel=1e-5)
    assert summed(net_of(), pairs()[:0], 1.0)[1] is None


def test_the_noise_has_the_stated_standard_deviation():
    net = torch.nn.Linear(1, 100_000, bias=False)
    before = net.weight.detach().clone()
    fit(net, np.zeros((200, 2), np.float32), lambda net, x: net(x[:, :1]).mean(1), PrivateRecipe(0.5, 1, 2.0, 0.3, 0.1), np.random.default_rng(1))
    moved = (net.weight - before).detach().numpy() / 0.1 * 100  # a step divides by the 100 samples that are expected
    assert moved.std() == pytest.approx(2.0 * 0.3, rel=0.01)  # of 100,000 draws: the standard error is 0.2 %
    assert abs(moved.mean()) < 0.01


def test_the_number_drawn_does_not_show_in_the_step():
    sizes = []
    fit(net_of(), pairs(1000), lambda net, x: losses(net, x), PrivateRecipe(0.1, 1, 0.0, 1.0, 0.0), np.random.default_rng(3))
    for seed in range(2):
        net = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(net.weight)
        fit(net, np.ones((400, 1), np.float32), lambda net, x: net(x)[:, 0], PrivateRecipe(0.25, 1, 0.0, 1.0, 1.0), np.random.default_rng(seed))
        sizes.append(-net.weight.item() * 100)
    assert sizes[0] != sizes[1]  # how many were drawn differs, and each counts the same hundredth
    assert all(abs(size - round(size)) < 1e-3 and 60 < size < 140 for size in sizes)


def test_a_net_learns_with_a_little_noise():
    net = net_of()
    loss = fit(net, pairs(200), losses, PrivateRecipe(0.5, 60, 0.5, 1.0, 0.2), np.random.default_rng(0))
    assert [net.weight.item(), net.bias.item()] == pytest.approx([3, 1], abs=0.3)
    assert loss < 0.5


def test_a_sample_that_is_not_finite_ruins_nothing():
    broken = pairs(64)
    broken[5] = np.nan
    net = net_of()
    fit(net, broken, losses, LINE, np.random.default_rng(0))
    assert [net.weight.item(), net.bias.item()] == pytest.approx([3, 1], abs=0.3)


def test_fedprox_holds_the_weights_near_their_start():
    free, held = net_of(), net_of()
    fit(free, pairs(64), losses, LINE, np.random.default_rng(0))
    fit(held, pairs(64), losses, PrivateRecipe(0.5, 60, 0.0, 1.0, 0.2, hold=2.0), np.random.default_rng(0))
    assert abs(held.weight.item() - net_of().weight.item()) < abs(free.weight.item() - net_of().weight.item())


def test_two_trainings_without_a_given_source_draw_other_noise():
    one, other = net_of(), net_of()
    for net in (one, other):
        fit(net, pairs(8), losses, PrivateRecipe(0.5, 1, 1.0, 1.0, 0.1))
    assert one.weight.item() != other.weight.item()


def test_the_anomaly_net_gives_a_gradient_for_each_window():
    net, windows = AnomalyNet(width=4), np.random.default_rng(0).integers(0, 255, (6, 5, 16, 16), np.uint8)
    before = net.look[4].bias.detach().clone()
    fit(net, windows, lambda net, x: net.surprise(x / 255).mean((1, 2)), PrivateRecipe(1.0, 1, 0.0, 1.0, 0.1), np.random.default_rng(0))
    moved = torch.sqrt(sum((new - old).square().sum() for new, old in zip([net.look[4].bias], [before], strict=True)))
    assert 0 < moved <= 0.1
