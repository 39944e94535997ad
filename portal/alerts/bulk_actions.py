"""What is done with several alerts at once, taken back, or sent on: one transaction, so that of a list everything is done or nothing."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.alerts import actions, labels, ports, queries
from portal.alerts.models import Alert, HistoryEntry
from portal.core import media

MOST = 200  # alerts of one list
UNDO = datetime.timedelta(minutes=10)  # so long one's own last step can be taken back
Verb = HistoryEntry.Verb
UNDONE = (Verb.ACKNOWLEDGED, Verb.ASSIGNED, Verb.RESOLVED, Verb.REOPENED)  # the steps that can be


def acknowledge_many(*, user: User, alert_ids: Sequence[int]) -> list[Alert]:
    """Acknowledge each, as `actions.acknowledge` does; those that somebody acknowledged or resolved before stay as they are."""
    return _with_each(user, alert_ids, lambda pk: actions.acknowledge(user=user, alert_id=pk))


def resolve_many(*, user: User, alert_ids: Sequence[int], reason: str, note: str = "") -> list[Alert]:
    """Close each with the same reason. One that is closed already refuses the whole list."""
    return _with_each(user, alert_ids, lambda pk: actions.resolve(user=user, alert_id=pk, reason=reason, note=note))


def assign_many(*, user: User, alert_ids: Sequence[int], assignee_id: int | None) -> list[Alert]:
    """Give each to the same person, who must look after alerts at the site of each, or to nobody."""
    return _with_each(user, alert_ids, lambda pk: actions.assign(user=user, alert_id=pk, assignee_id=assignee_id))


def undo(*, user: User, alert_ids: Sequence[int]) -> list[Alert]:
    """Take back the user's own last step with each, within ten minutes and before anybody else did something: all is as it was before that step."""
    return _with_each(user, alert_ids, lambda pk: _undo(user, pk))


def send_to_desk(*, user: User, alert_id: int, event_id: str | None = None) -> str:
    """Open a case of the analysis desk from the picture of the alert, or of one of its events; returns the case's number.

    The desk asks for its own permission. Raises ValidationError when there is no picture, Alert.DoesNotExist, PermissionDenied.
    """
    with transaction.atomic():
        alert = actions.open_for(user, alert_id)
        sha256 = queries.media_of(user, alert_id, "snapshot", event_id)
        if not media.exists(sha256):
            raise ValidationError(_("There is no picture of this alert that could be sent to the desk."))
        title = f"#{alert.pk} {alert}"[:200]
        case = str(ports.open_case(user=user, site=alert.site, title=title, name=f"alert-{alert.pk}.jpg", sha256=sha256))
        actions.keep(alert, user, Verb.SENT, detail=case)
    return case


def _with_each(user: User, alert_ids: Sequence[int], act: Callable[[int], Alert]) -> list[Alert]:
    """All or nothing. The refusal names the alert. Raises Alert.DoesNotExist when the user may not see one of them."""
    ids = sorted(set(alert_ids))
    if not ids or len(ids) > MOST:
        raise ValidationError(_("Choose one to %(most)d alerts.") % {"most": MOST})
    with transaction.atomic():
        # All at first, in one order: afterwards this transaction writes the audit log, which lets in one at a time.
        seen = list(queries.visible(user).filter(pk__in=ids).order_by("pk").select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
        if seen != ids:
            raise Alert.DoesNotExist
        return [_named(pk, act) for pk in ids]


def _named(pk: int, act: Callable[[int], Alert]) -> Alert:
    try:
        return act(pk)
    except ValidationError as error:
        raise ValidationError(_("Alert #%(number)d: %(why)s Nothing was changed.") % {"number": pk, "why": " ".join(error.messages)}) from error
    except PermissionDenied as error:
        raise PermissionDenied(_("Alert #%(number)d: %(why)s Nothing was changed.") % {"number": pk, "why": str(error)}) from error


def _undo(user: User, alert_id: int) -> Alert:
    alert = actions.open_for(user, alert_id)
    last = alert.entries.exclude(verb__in=(Verb.NOTE, Verb.SENT)).order_by("t", "pk").last()
    if last is None or last.author_id != user.pk or last.verb not in UNDONE or not last.before or timezone.now() - last.t > UNDO:
        raise ValidationError(_("There is no step of yours that can still be taken back."))
    before: dict[str, Any] = last.before
    alert.state, alert.reason, alert.assignee_id = before["state"], before["reason"], before["assignee"]
    if alert.assignee_id and not User.objects.filter(pk=alert.assignee_id).exists():
        alert.assignee_id = None
    actions.keep(alert, user, Verb.UNDONE, detail=last.verb)
    labels.write_down(alert)  # what its resolution taught is taken back too, or taught again
    return alert
