"""Whether eyes and mouth of a face can be seen: a net of 90 thousand numbers for the aligned picture, small enough to run on every face of every frame."""

from __future__ import annotations

from torch import Tensor, nn

SIDE = 56  # pixels a side of the picture it looks at (detectors.faces.covered.LOOKED_AT says the same without torch)
LAST = "say"  # the last layers' name in the published weights


class CoveredNet(nn.Module):
    """(N, 3, 56, 56) float32 RGB 0..1 -> (N, 2): how likely eyes and mouth are covered, before the logistic function.

    The aligned face stands always in the same place, so the last layers may look at each place by itself: no pooling over the picture.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.look = nn.Sequential(
            _conv(3, width, 2),  # 28 x 28
            _conv(width, 2 * width, 2),  # 14 x 14
            _conv(2 * width, 2 * width, 1),
            _conv(2 * width, 3 * width, 2),  # 7 x 7
        )
        self.add_module(LAST, nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(3 * width * 49, 24), nn.ReLU(), nn.Linear(24, 2)))

    def forward(self, pictures: Tensor) -> Tensor:
        return self.get_submodule(LAST)(self.look(pictures - 0.5))


def _conv(before: int, after: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
