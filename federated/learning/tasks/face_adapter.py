"""Learn what small faces look like at these nodes: the light adapter on the frozen embedding, from embeddings of enrolled staff that stay where they are.

What travels are the adapter's 66 thousand numbers. No template, no class centre and no list of people leaves a node: class centres invert to faces
(FedGC, AAAI 2022). Within a node other people of the same batch are what a face is told apart from.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from federated.learning.task import HELD_BACK, DamagedData, NotEnoughData, Split, task

if TYPE_CHECKING:
    import torch

FOLDER = Path("training") / "faces"
LEAST_PEOPLE = 10
DIMENSIONS = 128


@task("face_adapter")
class FaceAdapterTask:
    """A sample is one picture: rows of 128 numbers, the sharp embedding, those of shrunken copies, and last a row whose first number says whose it is.

    `<agent folder>/training/faces/*.npz`, one file a person, key `looks` (N, 1 + K, 128). The number is the loss on the last fifth of the people.
    """

    name: str
    detector = "face-adapter"
    needs = "embeddings of enrolled staff, sharp and shrunken (training/faces/*.npz, one file a person)"
    learning_rate = 3e-4
    kept = FOLDER
    own_part = ("contract",)
    max_update_norm = 10.0
    not_private = "its loss tells the faces of a batch apart from each other, so no single picture's part in it can be bounded"

    def count(self, folder: Path) -> int:
        """How many people."""
        return sum(1 for _ in (folder / FOLDER).glob("*.npz"))

    def net(self, seed: int) -> torch.nn.Module:
        """The identity, with a first layer of the seed."""
        import torch

        from detectors.train.face_adapter import Adapter

        torch.manual_seed(seed)
        return Adapter()

    def samples(self, folder: Path) -> Split:
        """Person by person; the last fifth of the people is held back."""
        people = [_read(file, number) for number, file in enumerate(sorted((folder / FOLDER).glob("*.npz")))]
        if len(people) < LEAST_PEOPLE:
            raise NotEnoughData(f"{len(people)} people are too few to learn from: {LEAST_PEOPLE} at the least")
        if len({person.shape[1] for person in people}) > 1:
            raise DamagedData("not every person has the same number of shrunken copies")
        cut = int(len(people) * (1 - HELD_BACK))
        return Split(np.concatenate(people[:cut]), np.concatenate(people[cut:]))

    def probe(self) -> np.ndarray:
        """Made-up embeddings."""
        made = np.random.default_rng(0).normal(size=(16, 3, DIMENSIONS)).astype(np.float32)
        return made / np.linalg.norm(made, axis=-1, keepdims=True)

    def steps(self, samples: np.ndarray) -> int:
        """Gradient steps of one pass."""
        from detectors.train.face_adapter import BATCH

        return -(-len(samples) // BATCH)

    def fit(self, net: torch.nn.Module, samples: np.ndarray, *, epochs: int, lr: float, seed: int) -> float:
        """Train in place and return the mean loss of the last pass."""
        from detectors.train.face_adapter import AdapterRecipe, fit

        return fit(net, _faces(samples), AdapterRecipe(epochs=epochs, lr=lr, seed=seed))

    def metric(self, net: torch.nn.Module, samples: np.ndarray) -> float:
        """How far adapted faces lie from their sharp ones, and how near to other people's: the loss it is trained with."""
        from detectors.train.face_adapter import loss_of

        return loss_of(net, _faces(samples))

    def export(self, net: torch.nn.Module, path: Path) -> str:
        """Write ONNX (input `vectors` (N, 128), output `adapted`) and return its sha256."""
        import hashlib

        import torch

        net.eval()
        names = {"input_names": ["vectors"], "output_names": ["adapted"], "dynamic_axes": {"vectors": {0: "n"}, "adapted": {0: "n"}}}
        torch.onnx.export(net, (torch.zeros(2, DIMENSIONS) + 0.1,), str(path), opset_version=17, dynamo=False, **names)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def agreement(self, net: torch.nn.Module, path: Path, samples: np.ndarray) -> float:
        """max |ONNX - torch| over the adapted embeddings."""
        import torch

        from detectors.weights import open_session

        vectors = np.ascontiguousarray(samples[:, 0], np.float32)
        with torch.no_grad():
            mine = net(torch.from_numpy(vectors)).numpy()
        return float(np.abs(open_session(path).run(None, {"vectors": vectors})[0] - mine).max())

    def card(self) -> dict[str, Any]:
        """What is true of every run of this task."""
        return {
            "family": "faces",
            "licence": "Apache-2.0",
            "source": "trained by the nodes of this federation on embeddings of their enrolled staff, which never left them",
            "preprocessing": {"input": "an embedding of face-embedding (SFace), normalised"},
            "thresholds": {"note": "a door's threshold must be calibrated anew with it"},
            "limits": "below 28 pixels the net for small faces does better alone (docs/faces.md); no camera uses the adapter yet",
        }


def _faces(samples: np.ndarray) -> Any:
    from detectors.train.face_adapter import ShrunkenFaces

    return ShrunkenFaces(samples[:, 0], np.ascontiguousarray(samples[:, 1:-1].transpose(1, 0, 2)), samples[:, -1, 0].astype(int))


def _read(file: Path, person: int) -> np.ndarray:
    try:
        with np.load(file, allow_pickle=False) as content:
            looks = content["looks"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedData(f"the faces {file.name} cannot be read") from error
    if looks.ndim != 3 or looks.shape[1] < 2 or looks.shape[2] != DIMENSIONS or not np.isfinite(looks).all():
        raise DamagedData(f"{file.name} holds no embeddings (pictures, 1 + copies, {DIMENSIONS})")
    owner = np.zeros((len(looks), 1, DIMENSIONS), np.float32)
    owner[:, 0, 0] = person
    return np.concatenate([looks, owner], axis=1)
