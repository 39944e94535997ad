"""Local, federated and central on the same held-back data: what a node gains by training together, and what it would gain by giving its data away."""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from federated.contract.run_plan import RunPlan
from federated.learning import task
from federated.learning.bench.parts import datasets
from federated.learning.bench.parts.rounds import play

T_975 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}  # Student's t, by the number of seeds
WAYS = ("local", "federated", "central")
PASSES = {"anomaly": (3, 1), "face_adapter": (10, 4), "object_head": (5, 2)}  # rounds, local epochs; local and central make as many passes over their data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which task, which data."""
    parser.add_argument("--task", default="anomaly")
    parser.add_argument("--data", type=Path, required=True, help="a folder of the form of shared/data/anomaly/ped2, or shared/data/faces")
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=0, help="0: the task's own")
    parser.add_argument("--local-epochs", type=int, default=0, help="0: the task's own")
    parser.add_argument("--strategy", default="fedavg")
    parser.add_argument("--keep", type=Path, help="a file with a line for each seed that is done: a bench that was cut off goes on from it")
    parser.add_argument("--save", action="store_true", help="keep the result as federated/learning/figures/triple-<task>.json, which the page of a run shows")


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """All seeds; every figure is the mean over them with a 95 % interval (Student's t)."""
    import torch

    torch.set_num_threads(1)
    if asked.sites < datasets.LEAST_SITES or asked.seeds < 1:
        raise task.TaskError(f"a federation has at least {datasets.LEAST_SITES} sites, and there is at least one seed")
    dataset = datasets.of(asked.task, asked.data)
    rounds, epochs = PASSES[asked.task]
    plan = RunPlan(asked.task, asked.rounds or rounds, asked.local_epochs or epochs, asked.strategy, asked.sites)
    about = {"task": asked.task, "data": asked.data.name, "metric": dataset.metric, "sites": asked.sites}
    about |= {"rounds": plan.rounds, "local_epochs": plan.local_epochs, "strategy": plan.strategy}
    seeds = [
        _reported(kept(asked.keep, about, seed) or keep(asked.keep, about, seed, one(dataset, plan, asked.sites, seed)), seed) for seed in range(asked.seeds)
    ]
    means = {way: interval([float(np.mean(each[way])) for each in seeds]) for way in WAYS}
    places = [{"site": site, **{way: interval([each[way][site] for each in seeds]) for way in WAYS}} for site in range(asked.sites)]
    pairs = {name: interval([float(np.mean(each["federated"]) - np.mean(each[way])) for each in seeds]) for name, way in GAPS.items()}
    costs = {name: round(statistics.fmean(each[name] for each in seeds), 4) for name in COSTS}
    result = {**about, "seeds": asked.seeds, **means, **pairs, "per_site": places, **costs}
    if asked.save:
        save(result)
    return result


def save(result: dict[str, Any]) -> Path:
    """The result with how it was made; the data's place on this machine is nobody's business."""
    path = FIGURES / f"triple-{result['task']}.json"
    command = (
        f"python -m federated bench triple --task {result['task']} --data DATA/{result['data']} --sites {result['sites']} --seeds {result['seeds']} --json"
    )
    machine = f"{os.cpu_count()} cores, load average {os.getloadavg()[2]:.0f}, one thread"
    made = {"command": command, "date": datetime.datetime.now(datetime.UTC).date().isoformat(), "machine": machine, "result": result}
    path.write_text(json.dumps(made, indent=1) + "\n")
    return path


FIGURES = Path(__file__).parent.parent / "figures"
GAPS = {"federated_minus_local": "local", "federated_minus_central": "central"}
COSTS = ("bytes_down_per_site_and_round", "bytes_up_per_site_and_round", "seconds_per_round", "seconds_all_sites_local", "seconds_central")


def one(dataset: datasets.BenchDataset, plan: RunPlan, sites: int, seed: int) -> dict[str, Any]:
    """One deal of the data: for each way the metric of each node, and what it cost."""
    import dataclasses
    import time

    plan = dataclasses.replace(plan, seed=seed)
    with tempfile.TemporaryDirectory() as scratch:
        folders = dataset.deal(Path(scratch), sites, seed)
        together = play(plan, folders)
        if together.net is None:
            raise task.TaskError(f"seed {seed}: {together.reason}")
        splits, began = [task.load(plan.task).samples(folder).train for folder in folders], time.perf_counter()
        local = [dataset.judge(alone(plan, split), [site])[0] for site, split in enumerate(splits)]
        between = time.perf_counter()
        central = dataset.judge(alone(plan, np.concatenate(splits)))
        rows = [row for rows in together.rounds for row in rows]
        return {
            "local": local,
            "federated": dataset.judge(together.net),
            "central": central,
            "bytes_down_per_site_and_round": statistics.fmean(row["bytes_down"] for row in rows),
            "bytes_up_per_site_and_round": statistics.fmean(row["bytes_up"] for row in rows),
            "seconds_per_round": together.seconds / plan.rounds,
            "seconds_all_sites_local": between - began,
            "seconds_central": time.perf_counter() - between,
        }


def alone(plan: RunPlan, samples: np.ndarray) -> Any:
    """A net from the same fresh weights, after as many passes over these samples as the federation's nodes make, in as many pieces."""
    todo = task.load(plan.task)
    net = todo.net(plan.seed)
    for number in range(1, plan.rounds + 1):
        todo.fit(net, samples, epochs=plan.local_epochs, lr=plan.learning_rate or todo.learning_rate, seed=plan.seed + number)
    return net


def kept(file: Path | None, about: dict[str, Any], seed: int) -> dict[str, Any] | None:
    """What an earlier bench of the same plan found for this seed."""
    lines = file.read_text().splitlines() if file and file.exists() else []
    found = [each for each in map(json.loads, lines) if each["about"] == about and each["seed"] == seed]
    return found[-1]["found"] if found else None


def keep(file: Path | None, about: dict[str, Any], seed: int, found: dict[str, Any]) -> dict[str, Any]:
    if file:
        with file.open("a") as lines:
            lines.write(json.dumps({"about": about, "seed": seed, "found": found}) + "\n")
    return found


def _reported(found: dict[str, Any], seed: int) -> dict[str, Any]:
    """A seed takes minutes: say on the error stream how it went."""
    print(f"seed {seed}: " + ", ".join(f"{way} {np.mean(found[way]):.4f}" for way in WAYS), file=sys.stderr, flush=True)
    return found


def interval(values: list[float]) -> dict[str, float]:
    """Mean and the 95 % interval of the mean; of one value only itself."""
    mean = statistics.fmean(values)
    half = T_975.get(len(values), 2.0) * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return {"value": round(mean, 5), "low": round(mean - half, 5), "high": round(mean + half, 5)}
