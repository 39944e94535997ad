"""A toy task that trains in milliseconds and a federation in this process, so that the rounds can be tested with everything else real."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from federated.contract.run_plan import RunPlan
from federated.learning import task
from federated.learning.client_app import app
from federated.learning.local import LocalGrid
from federated.learning.plan import to_run_config
from federated.learning.rounds import FederatedRun

SLOPE = 3.0


@task.task("line")
class Line:
    """Find y = 3 x from a file of pairs."""

    detector = "line"
    needs = "line.npy"
    learning_rate = 0.1
    kept = Path("line.npy")
    own_part = ("bias",)
    max_update_norm = 5.0
    sample_batch, sample_step = 14, 0.4

    def count(self, folder):
        return int((folder / "line.npy").exists())

    def net(self, seed):
        torch.manual_seed(seed)
        return torch.nn.Linear(1, 1)

    def samples(self, folder):
        if not self.count(folder):
            raise task.NotEnoughData("no line.npy, one is needed")
        pairs = np.load(folder / "line.npy")
        return task.Split(pairs[:-8], pairs[-8:])

    def probe(self):
        return np.linspace(-1, 1, 16, dtype=np.float32).reshape(8, 2)

    def steps(self, samples):
        return 5

    def fit(self, net, samples, *, epochs, lr, seed):
        optimiser = torch.optim.SGD(net.parameters(), lr)
        for _ in range(epochs * 5):
            optimiser.zero_grad()
            loss = self.loss(net, samples)
            loss.backward()
            optimiser.step()
        return loss.item()

    def sample_losses(self, net, pairs):
        return (net(pairs[:, :1]) - pairs[:, 1:]).square()[:, 0]

    def metric(self, net, samples):
        return self.loss(net, samples).item()

    def export(self, net, path):
        torch.onnx.export(net, (torch.zeros(1, 1),), str(path), input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}}, dynamo=False)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def agreement(self, net, path, samples):
        import onnxruntime

        x = samples[:, :1]
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return float(np.abs(session.run(None, {"x": x})[0] - net(torch.from_numpy(x)).detach().numpy()).max())

    def card(self):
        return {"family": "test", "licence": "Apache-2.0", "source": "a test", "preprocessing": {}, "thresholds": {}, "limits": "a line"}

    def loss(self, net, samples):
        pairs = torch.from_numpy(samples)
        return torch.nn.functional.mse_loss(net(pairs[:, :1]), pairs[:, 1:])


class Lab:
    """A federation in this process: sites with data, a grid, and what a run reported."""

    def __init__(self, root: Path, sites: int):
        self.root, self.events = root, []
        self.folders = [self.site(index) for index in range(sites)]
        self.grid = LocalGrid(app, self.folders, to_run_config(RunPlan("line")))
        self.nodes = list(self.grid.contexts)
        self.now = 0.0

    def site(self, index: int) -> Path:
        """A folder with 64 pairs on the line."""
        folder = self.root / f"site{index}"
        folder.mkdir()
        x = np.random.default_rng(index).normal(size=(64, 1)).astype(np.float32)
        np.save(folder / "line.npy", np.hstack([x, SLOPE * x]))
        return folder

    def lay_root(self, slope: float = SLOPE) -> Path:
        """A root set at the portal: pairs on a line that no site has."""
        folder = self.root / "superlink" / "root" / "line"
        folder.mkdir(parents=True, exist_ok=True)
        x = np.random.default_rng(99).normal(size=(64, 1)).astype(np.float32)
        np.save(folder / "line.npy", np.hstack([x, slope * x]))
        return folder

    def run(self, run_id: str = "1", **plan) -> FederatedRun:
        """A run of the toy task whose clock only moves when it sleeps."""
        plan = RunPlan("line", **{"rounds": 2, "min_sites": 2, **plan})
        return FederatedRun(run_id, plan, task.load("line"), self.grid, self.root / "superlink" / "runs" / run_id, self.note, lambda: self.now, self.wait)

    def note(self, event):
        self.events.append(event.to_json())

    def wait(self, seconds):
        self.now += seconds

    def of(self, kind: str) -> list[dict]:
        """The events of one kind."""
        return [event for event in self.events if event["kind"] == kind]

    def row(self, node: int, number: int = 0) -> dict:
        """What a round reported about a node."""
        return next(row for row in self.of("round")[number]["sites"] if row["node"] == str(node))
