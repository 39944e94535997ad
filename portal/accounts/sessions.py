"""Where people are signed in, and how that ends at once: in the browser, and on its open WebSockets."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.models import User, UserSession
from portal.core import push

NOTED_S = 60  # a session's last use is written down once a minute at the most


def group_of(user: User) -> str:
    """The channel group of a person's open WebSockets (portal/live/base.py joins it)."""
    return f"account.{user.pk}"


def note(request: HttpRequest) -> None:
    """Write down that this session was used, unless that was done within the last minute."""
    key = request.session.session_key
    if not key or not cache.add(f"session-noted:{key}", 1, NOTED_S):
        return
    browser = request.headers.get("User-Agent", "").replace("\x00", "")[:200]
    noted = {"user": request.user, "seen": timezone.now(), "address": str(request.META.get("REMOTE_ADDR", ""))[:64], "browser": browser}
    UserSession.objects.update_or_create(session_key=key, defaults=noted)


def sessions_of(user: User) -> QuerySet[UserSession]:
    """The person's sessions that are open now, the last used first."""
    live = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return UserSession.objects.filter(user=user, session_key__in=live).order_by("-seen")


def end(user: User, *, only: int | None = None, keep: str = "") -> int:
    """End a person's sessions (one of them, or all but that with the key `keep`); open sockets look again at once. Returns how many ended."""
    rows = UserSession.objects.filter(user=user).exclude(session_key=keep)
    rows = rows.filter(pk=only) if only is not None else rows
    keys = list(rows.values_list("session_key", flat=True))
    ended = Session.objects.filter(session_key__in=keys).delete()[0]
    rows.delete()
    look_again(user)
    return ended


def look_again(user: User) -> None:
    """Let the person's open sockets read their rights again."""
    push.send_on_commit(group_of(user), {"account": user.pk})
