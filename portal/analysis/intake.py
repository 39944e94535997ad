"""What may be laid on the desk: files of the form, files that came in pieces, a pasted text; judged by content, never by a file's name.

Only headers are read here. Whatever decodes a file runs in the tool's own process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from detectors import BadInput, image, worded
from detectors.inputs import media_of, read_text
from detectors.registry import ToolEntry
from portal.accounts.models import User
from portal.accounts.queries import sites_of
from portal.analysis import kinds, tools
from portal.analysis.errors import UnreadableKind
from portal.analysis.models import CaseFile, Upload
from portal.core import media
from portal.core.file_names import shown_name
from portal.sites.models import Site

LONGEST_TEXT = 1_000_000  # characters that may be pasted
IN_THE_FORM = 8 * 2**20  # a page sends larger files in pieces


@dataclasses.dataclass(frozen=True, slots=True)
class DeskInput:
    """A file that the tool can read; `sha256` of one that the media store holds already, "" of one that lies in a passing folder."""

    name: str
    path: Path
    kind: str
    sha256: str = ""


@contextlib.contextmanager
def laid_out(
    *, user: User, tool: str, files: Sequence[UploadedFile], uploads: Sequence[str], text: str, text_name: str = "", kept: Sequence[CaseFile] = ()
) -> Iterator[list[DeskInput]]:
    """The inputs of a case, checked, until the block ends. Raises ValidationError with a sentence that names the file."""
    if (entry := tools.entry_of(tool)) is None:
        raise ValidationError(_("There is no tool %(tool)s.") % {"tool": tool[:60]})
    folder = settings.MEDIA_FOLDER / "incoming" / f"form-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        given = [_of_case(each) for each in kept]
        given += [_of_upload(user, each) for each in uploads]
        given += [_of_form(file, folder / str(n), entry) for n, file in enumerate(files)]
        given += [_of_text(text, text_name, folder / "text", entry)] if text.strip() else []
        if len(given) != entry.inputs:
            raise ValidationError(_wanted(entry))
        yield [_checked(each, entry) for each in given]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def any_file(file: UploadedFile) -> Iterator[DeskInput]:
    """A file of any kind that belongs to a case, until the block ends; no tool need read it. Raises ValidationError with a sentence."""
    folder = settings.MEDIA_FOLDER / "incoming" / f"form-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        yield _taken(file, folder / "file", settings.UPLOAD_LARGEST)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def site_named(user: User, slug: str) -> Site | None:
    """The user's site of this name; None when none is named. Raises ValidationError."""
    if not slug:
        return None
    if (site := sites_of(user).filter(slug=slug).first()) is None:
        raise ValidationError(_("You look after no site %(name)s.") % {"name": slug[:60]})
    return site


def kind_of_upload(upload: Upload) -> str:
    """The kind of a file of which the first piece is here; "" while too little is. Raises UnreadableKind when no medium begins like this."""
    with upload.part.open("rb") as file:
        head = file.read(kinds.HEAD)
    if len(head) < kinds.HEAD and upload.offset < upload.size:
        return ""
    if not media_of(upload.part):
        why = _("it is neither %(kinds)s") % {"kinds": _(" nor ").join(_(each[1]) for each in tools.MEDIA.values())}
        raise UnreadableKind(_("%(name)s cannot be examined: %(why)s.") % {"name": upload.name, "why": why})
    return kinds.name_of(head)


def _of_case(file: CaseFile) -> DeskInput:
    if not media.exists(file.sha256):
        raise ValidationError(_("%(name)s is no longer kept.") % {"name": file.name})
    return DeskInput(file.name, media.path(file.sha256), file.kind, file.sha256)


def _of_upload(user: User, text: str) -> DeskInput:
    found = None
    with contextlib.suppress(ValueError):
        found = Upload.objects.filter(user=user, pk=uuid.UUID(text), expires__gt=timezone.now()).first()
    if found is None or not media.exists(found.sha256):
        raise ValidationError(_("A file has not arrived whole; send it again."))
    return DeskInput(found.name, media.path(found.sha256), found.kind, found.sha256)


def _of_form(file: UploadedFile, path: Path, entry: ToolEntry) -> DeskInput:
    return _taken(file, path, tools.largest(entry.media))


def _taken(file: UploadedFile, path: Path, most: int) -> DeskInput:
    name = shown_name(file.name)
    if not file.size:
        raise ValidationError(_("%(name)s is empty.") % {"name": name})
    if file.size > most:
        raise ValidationError(_("%(name)s is too large: at most %(most)d MB.") % {"name": name, "most": most // 2**20})
    with path.open("wb") as kept:
        for chunk in file.chunks():
            kept.write(chunk)
    return DeskInput(name, path, _name_of(path))


def _of_text(text: str, name: str, path: Path, entry: ToolEntry) -> DeskInput:
    if "text" not in entry.media:
        raise ValidationError(_("This tool reads no text."))
    if len(text) > LONGEST_TEXT:
        raise ValidationError(_("A pasted text has at most %(n)d characters; lay a longer one on the desk as a file.") % {"n": LONGEST_TEXT})
    path.write_bytes(text.replace("\r\n", "\n").encode())
    return DeskInput(name or _("Pasted text"), path, kinds.TEXT)


def _checked(each: DeskInput, entry: ToolEntry) -> DeskInput:
    """The input, when its content is of a medium that the tool reads and its header holds. Raises ValidationError."""
    size, found = each.path.stat().st_size, media_of(each.path) & set(entry.media)
    if not found:
        why = _("this tool reads %(kinds)s") % {"kinds": tools.kinds_of(entry.media)}
        raise ValidationError(_("%(name)s cannot be examined: %(why)s.") % {"name": each.name, "why": why})
    if size > (most := tools.largest(sorted(found))):
        raise ValidationError(_("%(name)s is too large: at most %(most)d MB.") % {"name": each.name, "most": most // 2**20})
    try:
        if found == {"picture"}:
            image.inspect(each.path.read_bytes())
        elif "text" in found:
            read_text(each.path)
    except BadInput as error:
        why = worded(error.message, get_language() or "en")
        raise ValidationError(_("%(name)s cannot be examined: %(why)s.") % {"name": each.name, "why": why}) from error
    return each


def _wanted(entry: ToolEntry) -> str:
    if tuple(entry.media) == ("picture",) and entry.inputs == 2:
        return _("This tool compares exactly two pictures.")
    return next(each.needs for each in tools.offered() if each.name == entry.name)


def _name_of(path: Path) -> str:
    with path.open("rb") as file:
        return kinds.name_of(file.read(kinds.HEAD))
