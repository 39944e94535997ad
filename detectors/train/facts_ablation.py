"""What facts are worth to a finder of persuasion techniques: `python -m detectors.train.facts_ablation DATA/persuasion/training LINKED.json`.

The same net (detectors/nets/facts.py), the same folds, the same beginning and order, with no facts, random facts (as many, of other memes) and right facts;
LINKED.json comes from `python3 manage.py link-facts`. Prints F1 of tasks 1 and 3 in 6-fold cross-validation, each fold's threshold from the others, the
differences on the same memes, and the shipped logistic lines in the same folds. Ships nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from detectors.metrics import interval
from detectors.nets.facts import FactsNet
from detectors.persuasion.classify import encode
from detectors.persuasion.memes import read_memes
from detectors.persuasion.scores import best_threshold, macro_f1, micro_f1
from detectors.train.persuasion import FOLDS, TrainingMemes, cross_validated, named

CONDITIONS = ("no facts", "random facts", "right facts")
MOST_PIECES = 48  # of a fact's statement
EPOCHS, BATCH, RATE, DECAY = 12, 32, 1e-3, 0.05
MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"micro": micro_f1, "macro": macro_f1}
Chances = dict[int, np.ndarray]  # by task: (memes, techniques)


class Streams(NamedTuple):
    """What the net sees of all memes: `text` and `facts` as lists of states (pieces, width), `picture` (memes, features)."""

    text: list[np.ndarray]
    picture: np.ndarray
    facts: list[np.ndarray]


def other_facts(linked: Sequence[Sequence[str]], rng: np.random.Generator) -> list[tuple[str, ...]]:
    """For each meme as many facts as it has, drawn from those of other memes and none of its own."""
    pool = [fact for facts in linked for fact in facts]
    drawn = []
    for own in linked:
        rest = sorted(set(pool) - set(own))
        weights = np.array([pool.count(fact) for fact in rest], float)
        drawn.append(tuple(rng.choice(rest, len(own), replace=False, p=weights / weights.sum()).tolist()) if own else ())
    return drawn


def padded(parts: Sequence[np.ndarray], width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists of states as one block (N, longest, width), and where it is filled."""
    block = torch.zeros(len(parts), max(1, *map(len, parts)), width)
    filled = torch.zeros(block.shape[:2], dtype=torch.bool)
    for row, part in enumerate(parts):
        block[row, : len(part)], filled[row, : len(part)] = torch.from_numpy(part), True
    return block, filled


def batch(streams: Streams, rows: np.ndarray) -> tuple[torch.Tensor, ...]:
    """The net's arguments for some memes."""
    width = streams.text[0].shape[1]
    texts, facts = (padded([parts[row] for row in rows], width) for parts in (streams.text, streams.facts))
    return *texts, torch.from_numpy(streams.picture[rows]), *facts


def standardised(streams: Streams, trained: np.ndarray) -> Streams:
    """Each number with mean 0 and deviation 1 over the trained memes' pieces and pictures; facts as the text."""
    pieces, picture = np.concatenate([streams.text[row] for row in trained]), streams.picture[trained]
    mean, spread = pieces.mean(0), pieces.std(0) + 1e-6
    seen = (streams.picture - picture.mean(0)) / (picture.std(0) + 1e-6)
    return Streams([(each - mean) / spread for each in streams.text], seen.astype(np.float32), [(each - mean) / spread for each in streams.facts])


def fit(streams: Streams, labels: Chances, trained: np.ndarray, seed: int) -> FactsNet:
    """The net trained on some memes; beginning and order depend on the seed alone."""
    torch.manual_seed(seed)
    net = FactsNet(streams.text[0].shape[1], streams.picture.shape[1], labels[1].shape[1], labels[3].shape[1])
    goals = {task: torch.from_numpy(rows.astype(np.float32)) for task, rows in labels.items()}
    optimiser, rng = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY), np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = rng.permutation(trained)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            text, meme = net(*batch(streams, rows))
            loss = binary_cross_entropy_with_logits(text, goals[1][rows]) + binary_cross_entropy_with_logits(meme, goals[3][rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return net.eval()


def unseen_chances(streams: Streams, labels: Chances, folds: np.ndarray, seed: int) -> tuple[Chances, list[float]]:
    """The chances of each meme by a net that has not seen it, and the gate of each fold's net."""
    scores, gates = {task: np.zeros(rows.shape) for task, rows in labels.items()}, []
    for fold in range(FOLDS):
        trained, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        shown = standardised(streams, trained)
        net = fit(shown, labels, trained, seed)
        with torch.no_grad():
            for task, logits in zip((1, 3), net(*batch(shown, held)), strict=True):
                scores[task][held] = torch.sigmoid(logits).numpy()
        gates.append(round(float(torch.tanh(net.cross.gate.detach())), 4))
    return scores, gates


def compared(labels: np.ndarray, found: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, object]:
    """F1 of every condition on these memes, and right facts less each other condition, on the same drawn memes."""
    answer: dict[str, object] = {}
    for measure, of in MEASURES.items():
        for name, each in found.items():
            answer[f"{name}, {measure}"] = interval(rows, lambda drawn, of=of, each=each: of(labels[drawn], each[drawn]))
        for name in found.keys() - {"right facts"}:
            answer[f"right facts less {name}, {measure}"] = interval(
                rows,
                lambda drawn, of=of, name=name: of(labels[drawn], found["right facts"][drawn]) - of(labels[drawn], found[name][drawn]),
            )
    return answer


def ablate(memes: TrainingMemes, linked: Sequence[Sequence[str]], states: dict[str, np.ndarray], rival: Chances, folds: np.ndarray, seed: int) -> None:
    """Train, judge and print."""
    right = [tuple(facts) for facts in linked]
    given = dict(zip(CONDITIONS, ([()] * len(right), other_facts(right, np.random.default_rng(seed)), right), strict=True))
    text = [each.states[-1] for each in memes.encoded]
    scores: dict[str, Chances] = {"shipped lines": rival}
    for name, facts in given.items():
        start, nothing = time.perf_counter(), np.zeros((0, text[0].shape[1]), np.float32)
        tokens = [np.concatenate([nothing, *(states[fact] for fact in each)]) for each in facts]
        scores[name], gates = unseen_chances(Streams(text, memes.picture, tokens), memes.labels, folds, seed)
        print(f"{name}: gates {gates}, {time.perf_counter() - start:.0f} s", flush=True)
    with_fact = np.flatnonzero([bool(each) for each in right])
    for task, labels in memes.labels.items():
        found = {name: named(labels, each[task], folds, best_threshold) for name, each in scores.items()}
        for where, rows in (("all", np.arange(len(labels))), ("with a fact", with_fact)):
            for name, value in compared(labels, found, rows).items():
                print(f"task {task}, {where} ({len(rows)}), {name}: {json.dumps(value)}", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("linked", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    by_meme = json.loads(asked.linked.read_text(encoding="utf-8"))
    states = {each["key"]: encode(each["statement"]).states[-1][:MOST_PIECES] for facts in by_meme.values() for each in facts}
    memes = TrainingMemes.read(asked.folder)
    linked = [[each["key"] for each in by_meme[meme.name]] for meme in read_memes(asked.folder, 3)]
    folds = np.random.default_rng(asked.seed).permutation(len(linked)) % FOLDS
    print(f"seed {asked.seed}, {len(linked)} memes, {sum(map(bool, linked))} with a fact, {len(states)} facts", flush=True)
    ablate(memes, linked, states, cross_validated(memes, folds, asked.seed), folds, asked.seed)


if __name__ == "__main__":
    main()
