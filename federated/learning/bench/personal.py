"""Before, alone, together, and together with an own part at each node: what personalised federation is worth, on the lab's data and the demo's cameras."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.errors import BadDataset
from federated.contract.run_plan import RunPlan
from federated.learning import personal, task, weights
from federated.learning.bench import triple
from federated.learning.bench.parts import datasets
from federated.learning.bench.parts.cameras import DemoCameras
from federated.learning.bench.parts.rounds import play
from federated.learning.weights import Arrays

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).resolve().parents[3]
FIGURES = triple.FIGURES
HELD = "held_"  # the same way, given up for the shared weights at every node whose own held-back fifth is not better for it
PULL = 0.1  # Ditto: how strongly a node's own weights are held near the common ones (Li et al. 2021: 0.1 to 1)


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """One data set of the comparison: its task, where it lies below the data folder (empty: in the source tree), how many nodes and passes."""

    task: str
    folder: str
    sites: int
    rounds: int
    local_epochs: int
    make: Callable[[Path], datasets.BenchDataset]


def _walkway(folder: Path) -> datasets.BenchDataset:
    dataset = datasets.Walkway(folder)
    dataset.most = FRAMES
    return dataset


FRAMES = 120  # of Ped2 that a node has: two quiet minutes; with all of them a seed takes four times as long
SETS = {
    "demo": Comparison("anomaly", "", 3, 3, 1, DemoCameras),
    "ped2": Comparison("anomaly", "anomaly/ped2", 4, 3, 1, lambda folder: _walkway(folder)),
    "faces": Comparison("face_adapter", "faces", 4, 10, 4, lambda folder: datasets.of("face_adapter", folder)),
    "alarms": Comparison("object_head", "flow/pets09-s2l1-early", 4, 5, 2, lambda folder: datasets.of("object_head", folder)),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which sets; where they are."""
    parser.add_argument("--sets", nargs="+", choices=list(SETS), help="which comparisons; without it all whose data is here")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("SPECOLA_DATA") or ROOT.parent / "shared" / "data"), help="the folder of the data sets"
    )
    parser.add_argument("--footage", type=Path, default=ROOT / "infra" / "footage", help="the demo's clips")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a file with a line for each seed that is done: a bench that was cut off goes on from it")
    parser.add_argument("--save", action="store_true", help="keep each result as federated/learning/figures/personal-<set>.json")


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Every set; a figure is the mean over the seeds with a 95 % interval (Student's t). Larger is better in all of them."""
    import torch

    torch.set_num_threads(1)
    if asked.seeds < 1:
        raise task.TaskError("there is at least one seed")
    chosen = {name: asked.footage if not SETS[name].folder else asked.data / SETS[name].folder for name in asked.sets or SETS}
    lacking = {name: str(folder) for name, folder in chosen.items() if not folder.is_dir()}
    if lacking and asked.sets:
        raise BadDataset(f"the data of {', '.join(lacking)} is not here (--data, or SPECOLA_DATA): {', '.join(lacking.values())}")
    found = {name: compare(name, folder, asked) for name, folder in chosen.items() if name not in lacking}
    return {"sets": found, "not_run": lacking}


def compare(name: str, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """All seeds of one set."""
    of = SETS[name]
    dataset = of.make(folder)
    plan = RunPlan(of.task, of.rounds, of.local_epochs, "fedavg", min(2, of.sites))
    about = {"set": name, "task": of.task, "metric": dataset.metric, "sites": of.sites, "rounds": of.rounds, "local_epochs": of.local_epochs}
    seeds = []
    for seed in range(asked.seeds):
        kept = triple.kept(asked.keep, about, seed) or triple.keep(asked.keep, about, seed, one(dataset, plan, of.sites, seed))
        print(f"{name}, seed {seed}: " + ", ".join(f"{way} {np.mean(kept[way]):.4f}" for way in kept), file=sys.stderr, flush=True)
        seeds.append(kept)
    ways = list(seeds[0])
    means = {way: triple.interval([float(np.mean(each[way])) for each in seeds]) for way in ways}
    gaps = {way: triple.interval([float(np.mean(each[way]) - np.mean(each["alone"])) for each in seeds]) for way in ways if way != "alone"}
    places = [_place(site, ways, seeds) for site in range(of.sites)]
    result = {**about, "seeds": asked.seeds, "mean": means, "minus_alone": gaps, "per_site": places}
    if asked.save:
        save(name, result)
    return result


def save(name: str, result: dict[str, Any]) -> Path:
    """The result with how it was made."""
    path = FIGURES / f"personal-{name}.json"
    machine = f"{os.cpu_count()} cores, load average {os.getloadavg()[2]:.0f}, one thread"
    command = f"python -m federated bench personal --sets {name} --seeds {result['seeds']} --json"
    made = {"command": command, "date": datetime.datetime.now(datetime.UTC).date().isoformat(), "machine": machine, "result": result}
    path.write_text(json.dumps(made, indent=1) + "\n")
    return path


def one(dataset: datasets.BenchDataset, plan: RunPlan, sites: int, seed: int) -> dict[str, list[float]]:
    """One deal of the data: for each way the metric of each node."""
    plan = dataclasses.replace(plan, seed=seed)
    todo = task.load(plan.task)
    with tempfile.TemporaryDirectory() as scratch:
        folders, begun = dataset.deal(Path(scratch), sites, seed), list[Arrays]()
        together = play(plan, folders, each_round=begun.append)
        if together.net is None:
            raise task.TaskError(f"seed {seed}: {together.reason}")
        splits = [todo.samples(folder) for folder in folders]
    shared, lr = weights.of(together.net), plan.learning_rate or todo.learning_rate
    passes = {"epochs": plan.rounds * plan.local_epochs, "lr": lr, "seed": seed + 1}
    found = {"before": dataset.judge(todo.net(seed)), "alone": [], "together": dataset.judge(together.net)}
    heads = _fedper(todo, plan, splits)
    for site, split in enumerate(splits):
        alone = triple.alone(plan, split.train)
        found["alone"] += dataset.judge(alone, [site])
        longer = personal.train(todo, weights.of(alone), split.train, **passes)  # as many passes over its own samples as together and fine-tuned has
        found.setdefault("alone_longer", []).extend(dataset.judge(longer, [site]))
        own = {
            "fine_tune": personal.train(todo, shared, split.train, **passes),
            "last_layer": personal.train(todo, shared, split.train, **passes, only_own_part=True),
            "fedper": heads[site],
            "ditto": _ditto(todo, plan, begun, split.train),
        }
        common = todo.metric(together.net, split.held_back)
        for way, net in own.items():
            value = dataset.judge(net, [site])[0]
            found.setdefault(way, []).append(value)
            found.setdefault(HELD + way, []).append(value if todo.metric(net, split.held_back) < common else found["together"][site])
    return found


def _ditto(todo: task.Task, plan: RunPlan, begun: list[Arrays], samples: np.ndarray) -> torch.nn.Module:
    """Ditto (Li et al. 2021): beside the common weights of each round an own net goes its own way, held near them."""
    import torch

    net = todo.net(plan.seed)
    for number, common in enumerate(begun, 1):
        following = todo.net(0)
        weights.put(following, weights.of(net))
        for name, parameter in following.named_parameters():
            towards = torch.from_numpy(common[name])
            parameter.register_hook(lambda gradient, parameter=parameter, towards=towards: gradient + PULL * (parameter.detach() - towards))
        todo.fit(following, samples, epochs=plan.local_epochs, lr=plan.learning_rate or todo.learning_rate, seed=plan.seed + number)
        net = todo.net(0)
        weights.put(net, weights.of(following))
    return net


def _fedper(todo: task.Task, plan: RunPlan, splits: list[task.Split]) -> list[torch.nn.Module]:
    """FedPer (Arivazhagan et al. 2019): the body is the weighted mean of all nodes after each round, the last layer stays at the node from the beginning."""
    nets = [todo.net(plan.seed) for _ in splits]
    share = np.array([len(split.train) for split in splits], float)
    share /= share.sum()
    for number in range(1, plan.rounds + 1):
        for net, split in zip(nets, splits, strict=True):
            todo.fit(net, split.train, epochs=plan.local_epochs, lr=plan.learning_rate or todo.learning_rate, seed=plan.seed + number)
        made = [weights.of(net) for net in nets]
        for net, mine in zip(nets, made, strict=True):
            mean = {name: sum(part * each[name] for part, each in zip(share, made, strict=True)) for name in mine}
            weights.put(net, {name: value if name.startswith(todo.own_part) else mean[name].astype(value.dtype) for name, value in mine.items()})
    return nets


def _place(site: int, ways: list[str], seeds: list[dict[str, list[float]]]) -> dict[str, Any]:
    return {"site": site, **{way: triple.interval([each[way][site] for each in seeds]) for way in ways}}
