"""What the head for false alarms learns from a few judged alerts of each node: alone, together and in one place, beside the people net's own score."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from detectors.metrics import auc
from detectors.objects.head import SIZE
from detectors.objects.people import LOOK_SIZE
from federated.contract.run_plan import RunPlan
from federated.learning import task
from federated.learning.bench.parts.alarms import Alarms
from federated.learning.bench.parts.rounds import play
from federated.learning.bench.triple import WAYS, alone, interval

SCORE = LOOK_SIZE + 5  # where the people net's own score stands among the features


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which footage, how many nodes, how many judged alerts each."""
    parser.add_argument("--data", type=Path, required=True, help="a folder of the form of shared/data/flow/pets09-s2l1-early or shared/data/anomaly/ped2")
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--labels", type=int, default=100, help="judged alerts a site")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--local-epochs", type=int, default=2)


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """AUC and log loss on the later third, mean over the seeds with a 95 % interval (Student's t) that knows nothing of how few people were filmed."""
    import torch

    torch.set_num_threads(1)
    began, dataset = time.perf_counter(), Alarms(asked.data, asked.labels)
    labels, spent = dataset.later[:, SIZE], time.perf_counter() - began
    plan = RunPlan("object_head", asked.rounds, asked.local_epochs, "fedavg", asked.sites)
    seeds = [one(dataset, plan, seed) for seed in range(asked.seeds)]
    share = float(dataset.earlier[:, SIZE].mean())
    return {
        "data": asked.data.name,
        "sites": asked.sites,
        "labels_per_site": asked.labels,
        "seeds": asked.seeds,
        "alerts": {"earlier": len(dataset.earlier), "later": len(labels), "false_earlier": round(share, 3), "false_later": round(float(labels.mean()), 3)},
        "auc": {way: interval([each[way][0] for each in seeds]) for way in WAYS},
        "log_loss": {way: interval([each[way][1] for each in seeds]) for way in WAYS},
        "federated_minus_local": {name: interval([each["federated"][n] - each["local"][n] for each in seeds]) for n, name in enumerate(("auc", "log_loss"))},
        "score_alone_auc": round(auc(-dataset.later[:, SCORE], labels), 5),
        "always_the_share_log_loss": round(log_loss(np.full(len(labels), share), labels), 5),
        "seconds_to_find_and_describe": round(spent, 1),
    }


def one(dataset: Alarms, plan: RunPlan, seed: int) -> dict[str, tuple[float, float]]:
    """For one draw of judged alerts and each way: AUC and log loss; of local-only the mean over the nodes."""
    import dataclasses

    plan = dataclasses.replace(plan, seed=seed)
    with tempfile.TemporaryDirectory() as scratch:
        folders = dataset.deal(Path(scratch), plan.min_sites, seed)
        together = play(plan, folders)
        if together.net is None:
            raise task.TaskError(f"seed {seed}: {together.reason}")
        splits = [task.load(plan.task).samples(folder).train for folder in folders]
    local = [_figures(dataset, alone(plan, split)) for split in splits]
    return {
        "local": (float(np.mean([each[0] for each in local])), float(np.mean([each[1] for each in local]))),
        "federated": _figures(dataset, together.net),
        "central": _figures(dataset, alone(plan, np.concatenate(splits))),
    }


def log_loss(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood in nats."""
    predicted = np.clip(predicted, 1e-6, 1 - 1e-6)
    return float(-np.where(labels == 1, np.log(predicted), np.log(1 - predicted)).mean())


def _figures(dataset: Alarms, net: Any) -> tuple[float, float]:
    predicted = dataset.predict(net)
    return auc(predicted, dataset.later[:, SIZE]), log_loss(predicted, dataset.later[:, SIZE])
