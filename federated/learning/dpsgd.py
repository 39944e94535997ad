"""Local differential privacy at a node: the noise for this round, a list of what was spent that survives a crash, and the training itself.

The list is written before the training: a round that was cut off and is done again counts twice, as it must.

Exceptions (of federated.learning.task.TaskError)::

    PrivacySpent    the epsilon of this run is spent at this node, or nobody can say how much of it is
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.files import write_durably
from federated.learning import privacy
from federated.learning.errors import PlanError
from federated.learning.plan import from_run_config
from federated.learning.task import Task, TaskError

if TYPE_CHECKING:
    import torch

LEDGER = Path("training") / "privacy.json"


class PrivacySpent(TaskError):
    """Nothing is left to train with."""


def fit(todo: Task, net: torch.nn.Module, samples: np.ndarray, config: dict[str, Any], *, folder: Path, run: str, plan: dict[str, Any]) -> dict[str, float]:
    """Train a round in place. Returns what this node has spent in this run so far: {"epsilon", "sigma"}. Raises PrivacySpent."""
    from detectors.train import private

    wanted = from_run_config(plan)
    if wanted.delta * len(samples) >= 1:
        raise PrivacySpent(f"delta {wanted.delta:g} is too large for {len(samples)} samples: it must be below one in their number")
    rate = min(1.0, todo.sample_batch / len(samples))  # type: ignore[attr-defined]
    steps = max(1, round(int(config["epochs"]) / rate))
    rounds = max(1, wanted.rounds - int(config["server-round"]) + 1)
    ledger = Ledger(folder, run, wanted.resume)
    try:
        sigma = privacy.local_sigma(wanted.epsilon, wanted.delta, rate, steps * rounds, ledger.steps)
    except PlanError as error:
        raise PrivacySpent(str(error)) from error
    ledger.add(privacy.Steps(rate, sigma, steps))
    lr = wanted.learning_rate or todo.sample_step  # type: ignore[attr-defined]
    recipe = private.PrivateRecipe(rate, steps, sigma, privacy.clip_of(wanted, todo), lr, float(config.get("proximal-mu", 0.0)))
    private.fit(net, samples, todo.sample_losses, recipe)  # type: ignore[attr-defined]
    return {"epsilon": privacy.local_epsilon(ledger.steps, wanted.delta), "sigma": sigma}


class Ledger:
    """The steps that this node has made in a run and in those it goes on from, in `training/privacy.json`."""

    def __init__(self, folder: Path, run: str, resumes: str | None) -> None:
        self.path, self.run, self._all = folder / LEDGER, run, _read(folder / LEDGER)
        self._all.setdefault(run, {"resumes": resumes, "steps": []})

    @property
    def steps(self) -> list[privacy.Steps]:
        """Oldest first."""
        found: list[privacy.Steps] = []
        run: str | None = self.run
        seen = set[str]()
        while run and run in self._all and run not in seen:
            seen.add(run)
            found = [privacy.Steps(*each) for each in self._all[run]["steps"]] + found
            run = self._all[run]["resumes"]
        return found

    def add(self, made: privacy.Steps) -> None:
        """Count these steps, on disk before they are made."""
        self._all[self.run]["steps"].append([made.rate, made.sigma, made.steps])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(self.path, json.dumps(self._all))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        return {str(run): {"resumes": each["resumes"], "steps": [[float(r), float(s), int(n)] for r, s, n in each["steps"]]} for run, each in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PrivacySpent(f"the list of the privacy this node has spent ({LEDGER}) cannot be read, so nobody can say what is left") from error
