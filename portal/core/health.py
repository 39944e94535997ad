"""Is everything well: each part is asked now, and each trouble comes with what to do. An app adds its own parts with `register`, in AppConfig.ready."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
import uuid
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

LITTLE_ROOM, NO_ROOM = 0.10, 0.02  # of the disk: there is time to make room; pictures soon find no place
WORKER_S = 60  # procrastinate's workers say every 10 s that they live
FAILED_SINCE = datetime.timedelta(hours=24)


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """How one part is. `level` is "ok", "warning" or "problem"; `advice` says what to do about it."""

    name: str
    level: str
    detail: str
    advice: str = ""


Asking = Callable[[Any], Check]
_registered: list[Asking] = []


def register(asking: Asking) -> None:
    """Have this part asked too, after those before it. It gets the reader (a User), whose roles may limit what it names, and must not raise."""
    if asking not in _registered:
        _registered.append(asking)


def check_all(reader: Any) -> list[Check]:
    """Every part that the reader's roles let them see; a part that is down never stops the others from being asked."""
    return [database(), messages(), worker(), *(asking(reader) for asking in _registered), disk()]


def is_serving() -> bool:
    """For supervisors: whether requests can be answered (the database and the cache answer)."""
    return database().level == "ok" and messages().level == "ok"


def database() -> Check:
    """PostgreSQL answers a question."""
    name = _("Database")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            size = cursor.fetchone()[0]
    except DatabaseError as error:
        return Check(name, "problem", str(error).strip().splitlines()[0], _("Look at the log of PostgreSQL; `manage.py up` starts it again."))
    return Check(name, "ok", _("%(mb)d MB stored") % {"mb": size // 2**20})


def messages() -> Check:
    """The cache keeps and the channel layer passes on."""
    name, key = _("Messages to browsers"), f"health:{uuid.uuid4().hex}"
    try:
        cache.set(key, 1, 10)
        kept = cache.get(key) == 1
        async_to_sync(get_channel_layer().group_send)(key, {"type": "push", "message": {}})
    except (RedisError, OSError) as error:
        return Check(name, "problem", str(error)[:200], _("Look at the log of Valkey; alerts arrive again as soon as it answers, none is lost."))
    return Check(name, "ok", _("answering")) if kept else Check(name, "problem", _("forgets what it is given"), _("Restart Valkey; its memory may be full."))


def worker() -> Check:
    """A worker lives, and no job waits for long."""
    from procrastinate.contrib.django.models import ProcrastinateJob

    name = _("Background worker")
    try:
        alive = workers()
        waiting = ProcrastinateJob.objects.filter(status="todo", scheduled_at=None).count()
        failed = ProcrastinateJob.objects.filter(status="failed", procrastinateevent__at__gt=timezone.now() - FAILED_SINCE).distinct().count()
    except DatabaseError as error:
        return Check(name, "problem", str(error).strip().splitlines()[0], _("The database must answer first."))
    if not alive:
        return Check(
            name,
            "problem",
            _("none is running; %(n)d jobs wait") % {"n": waiting},
            _("Start one with `manage.py worker`; reports and training wait until then."),
        )
    if failed:
        detail = _("%(n)d jobs failed since yesterday") % {"n": failed}
        return Check(name, "warning", detail, _("Look into the log of the worker; the page of the run or report says which."))
    return Check(name, "ok", _("%(alive)d running, %(n)d jobs waiting") % {"alive": alive, "n": waiting})


def disk() -> Check:
    """There is room for pictures."""
    name = _("Disk")
    try:
        free, share = room()
    except OSError as error:
        return Check(name, "problem", str(error), _("The home folder must exist and be readable."))
    detail = _("%(gb)s GB free (%(percent)s %%)") % {"gb": number_format(free / 2**30, 1), "percent": number_format(100 * share, 1)}
    if share >= LITTLE_ROOM:
        return Check(name, "ok", detail)
    level = "problem" if share < NO_ROOM else "warning"
    return Check(name, level, detail, _("Make room: pictures and clips are refused when the disk is full."))


def workers() -> int:
    """How many workers have reported within the last minute, by the database's clock; one from the future was there before the clock was put back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_workers WHERE abs(extract(epoch FROM now() - last_heartbeat)) < %s", [WORKER_S])
        return int(cursor.fetchone()[0])


def room() -> tuple[int, float]:
    """Bytes free where pictures are kept, and their share of that disk. Raises OSError."""
    usage = shutil.disk_usage(settings.HOME)
    return usage.free, usage.free / max(1, usage.total)


def worst(checks: list[Check]) -> str:
    """The level of the whole."""
    levels: dict[str, Any] = {"ok": 0, "warning": 1, "problem": 2}
    return max((check.level for check in checks), key=levels.__getitem__, default="ok")
