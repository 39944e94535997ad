"""Learn from operators which alerts are false alarms: a small head on features that each agent keeps of its own alerts.

No picture, label or feature leaves a node, only the head's 2,500 numbers.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.objects.head import SIZE
from federated.learning.task import HELD_BACK, DamagedData, NotEnoughData, Split, task

if TYPE_CHECKING:
    import torch

FOLDER = Path("training") / "objects"
LABELS = {"false_alarm": 1.0, "real": 0.0}  # stands in a file's name: <event id>.<label>.npz; without one nobody has judged it yet
LEAST = 20  # judged alerts, with both kinds among those that are trained on
SAMPLES = 2048  # the newest so many


@task("object_head")
class ObjectHeadTask:
    """A sample is one judged alert: a row of features and, last, 1 for a false alarm and 0 for a real one.

    The number is the log loss on the latest fifth of the judged alerts: smaller is better, 0.693 is what "I don't know" gets.
    """

    name: str
    detector = "object-head"
    needs = "alerts that operators have judged as real or false alarm (training/objects/*.npz, features only)"
    learning_rate = 1e-3
    kept = FOLDER
    own_part = ("say.",)
    max_update_norm = 10.0

    def count(self, folder: Path) -> int:
        """How many judged alerts."""
        return len(_labelled(folder))

    def net(self, seed: int) -> torch.nn.Module:
        """A head that says 0.5 of everything, with a first layer of the seed."""
        import torch

        from detectors.nets.object_head import Head

        torch.manual_seed(seed)
        return Head()

    def samples(self, folder: Path) -> Split:
        """The judged alerts in order of time; the latest fifth is held back."""
        files = _labelled(folder)[-SAMPLES:]
        read = [(*found, label) for file, label in files if (found := _read(file))]
        kept = [np.append(features, label) for features, net, label in read if net == read[-1][1]]  # of another people net: another language
        rows = np.array(kept, np.float32).reshape(-1, SIZE + 1)
        if len(rows) < LEAST:
            raise NotEnoughData(f"{len(rows)} judged alerts are too few to learn from: {LEAST - len(rows)} are missing")
        cut = int(len(rows) * (1 - HELD_BACK))
        false = int(rows[:cut, SIZE].sum())
        if false in (0, cut):
            kind = "false alarms" if not false else "real alerts"
            raise NotEnoughData(f"0 {kind} among the first {cut} judged alerts are too few to learn from: both kinds are needed")
        return Split(rows[:cut], rows[cut:])

    def probe(self) -> np.ndarray:
        """Made-up features and labels."""
        rng = np.random.default_rng(0)
        return np.hstack([rng.normal(size=(16, SIZE)), rng.integers(0, 2, (16, 1))]).astype(np.float32)

    def steps(self, samples: np.ndarray) -> int:
        """Gradient steps of one pass."""
        from detectors.train.object_head import BATCH, STEPS

        return -(-len(samples) * max(1, -(-STEPS * BATCH // len(samples))) // BATCH)

    def fit(self, net: torch.nn.Module, samples: np.ndarray, *, epochs: int, lr: float, seed: int) -> float:
        """Train in place and return the mean log loss of the last pass."""
        from detectors.train.object_head import fit

        return fit(net, samples, epochs=epochs, lr=lr, seed=seed)

    def sample_losses(self, net: torch.nn.Module, samples: torch.Tensor) -> torch.Tensor:
        """The log loss of each judged alert (N, SIZE + 1), for local privacy: (N,)."""
        from torch.nn import functional

        return functional.binary_cross_entropy_with_logits(net.logits(samples[:, :SIZE]), samples[:, SIZE], reduction="none")

    def metric(self, net: torch.nn.Module, samples: np.ndarray) -> float:
        """The log loss: smaller is better."""
        from detectors.train.object_head import log_loss

        return log_loss(net, samples)

    def export(self, net: torch.nn.Module, path: Path) -> str:
        """Write ONNX and return its sha256."""
        from detectors.train.object_head import export

        return export(net, path)

    def agreement(self, net: torch.nn.Module, path: Path, samples: np.ndarray) -> float:
        """max |ONNX - torch| over the probabilities."""
        from detectors.train.object_head import agreement

        return agreement(net, path, samples)

    def card(self) -> dict[str, Any]:
        """What is true of every run of this task."""
        return {
            "family": "objects",
            "licence": "Apache-2.0",
            "source": "trained by the nodes of this federation on features of alerts that their operators judged; features and labels never left them",
            "preprocessing": {"input": "detectors.objects.head.describe"},
            "thresholds": {"note": "none: it is shown beside an alert and never leaves one out"},
            "limits": "it repeats what operators said of similar alerts, their mistakes too; train again when the people net changes",
        }


def _labelled(folder: Path) -> list[tuple[Path, float]]:
    """Files and labels, oldest first: an event's id begins with its time."""
    found = [(file, label) for name, label in LABELS.items() for file in (folder / FOLDER).glob(f"*.{name}.npz")]
    return sorted(found, key=lambda each: each[0].name)


def _read(file: Path) -> tuple[np.ndarray, str] | None:
    """None when it has just been given another label, and so another name."""
    try:
        with np.load(file, allow_pickle=False) as content:
            features, net = content["features"].astype(np.float32), str(content["net"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedData(f"the judged alert {file.name} cannot be read") from error
    if features.shape != (SIZE,) or not np.isfinite(features).all():
        raise DamagedData(f"the judged alert {file.name} does not hold {SIZE} finite features")
    return features, net
