"""Train ODE-Nets and their residual twin on digits: `python -m detectors.train.ode OUT.npz [--data FOLDER] [--seed 0] [--models 1]`.

The twin first; the ODE-Nets, each with a seed of its own, take the twin's first layers as they are and begin with its last layer, since a step of theirs costs
several of the twin's. Each net is kept as it was after the epoch with the least loss on the validation digits; the training ends early when that does not
fall any more. Nets that are in OUT already stay: an interrupted training goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors import mnist, results, weights
from detectors.errors import DetectorError
from detectors.nets.ode import OdeNet, ResidualTwin

Log = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class OdeRecipe:
    """How to train: epochs at the most, epochs without gain after which it ends, highest rate of AdamW, pictures a step, filters, seed."""

    epochs: int = 6
    patience: int = 2
    lr: float = 1e-2
    batch: int = 64
    filters: int = 16
    seed: int = 0


def train(net: nn.Module, digits: mnist.SplitDigits, recipe: OdeRecipe, log: Log = print) -> nn.Module:
    """The trained net (evaluation mode, no gradients)."""
    torch.manual_seed(recipe.seed)
    optimiser = torch.optim.AdamW([each for each in net.parameters() if each.requires_grad], lr=recipe.lr, weight_decay=1e-2)
    steps = -(-len(digits.train.labels) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.lr, total_steps=recipe.epochs * steps, pct_start=0.25)
    rng, began = np.random.default_rng(recipe.seed), time.monotonic()
    best, kept, waited = float("inf"), net.state_dict(), 0
    for epoch in range(recipe.epochs):
        losses = []
        for rows in np.array_split(rng.permutation(len(digits.train.labels)), steps):
            optimiser.zero_grad()
            loss = functional.cross_entropy(net(tensor_of(digits.train.pictures[rows])), torch.from_numpy(digits.train.labels[rows]))
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        held, accuracy = judge(net, digits.validation)
        spent = time.monotonic() - began
        log(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, validation loss {held:.4f}, accuracy {accuracy:.4f}, {spent:.0f} s")
        waited += 1
        if held < best:
            best, kept, waited = held, {name: each.clone() for name, each in net.state_dict().items()}, 0
        if waited >= recipe.patience:
            log(f"ended after epoch {epoch + 1}: the validation loss does not fall any more")
            break
    net.load_state_dict(kept)
    return net.eval().requires_grad_(False)


@torch.no_grad()
def judge(net: nn.Module, digits: mnist.Digits) -> tuple[float, float]:
    """Mean cross-entropy and accuracy."""
    pieces = [net(tensor_of(digits.pictures[n : n + 250])) for n in range(0, len(digits.labels), 250)]
    logits, labels = torch.cat(pieces), torch.from_numpy(digits.labels)
    return float(functional.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean())


def tensor_of(pictures: np.ndarray) -> Tensor:
    """(N, 28, 28) uint8 -> (N, 1, 28, 28) float32 as the nets read it."""
    return torch.from_numpy(pictures[:, None].astype(np.float32))


def save(nets: dict[str, nn.Module], path: Path) -> None:
    """Write all nets' weights into one file; a name is `ode-SEED` or `twin-SEED`."""
    np.savez(path, **{f"{name}/{key}": value.numpy() for name, net in nets.items() for key, value in net.state_dict().items()})


def load(path: Path) -> dict[str, nn.Module]:
    """The nets of such a file, in evaluation mode."""
    found: dict[str, dict[str, Tensor]] = {}
    with np.load(path) as stored:
        for key in stored.files:
            name, part = key.split("/", 1)
            found.setdefault(name, {})[part] = torch.from_numpy(stored[key])
    nets: dict[str, nn.Module] = {}
    for name, parts in found.items():
        classes, filters = parts["head.linear.weight"].shape
        nets[name] = (OdeNet if name.startswith("ode-") else ResidualTwin)(filters, classes)
        nets[name].load_state_dict(parts)
        nets[name].eval().requires_grad_(False)
    return nets


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the twin and `models` ODE-Nets (seeds SEED, SEED + 1, ...), and write them; 2 when the digits cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.ode", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=results.data_folder())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=OdeRecipe().epochs, help="of the twin, at the most")
    parser.add_argument("--ode-epochs", type=int, default=2, help="of an ODE-Net, at the most")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        digits = mnist.read(mnist.find(asked.data, weights.cache()))
    except DetectorError as error:
        print(error, file=sys.stderr)
        return 2
    nets = load(asked.out) if asked.out.exists() else {}
    twin = f"twin-{asked.seed}"
    for name, seed in [(twin, asked.seed)] + [(f"ode-{seed}", seed) for seed in range(asked.seed, asked.seed + asked.models)]:
        if name in nets:
            continue
        recipe = OdeRecipe(asked.epochs, seed=seed) if name == twin else OdeRecipe(asked.ode_epochs, batch=128, seed=seed)
        torch.manual_seed(seed)
        net = ResidualTwin(recipe.filters) if name == twin else OdeNet(recipe.filters)
        if name != twin:
            net.down.load_state_dict(nets[twin].down.state_dict())
            net.down.requires_grad_(False)
            net.head.load_state_dict(nets[twin].head.state_dict())
        print(f"{name}: {json.dumps(dataclasses.asdict(recipe))}", flush=True)
        nets[name] = train(net, digits, recipe, lambda line: print(line, flush=True))
        loss, accuracy = judge(nets[name], digits.test)
        print(f"{name}: test loss {loss:.4f}, accuracy {accuracy:.4f}", flush=True)
        save(nets, asked.out)
    print(json.dumps({"sha256": weights.sha256_of(asked.out), "size": asked.out.stat().st_size}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
