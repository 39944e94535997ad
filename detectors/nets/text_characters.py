"""The three nets of TweepFake that read characters: CHAR_CNN, CHAR_GRU and CHAR_CNNGRU, at their published sizes.

Fagni, Falchi, Gambini, Martella, Tesconi, *TweepFake: about detecting deepfake tweets*, PLOS ONE 2021 (arXiv 2008.00036), and what the authors' public code
builds: posts in lower case, 320 characters, 32 numbers a character; windows of 3, 4 and 5 characters, 128 of each, tanh, the greatest over the post; a GRU of
512 units in each direction, its last states; dropout .2; one line. Written anew. Different from there: PyTorch's GRU has a second bias (3,072 parameters more),
and the GRU ends where the post ends instead of reading the padding to the 320th character, which would cost three times as much. The convolutions give what
they would give over all 320.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

LONGEST = 320  # characters of a post; of a longer one the last ones
WIDTH, WINDOWS, FILTERS, UNITS, DROPOUT = 32, (3, 4, 5), 128, 512, 0.2
PADDING, UNKNOWN = 0, 1
PARTS = {"CHAR_CNN": (True, False), "CHAR_GRU": (False, True), "CHAR_CNNGRU": (True, True)}  # whether it has windows, and a GRU


class Alphabet:
    """The characters of the training posts as numbers from 2; 0 is padding, 1 any other character."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.characters = "".join(sorted(set("".join(text.lower() for text in texts))))
        self.place = {character: n + 2 for n, character in enumerate(self.characters)}

    def __len__(self) -> int:
        """Characters and the unknown one, without the padding."""
        return len(self.characters) + 1

    def rows(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Numbers (N, T) and lengths (N,), at least 1; T is five more than the longest post has, so that every post has a window of padding alone."""
        found = [[self.place.get(character, UNKNOWN) for character in text.lower()[-LONGEST:]] for text in texts]
        rows = torch.full((len(found), min(LONGEST, max(map(len, found)) + max(WINDOWS))), PADDING)
        for n, each in enumerate(found):
            rows[n, : len(each)] = torch.tensor(each, dtype=torch.long)
        return rows, torch.tensor([max(1, len(each)) for each in found])


def backwards(rows: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Each row (N, T) from its last character to its first, padding after it as before."""
    place = torch.arange(rows.shape[1])
    return rows.gather(1, torch.where(place < lengths[:, None], lengths[:, None] - 1 - place, place))


class CharNet(nn.Module):
    """One of the three nets of PARTS, over an alphabet of so many characters."""

    def __init__(self, name: str, characters: int) -> None:
        super().__init__()
        windows, recurrent = PARTS[name]
        self.embedding = nn.Embedding(characters + 1, WIDTH)
        self.windows = nn.ModuleList(nn.Conv1d(WIDTH, FILTERS, size) for size in WINDOWS) if windows else None
        self.grus = nn.ModuleList(nn.GRU(WIDTH, UNITS, batch_first=True) for _ in range(2)) if recurrent else None
        self.dropout = nn.Dropout(DROPOUT)
        self.out = nn.Linear(windows * len(WINDOWS) * FILTERS + recurrent * 2 * UNITS, 1)

    def features(self, rows: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(N, T) and (N,) -> (N, 384), (N, 1024) or (N, 1408): the windows first, then the GRU's last state forwards and backwards."""
        embedded, parts = self.embedding(rows), []
        if self.windows is not None:
            along = embedded.transpose(1, 2)
            parts += [torch.tanh(window(along)).amax(2) for window in self.windows]
        if self.grus is not None:
            each = torch.arange(len(rows))
            for gru, way in zip(self.grus, (embedded, self.embedding(backwards(rows, lengths))), strict=True):
                parts.append(gru(way)[0][each, lengths - 1])
        return torch.cat(parts, 1)

    def forward(self, rows: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Log-odds (N,) that a machine wrote each post."""
        return self.out(self.dropout(self.features(rows, lengths)))[:, 0]
