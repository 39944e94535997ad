"""What may be laid on the desk: judged by content, never by a file's name."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import PurePath

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from detectors import BadInput, image
from portal.accounts.models import User
from portal.accounts.queries import sites_of
from portal.analysis import kinds
from portal.analysis.errors import UnreadableKind
from portal.analysis.models import Tool, Upload
from portal.core.reasons import in_words
from portal.sites.models import Site

LARGEST = 50 * 1024 * 1024
FILES = {Tool.PICTURE_CHECK: 1, Tool.FACE_COMPARE: 2}


@dataclasses.dataclass(frozen=True, slots=True)
class Accepted:
    """A file that a tool can read."""

    name: str
    content: bytes
    kind: str


def read(files: Sequence[UploadedFile], tool: str) -> list[Accepted]:
    """The files, read whole and decoded once. Raises ValidationError with a sentence that names the file."""
    if tool not in FILES:
        raise ValidationError(_("There is no tool %(tool)s.") % {"tool": tool})
    if len(files) != FILES[tool]:
        wanted = _("This tool compares exactly two pictures.") if FILES[tool] == 2 else _("Choose one picture.")
        raise ValidationError(wanted)
    return [_one(file) for file in files]


def site_named(user: User, slug: str) -> Site | None:
    """The user's site of this name; None when none is named. Raises ValidationError."""
    if not slug:
        return None
    if (site := sites_of(user).filter(slug=slug).first()) is None:
        raise ValidationError(_("You look after no site %(name)s.") % {"name": slug[:60]})
    return site


def kind_of_upload(upload: Upload) -> str:
    """The kind of a file of which the first piece is here; "" while too little is. Raises UnreadableKind."""
    with upload.part.open("rb") as file:
        head = file.read(kinds.HEAD)
    if len(head) < kinds.HEAD and upload.offset < upload.size:
        return ""
    try:
        return kinds.kind_of(head)
    except BadInput as error:
        raise UnreadableKind(_("%(name)s cannot be examined: %(why)s.") % {"name": upload.name, "why": in_words(error)}) from error


def _one(file: UploadedFile) -> Accepted:
    name = PurePath(file.name or "?").name[:200]
    if not file.size:
        raise ValidationError(_("%(name)s is empty.") % {"name": name})
    if file.size > LARGEST:
        raise ValidationError(_("%(name)s is too large: at most %(most)d MB.") % {"name": name, "most": LARGEST // 2**20})
    content = file.read()
    try:
        image.read(content)
    except BadInput as error:
        raise ValidationError(_("%(name)s cannot be examined: %(why)s.") % {"name": name, "why": in_words(error)}) from error
    return Accepted(name, content, image.kind_of(content))
