"""Train the three character nets of TweepFake (`detectors/nets/text_characters.py`): Adam, cross-entropy, posts of like length together.

Not as published: PyTorch's initial weights, gradients cut at length 1, and posts of like length in a batch.
Published: 25 epochs in batches of 256. On one thread CHAR_CNN takes about 20 seconds an epoch and learns as published; the nets with a GRU take five minutes
an epoch, so their recipes here are shorter, and every table that shows them says so. `PUBLISHED` is the whole one, for a machine that has the time.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from detectors.nets.text_characters import Alphabet, CharNet

NEAR = 20  # batches' worth of posts that are sorted by length together


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """How long a net learns: epochs over the first `posts` of a random order (None: all), posts a batch, Adam's step."""

    epochs: int
    batch: int
    rate: float = 1e-3
    posts: int | None = None


PUBLISHED = Recipe(25, 256)
RECIPES = {"CHAR_CNN": PUBLISHED, "CHAR_GRU": Recipe(1, 64), "CHAR_CNNGRU": Recipe(1, 64, posts=6_000)}


@dataclasses.dataclass(frozen=True, slots=True)
class CharacterModel:
    """A trained net with its alphabet."""

    net: CharNet
    alphabet: Alphabet

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Log-odds (N,) that a machine wrote each."""
        found = np.zeros(len(texts))
        self.net.eval()
        with torch.inference_mode():
            for chosen in np.array_split(np.argsort([len(text) for text in texts], kind="stable"), max(1, len(texts) // 64)):
                found[chosen] = self.net(*self.alphabet.rows([texts[n] for n in chosen])).double().numpy()
        return found

    @property
    def size(self) -> int:
        """Bytes of the parameters."""
        return sum(4 * each.numel() for each in self.net.parameters())


def batches(lengths: Sequence[int], size: int, seed: int) -> Iterator[np.ndarray]:
    """All rows once, in batches of like length, in random order."""
    rng = np.random.default_rng(seed)
    order, found = rng.permutation(len(lengths)), []
    for begin in range(0, len(order), size * NEAR):
        part = order[begin : begin + size * NEAR]
        part = part[np.argsort(np.asarray(lengths)[part], kind="stable")]
        found += [part[n : n + size] for n in range(0, len(part), size)]
    yield from (found[n] for n in rng.permutation(len(found)))


def half_precision() -> contextlib.AbstractContextManager[object]:
    """Products of matrices in bfloat16 where the processor has instructions for it, which halves the time; the parameters stay float32."""
    able = torch.cpu.get_capabilities()
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(able.get("avx512_bf16") or able.get("amx_bf16")))


def fit(name: str, texts: Sequence[str], machine: np.ndarray, recipe: Recipe, seed: int = 0, note: Callable[[str], None] = lambda _: None) -> CharacterModel:
    """The net `name` after the recipe; `note` gets a line after every fiftieth batch."""
    torch.manual_seed(seed)
    alphabet = Alphabet(texts)
    net = CharNet(name, len(alphabet)).train()
    chosen = np.random.default_rng(seed).permutation(len(texts))[: recipe.posts]
    lengths, goal = [len(texts[n]) for n in chosen], torch.from_numpy(machine.astype(np.float32))
    optimiser, losses = torch.optim.Adam(net.parameters(), lr=recipe.rate), []
    for epoch in range(recipe.epochs):
        for batch in batches(lengths, recipe.batch, seed * 1000 + epoch):
            at = chosen[batch]
            with half_precision():
                scores = net(*alphabet.rows([texts[n] for n in at]))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(scores.float(), goal[at])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            losses.append(loss.item())
            if len(losses) % 50 == 0:
                note(f"{name}, epoch {epoch + 1} of {recipe.epochs}, batch {len(losses)}: loss {np.mean(losses[-50:]):.3f}")
    return CharacterModel(net, alphabet)
