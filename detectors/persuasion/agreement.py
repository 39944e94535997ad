"""How far two passes of labelling agree: F1 of one against the other, Cohen's kappa of each technique, Krippendorff's alpha over all decisions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.persuasion.memes import Meme
from detectors.persuasion.scores import micro_f1
from detectors.persuasion.techniques import OF_TASK


def passes_of(memes: Sequence[Meme], task: int) -> tuple[np.ndarray, np.ndarray] | None:
    """What each of the two passes found, (N, techniques) each; None unless every entry was labelled twice."""
    if not memes or not all(meme.passes for meme in memes):
        return None
    first, second = (np.array([[technique.label in meme.passes[number] for technique in OF_TASK[task]] for meme in memes]) for number in (0, 1))
    return first, second


def cohen_kappa(first: np.ndarray, second: np.ndarray) -> float | None:
    """Cohen's kappa of two rows of yes and no; None where both say the same of everything, so that chance alone agrees fully."""
    agreed, by_chance = float((first == second).mean()), float(first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean()))
    return (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else None


def krippendorff_alpha(first: np.ndarray, second: np.ndarray) -> float | None:
    """Krippendorff's alpha (nominal, two coders, nothing missing) over yes and no; None where there is but one answer."""
    ones = int(first.sum() + second.sum())
    noughts = first.size + second.size - ones
    return 1 - (first.size + second.size - 1) * int((first != second).sum()) / (ones * noughts) if ones and noughts else None


def agreement(memes: Sequence[Meme], task: int) -> dict[str, object] | None:
    """The figures of two passes, rounded; None unless every entry was labelled twice."""
    if (found := passes_of(memes, task)) is None:
        return None
    first, second = found
    kappas = {each.label: cohen_kappa(first[:, row], second[:, row]) for row, each in enumerate(OF_TASK[task])}
    alpha = krippendorff_alpha(first, second)
    return {
        "micro_f1": round(micro_f1(first, second), 4),
        "krippendorff_alpha": None if alpha is None else round(alpha, 4),
        "same_set": round(float((first == second).all(1).mean()), 4),
        "cohen_kappa": {name: None if value is None else round(value, 4) for name, value in kappas.items()},
    }
