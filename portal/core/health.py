"""Is everything well: each part is asked now, and each trouble comes with what to do."""

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

from federated.learning import control
from portal.accounts.models import User

ROOM = 500 * 2**20  # bytes below which pictures soon find no place
WORKER_S = 60  # procrastinate's workers say every 10 s that they live
OLD_JOB_S = 300
FAILED_SINCE = datetime.timedelta(hours=24)


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """How one part is. `level` is "ok", "warning" or "problem"; `advice` says what to do about it."""

    name: str
    level: str
    said: str
    advice: str = ""


def check_all(user: User) -> list[Check]:
    """Every part that the reader's roles let them know of; a part that is down never stops the others from being asked."""
    asked: list[Callable[[], Check]] = [database, messages, worker, superlink, disk, lambda: agents(user)]
    return [ask() for ask in asked]


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
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - %s * interval '1 second'", [WORKER_S])
            alive = cursor.fetchone()[0]
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
        said = _("%(n)d jobs failed since yesterday") % {"n": failed}
        return Check(name, "warning", said, _("Look into the log of the worker; the page of the run or report says which."))
    return Check(name, "ok", _("%(alive)d running, %(n)d jobs waiting") % {"alive": alive, "n": waiting})


def superlink() -> Check:
    """The SuperLink answers, and knows its sites."""
    name = _("Federation (SuperLink)")
    try:
        nodes = control.nodes()
    except control.FederationError as error:
        return Check(name, "problem", str(error)[:200], _("Training waits; watching and alerts go on. Look at the log of the SuperLink."))
    online = sum(node.state == "online" for node in nodes)
    said = _("%(online)d of %(all)d sites online") % {"online": online, "all": len(nodes)}
    return Check(name, "ok" if online == len(nodes) else "warning", said, "" if online == len(nodes) else _("See which agents are silent."))


def disk() -> Check:
    """There is room for pictures."""
    name = _("Disk")
    try:
        free = shutil.disk_usage(settings.HOME).free
    except OSError as error:
        return Check(name, "problem", str(error), _("The home folder must exist and be readable."))
    said = _("%(gb)s GB free") % {"gb": number_format(free / 2**30, 1)}
    return Check(name, "ok", said) if free > ROOM else Check(name, "problem", said, _("Make room: pictures and clips are refused when the disk is full."))


def agents(user: User) -> Check:
    """Every camera of the reader's sites is watched."""
    from portal.sites import queries

    name = _("Agents")
    tiles = queries.tiles_of(queries.cameras(user))
    bad = [tile for tile in tiles if tile.state.name not in ("live", "starting", "none")]
    live = sum(tile.state.name == "live" for tile in tiles)
    said = _("%(live)d of %(all)d cameras live") % {"live": live, "all": len(tiles)}
    if not bad:
        return Check(name, "ok", said)
    named = "; ".join(f"{tile.camera}: {tile.state.label}" for tile in bad[:5])
    return Check(name, "warning", f"{said} ({named})", _("Look at the camera and at its agent's log; what it saw meanwhile comes later from its outbox."))


def worst(checks: list[Check]) -> str:
    """The level of the whole."""
    levels: dict[str, Any] = {"ok": 0, "warning": 1, "problem": 2}
    return max((check.level for check in checks), key=levels.__getitem__, default="ok")
