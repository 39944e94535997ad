"""A net that reads a meme's text, its picture and facts beside it: gated cross-attention from the text's pieces to the facts' pieces.

After Flamingo (Alayrac et al., 2022): what is read from the facts is multiplied by tanh of a learnt number that begins at 0, so that an untrained net is the
net without facts. Text and facts are frozen states of the text encoder; where a meme has no fact, nothing is added.
"""

from __future__ import annotations

import torch
from torch import nn

HEADS, INNER, DROPOUT = 4, 64, 0.3


class GatedCrossAttention(nn.Module):
    """Tokens (N, T, width) look at facts (N, F, width) where `present` (N, F)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.norm_facts = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, INNER, bias=False) for _ in range(3))
        self.out, self.gate = nn.Linear(INNER, width), nn.Parameter(torch.zeros(()))

    def forward(self, tokens: torch.Tensor, facts: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """(N, T, width)."""
        facts, any_fact = self.norm_facts(facts), present.any(1)
        seen = present | ~any_fact[:, None]  # a row without facts attends to padding, and what it reads is taken away below
        query, key, value = (
            layer(given).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for layer, given in ((self.query, self.norm(tokens)), (self.key, facts), (self.value, facts))
        )
        read = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=seen[:, None, None])
        return tokens + torch.tanh(self.gate) * self.out(read.transpose(1, 2).flatten(2)) * any_fact[:, None, None]


class FactsNet(nn.Module):
    """Log-odds of the techniques of text alone (N, 20) and of text with picture (N, 22)."""

    def __init__(self, width: int, picture: int, in_text: int, in_meme: int) -> None:
        super().__init__()
        self.cross, self.dropout = GatedCrossAttention(width), nn.Dropout(DROPOUT)
        self.of_text, self.of_meme = nn.Linear(2 * width, in_text), nn.Linear(2 * width + picture, in_meme)

    def forward(
        self, tokens: torch.Tensor, read: torch.Tensor, picture: torch.Tensor, facts: torch.Tensor, present: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`tokens` (N, T, width) where `read` (N, T); `picture` (N, P); `facts` (N, F, width) where `present` (N, F)."""
        tokens, there = self.cross(tokens, facts, present), read[..., None]
        mean = (tokens * there).sum(1) / there.sum(1).clamp(min=1)
        greatest = tokens.masked_fill(~there, float("-inf")).amax(1)
        text = torch.cat([mean, torch.where(read.any(1)[:, None], greatest, torch.zeros_like(greatest))], 1)
        return self.of_text(self.dropout(text)), self.of_meme(self.dropout(torch.cat([text, picture], 1)))
