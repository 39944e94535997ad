"""The measures of detectors/adversarial in torch, so that an attacker has their gradients: the same numbers, up to whole levels, of (N, 3, H, W) RGB 0..255.

What has no gradient is passed straight through (JPEG, fewer bits; BPDA, Athalye 2018) or counts as fixed (ranks, which class is first). The nets are the
files that ship. `tests/detectors/test_detectors_own_score.py` compares every measure with the detector's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch.nn import functional

from detectors import fusion, weights
from detectors.adversarial import face, picture
from detectors.adversarial.looks import BLOCK, EPSILON, FOLLOWED
from detectors.attacks.gradient import jpeg
from detectors.nets.onnx_run import OnnxNet

Measures = dict[str, torch.Tensor]  # (N,) each
GREY = (0.299, 0.587, 0.114)  # of red, green, blue


class DetectorScore:
    """The log-odds of a detector's score of a batch, with gradients; `kind` is "face" or "image"."""

    def __init__(self, kind: str) -> None:
        self.nets = FaceTwin() if kind == "face" else PictureTwin()
        read = fusion.read(weights.find(f"adversarial-{kind}-1"))
        self._names = read.names
        self._arrays = {name: torch.from_numpy(getattr(read, name)) for name in ("mean", "scale", "hidden", "bias", "out", "offset", "linear")}

    @property
    def scales(self) -> list[float]:
        """The standard deviation of each measure among the crops that the detector learned from, in the order of its measures."""
        return self._arrays["scale"].tolist()

    def log_odds(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) -> (N,): what the detector's score is the logistic of."""
        found, of = self.nets.measures(x), self._arrays
        seen = (torch.stack([found[name] for name in self._names], 1) - of["mean"]) / of["scale"]
        seen = seen + (seen.clamp(-fusion.CLIP, fusion.CLIP) - seen).detach()  # beyond the clip an attacker still wants the way back
        inner = (torch.einsum("nm,vmh->vnh", seen, of["hidden"]) + of["bias"][:, None]).relu()
        return (torch.einsum("vnh,vh->vn", inner, of["out"]) + of["linear"] @ seen.T + of["offset"][:, None]).mean(0)


class FaceTwin:
    """`detectors.adversarial.face.FaceNets` with gradients."""

    def __init__(self) -> None:
        self._attacked, self._second = OnnxNet(weights.find("sface-2021dec"), ("fc1", *face.LAYERS)), OnnxNet(weights.find("sface-small-1"))

    def answers(self, x: torch.Tensor) -> torch.Tensor:
        """Unit embeddings (N, 128)."""
        return functional.normalize(self._attacked(x)[0])

    def measures(self, x: torch.Tensor) -> Measures:
        """All measures of aligned 112 x 112 crops by name."""
        here, layers = self._embed(x)
        found, ends = {"length": _log(here.norm(dim=1))}, []
        for name, look in looks(x).items():
            there, layers_there = self._embed(look)
            moved, far = _apart(here, there), _change(x, look)
            ends.append(functional.normalize(there))
            found |= {f"{name}_moved": moved, f"{name}_features": _log(moved), f"{name}_ratio": _log(moved) - _log(far)}
            found |= {f"{name}_change": _log(far), f"{name}_length": _log(there.norm(dim=1)) - found["length"]}
            if name in FOLLOWED:
                found |= _trajectory(name, layers, layers_there)
        middle = torch.stack(ends).mean(0)
        found["looks_apart"] = _log(torch.stack([_apart(each, middle) for each in ends]).mean(0))
        found["looks_middle"] = _log(_apart(here, middle))
        for side in face.SMALL_SIDES:
            second = self._second(_rounded(_cubic(functional.avg_pool2d(x, face.SIDE // side), face.SIDE)))[0]
            found |= {f"second_{side}": _apart(second, here), f"second_{side}_middle": _apart(second, middle)}
        return found | grain(x)

    def _embed(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        vector, *maps = self._attacked(x)
        return vector, [each.mean((2, 3)) for each in maps]


class PictureTwin:
    """`detectors.adversarial.picture.PictureNets` with gradients."""

    def __init__(self) -> None:
        self._attacked, self._second = (OnnxNet(weights.find(f"efficientnet-{size}-1")) for size in ("lite0", "lite2"))

    def answers(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, 1000)."""
        return self._attacked(x)[0]

    def measures(self, x: torch.Tensor) -> Measures:
        """All measures of 224 x 224 pictures by name."""
        logits, features, layers = self._run(x)
        shares, top = logits.softmax(1), logits.argmax(1)
        ordered = logits.topk(2).values
        found = {
            "top": _log(1 - _at(shares, top)),
            "logit": ordered[:, 0],
            "lead": ordered[:, 0] - ordered[:, 1],
            "unsure": -(shares * _log(shares)).sum(1),
            "length": _log(features.norm(dim=1)),
            "others": torch.zeros(len(x)),
        }
        seen = []
        for name, look in looks(x).items():
            logits_there, features_there, layers_there = self._run(look)
            there = logits_there.softmax(1)
            seen.append(there)
            moved, far = _apart(features, features_there), _change(x, look)
            rival = logits_there.scatter(1, top[:, None], -torch.inf).argmax(1)
            found |= {
                f"{name}_moved": (shares - there).abs().sum(1),
                f"{name}_own": _log(_at(there, top)),
                f"{name}_drop": _at(logits - logits_there, top),
                f"{name}_rise": _at(logits_there - logits, rival),
                f"{name}_features": _log(moved),
                f"{name}_ratio": _log(moved) - _log(far),
                f"{name}_change": _log(far),
            }
            found["others"] = found["others"] + (there.argmax(1) != top)
            if name in FOLLOWED:
                found |= _trajectory(name, layers, layers_there)
        return found | self._second_opinion(x, logits, torch.stack(seen), top) | grain(x)

    def _second_opinion(self, x: torch.Tensor, logits: torch.Tensor, seen: torch.Tensor, top: torch.Tensor) -> Measures:
        second, shares = self._second(x)[0], logits.softmax(1)
        there, best = second.softmax(1), second.argmax(1)
        a, b = logits - logits.mean(1, keepdim=True), second - second.mean(1, keepdim=True)
        return {
            "second_own": _log(_at(there, top)),
            "second_sure": _log(1 - _at(there, best)),
            "second_same": (best == top).float(),
            "second_lead": _at(second, best) - _at(second, top),
            "second_rank": _log((second > _at(second, top)[:, None]).sum(1).float()),
            "second_here": _log(_at(shares, best)),
            "second_lead_here": _at(logits, top) - _at(logits, best),
            "second_looks": torch.stack([_log(_at(each, best)) for each in seen]).mean(0),
            "second_moved": (shares - there).abs().sum(1),
            "second_alike": (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)),
        }

    def _run(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        logits, features, layers = self._attacked(x)
        return logits, features, list(layers.split(picture.BLOCKS, 1))


def looks(x: torch.Tensor) -> Measures:
    """The eight looks of `detectors.adversarial.looks.looks`, (N, 3, H, W) each."""
    side = x.shape[2]
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 8, (side, side, 3))[..., ::-1].astype(np.float32).transpose(2, 0, 1).copy())
    return {
        "jpeg75": _straight(x, jpeg(x.detach(), 75)),
        "jpeg40": _straight(x, jpeg(x.detach(), 40)),
        "half": _rounded(_cubic(_rounded(functional.avg_pool2d(x, 2)), side)),
        "blur": _rounded(_blurred(x, 9, 1.3)),
        "median": _median(x),
        "bits": _straight(x, torch.div(x.detach(), 32, rounding_mode="floor") * 32 + 16),
        "noise": _straight(x, (x + noise).detach().clamp(0, 255).floor()),
        "flip": x.flip(3),
    }


def grain(x: torch.Tensor) -> Measures:
    """`detectors.adversarial.looks.grain`."""
    grey = _rounded(sum(share * x[:, n] for n, share in enumerate(GREY)))
    smooth = x - _blurred(x, 9, 1.0)
    found = {"contrast": _log(grey.flatten(1).std(1, unbiased=False)), "level": grey.mean((1, 2)) / 255}
    for name, residual in (("rest", x - _median(x)), ("smooth", smooth)):
        spread = residual.flatten(1).std(1, unbiased=False)
        found[f"{name}_spread"] = _log(spread)
        found[f"{name}_peaks"] = _log((residual**4).mean((1, 2, 3)) / (spread**4).clamp_min(EPSILON))
        pairs = {
            "right": (residual[..., 1:], residual[..., :-1]),
            "below": (residual[..., 1:, :], residual[..., :-1, :]),
            "diagonal": (residual[..., 1:, 1:], residual[..., :-1, :-1]),
            "next": (residual[..., 2:], residual[..., :-2]),
            "blue_green": (residual[:, 2], residual[:, 1]),
            "green_red": (residual[:, 1], residual[:, 0]),
        }
        found |= {f"{name}_{pair}": _alike(*both) for pair, both in pairs.items()}
    found |= _local(grey, smooth)
    found |= _bands(grey)
    for name, axis in (("grid_columns", 2), ("grid_rows", 1)):
        steps = grey.diff(dim=axis).abs().mean(3 - axis)
        phase = torch.stack([steps[:, start::BLOCK].mean(1) for start in range(BLOCK)], 1)
        found[name] = _log(phase[:, BLOCK - 1]) - _log(phase.mean(1))
    return found


def _local(grey: torch.Tensor, residual: torch.Tensor) -> Measures:
    energy = _box((residual**2).mean(1), BLOCK).flatten(1)
    texture = (_box(grey**2, 16) - _box(grey, 16) ** 2).flatten(1)
    found = {f"quiet_{share}": _log(energy.quantile(share / 100, dim=1)) for share in (5, 20, 50, 80)}
    quiet = texture.detach().argsort(1)[:, : texture.shape[1] // 10]
    return found | {"quiet_even": _log(energy.gather(1, quiet).mean(1)), "texture_grain": _alike(_log(texture), _log(energy))}


def _bands(grey: torch.Tensor) -> Measures:
    blocks = grey.unfold(1, BLOCK, BLOCK).unfold(2, BLOCK, BLOCK).flatten(1, 2) - 128
    line = np.cos(np.pi * (2 * np.arange(BLOCK) + 1) * np.arange(BLOCK)[:, None] / (2 * BLOCK)) / 2
    wave = torch.from_numpy(line.astype(np.float32))
    energy = (wave @ blocks @ wave.T) ** 2
    diagonal, found = torch.from_numpy(np.add.outer(np.arange(BLOCK), np.arange(BLOCK))), {}
    for band in range(1, 13):
        inside = energy[..., diagonal == band]
        found[f"band_{band}"] = _log(inside.mean((1, 2)))
        found[f"band_quiet_{band}"] = _log(inside.mean(2).quantile(0.2, dim=1))
    return found


def _trajectory(name: str, here: Sequence[torch.Tensor], there: Sequence[torch.Tensor]) -> Measures:
    return {f"{name}_layer_{at}": _log(_apart(a, b)) for at, (a, b) in enumerate(zip(here, there, strict=True))}


def _straight(x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """`seen`, with the gradient of x."""
    return x + (seen - x).detach()


def _rounded(x: torch.Tensor) -> torch.Tensor:
    """Whole levels, as a picture of bytes has them, with the gradient of x."""
    return _straight(x, x.detach().round().clamp(0, 255))


def _cubic(x: torch.Tensor, side: int) -> torch.Tensor:
    return functional.interpolate(x, size=(side, side), mode="bicubic", align_corners=False)


def _blurred(x: torch.Tensor, size: int, sigma: float) -> torch.Tensor:
    line = torch.from_numpy(cv2.getGaussianKernel(size, sigma).astype(np.float32))
    return functional.conv2d(functional.pad(x, [size // 2] * 4, mode="reflect"), (line @ line.T).expand(3, 1, size, size), groups=3)


def _median(x: torch.Tensor) -> torch.Tensor:
    height, width = x.shape[2:]
    around = functional.pad(x, [1] * 4, mode="replicate")
    return torch.stack([around[..., a : a + height, b : b + width] for a in range(3) for b in range(3)]).median(0).values


def _box(x: torch.Tensor, size: int) -> torch.Tensor:
    """OpenCV's box filter of an even size of (N, H, W)."""
    before, after = size // 2, size - 1 - size // 2
    return functional.avg_pool2d(functional.pad(x[:, None], (before, after, before, after), mode="reflect"), size, 1)[:, 0]


def _log(value: torch.Tensor) -> torch.Tensor:
    return (value.clamp_min(0) + EPSILON).log()


def _apart(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return 1 - (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-12)


def _change(x: torch.Tensor, look: torch.Tensor) -> torch.Tensor:
    return ((x - look) ** 2).mean((1, 2, 3)).add(1e-12).sqrt()


def _at(rows: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    return rows.gather(1, classes[:, None])[:, 0]


def _alike(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    a, b = a.flatten(1), b.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / ((a * a).sum(1) * (b * b).sum(1)).sqrt().clamp_min(EPSILON)
