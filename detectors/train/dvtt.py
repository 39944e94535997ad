"""DVTT beside the shipped lines: `python -m detectors.train.dvtt DATA/persuasion WORK`. Ships nothing.

The nets of detectors/nets/dvtt.py on frozen states of the shipped text encoder (last layer that it gives) and of EfficientNet-Lite0's last grid (7 x 7),
for want of BERT and ResNet-50. `task3`: both streams; `task3-text` and `task3-picture`: the same net, the other stream blank; `task1`: the published text
encoder. Six nets each: net k learns from the training memes that are not of fold k, an eighth of them kept back to choose the epoch; it is judged on fold k,
the threshold from the other folds; on dev, the mean of the six. WORK keeps what was computed: with other settings, use another folder.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from detectors import image, lite0, weights
from detectors.metrics import interval
from detectors.nets.dvtt import CELLS, Dvtt, DvttSizes, TextTransformer
from detectors.persuasion.classify import encode
from detectors.persuasion.memes import label_rows, read_memes
from detectors.persuasion.scores import best_threshold, f1_intervals, macro_f1, micro_f1
from detectors.train.persuasion import FOLDS, POWER, TrainingMemes, cross_validated, named, share_thresholds

WIDTH, MOST_PIECES, GRID = 64, 48, "/Clip_1_output_0"  # published: 1024 units; GRID: Lite0's last maps before they are averaged
EPOCHS, PATIENCE, BATCH, RATE, WARM = 40, 3, 32, 5e-4, 20  # published: 40 to 50 epochs, batches of 8, rate 5e-5, a tenth of it from epoch 30
KEPT_BACK, PUBLISHED_THRESHOLD = 8, 0.3
Figure = dict[str, float | None]  # what detectors.metrics.interval gives
MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"micro_f1": micro_f1, "macro_f1": macro_f1}
VARIANTS = {"task3": 3, "task3-text": 3, "task3-picture": 3, "task1": 1}  # by name: its task


class MemeTokens(NamedTuple):
    """Of all memes: `text` (N, T, units) where `read` (N, T), `picture` (N, 49, channels), `labels` by task (N, techniques)."""

    text: np.ndarray
    read: np.ndarray
    picture: np.ndarray
    labels: dict[int, np.ndarray]


def read_streams(folder: Path) -> MemeTokens:
    """A folder's memes in the order of task 3. Raises BadDataset, WeightsError."""
    memes, texts = read_memes(folder, 3), read_memes(folder, 1)
    states = [encode(meme.text).states[-1][:MOST_PIECES] for meme in memes]
    text, read = np.zeros((len(memes), MOST_PIECES, states[0].shape[1]), np.float32), np.zeros((len(memes), MOST_PIECES), bool)
    for row, state in enumerate(states):
        text[row, : len(state)], read[row, : len(state)] = state, True
    session = weights.open_session(weights.find("efficientnet-lite0-1"), [GRID])
    grids = [session.run([GRID], {"pictures": lite0.squeezed(image.read(meme.image))})[0][0] for meme in memes]
    of_text = dict(zip((meme.name for meme in texts), label_rows(texts, 1), strict=True))
    labels = {1: np.array([of_text[meme.name] for meme in memes]), 3: np.array(label_rows(memes, 3))}
    return MemeTokens(text, read, np.stack(grids).reshape(len(memes), -1, CELLS**2).transpose(0, 2, 1), labels)


def blanked(streams: MemeTokens, variant: str) -> MemeTokens:
    """The streams as a variant sees them: what it must not see is one empty piece, or cells of zeros."""
    if variant == "task3-text":
        return streams._replace(picture=np.zeros_like(streams.picture))
    if variant == "task3-picture":
        return streams._replace(text=np.zeros_like(streams.text[:, :1]), read=np.zeros_like(streams.read[:, :1]))
    return streams


def standardised(streams: MemeTokens, like: MemeTokens, trained: np.ndarray) -> MemeTokens:
    """Each number with mean 0 and deviation 1 over the pieces and cells of the trained memes of `like`."""
    pieces, cells = like.text[trained][like.read[trained]], like.picture[trained].reshape(-1, like.picture.shape[2])
    text = np.zeros_like(streams.text)  # of a blank stream nothing is read
    if len(pieces):
        text = ((streams.text - pieces.mean(0)) / (pieces.std(0) + 1e-6) * streams.read[..., None]).astype(np.float32)
    return streams._replace(text=text, picture=(streams.picture - cells.mean(0)) / (cells.std(0) + 1e-6))


def batch(streams: MemeTokens, rows: np.ndarray) -> tuple[torch.Tensor, ...]:
    """The net's arguments for some memes, the text no longer than the longest of them."""
    longest = max(1, int(streams.read[rows].sum(1).max()))
    return tuple(map(torch.from_numpy, (streams.text[rows, :longest], streams.read[rows, :longest], streams.picture[rows])))


def chances(net: nn.Module, streams: MemeTokens, rows: np.ndarray) -> np.ndarray:
    """(rows, techniques)."""
    with torch.no_grad():
        return torch.cat([net(*batch(streams, rows[at : at + 64])) for at in range(0, len(rows), 64)]).numpy()


def fit(streams: MemeTokens, task: int, trained: np.ndarray, seed: int) -> tuple[nn.Module, list[float]]:
    """The net of the epoch with the least cross-entropy on the memes kept back, and that cross-entropy by epoch."""
    torch.manual_seed(seed)
    rng, sizes = np.random.default_rng(seed), DvttSizes(streams.text.shape[2], streams.picture.shape[2], WIDTH)
    net = (Dvtt if task == 3 else TextTransformer)(sizes, streams.labels[task].shape[1])
    goals, order = torch.from_numpy(streams.labels[task].astype(np.float32)), rng.permutation(trained)
    kept, learned = order[: len(order) // KEPT_BACK], order[len(order) // KEPT_BACK :]
    optimiser = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, (step + 1) / WARM))
    losses: list[float] = []
    best = copy.deepcopy(net.state_dict())
    while len(losses) < EPOCHS and (len(losses) <= PATIENCE or min(losses) in losses[-PATIENCE:]):
        net.train()
        shuffled = rng.permutation(learned)
        for start in range(0, len(shuffled), BATCH):
            rows = shuffled[start : start + BATCH]
            loss = nn.functional.binary_cross_entropy(net(*batch(streams, rows)), goals[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        net.eval()
        losses.append(float(nn.functional.binary_cross_entropy(torch.from_numpy(chances(net, streams, kept)), goals[kept])))
        if losses[-1] == min(losses):
            best = copy.deepcopy(net.state_dict())
    net.load_state_dict(best)
    return net.eval(), losses


def learn(variant: str, training: MemeTokens, dev: MemeTokens, folds: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """`unseen` (N, techniques): the chances of each training meme by a net that has not seen it; `dev`: the mean of all folds' nets."""
    task, training, dev = VARIANTS[variant], blanked(training, variant), blanked(dev, variant)
    unseen, of_dev = np.zeros(training.labels[task].shape), np.zeros(dev.labels[task].shape)
    for fold in range(FOLDS):
        start, trained, held = time.perf_counter(), np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        shown = standardised(training, training, trained)
        net, losses = fit(shown, task, trained, seed + fold)
        unseen[held] = chances(net, shown, held)
        of_dev += chances(net, standardised(dev, training, trained), np.arange(len(of_dev))) / FOLDS
        count = sum(each.numel() for each in net.parameters())
        print(f"{variant}, fold {fold + 1}: {count} numbers, kept back {np.round(losses, 4).tolist()}, {time.perf_counter() - start:.0f} s", flush=True)
    return {"unseen": unseen, "dev": of_dev}


def stored(file: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What the file holds, made and written first where it is not there."""
    if not file.is_file():
        np.savez(file, **make())
    with np.load(file) as kept:
        return dict(kept)


def shipped_lines(folder: Path, folds: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The chances of each training meme by the shipped recipe of lines that has not seen it."""
    return {f"task{task}": scores for task, scores in cross_validated(TrainingMemes.read(folder), folds, seed).items()}


def figures(found: dict[str, np.ndarray], rival: np.ndarray, truth: np.ndarray, of_dev: np.ndarray, folds: np.ndarray) -> dict[str, dict[str, Figure]]:
    """Rows of micro and macro F1 of one variant: the 687 by nets that have not seen them, less each rival on the same memes, and dev by the six together.

    `rival`: chances by the shipped lines in the same folds; `truth` and `of_dev`: labels of training and dev.
    """
    ours = named(truth, found["unseen"], folds, best_threshold)
    constant = np.zeros(truth.shape, bool)
    constant[:, np.argsort(-truth.sum(0))[:3]] = True
    others = {"the three most frequent": constant, "the shipped lines": named(truth, rival, folds, lambda seen, scores: share_thresholds(seen, scores, POWER))}
    limit = best_threshold(truth, found["unseen"])
    answer = {"net": f1_intervals(truth, ours)} | {name: f1_intervals(truth, each) for name, each in others.items()}
    for name, each in others.items():
        answer[f"net less {name}"] = {key: difference(truth, ours, each, of) for key, of in MEASURES.items()}
    answer["dev, six nets, threshold from training"] = f1_intervals(of_dev, found["dev"] >= limit)
    answer["dev, six nets, threshold .3 as published"] = f1_intervals(of_dev, found["dev"] >= PUBLISHED_THRESHOLD)
    return answer


def difference(truth: np.ndarray, ours: np.ndarray, other: np.ndarray, measure: Callable[[np.ndarray, np.ndarray], float]) -> Figure:
    """A measure of ours less that of the other, the same memes drawn for both."""
    return interval(range(len(truth)), lambda drawn: measure(truth[drawn], ours[drawn]) - measure(truth[drawn], other[drawn]))


def study(folder: Path, work: Path, only: Sequence[str], seed: int) -> dict[str, dict[str, dict[str, Figure]]]:
    """Learn what WORK lacks; by variant what `figures` gives."""
    work.mkdir(parents=True, exist_ok=True)
    training, dev = (read_streams(folder / part) for part in ("training", "dev"))
    folds = np.random.default_rng(seed).permutation(len(training.text)) % FOLDS
    made = {name: stored(work / f"{name}-{seed}.npz", lambda name=name: learn(name, training, dev, folds, seed)) for name in only}
    rival = stored(work / f"shipped-{seed}.npz", lambda: shipped_lines(folder / "training", folds, seed))
    answer = {}
    for name, found in made.items():
        task = VARIANTS[name]
        answer[name] = figures(found, rival[f"task{task}"], training.labels[task], dev.labels[task], folds)
    return answer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for name, rows in study(asked.folder, asked.work, asked.only, asked.seed).items():
        for row, figure in rows.items():
            print(f"{name}, {row}: {json.dumps({key: figure[key] for key in MEASURES})}", flush=True)


if __name__ == "__main__":
    main()
