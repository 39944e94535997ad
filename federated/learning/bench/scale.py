"""A hundred nodes in one process, a share of them in each round, some late and some broken; and by a cost model what a thousand would need."""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Message

from detectors.errors import BadDataset
from federated.contract.run_events import GateEvent, RoundEvent, RunEvent
from federated.contract.run_plan import RunPlan
from federated.learning import guard, task, weights
from federated.learning.bench.parts import cost
from federated.learning.bench.parts.datasets import LEAST_SITES, Walkway, _folder
from federated.learning.local import FIRST_NODE, LocalGrid
from federated.learning.plan import check, to_run_config
from federated.learning.rounds import FederatedRun, Progress, RunFailed, RunRefused

LEAST_FRAMES = 21  # of a node: the latest fifth must hold a whole window
FULL_SAMPLES = 2048  # what a node with a minute of footage or more trains on in one pass


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many nodes, how many of them in a round, how many of them bad."""
    parser.add_argument("--data", type=Path, required=True, help="a folder of the form of shared/data/anomaly/ped2")
    parser.add_argument("--sites", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.2, help="of the sites, in each round")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--bad", type=float, default=0.1, help="share of the sites that never answer (half of them) or cannot read their data")
    parser.add_argument("--judge-every", type=int, default=5, help="rounds between two looks at the test clips; 0: only at the end")
    parser.add_argument("--nodes", type=int, default=1000, help="of the cost model")
    parser.add_argument("--seed", type=int, default=0)


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Play the rounds, then put what they cost into the model."""
    import torch

    torch.set_num_threads(1)
    if asked.sites < LEAST_SITES or not 0 <= asked.bad < 1:
        raise task.TaskError(f"there are at least {LEAST_SITES} sites, and the share of bad ones lies between 0 and 1")
    quorum = max(LEAST_SITES, math.ceil(asked.share * asked.sites / 2))
    plan = RunPlan("anomaly", asked.rounds, 1, "fedavg", quorum, deadline_s=60, seed=asked.seed, share=asked.share, compare=False)
    check(plan)
    dataset = Pieces(asked.data)
    with tempfile.TemporaryDirectory() as scratch:
        folders = dataset.deal(Path(scratch), asked.sites, asked.seed)
        late, broken = bad(len(folders), asked.bad, asked.seed)
        for site in broken:
            next((folders[site] / "training" / "anomaly").glob("*.npz")).write_bytes(b"a disk that failed")
        found = play(plan, folders, dataset, late, asked.judge_every, Path(scratch) / "home" / "superlink" / "runs" / "1")
    about = {"task": plan.task, "data": asked.data.name, "metric": dataset.metric, "sites": asked.sites, "share": asked.share, "quorum": quorum}
    about |= {"seed": asked.seed, "late_sites": len(late), "broken_sites": len(broken)}
    return {**about, **found, "model": cost.table(cost.NodeCost(**found["measured"]), asked.nodes, asked.share)}


class Pieces(Walkway):
    """Ordinary clips cut in time: every node has two or three seconds of its own. The last clip calibrates the camera that judges."""

    def deal(self, root: Path, sites: int, seed: int) -> list[Path]:
        *mine, self_kept = self.normal
        self._calibrating = [self_kept]
        lengths = [len(clip.frames) for clip in mine]
        counts = shares(lengths, sites)
        if min(counts) < 1 or min(length // count for length, count in zip(lengths, counts, strict=True)) < LEAST_FRAMES:
            problem = f"at least {len(mine)} sites, and {LEAST_FRAMES} frames in a row for each"
            raise BadDataset(f"{sum(lengths)} frames of {len(mine)} clips cannot be cut for {sites} sites: {problem}")
        parts = [part for clip, count in zip(mine, counts, strict=True) for part in np.array_split(self.small[clip.name], count)]
        folders = [_folder(root, site, "anomaly") for site in range(sites)]
        for folder, place in zip(folders, np.random.default_rng(seed).permutation(sites), strict=True):
            np.savez_compressed(folder / "training" / "anomaly" / "0.npz", frames=parts[place])
        return folders


class ManyNodesGrid(LocalGrid):
    """Counts the processor seconds in which nodes work, and the seconds that the rounds would wait for silent ones."""

    work_s = waited_s = 0.0

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """All nodes after each other."""
        began = time.process_time()
        try:
            return super().push_messages(messages)
        finally:
            self.work_s += time.process_time() - began

    def clock(self) -> float:
        """Goes on by itself and jumps where a run waits."""
        return time.perf_counter() + self.waited_s

    def wait(self, seconds: float) -> None:
        """Instead of sleeping."""
        self.waited_s += seconds


def shares(lengths: list[int], parts: int) -> list[int]:
    """How many of `parts` each clip gives, by its length (largest remainder)."""
    exact = [length * parts / sum(lengths) for length in lengths]
    found = [int(each) for each in exact]
    for place in sorted(range(len(exact)), key=lambda n: found[n] - exact[n])[: parts - sum(found)]:
        found[place] += 1
    return found


def bad(sites: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """Who never answers and who cannot read its data: half and half."""
    chosen = np.random.default_rng(seed + 1).permutation(sites)[: round(share * sites)].tolist()
    return sorted(chosen[: len(chosen) // 2]), sorted(chosen[len(chosen) // 2 :])


def play(plan: RunPlan, folders: list[Path], dataset: Walkway, late: list[int], every: int, home: Path) -> dict[str, Any]:
    """The product's rounds, vote and gate; a row a round."""
    from federated.learning.client_app import app

    grid, events = ManyNodesGrid(app, folders, to_run_config(plan)), list[RunEvent]()
    grid.silent = {FIRST_NODE + site for site in late}
    run = FederatedRun("1", plan, task.load(plan.task), grid, home, events.append, grid.clock, grid.wait)
    home.mkdir(parents=True)
    progress = run.begin()
    strategy = guard.build(plan.strategy, guard.Limits(run.task.max_update_norm, plan.min_sites), plan.min_sites)
    rows, start = [], _value_of(run, progress, dataset)
    for number in range(1, plan.rounds + 1):
        work, waited, began, busy = grid.work_s, grid.waited_s, time.perf_counter(), time.process_time()
        try:
            run.round(number, strategy, progress)
        except RunFailed as error:
            raise task.TaskError(str(error)) from error
        spent = {"work_s": grid.work_s - work, "combine_s": time.process_time() - busy - (grid.work_s - work)}
        spent |= {"seconds": time.perf_counter() - began, "waited_s": grid.waited_s - waited}
        value = _value_of(run, progress, dataset) if number == plan.rounds or (every and number % every == 0) else None
        round_ = next(each for each in reversed(events) if isinstance(each, RoundEvent))
        rows.append({**_row(round_), **{name: round(value, 3) for name, value in spent.items()}, "value": value})
    return {"start_value": start, "value": rows[-1]["value"], "rounds": rows, "gate": _finish(run, progress, events), "measured": _measured(rows)}


def _row(event: RoundEvent) -> dict[str, Any]:
    sites = event.sites
    counts = {name: sum(site.status == name for site in sites) for name in ("accepted", "late", "failed", "rejected")}
    moved = {"bytes_down": sum(site.bytes_down for site in sites), "bytes_up": sum(site.bytes_up for site in sites)}
    samples = sum(site.n or 0 for site in sites)
    return {"round": event.round, "asked": len(sites), **counts, "loss": event.loss, "samples": samples, **moved}


def _measured(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Of one node that answered; the training of as many samples as a node with a minute of footage has."""
    answers, samples = sum(row["accepted"] for row in rows), sum(row["samples"] for row in rows)
    size = statistics.fmean(row["bytes_up"] / row["accepted"] for row in rows)
    train = sum(row["work_s"] for row in rows) / samples * FULL_SAMPLES
    return {"bytes_down": size, "bytes_up": size, "train_s": round(train, 3), "combine_s": round(sum(row["combine_s"] for row in rows) / answers, 5)}


def _finish(run: FederatedRun, progress: Progress, events: list[RunEvent]) -> dict[str, Any]:
    """The vote of everybody, and what the gate says."""
    work, began = run.grid.work_s, time.perf_counter()  # type: ignore[attr-defined]
    with contextlib.suppress(RunRefused):  # the event tells why
        run.finish(progress)
    gate = next(event for event in reversed(events) if isinstance(event, GateEvent))
    votes, spent = gate.votes, {"work_s": round(run.grid.work_s - work, 2), "seconds": round(time.perf_counter() - began, 2)}  # type: ignore[attr-defined]
    better = sum(vote.after < vote.before for vote in votes if vote.before is not None and vote.after is not None)
    return {"passed": gate.passed, "reasons": list(gate.reasons), "votes": len(votes), "better_than_before": better, **spent}


def _value_of(run: FederatedRun, progress: Progress, dataset: Walkway) -> float:
    net = run.task.net(run.plan.seed)
    weights.put(net, progress.arrays)
    return round(float(np.mean(dataset.judge(net))), 5)
