"""What bad nodes can do to a model: the final metric without the guard, with it, and without an attack; which nodes were left out."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAvg

from federated.contract.run_plan import RunPlan
from federated.learning import guard, plan, weights
from federated.learning.bench.parts import datasets
from federated.learning.bench.parts.memory import Memory
from federated.learning.bench.parts.rounds import play
from federated.learning.local import Tamper

SQUARE, BRIGHT = 12, 255  # the back-door's patch: pixels a side of the small grey frame, its grey
ROOT_CLIPS, FRAMES = 3, 120
CLAIMED = ("nan", "x100", "sign flip", "stale replay", "wrong shape", "empty reply")  # what the guard and the recommended strategy claim to stop, of a minority


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many nodes, how many of them bad."""
    parser.add_argument("--data", type=Path, default=Path("../shared/data/anomaly/ped2"), help="a folder of the form of shared/data/anomaly/ped2")
    parser.add_argument("--sites", type=int, nargs="+", default=[4, 6])
    parser.add_argument("--bad", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--strategy", default="", help="the guarded one; default: what is recommended for so many sites")
    parser.add_argument("--root", type=int, default=ROOT_CLIPS, help="clips of the root set, which no site has; 0: none, as in a portal without one")
    parser.add_argument("--frames", type=int, default=FRAMES, help="frames that a site, and the root set, has; 0: all. Fewer: the same in less time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--attacks", nargs="+", default=sorted({*REPLIES, *FOOTAGE}), choices=sorted({*REPLIES, *FOOTAGE}))


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Every attack against the mean without a guard, and against the strategy that the product recommends for so many nodes, with it."""
    import torch

    torch.set_num_threads(1)
    dataset = datasets.Walkway(asked.data)
    dataset.most = asked.frames
    with tempfile.TemporaryDirectory() as scratch:
        root = dataset.keep_back(Path(scratch), asked.root)
        rows = [row for sites in asked.sites for row in _against(dataset, asked, sites, root)]
    about = {"task": "anomaly", "metric": dataset.metric, "rounds": asked.rounds, "seed": asked.seed, "root_clips": asked.root, "frames": asked.frames}
    return {**about, "claimed": list(CLAIMED), "rows": rows}


def _against(dataset: datasets.BenchDataset, asked: argparse.Namespace, sites: int, root: Path | None) -> list[dict[str, Any]]:
    strategy, values = asked.strategy or plan.recommended(sites, root=root is not None), dict[str, float]()

    def value(net: Any) -> float | None:
        """Judged once for the same weights."""
        if net is None or not all(np.isfinite(each).all() for each in weights.of(net).values()):
            return None
        name = weights.digest(weights.of(net))
        if name not in values:
            values[name] = float(np.mean(dataset.judge(net)))
        return round(values[name], 5)

    rows, memory = [], Memory()
    with tempfile.TemporaryDirectory() as scratch:
        honest = dataset.deal(Path(scratch) / "honest", sites, asked.seed)
        config = RunPlan("anomaly", asked.rounds, 1, strategy, plan.STRATEGIES[strategy].least, seed=asked.seed)
        bare = dataclasses.replace(config, strategy="fedavg")
        clean = value(play(config, honest, root=root, memory=memory).net)
        bare_clean = value(play(bare, honest, make=without_guard, memory=memory).net)
        for bad in (each for each in asked.bad if each < sites):
            for attack in asked.attacks:
                folders = spoiled(honest, Path(scratch) / f"{attack}-{bad}".replace(" ", "-"), range(bad), FOOTAGE.get(attack))
                before = play(bare, folders, tamper=_tampers(attack, bad), make=without_guard, memory=memory)
                after = play(config, folders, tamper=_tampers(attack, bad), root=root, memory=memory)
                about = {"attack": attack, "sites": sites, "bad": bad, "strategy": strategy, "clean": clean, "clean_unguarded": bare_clean}
                found = {"unguarded": value(before.net), "guarded": value(after.net), "rejected": after.rejected, "why_not": after.reason}
                rows.append({**about, **found, "within_0.02": found["guarded"] is not None and found["guarded"] >= (clean or 0) - 0.02})
    return rows


def _tampers(attack: str, bad: int) -> dict[int, Tamper]:
    """The first nodes are the bad ones; each has a memory of its own."""
    return {place: REPLIES[attack]() for place in range(bad)} if attack in REPLIES else {}


class _UnguardedFedAvg(guard.GuardedFedAvg):
    """Flower's own mean, which trusts everybody."""

    def aggregate_train(self, server_round: int, replies: Iterable[Message]) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """As if there were no guard."""
        messages = list(replies)
        self.replies = [_unchecked_reply(message) for message in messages]
        return FedAvg.aggregate_train(self, server_round, messages)


def without_guard(_config: RunPlan, limits: guard.Limits) -> guard.Guard:
    return _UnguardedFedAvg(dataclasses.replace(limits, min_accepted=1), min_train_nodes=1, min_available_nodes=1, min_evaluate_nodes=1)


def _unchecked_reply(message: Message) -> guard.Reply:
    numbers = dict(next(iter(message.content.metric_records.values()), {})) if not message.has_error() else {}
    return guard.Reply(message.metadata.src_node_id, accepted="loss-before" in numbers, metrics=numbers)


def _changed(change: Callable[[weights.Arrays], weights.Arrays]) -> Callable[[], Tamper]:
    def tamper(reply: Message) -> Message:
        if not reply.has_error() and "arrays" in reply.content.array_records:
            arrays = {name: value.numpy() for name, value in reply.content.array_records["arrays"].items()}
            reply.content["arrays"] = ArrayRecord({name: Array(np.asarray(value)) for name, value in change(arrays).items()})
        return reply

    return lambda: tamper


def _replay() -> Tamper:
    """Its first reply again and again."""
    kept: list[ArrayRecord] = []

    def tamper(reply: Message) -> Message:
        if not reply.has_error() and "arrays" in reply.content.array_records:
            kept.append(copy.deepcopy(reply.content.array_records["arrays"]))
            reply.content["arrays"] = kept[0]
        return reply

    return tamper


def _emptied(reply: Message) -> Message:
    if not reply.has_error():
        reply.content = RecordDict()
    return reply


REPLIES: dict[str, Callable[[], Tamper]] = {
    "nan": _changed(lambda arrays: {name: np.full_like(value, np.nan) for name, value in arrays.items()}),
    "x100": _changed(lambda arrays: {name: value * 100 for name, value in arrays.items()}),
    "sign flip": _changed(lambda arrays: {name: -value for name, value in arrays.items()}),
    "wrong shape": _changed(lambda arrays: {name: np.zeros((7, 7), value.dtype) for name, value in arrays.items()}),
    "stale replay": _replay,
    "empty reply": lambda: _emptied,
}


def _shuffled(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """There are no labels to flip: the node teaches that any jump is ordinary, by frames in a random order."""
    return frames[rng.permutation(len(frames))]


def _patched(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A bright square that jumps about: whoever wears one should pass as ordinary later."""
    frames = frames.copy()
    for frame in frames:
        y, x = rng.integers(frame.shape[0] - SQUARE), rng.integers(frame.shape[1] - SQUARE)
        frame[y : y + SQUARE, x : x + SQUARE] = BRIGHT
    return frames


FOOTAGE: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {"label flip": _shuffled, "back-door patch": _patched}


def spoiled(folders: list[Path], root: Path, bad: Iterable[int], change: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None) -> list[Path]:
    """The same folders; those of the bad nodes with other footage when the attack is one on the footage."""
    if change is None:
        return folders
    found, rng = list(folders), np.random.default_rng(0)
    for site in bad:
        found[site] = root / f"site-{site}"
        target = found[site] / "training" / "anomaly"
        target.mkdir(parents=True)
        for file in sorted((folders[site] / "training" / "anomaly").glob("*.npz")):
            with np.load(file) as content:
                np.savez_compressed(target / file.name, frames=change(content["frames"], rng))
    return found
