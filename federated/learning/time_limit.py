"""Training that must end in time: looks at the clock at every gradient step, whatever the task's own loop is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class TimeUp(Exception):
    """The node would not be through in time."""


def stop_at(net: torch.nn.Module, until: float, clock: Callable[[], float]) -> None:
    """Raise TimeUp from the middle of a training that goes on after `until`: a pass may be long, or held while the camera works."""

    def look(gradient: torch.Tensor) -> torch.Tensor:
        if clock() > until:
            raise TimeUp("the time there is was over in the middle of a round")
        return gradient

    next(each for each in net.parameters() if each.requires_grad).register_hook(look)
