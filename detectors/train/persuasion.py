"""Train the lines that find persuasion techniques: `python -m detectors.train.persuasion DATA/persuasion OUT.npz`.

On frozen states of the text encoder (`detectors/train/text_encoder.py`) and frozen features of EfficientNet-Lite0, so it takes minutes on a processor. Fitted
on training/ only; thresholds, and the figures that the log prints first, come from 6-fold cross-validation of it. dev/ is read at the end, to be printed.
Each line of a meme with several is a further example of less weight, whose techniques are those of the passages in it.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from detectors import image, lite0
from detectors.persuasion.classify import chance, encode, passage_features, piece_features, text_features
from detectors.persuasion.encoder import EncodedText
from detectors.persuasion.form import MEASURES
from detectors.persuasion.memes import label_rows, read_memes
from detectors.persuasion.scores import f1_each, f1_intervals, macro_f1, micro_f1, share_thresholds
from detectors.persuasion.techniques import IN_TEXT, OF_TASK

Lines = tuple[np.ndarray, np.ndarray]  # weights (features, techniques) and bias (techniques,)
FOLDS, INNER, SURFACE, FORM, PASSAGES, PICTURE = 6, 4, 5, len(MEASURES), 3 * len(IN_TEXT), lite0.FEATURES
PENALTY = {1: 1e-4, 3: 1e-4}
PIECE_PENALTY, FEW = 3e-4, 100  # FEW: marked pieces below which a technique's threshold is not chosen by F1
SHARES = {"text": 0.4, "surface": 0.2, "form": 0.2, "passages": 1.0, "picture": 0.4}  # how much a group of features counts, whatever their number
STEPS, PIECE_STEPS = 150, 60
LINE_WEIGHT = {1: 0.3, 3: 0.15}  # of a line as an example, beside 1 of a whole text
FEWEST = 3  # words and pieces of a line that is an example
POWER = 0.15  # of a technique's share in its threshold


class TextLine(NamedTuple):
    """A line of the text of meme number `meme`: which of its pieces it has, and its features as a text."""

    meme: int
    pieces: np.ndarray
    features: np.ndarray


@dataclasses.dataclass(frozen=True, slots=True)
class TrainingMemes:
    """One folder read: texts with their states, features of text and picture, labels of tasks 1 and 3 and marked pieces, all in the order of task 3.

    `lines`: the lines of those with several.
    """

    encoded: tuple[EncodedText, ...]
    text: np.ndarray
    picture: np.ndarray
    labels: dict[int, np.ndarray]
    marked: tuple[np.ndarray, ...]
    lines: tuple[TextLine, ...]

    @classmethod
    def read(cls, folder: Path) -> TrainingMemes:
        memes, texts, passages = (read_memes(folder, task) for task in (3, 1, 2))
        encoded = tuple(encode(meme.text) for meme in memes)
        of_text = dict(zip((meme.name for meme in texts), label_rows(texts, 1), strict=True))
        of_piece = {meme.name: meme.labels for meme in passages}
        return cls(
            encoded,
            np.stack([text_features(meme.text, state) for meme, state in zip(memes, encoded, strict=True)]),
            np.stack([lite0.features(image.read(meme.image)) for meme in memes]),
            {1: np.array([of_text[meme.name] for meme in memes]), 3: np.array(label_rows(memes, 3))},
            tuple(piece_labels(state, of_piece[meme.name]) for meme, state in zip(memes, encoded, strict=True)),
            tuple(line for number, (meme, state) in enumerate(zip(memes, encoded, strict=True)) for line in text_lines(number, meme.text, state)),
        )

    def features(self, passages: np.ndarray, task: int) -> np.ndarray:
        """What the lines of a task see, in the order of `PersuasionLines`; `passages` (N, PASSAGES)."""
        return np.concatenate([self.text, passages, *([self.picture] if task == 3 else [])], 1)

    def examples(self, logits: Sequence[np.ndarray], chosen: np.ndarray, task: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features, labels and weights of the chosen memes and of their lines; `logits` of the pieces of every meme.

        A line has the techniques of the passages in it and, in task 3, those that the meme has by its picture alone.
        """
        whole = self.features(passages_of(logits), task)[chosen]
        lines = [line for line in self.lines if line.meme in set(chosen.tolist())]
        memes = np.array([line.meme for line in lines])
        passages = passages_of([logits[line.meme][line.pieces] for line in lines])
        features = np.concatenate([np.stack([line.features for line in lines]), passages, *([self.picture[memes]] if task == 3 else [])], 1)
        labels = np.stack([self.marked[line.meme][line.pieces].any(0) for line in lines])
        if task == 3:
            pictured = self.labels[3][memes].copy()
            pictured[:, : len(IN_TEXT)] &= ~self.labels[1][memes]
            labels = pictured | np.pad(labels, ((0, 0), (0, pictured.shape[1] - len(IN_TEXT))))
        weights = np.concatenate([np.ones(len(whole)), np.full(len(lines), LINE_WEIGHT[task])])
        return np.concatenate([whole, features]), np.concatenate([self.labels[task][chosen], labels]), weights


def text_lines(number: int, text: str, encoded: EncodedText) -> list[TextLine]:
    """The lines of a text that are examples: FEWEST words and pieces at least, of a text with two such lines at least."""
    ends = np.cumsum([len(line) + 1 for line in text.split("\n")])
    places = [(end - 1 - len(line), end - 1) for line, end in zip(text.split("\n"), ends.tolist(), strict=True) if len(line.split()) >= FEWEST]
    found = []
    for start, end in places if len(places) > 1 else []:
        inside = np.array([row for row, piece in enumerate(encoded.pieces) if start <= piece.start < end], int)
        if len(inside) >= FEWEST:
            part = EncodedText(tuple(encoded.pieces[row] for row in inside), encoded.states[:, inside], True)
            found.append(TextLine(number, inside, text_features(text[start:end], part)))
    return found


def passages_of(logits: Sequence[np.ndarray]) -> np.ndarray:
    """What the pieces of each text or line say of it: (N, PASSAGES)."""
    return np.stack([passage_features(each) for each in logits])


def fit_lines(features: np.ndarray, labels: np.ndarray, shares: np.ndarray, penalty: float, weights: np.ndarray | None = None, steps: int = STEPS) -> Lines:
    """Logistic lines, one a technique, of least cross-entropy plus penalty x the squared weights: weights (D, K) and bias (K,) for features as they come.

    Features are brought to mean 0 and deviation 1 and multiplied by `shares` (D,) for the fit. `weights` (N,): how much each example counts.
    """
    counted = np.full(len(features), 1 / len(features)) if weights is None else weights / weights.sum()
    mean = counted @ features
    factor = shares / (np.sqrt(counted @ (features - mean) ** 2) + 1e-6)
    shown = torch.from_numpy(((features - mean) * factor).astype(np.float32))
    goal, counts = torch.from_numpy(labels.astype(np.float32)), torch.from_numpy(counted.astype(np.float32))
    weight = torch.zeros(shown.shape[1], goal.shape[1], requires_grad=True)
    bias = torch.logit((counts @ goal).clamp(1e-4, 0.99)).requires_grad_()
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(shown @ weight + bias, goal, reduction="none")
        value = (counts @ entropy).sum() + penalty * (weight**2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    fitted = weight.detach().numpy() * factor[:, None]
    return fitted.astype(np.float32), (bias.detach().numpy() - mean @ fitted).astype(np.float32)


def shares_of(width: int, task: int) -> np.ndarray:
    """What each feature is multiplied by, so that a group counts as SHARES says."""
    picture = PICTURE if task == 3 else 0
    sizes = {"text": width - SURFACE - FORM - PASSAGES - picture, "surface": SURFACE, "form": FORM, "passages": PASSAGES, "picture": picture}
    return np.concatenate([np.full(size, SHARES[name] / np.sqrt(max(1, size))) for name, size in sizes.items()])


def chances(features: np.ndarray, lines: Lines) -> np.ndarray:
    """The chance of each technique."""
    return chance(features @ lines[0] + lines[1])


def fit_pieces(memes: TrainingMemes, chosen: np.ndarray) -> Lines:
    """The lines that find a technique's pieces, from the chosen texts."""
    features = np.concatenate([piece_features(memes.encoded[number]) for number in chosen])
    shares = np.full(features.shape[1], features.shape[1] ** -0.5)
    return fit_lines(features, np.concatenate([memes.marked[number] for number in chosen]), shares, PIECE_PENALTY, steps=PIECE_STEPS)


def piece_logits(memes: TrainingMemes, lines: Lines, number: int) -> np.ndarray:
    """Log-odds of the pieces of one text."""
    return piece_features(memes.encoded[number]) @ lines[0] + lines[1]


def unseen_logits(memes: TrainingMemes, trained: np.ndarray, seed: int) -> tuple[list[np.ndarray], Lines]:
    """Log-odds of the pieces of every text by lines that have not seen it, and the lines of all `trained` texts (which the other texts get)."""
    inner = np.full(len(memes.encoded), -1)
    inner[trained] = np.random.default_rng(seed).permutation(len(trained)) % INNER
    lines = {fold: fit_pieces(memes, trained[inner[trained] != fold]) for fold in range(INNER)} | {-1: fit_pieces(memes, trained)}
    return [piece_logits(memes, lines[int(inner[number])], number) for number in range(len(memes.encoded))], lines[-1]


def fit_task(memes: TrainingMemes, logits: Sequence[np.ndarray], chosen: np.ndarray, task: int) -> Lines:
    """The lines of a task from the chosen memes."""
    features, labels, weights = memes.examples(logits, chosen, task)
    return fit_lines(features, labels, shares_of(features.shape[1], task), PENALTY[task], weights)


def cross_validated(memes: TrainingMemes, folds: np.ndarray, seed: int) -> dict[int, np.ndarray]:
    """For each task the chances of each text by lines, of pieces too, that have not seen it."""
    scores = {task: np.zeros(labels.shape) for task, labels in memes.labels.items()}
    for fold in range(FOLDS):
        trained, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        logits, _ = unseen_logits(memes, trained, seed)
        for task in memes.labels:
            lines = fit_task(memes, logits, trained, task)
            scores[task][held] = chances(memes.features(passages_of(logits), task)[held], lines)
        print(f"fold {fold + 1} of {FOLDS} done", flush=True)
    return scores


def named(labels: np.ndarray, scores: np.ndarray, folds: np.ndarray, thresholds: Callable[[np.ndarray, np.ndarray], np.ndarray | float]) -> np.ndarray:
    """What is named (N, techniques), each fold by `thresholds` of the labels and scores of the other folds."""
    found = np.zeros(labels.shape, bool)
    for fold in np.unique(folds):
        found[folds == fold] = scores[folds == fold] >= thresholds(labels[folds != fold], scores[folds != fold])
    return found


def report_task(labels: np.ndarray, scores: np.ndarray, folds: np.ndarray, task: int) -> np.ndarray:
    """Print what cross-validation gives, each fold's thresholds chosen on the others; the thresholds of all."""
    found = named(labels, scores, folds, lambda seen, chances: share_thresholds(seen, chances, POWER))
    thresholds = share_thresholds(labels, scores, POWER)
    top = np.zeros(labels.shape, bool)
    top[:, np.argsort(-labels.sum(0))[:3]] = True
    print(
        f"task {task}, {FOLDS} folds of {len(labels)}, thresholds {thresholds.min():.4f} to {thresholds.max():.4f}: {json.dumps(f1_intervals(labels, found))}"
    )
    print(f"    constant top 3: micro {micro_f1(labels, top):.4f}, macro {macro_f1(labels, top):.4f}")
    for technique, value, count in zip(OF_TASK[task], f1_each(labels, found), labels.sum(0), strict=True):
        print(f"    {technique.code}: {value:.3f} of {count}")
    return thresholds


def piece_thresholds(memes: TrainingMemes, logits: Sequence[np.ndarray]) -> np.ndarray:
    """For each technique the chance from which a piece is marked: that of largest F1 over pieces, or as many pieces as people marked where they are few."""
    scores, marked = chance(np.concatenate(logits)), np.concatenate(memes.marked)
    thresholds = []
    for row in range(len(IN_TEXT)):
        count, tried = int(marked[:, row].sum()), np.unique(np.quantile(scores[:, row], np.linspace(0.8, 0.9995, 60)))
        best = (
            max(tried, key=lambda each: micro_f1(marked[:, row], scores[:, row] >= each))
            if count >= FEW
            else np.quantile(scores[:, row], 1 - count / len(marked))
        )
        thresholds.append(float(best))
    print(f"passages, {INNER} folds: micro F1 over pieces {micro_f1(marked, scores >= np.array(thresholds)):.4f}")
    return np.array(thresholds, np.float32)


def piece_labels(encoded: EncodedText, passages: Sequence[dict[str, object]]) -> np.ndarray:
    """For each piece whether it lies in a passage of each technique."""
    rows = {technique.label: row for row, technique in enumerate(IN_TEXT)}
    marked = np.zeros((len(encoded.pieces), len(IN_TEXT)), bool)
    for each in passages:
        for number, piece in enumerate(encoded.pieces):
            if piece.start < int(each["end"]) and piece.end > int(each["start"]):
                marked[number, rows[each["technique"]]] = True
    return marked


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    start, thresholds = time.perf_counter(), {}
    memes, dev = (TrainingMemes.read(asked.folder / part) for part in ("training", "dev"))
    print(
        f"{len(memes.encoded)} memes to train, {len(dev.encoded)} aside, {len(np.concatenate(memes.marked))} pieces, {time.perf_counter() - start:.0f} s",
        flush=True,
    )
    folds = np.random.default_rng(asked.seed).permutation(len(memes.encoded)) % FOLDS
    scores = cross_validated(memes, folds, asked.seed)
    logits, pieces = unseen_logits(memes, np.arange(len(memes.encoded)), asked.seed)
    of_dev = passages_of([piece_logits(dev, pieces, number) for number in range(len(dev.encoded))])
    stored = {"span_weights": pieces[0], "span_bias": pieces[1], "span_thresholds": piece_thresholds(memes, logits)}
    for task, labels in memes.labels.items():
        limits = report_task(labels, scores[task], folds, task).round(5)
        thresholds[f"task{task}"] = {technique.code: float(limit) for technique, limit in zip(OF_TASK[task], limits, strict=True)}
        lines = fit_task(memes, logits, np.arange(len(memes.encoded)), task)
        stored |= {f"weights{task}": lines[0], f"bias{task}": lines[1]}
        if task == 3:  # what the desk puts in a picture's place
            adds = (memes.picture.mean(0) @ lines[0][-lite0.FEATURES :]).round(5)
            thresholds["average_picture"] = {technique.code: float(each) for technique, each in zip(OF_TASK[task], adds, strict=True)}
        found = chances(dev.features(of_dev, task), lines) >= limits
        print(f"task {task}, dev: micro {micro_f1(dev.labels[task], found):.4f}, macro {macro_f1(dev.labels[task], found):.4f}")
    np.savez(asked.out, **stored)
    content = asked.out.read_bytes()
    print(json.dumps({"thresholds": thresholds, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}))
    print(f"seed {asked.seed}, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
