"""Files that come in pieces: every piece is on the disk before it is acknowledged, and the pieces are hashed on the way in.

The sha256 of a half-sent file lives in the memory of the process that took the last piece (`RunningHashes`). When another process takes the next one, or this
one was started again, the file is hashed once more from the disk when it is complete (1.5 GB: a few seconds); nothing has to be sent again.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import os
import shutil
import threading
import uuid
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role
from portal.analysis import errors, intake
from portal.analysis.models import Upload
from portal.core import full_disk, media
from portal.core.file_names import shown_name
from portal.core.periodic import for_each

WRITERS = (Role.OPERATOR, Role.MANAGER, Role.ADMINISTRATOR)
BLOCK = 256 * 1024
ALGORITHMS = ("sha256", "sha1", "md5")  # of a piece's checksum, as tus clients send it


class RunningHashes:
    """The running sha256 of the uploads that this process is taking in; each stands here for one holder at a time."""

    MOST = 64

    def __init__(self) -> None:
        self._held: OrderedDict[uuid.UUID, tuple[int, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, upload: Upload) -> Any | None:
        """The hash of the first `offset` bytes, out of the table; None when this process has not seen them all."""
        with self._lock:
            reached, found = self._held.pop(upload.pk, (-1, None))
        if upload.offset == 0:
            return hashlib.sha256()
        return found if reached == upload.offset else None

    def keep(self, upload: Upload, found: Any | None) -> None:
        with self._lock:
            if found is not None:
                self._held[upload.pk] = (upload.offset, found)
            while len(self._held) > self.MOST:
                self._held.popitem(last=False)


running_hashes = RunningHashes()


def uploads(user: User) -> Any:
    """The uploads of this person that have not expired."""
    return Upload.objects.filter(user=user, expires__gt=timezone.now())


def begin(*, user: User, name: str, size: int) -> Upload:
    """Make room for a file of this size. Raises UploadError with a sentence."""
    require_role(user, None, *WRITERS)
    name = shown_name(name)
    if size < 1:
        raise errors.WrongLength(_("%(name)s is empty.") % {"name": name})
    if size > settings.UPLOAD_LARGEST:
        raise errors.UploadTooLarge(_("%(name)s is too large: at most %(most)d MB.") % {"name": name, "most": settings.UPLOAD_LARGEST // 2**20})
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # two at once must not both fit into what is left of the day
        day = timezone.now() - datetime.timedelta(days=1)
        sent = Upload.objects.filter(user=user, created__gt=day).aggregate(Sum("size"))["size__sum"] or 0
        if sent + size > settings.UPLOAD_DAILY:
            most = settings.UPLOAD_DAILY // 2**20
            raise errors.QuotaReached(_("You may send %(most)d MB in a day, and this file would be more. Try again tomorrow.") % {"most": most})
        _make_sure_of_room(size)
        upload = Upload.objects.create(user=user, name=name, size=size, expires=_later())
        upload.part.parent.mkdir(parents=True, exist_ok=True)
        upload.part.touch()
    return upload


def append(*, user: User, upload_id: uuid.UUID, offset: int, stream: BinaryIO, length: int, checksum: str = "") -> Upload:
    """Write the next piece of `length` bytes and keep it for good. Raises UploadError; then the upload is as it was.

    `checksum` is "sha256 <base64>" of the piece, as tus sends it. One writer at a time: a second one is refused at once, it does not wait.
    """
    if length > settings.UPLOAD_PIECE:
        raise errors.UploadTooLarge(_("A piece has at most %(most)d MB.") % {"most": settings.UPLOAD_PIECE // 2**20})
    with transaction.atomic():
        upload = _locked(user, upload_id)
        if upload.offset != offset:
            raise errors.WrongOffset(
                _("This piece begins at byte %(here)d, the next one to come is %(there)d.") % {"here": offset, "there": upload.offset}, upload.offset
            )
        if offset + length > upload.size:
            raise errors.WrongLength(_("%(name)s was announced with %(size)d bytes, and more were sent.") % {"name": upload.name, "size": upload.size})
        running = running_hashes.take(upload)
        try:
            _write(upload, stream, length, running, _piece_check(checksum))
        except OSError as error:
            if full_disk.is_full(error):
                raise errors.DiskFull(_no_room()) from error
            raise
        upload.offset, upload.expires = offset + length, _later()
        if not upload.kind:
            upload.kind = intake.kind_of_upload(upload)
        if upload.offset == upload.size:
            upload.sha256 = running.hexdigest() if running is not None else _sha256_of(upload.part)
            media.adopt(upload.part, upload.sha256)
            transaction.on_commit(lambda: upload.part.unlink(missing_ok=True))
        upload.save()
    if not upload.sha256:
        running_hashes.keep(upload, running)
    return upload


def discard(*, user: User, upload_id: uuid.UUID) -> None:
    """Forget an upload that is not wanted. Raises UploadGone, UploadBusy."""
    with transaction.atomic():
        upload = _locked(user, upload_id)
        _drop(upload)


def sweep() -> int:
    """Drop every upload that expired; how many. One that somebody writes to at this moment has just been prolonged, and is left."""
    swept = sum(for_each(Upload.objects.filter(expires__lte=timezone.now()).order_by("expires"), _sweep))
    open_parts = {str(pk) for pk in Upload.objects.filter(sha256="").values_list("pk", flat=True)}
    now = timezone.now().timestamp()
    for orphan in (settings.MEDIA_FOLDER / "incoming").glob("*"):  # of a portal or worker that was killed
        with contextlib.suppress(OSError):
            longest = 24 * 3600 if orphan.is_dir() else 3600  # a tool may work for hours in a folder
            if orphan.name not in open_parts and now - orphan.stat().st_mtime > longest:
                shutil.rmtree(orphan) if orphan.is_dir() else orphan.unlink()
    return swept


def _sweep(upload: Upload) -> bool:
    with transaction.atomic():
        expired = Upload.objects.select_for_update(skip_locked=True).filter(pk=upload.pk, expires__lte=timezone.now()).first()
        if expired is not None:
            _drop(expired)
    return expired is not None


def _locked(user: User, upload_id: uuid.UUID) -> Upload:
    try:
        upload = uploads(user).select_for_update(nowait=True).filter(pk=upload_id).first()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "55P03":  # lock_not_available
            raise
        raise errors.UploadBusy(_("This file is being sent from another window at this moment.")) from error
    if upload is None:
        raise errors.UploadGone(_("There is no such upload; begin again."))
    if upload.sha256:
        raise errors.WrongOffset(_("This file has arrived already."), upload.offset)
    return upload


def _write(upload: Upload, stream: BinaryIO, length: int, running: Any | None, check: tuple[Any, bytes] | None) -> None:
    """What lies past `offset` was never acknowledged (a killed portal, a damaged piece): it is written over."""
    left = length
    with upload.part.open("r+b") as file:
        file.seek(upload.offset)
        file.truncate()
        while left and (block := stream.read(min(BLOCK, left))):
            file.write(block)
            left -= len(block)
            if running is not None:
                running.update(block)
            if check:
                check[0].update(block)
        file.flush()
        os.fsync(file.fileno())
    if left:
        raise errors.WrongLength(_("The piece was cut short on its way; send it again."))
    if check and check[0].digest() != check[1]:
        raise errors.WrongChecksum(_("The piece was damaged on its way; send it again."))


def _piece_check(checksum: str) -> tuple[Any, bytes] | None:
    if not checksum:
        return None
    name, _space, digest = checksum.partition(" ")
    if name not in ALGORITHMS:
        raise errors.WrongLength(_("Checksums are %(names)s.") % {"names": ", ".join(ALGORITHMS)})
    try:
        return hashlib.new(name, usedforsecurity=False), base64.b64decode(digest, validate=True)
    except ValueError as error:
        raise errors.WrongLength(_("The checksum cannot be read.")) from error


def _drop(upload: Upload) -> None:
    part, sha256 = upload.part, upload.sha256
    upload.delete()
    # robust: the row is gone; whatever becomes of one file, the other has its turn
    transaction.on_commit(lambda: part.unlink(missing_ok=True), robust=True)
    if sha256:
        transaction.on_commit(lambda: media.release([sha256]), robust=True)


def _make_sure_of_room(size: int) -> None:
    coming = Upload.objects.filter(sha256="", expires__gt=timezone.now()).aggregate(left=Sum(F("size") - F("offset")))["left"] or 0
    settings.MEDIA_FOLDER.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(settings.MEDIA_FOLDER).free - coming - size < settings.DISK_RESERVE:
        raise errors.DiskFull(_no_room())


def _no_room() -> str:
    return _("The portal's disk has no room for this file. Tell the administrator; what was sent so far is kept.")


def _later() -> datetime.datetime:
    return timezone.now() + datetime.timedelta(hours=settings.UPLOAD_HOURS)


def _sha256_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
