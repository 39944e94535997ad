"""The root set of a task: footage at the portal itself, against which the sites' updates are measured. Seen, replaced and removed by administrators."""

from __future__ import annotations

import dataclasses
import json
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detectors.files import write_durably
from federated.learning import root
from portal.accounts.models import User
from portal.core import audit
from portal.training.permissions import require_everywhere
from portal.training.runs import footage

TASKS = ("anomaly",)  # for which one can be made of footage here
NOTE = "root.json"


def present(task: str) -> bool:
    """Whether runs of this task are measured against a root set."""
    return root.present(task, settings.HOME)


def of(task: str) -> dict[str, Any] | None:
    """What the root set is made of, None when there is none; empty when it was laid there by hand."""
    if not present(task):
        return None
    try:
        found = json.loads((root.folder(task, settings.HOME) / NOTE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def replace(*, user: User, task: str, files: Sequence[File[Any]]) -> dict[str, Any]:
    """Make the root set of these videos: whole, or the one before stays. Raises ValidationError with a sentence."""
    require_everywhere(user)
    if task not in TASKS:
        raise ValidationError(_("There can be no root set of footage for the task %(task)s.") % {"task": task[:40]})
    target = root.folder(task, settings.HOME)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{task}-", dir=target.parent))
    try:
        clips = dataclasses.asdict(footage.write(files, fresh))
        note = {**clips, "at": timezone.now().isoformat(timespec="seconds"), "by": str(user)}
        write_durably(fresh / NOTE, json.dumps(note, indent=1))
        with transaction.atomic():
            audit.record(actor=user, verb="root_set.replaced", subject=f"root_set:{task}", data={"task": task, **clips})
            _swap(target, fresh)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return note


def remove(*, user: User, task: str) -> None:
    """Take the root set away, with its footage. Raises ValidationError when there is none."""
    require_everywhere(user)
    found = of(task) if task in TASKS else None
    if found is None:
        raise ValidationError(_("There is no root set to remove."))
    with transaction.atomic():
        data = {"task": task, **{name: found.get(name) for name in ("frames", "clips", "sha256")}}
        audit.record(actor=user, verb="root_set.removed", subject=f"root_set:{task}", data=data)
        _drop(root.folder(task, settings.HOME))


def _swap(target: Path, fresh: Path) -> None:
    """A link that is replaced points to the old set or to the new one, never to half of one. (Audit rows are written one at a time: so are swaps.)"""
    before = target.resolve() if target.is_symlink() else None
    if target.exists() and before is None:  # laid there by hand, as a folder
        shutil.rmtree(target)
    link = target.parent / f".{secrets.token_hex(8)}"
    link.symlink_to(fresh.name)
    link.replace(target)
    if before:
        shutil.rmtree(before, ignore_errors=True)


def _drop(target: Path) -> None:
    before = target.resolve()
    if target.is_symlink():
        target.unlink()
    shutil.rmtree(before)
