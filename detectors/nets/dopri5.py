"""Dormand-Prince of order 5(4) with adaptive steps, differentiable, each picture with steps and a tolerance of its own.

torchdiffeq (`odeint(..., method="dopri5")`) chooses one step for the whole batch, so what it answers of a picture depends on the pictures next to it; where an
answer's change with the tolerance is what is measured, that would measure the batch. For one picture alone this is the same method step by step: first step
after Hairer, Norsett and Wanner (Solving Ordinary Differential Equations I, II.4), safety .9, factors .2 to 10, and the end found by the polynomial of order 4
through the last step (Shampine 1986), which may reach beyond it. A test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Slope = Callable[[Tensor, Tensor], Tensor]  # times (N,), states (N, ...) -> slopes like the states

NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERRORS = (
    *(35 / 384 - 1951 / 21600, 0.0, 500 / 1113 - 22642 / 50085, 125 / 192 - 451 / 720),
    *(-2187 / 6784 + 12231 / 42400, 11 / 84 - 649 / 6300, -1 / 60),
)
MIDDLES = (
    *(6025192743 / 30085553152 / 2, 0.0, 51252292925 / 65400821598 / 2, -2691868925 / 45128329728 / 2),
    *(187940372067 / 1594534317056 / 2, -1776094331 / 19743644256 / 2, 11237099 / 235043384 / 2),
)
SAFETY, LEAST, MOST, ORDER = 0.9, 0.2, 10.0, 5
STEPS = 2000  # of one picture; more means that float32 cannot reach the tolerance


def integrate(slope: Slope, start: Tensor, tolerance: float | Tensor) -> tuple[Tensor, Tensor]:
    """The states (N, ...) at time 1 of dy/dt = slope(t, y), y(0) = start, and how often the slope was evaluated for each (N,).

    `tolerance`: absolute and relative at once, one for all or (N,). The size of the steps is taken as given when differentiating. Raises ArithmeticError when a
    tolerance is too small for the numbers' precision.
    """
    allowed = torch.as_tensor(tolerance, dtype=start.dtype).expand(len(start))
    rows, ends, order = torch.arange(len(start)), [], []
    now, state = torch.zeros(len(start), dtype=torch.float64), start
    first = slope(now.to(start.dtype), state)
    size = _first_size(slope, state.detach(), first.detach(), allowed)
    evaluations = torch.full((len(start),), 2)
    for _ in range(STEPS):
        slopes = _stages(slope, now, size, state, first)
        evaluations[rows] += len(NODES)
        after = state + _wide(size, state) * _mixed(STAGES[-1], slopes[:-1])
        with torch.no_grad():
            error = _wide(size, state) * _mixed(ERRORS, slopes)
            ratio = _norm(error / (_wide(allowed, state) * (1 + torch.maximum(state.abs(), after.abs()))))
            accepted = ratio <= 1
            reached = accepted & (now + size >= 1)
        if reached.any():
            order.append(rows[reached])
            ends.append(_interpolated(state[reached], after[reached], [each[reached] for each in slopes], now[reached], size[reached]))
        go_on = ~reached
        if not go_on.any():
            return torch.cat(ends)[torch.cat(order).argsort()], evaluations
        chosen = _wide(accepted, state)
        state, first = torch.where(chosen, after, state)[go_on], torch.where(chosen, slopes[-1], first)[go_on]
        now = torch.where(accepted, now + size, now)[go_on]
        size, rows, allowed = _next_size(size, ratio)[go_on], rows[go_on], allowed[go_on]
    raise ArithmeticError(f"a tolerance of {float(allowed.min()):g} is not reached within {STEPS} steps")


def _stages(slope: Slope, now: Tensor, size: Tensor, state: Tensor, first: Tensor) -> list[Tensor]:
    """The seven slopes of a step, the last of which is the next step's first."""
    slopes = [first]
    for node, weights in zip(NODES, STAGES, strict=True):
        slopes.append(slope((now + node * size).to(state.dtype), state + _wide(size, state) * _mixed(weights, slopes)))
    return slopes


def _mixed(weights: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    return sum(weight * each for weight, each in zip(weights, slopes, strict=True) if weight)


def _interpolated(state: Tensor, after: Tensor, slopes: list[Tensor], now: Tensor, size: Tensor) -> Tensor:
    """The state at time 1, within the last step."""
    step, x = _wide(size, state), _wide((1 - now) / size, state)
    middle, first, last = state + step * _mixed(MIDDLES, slopes), slopes[0], slopes[-1]
    fourth = 2 * step * (last - first) - 8 * (after + state) + 16 * middle
    third = step * (5 * first - 3 * last) + 18 * state + 14 * after - 32 * middle
    second = step * (last - 4 * first) - 11 * state - 5 * after + 16 * middle
    return state + x * (step * first + x * (second + x * (third + x * fourth)))


@torch.no_grad()
def _first_size(slope: Slope, state: Tensor, first: Tensor, allowed: Tensor) -> Tensor:
    scale = _wide(allowed, state) * (1 + state.abs())
    height, steepness = _norm(state / scale), _norm(first / scale)
    small = (height < 1e-5) | (steepness < 1e-5)
    guess = torch.where(small, 1e-6, 0.01 * height / steepness.clamp_min(1e-30))
    bend = _norm((slope(guess.to(state.dtype), state + _wide(guess, state) * first) - first) / scale) / guess
    flat = torch.maximum(steepness, bend) <= 1e-15
    better = torch.where(flat, (guess * 1e-3).clamp_min(1e-6), (0.01 / torch.maximum(steepness, bend).clamp_min(1e-30)) ** (1 / ORDER))
    return torch.minimum(100 * guess, better).double()


def _next_size(size: Tensor, ratio: Tensor) -> Tensor:
    """Longer where the error was small, at most ten times; shorter only after a refused step."""
    factor = SAFETY / ratio.clamp_min(1e-30).double() ** (1 / ORDER)
    return size * factor.clamp_max(MOST).maximum(torch.where(ratio < 1, 1.0, LEAST).double())


def _norm(states: Tensor) -> Tensor:
    """Root mean square of each picture's numbers."""
    return states.flatten(1).square().mean(1).sqrt()


def _wide(values: Tensor, state: Tensor) -> Tensor:
    """(N,) as (N, 1, ...), in the states' own precision unless they are truth values."""
    shaped = values.view(-1, *[1] * (state.dim() - 1))
    return shaped if values.dtype == torch.bool else shaped.to(state.dtype)
