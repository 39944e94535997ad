"""Cameras in place of node numbers, wherever a person reads: an agent's number changes with its keys, a camera's name does not.

A camera of a site that is not the reader's is counted, not named.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.sites.models import Camera
from portal.sites.nodes import cameras_of
from portal.training.permissions import readable_sites

NUMBER = re.compile(r"(?<![\w.])\d{1,20}(?!\w|\.\d)")


@dataclasses.dataclass(frozen=True, slots=True)
class CameraName:
    """What a reader may call a camera; `site` is empty where neither is theirs to know."""

    name: str
    site: str = ""

    def __str__(self) -> str:
        return f"{self.site} / {self.name}" if self.site else self.name


class CameraNames:
    """Every camera behind a node's number, as one reader may call it; `None` as reader: the portal itself, which may name each."""

    def __init__(self, user: User | None) -> None:
        self._cameras = cameras_of()
        self._own = None if user is None else set(readable_sites(user).values_list("pk", flat=True))
        foreign = sorted({camera.pk for camera in self._cameras.values() if not self._may_name(camera)})
        self._places = {pk: number for number, pk in enumerate(foreign, 1)}

    def of(self, camera: Camera) -> CameraName:
        """One camera's name."""
        if self._may_name(camera):
            return CameraName(camera.name, camera.site.name)
        number = self._places.get(camera.pk)
        return CameraName(_("camera %(n)d of another site") % {"n": number} if number else _("a camera of another site"))

    def get(self, number: str | int) -> CameraName | None:
        """That of a node's number; None when it is nobody's."""
        camera = self._cameras.get(str(number))
        return None if camera is None else self.of(camera)

    def worded(self, text: str) -> str:
        """The text with each node's number replaced by its camera. Other numbers stay."""
        return NUMBER.sub(lambda found: str(self.get(found[0]) or found[0]), text)

    def _may_name(self, camera: Camera) -> bool:
        return self._own is None or camera.site_id in self._own


def place(camera: Camera) -> str:
    """A camera as a card or a reason names it, to whom may read it."""
    return str(CameraName(camera.name, camera.site.name))


def worded(text: str, cameras: Mapping[str, Camera]) -> str:
    """The text with each node's number replaced by its camera; `cameras` as `portal.sites.nodes.cameras_of` has them. Other numbers stay."""
    return NUMBER.sub(lambda found: place(cameras[found[0]]) if found[0] in cameras else found[0], text)
