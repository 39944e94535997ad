"""What differential privacy costs: the metric of a task without it and with it, central and local, for several epsilons, on the same deals of the data."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from federated.contract.run_plan import RunPlan
from federated.learning import dpsgd, task
from federated.learning.bench.parts import datasets
from federated.learning.bench.parts.rounds import play
from federated.learning.bench.triple import interval

KINDS = ("central", "local")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which data, which epsilons."""
    parser.add_argument("--task", default="anomaly")
    parser.add_argument("--data", type=Path, required=True, help="a folder of the form of shared/data/anomaly/ped2")
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--local-epochs", type=int, default=1)
    parser.add_argument("--epsilons", type=float, nargs="+", default=[1.0, 4.0, 8.0])
    parser.add_argument("--delta", type=float, default=1e-5)
    parser.add_argument("--clips", type=int, default=0, help="the most clips of a site, for a quicker bench; 0: all it was dealt")


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Every kind and epsilon on every deal; each figure with the 95 % interval of its mean over the deals (Student's t)."""
    import torch

    torch.set_num_threads(1)
    if asked.sites < datasets.LEAST_SITES or asked.seeds < 1:
        raise task.TaskError(f"a federation has at least {datasets.LEAST_SITES} sites, and there is at least one seed")
    dataset = datasets.of(asked.task, asked.data)
    deals = [row for seed in range(asked.seeds) for row in _deal(dataset, asked, seed)]
    about = {"task": asked.task, "data": asked.data.name, "metric": dataset.metric, "sites": asked.sites, "seeds": asked.seeds, "rounds": asked.rounds}
    about |= {"local_epochs": asked.local_epochs, "delta": asked.delta, "samples_a_site": round(np.mean([row["samples"] for row in deals if row["samples"]]))}
    named = {(row["kind"], row["wanted"]): None for row in deals}
    return {**about, "rows": [_row([row for row in deals if (row["kind"], row["wanted"]) == name]) for name in named]}


def _deal(dataset: datasets.BenchDataset, asked: argparse.Namespace, seed: int) -> Iterator[dict[str, Any]]:
    """One deal: the net before any training, then each kind and epsilon from that same net."""
    base = RunPlan(asked.task, asked.rounds, asked.local_epochs, "fedavg", asked.sites, seed=seed, delta=asked.delta)
    todo = task.load(asked.task)
    with tempfile.TemporaryDirectory() as scratch:
        folders = dataset.deal(Path(scratch), asked.sites, seed)
        for folder in folders if asked.clips else ():
            for spare in sorted((folder / "training").glob("*/*.npz"))[asked.clips :]:
                spare.unlink()
        splits = [todo.samples(folder) for folder in folders]
        yield _measured_row(dataset, todo, splits, todo.net(seed), {"kind": "untrained", "wanted": 0.0})
        plans = [base, *(dataclasses.replace(base, privacy=kind, epsilon=epsilon) for kind in KINDS for epsilon in asked.epsilons)]
        for plan in plans:
            for folder in folders:
                (folder / dpsgd.LEDGER).unlink(missing_ok=True)  # the same data, but another world
            played = play(plan, folders)
            if played.net is None:
                raise task.TaskError(f"seed {seed}, {plan.privacy}, epsilon {plan.epsilon:g}: {played.reason}")
            row = _measured_row(dataset, todo, splits, played.net, {"kind": plan.privacy, "wanted": plan.epsilon, **played.privacy})
            print(f"seed {seed}: {row}", file=sys.stderr, flush=True)
            yield row


def _measured_row(dataset: datasets.BenchDataset, todo: task.Task, splits: list[task.Split], net: Any, about: dict[str, Any]) -> dict[str, Any]:
    losses, samples = [todo.metric(net, split.held_back) for split in splits], [len(split.train) for split in splits]
    return {**about, "value": float(np.mean(dataset.judge(net))), "loss": float(np.mean(losses)), "samples": float(np.mean(samples))}


def _row(found: list[dict[str, Any]]) -> dict[str, Any]:
    """One kind and epsilon over all deals; `loss` is the mean on the nodes' held-back data."""
    about = {name: found[0][name] for name in ("kind", "wanted", "unit", "clip") if name in found[0]}
    spent = {name: round(max(each[name] for each in found), 4) for name in ("epsilon", "sigma") if name in found[0]}
    return {**about, **spent, **interval([each["value"] for each in found]), "loss": interval([each["loss"] for each in found])}
