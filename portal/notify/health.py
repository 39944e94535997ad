"""The part of the health page that is about the channels."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError
from django.utils.translation import gettext as _

from portal.core.health import Check
from portal.core.templatetags import dates
from portal.notify import config
from portal.notify.models import ChannelState


def channels(reader: Any) -> Check:
    """Every channel in use: when it last delivered, and why it does not."""
    name = _("Notifications")
    try:
        used = sorted(config.read())
        states = ChannelState.objects.in_bulk(used)
    except config.ChannelsFileError as error:
        return Check(name, "problem", str(error), _("Correct the file; no restart is needed. What happens meanwhile is sent to nobody."))
    except DatabaseError as error:
        return Check(name, "problem", str(error).strip().splitlines()[0], _("The database must answer first."))
    if not used:
        return Check(name, "ok", _("no channel in use"))
    failing = [state for state in states.values() if state.is_failing]
    detail = "; ".join(_line(each, states.get(each)) for each in used)
    return Check(name, "warning", detail, _("Look at the receiver: each message is tried again for five hours.")) if failing else Check(name, "ok", detail)


def _line(channel: str, state: ChannelState | None) -> str:
    if state is None:
        return _("%(channel)s: nothing sent yet") % {"channel": channel}
    delivered = _("last delivered %(when)s") % {"when": _when(state.delivered)} if state.delivered else _("never delivered")
    failed = _("last failure %(when)s (%(why)s)") % {"when": _when(state.failed), "why": state.failure} if state.failed else ""
    return f"{channel}: " + ", ".join(filter(None, (delivered, failed)))


def _when(t: Any) -> str:
    return dates.written(t)
