"""DVTT, the Double Visual Textual Transformer of AIMH at SemEval-2021 task 6 (Messina et al., 2021), on frozen states of any two encoders.

Two full transformers: the picture's cells are decoded over the text's pieces, and the pieces over the cells; a linear head on each, and the mean of the two
sigmoids is the chance of each technique. Built from the description, not from the authors' code. What the description we have leaves open is ours: each
decoder's outputs are averaged over its tokens before the head.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

LAYERS, HEADS, DROPOUT = 4, 4, 0.1
CELLS = 7  # a side of the picture's grid


class DvttSizes(NamedTuple):
    """Units of a text's state, of a picture's cell, and of the transformers (their inner layers as well)."""

    text: int
    picture: int
    width: int


PUBLISHED = DvttSizes(768, 2048, 1024)  # BERT-base's tenth layer, ResNet-50's last grid


class Dvtt(nn.Module):
    """Chances (N, techniques) of pieces (N, T, text) where `read` (N, T), and cells (N, 49, picture) row by row."""

    def __init__(self, sizes: DvttSizes, techniques: int) -> None:
        super().__init__()
        self.place = nn.Linear(2, sizes.picture)
        self.from_text, self.from_picture = nn.Linear(sizes.text, sizes.width), nn.Linear(sizes.picture, sizes.width)
        self.over_text, self.over_picture = (nn.Transformer(sizes.width, HEADS, LAYERS, LAYERS, sizes.width, DROPOUT, batch_first=True) for _ in range(2))
        self.of_picture, self.of_text = nn.Linear(sizes.width, techniques), nn.Linear(sizes.width, techniques)
        steps = torch.linspace(-1, 1, CELLS)
        self.register_buffer("places", torch.cartesian_prod(steps, steps), persistent=False)

    def forward(self, text: torch.Tensor, read: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
        """The mean of the two sigmoids, which binary cross-entropy takes as it is. A meme without text reads one empty piece."""
        lacking = ~read.any(1)
        text, read = text * read[..., None], torch.cat([read[:, :1] | lacking[:, None], read[:, 1:]], 1)
        pieces, cells, hidden = self.from_text(text), self.from_picture(picture + self.place(self.places)), ~read
        seen = self.over_text(pieces, cells, src_key_padding_mask=hidden, memory_key_padding_mask=hidden).mean(1)
        worded = self.over_picture(cells, pieces, tgt_key_padding_mask=hidden)
        worded = (worded * read[..., None]).sum(1) / read.sum(1, keepdim=True)
        return (torch.sigmoid(self.of_picture(seen)) + torch.sigmoid(self.of_text(worded))) / 2


class TextTransformer(nn.Module):
    """The published net of task 1, text alone: one transformer encoder of four layers. Chances (N, techniques)."""

    def __init__(self, sizes: DvttSizes, techniques: int) -> None:
        super().__init__()
        self.from_text = nn.Linear(sizes.text, sizes.width)
        layer = nn.TransformerEncoderLayer(sizes.width, HEADS, sizes.width, DROPOUT, batch_first=True)
        self.encoder, self.of_text = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False), nn.Linear(sizes.width, techniques)

    def forward(self, text: torch.Tensor, read: torch.Tensor, picture: torch.Tensor | None = None) -> torch.Tensor:
        """As `Dvtt`; the picture counts for nothing."""
        lacking = ~read.any(1)
        text, read = text * read[..., None], torch.cat([read[:, :1] | lacking[:, None], read[:, 1:]], 1)
        states = self.encoder(self.from_text(text), src_key_padding_mask=~read)
        return torch.sigmoid(self.of_text((states * read[..., None]).sum(1) / read.sum(1, keepdim=True)))
