"""Cameras in place of node numbers, wherever a person reads: an agent's number changes with its keys, a camera's name does not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from portal.sites.models import Camera

NUMBER = re.compile(r"(?<![\w.])\d{1,20}(?!\w|\.\d)")


def place(camera: Camera) -> str:
    """A camera as a card or a reason names it."""
    return f"{camera.site.name} / {camera.name}"


def worded(text: str, cameras: Mapping[str, Camera]) -> str:
    """The text with each node's number replaced by its camera; `cameras` as `portal.sites.nodes.cameras_of` has them. Other numbers stay."""
    return NUMBER.sub(lambda found: place(cameras[found[0]]) if found[0] in cameras else found[0], text)
