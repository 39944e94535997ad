"""Efficient ViT and Convolutional Cross ViT, the nets that deepfake videos are measured against, at their published sizes.

Coccomini, Messina, Gennaro, Falchi, *Combining EfficientNet and Vision Transformers for Video Deepfake Detection*, ICIAP 2022 (arXiv 2107.02612): Efficient ViT
109 million parameters, Convolutional Cross ViT on EfficientNet-B0 101 million. Written from the paper and from what its released code computes (MIT), which is
not always what the text says: at 224 pixels both branches of the Cross ViT see ONE token beside the class token (a patch of 7 cells of the 7 x 7 map, and of
56 cells of the 56 x 56 map), not several. No weights of these nets can be had offline and none ship: they are here for size and speed, and to be trained.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from detectors.nets.lite import STAGES, Block, Same

SIDE = 224  # pixels of the input
HEADS, HEAD, MLP, DROPOUT = 8, 64, 2048, 0.15
FINE, COARSE = 192, 384  # numbers a token of the Cross ViT's two branches
TOGETHER = 32  # pictures of a training batch; the released Efficient ViT has a position for each of them instead of each token


class SqueezeBlock(Block):
    """EfficientNet-B0's block: Lite0's with squeeze and excitation, and Swish in place of ReLU6."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__(channels, out, kernel, stride, expansion)
        wide, squeezed = channels * expansion, max(1, channels // 4)
        self._se_reduce, self._se_expand = nn.Conv2d(wide, squeezed, 1), nn.Conv2d(squeezed, wide, 1)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, out, H / stride, W / stride)."""
        wide = functional.silu(self._bn0(self._expand_conv(seen))) if self.widens else seen
        wide = functional.silu(self._bn1(self._depthwise_conv(wide)))
        share = self._se_expand(functional.silu(self._se_reduce(wide.mean((2, 3), keepdim=True))))
        narrow = self._bn2(self._project_conv(torch.sigmoid(share) * wide))
        return seen + narrow if self.skips else narrow


class EfficientNetB0(nn.Module):
    """The trunk with the names of the published ImageNet weights; its classifier is unused, and counted by the paper."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = Same(3, 32, 3, 2), nn.BatchNorm2d(32, eps=1e-3)
        blocks, channels = [], 32
        for repeats, kernel, stride, expansion, out in STAGES:
            for turn in range(repeats):
                blocks.append(SqueezeBlock(channels, out, kernel, stride if turn == 0 else 1, expansion))
                channels = out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1, self._fc = Same(channels, 1280, 1, 1), nn.BatchNorm2d(1280, eps=1e-3), nn.Linear(1280, 1000)

    def after(self, pictures: torch.Tensor, count: int) -> torch.Tensor:
        """The map (N, C, h, w) after `count` blocks."""
        seen = functional.silu(self._bn0(self._conv_stem(pictures)))
        for block in self._blocks[:count]:
            seen = block(seen)
        return seen

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, 3, 224, 224), normalised, -> the last map (N, 1280, 7, 7)."""
        return functional.silu(self._bn1(self._conv_head(self.after(pictures, len(self._blocks)))))


class Attention(nn.Module):
    """Multi-head attention of tokens (N, T, size) to themselves, or to themselves and `others` (N, U, size)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.to_q, self.to_kv = nn.Linear(size, HEADS * HEAD, bias=False), nn.Linear(size, 2 * HEADS * HEAD, bias=False)
        self.to_out, self.dropout = nn.Linear(HEADS * HEAD, size), nn.Dropout(DROPOUT)

    def forward(self, tokens: torch.Tensor, others: torch.Tensor | None = None) -> torch.Tensor:
        """(N, T, size)."""
        sources = tokens if others is None else torch.cat((tokens, others), 1)
        query, key, value = (self._by_head(each) for each in (self.to_q(tokens), *self.to_kv(sources).chunk(2, -1)))
        seen = functional.scaled_dot_product_attention(query, key, value)
        return self.dropout(self.to_out(seen.transpose(1, 2).flatten(2)))

    @staticmethod
    def _by_head(numbers: torch.Tensor) -> torch.Tensor:
        return numbers.unflatten(-1, (HEADS, HEAD)).transpose(1, 2)


class Encoder(nn.Module):
    """`depth` pre-norm layers of attention and MLP; `closed` by a norm of its own or not."""

    def __init__(self, size: int, depth: int, *, closed: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "norm": nn.LayerNorm(size),
                    "attention": Attention(size),
                    "mlp": nn.Sequential(nn.LayerNorm(size), nn.Linear(size, MLP), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(MLP, size), nn.Dropout(DROPOUT)),
                }
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(size) if closed else nn.Identity()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, T, size) -> (N, T, size)."""
        for layer in self.layers:
            tokens = tokens + layer["attention"](layer["norm"](tokens))
            tokens = tokens + layer["mlp"](tokens)
        return self.norm(tokens)


class Patches(nn.Module):
    """A map (N, C, h, w) cut into squares of `patch` cells -> a class token and one token a square, (N, 1 + T, size).

    `positions` (1, P, size) are as many as the released code keeps, which are more than tokens, or none.
    """

    def __init__(self, channels: int, patch: int, size: int, positions: int) -> None:
        super().__init__()
        self.patch, self.to_token = patch, nn.Linear(channels * patch**2, size)
        self.positions = nn.Parameter(torch.randn(1, positions, size)) if positions else None
        self.first = nn.Parameter(torch.randn(1, 1, size))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """The tokens."""
        count, channels, high, wide = seen.shape
        cells = seen.reshape(count, channels, high // self.patch, self.patch, wide // self.patch, self.patch)
        tokens = self.to_token(cells.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2))
        tokens = torch.cat((self.first.expand(count, -1, -1), tokens), 1)
        return self.dropout(tokens if self.positions is None else tokens + self.positions[:, : tokens.shape[1]])


class CrossAttention(nn.Module):
    """Two rounds in which the class token of each branch looks at the other branch's tokens, in the other's size."""

    def __init__(self, rounds: int = 2) -> None:
        super().__init__()
        self.rounds = nn.ModuleList(nn.ModuleList((_Looking(FINE, COARSE), _Looking(COARSE, FINE))) for _ in range(rounds))

    def forward(self, fine: torch.Tensor, coarse: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 1 + T, FINE), (N, 1 + U, COARSE) -> the same."""
        for to_coarse, to_fine in self.rounds:
            fine = torch.cat((fine[:, :1] + to_coarse(fine[:, :1], coarse[:, 1:]), fine[:, 1:]), 1)
            coarse = torch.cat((coarse[:, :1] + to_fine(coarse[:, :1], fine[:, 1:]), coarse[:, 1:]), 1)
        return fine, coarse


class _Looking(nn.Module):
    def __init__(self, own: int, other: int) -> None:
        super().__init__()
        self.into, self.back = nn.Linear(own, other), nn.Linear(other, own)
        self.norm, self.attention = nn.LayerNorm(other), Attention(other)

    def forward(self, first: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        return self.back(self.attention(self.norm(self.into(first)), others))


class EfficientViT(nn.Module):
    """(N, 3, 224, 224), normalised, -> logit (N, 1): B0's last map as one token of 1024 and a class token, six layers.

    The released code adds to each picture the position of its place in the batch; the first is used for all here, so that an answer does not depend on its
    neighbours.
    """

    def __init__(self, size: int = 1024, depth: int = 6) -> None:
        super().__init__()
        self.trunk, self.patches = EfficientNetB0(), Patches(1280, 7, size, 0)
        self.place = nn.Parameter(torch.randn(TOGETHER, 1, size))
        self.encoder = Encoder(size, depth, closed=False)
        self.head = nn.Sequential(nn.Linear(size, MLP), nn.ReLU(), nn.Linear(MLP, 1))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The logit."""
        return self.head(self.encoder(self.patches(self.trunk(pictures)) + self.place[:1])[:, 0])


class ConvolutionalCrossViT(nn.Module):
    """(N, 3, 224, 224), normalised, -> logit (N, 1): two trunks, the last map and the one after three blocks, four encoders that look at each other."""

    def __init__(self, depth: int = 4) -> None:
        super().__init__()
        self.fine_trunk, self.fine_patches = EfficientNetB0(), Patches(1280, 7, FINE, (SIDE // 7) ** 2 + 1)
        self.coarse_trunk, self.coarse_patches = EfficientNetB0(), Patches(24, 56, COARSE, (SIDE // 56) ** 2 + 1)
        self.layers = nn.ModuleList(nn.ModuleList((Encoder(FINE, 2, closed=True), Encoder(COARSE, 3, closed=True), CrossAttention())) for _ in range(depth))
        self.fine_head = nn.Sequential(nn.LayerNorm(FINE), nn.Linear(FINE, 1))
        self.coarse_head = nn.Sequential(nn.LayerNorm(COARSE), nn.Linear(COARSE, 1))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The logits of both branches, added."""
        fine, coarse = self.fine_patches(self.fine_trunk(pictures)), self.coarse_patches(self.coarse_trunk.after(pictures, 3))
        for fine_encoder, coarse_encoder, cross in self.layers:
            fine, coarse = cross(fine_encoder(fine), coarse_encoder(coarse))
        return self.fine_head(fine[:, 0]) + self.coarse_head(coarse[:, 0])


def parameters(net: nn.Module) -> int:
    """How many numbers a net learns."""
    return sum(each.numel() for each in net.parameters())
