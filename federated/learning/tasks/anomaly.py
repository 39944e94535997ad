"""Learn what is normal in front of the cameras: the anomaly detector's net, trained on the small grey frames that each agent keeps for itself."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from federated.learning.task import HELD_BACK, DamagedData, NotEnoughData, Split, task

if TYPE_CHECKING:
    import torch

FOLDER = Path("training") / "anomaly"
LEAST = 64  # samples: fewer say nothing about what is normal
TRAIN_SAMPLES, HELD_BACK_SAMPLES = 2048, 512  # the most a round works on, so that its time does not grow with the age of the node
PROBE_FRAMES = 24


@task("anomaly")
class AnomalyTask:
    """Samples are windows of grey frames from `<agent folder>/training/anomaly/*.npz`; the number is the net's own loss on the latest fifth of them."""

    name: str
    detector = "anomaly"
    needs = "clips of ordinary footage, kept by the agent as small grey frames (training/anomaly/*.npz)"
    learning_rate = 1e-3
    kept = FOLDER
    own_part = ("look.4.",)
    max_update_norm = 10.0  # five local passes over 2,048 samples move the weights by about 2
    node_clip = 0.01  # central privacy: longer updates of a node are cut to it; the noise grows with it
    sample_clip, sample_batch, sample_step = 1.0, 128, 0.1  # local privacy: longest gradient of a window, windows a step, size of a step

    def count(self, folder: Path) -> int:
        """How many clips the agent has kept."""
        return sum(1 for _ in (folder / FOLDER).glob("*.npz"))

    def net(self, seed: int) -> torch.nn.Module:
        """Fresh weights, the same for the same seed."""
        import torch

        from detectors.nets.anomaly import AnomalyNet

        torch.manual_seed(seed)
        return AnomalyNet()

    def samples(self, folder: Path) -> Split:
        """Windows cut from every clip in the agent's folder; those of the latest fifth of the frames are held back."""
        from detectors.train.anomaly import samples_of

        earlier, later = split_by_time([_read(file) for file in sorted((folder / FOLDER).glob("*.npz"))])
        found = Split(samples_of(earlier, limit=TRAIN_SAMPLES), samples_of(later, limit=HELD_BACK_SAMPLES))
        if len(found.train) < LEAST or not len(found.held_back):
            raise NotEnoughData(f"{sum(map(len, earlier)) + sum(map(len, later))} frames of ordinary footage are too few to train on: keep at least a minute")
        return found

    def probe(self) -> np.ndarray:
        """Windows of a made-up still scene with the flicker of a sensor: wilder ones would compare float32's rounding, not the two nets."""
        from detectors.anomaly import small
        from detectors.train.anomaly import samples_of

        rng, shape = np.random.default_rng(0), small(np.zeros((240, 320, 3), np.uint8)).shape
        scene, flicker = rng.integers(40, 200, shape), rng.integers(-2, 3, (PROBE_FRAMES, *shape))
        return samples_of([(scene + flicker).astype(np.uint8)])

    def steps(self, samples: np.ndarray) -> int:
        """Gradient steps of one pass."""
        from detectors.train.anomaly import BATCH

        return -(-len(samples) // BATCH)

    def fit(self, net: torch.nn.Module, samples: np.ndarray, *, epochs: int, lr: float, seed: int) -> float:
        """Train in place and return the mean loss of the last pass."""
        from detectors.train.anomaly import fit

        return float(fit(net, samples, epochs=epochs, lr=lr, seed=seed)["loss"])

    def sample_losses(self, net: torch.nn.Module, samples: torch.Tensor) -> torch.Tensor:
        """The loss of each window (N, 5, 64, 64) of grey values 0..255, for local privacy: (N,)."""
        return net.surprise(samples / 255).mean((1, 2))

    def metric(self, net: torch.nn.Module, samples: np.ndarray) -> float:
        """The net's loss: how badly it predicts footage it has not seen."""
        from detectors.train.anomaly import loss

        return float(loss(net, samples))

    def export(self, net: torch.nn.Module, path: Path) -> str:
        """Write ONNX and return its sha256."""
        from detectors.train.anomaly import export

        return export(net, path)

    def agreement(self, net: torch.nn.Module, path: Path, samples: np.ndarray) -> float:
        """max |ONNX - torch| over these samples, as a share of the largest surprise in them when that is above 1 (float32 has seven digits)."""
        import torch

        from detectors.train.anomaly import agreement

        with torch.no_grad():
            largest = float(net(torch.from_numpy(samples.astype(np.float32) / 255)).abs().max())
        return float(agreement(net, path, samples)) / max(1.0, largest)

    def card(self) -> dict[str, Any]:
        """What is true of every run of this task."""
        return {
            "family": "anomaly",
            "licence": "Apache-2.0",
            "source": "trained by the nodes of this federation on their own footage, which never left them",
            "preprocessing": {"input": "detectors.anomaly.small", "colour": "grey"},
            "thresholds": {"note": "calibrated by each camera on its own ordinary footage; none travels with the weights"},
            "limits": "the loss says how well ordinary footage is predicted; how well unusual events are found `python -m detectors evaluate anomaly` tells",
        }


def split_by_time(clips: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Clips in order of time -> the earlier four fifths of the frames, the latest fifth; a clip across the border is cut."""
    cut = int(sum(map(len, clips)) * (1 - HELD_BACK))
    earlier, later = [], []
    for clip in clips:
        here = min(len(clip), max(0, cut))
        cut -= here
        earlier += [clip[:here]]
        later += [clip[here:]]
    return earlier, later


def _read(file: Path) -> np.ndarray:
    try:
        with np.load(file, allow_pickle=False) as content:
            frames = content["frames"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedData(f"the training clip {file.name} cannot be read") from error
    if frames.dtype != np.uint8 or frames.ndim != 3:
        raise DamagedData(f"the training clip {file.name} holds no grey frames")
    return frames
