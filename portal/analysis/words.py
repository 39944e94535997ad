"""What the desk says in the reader's language: why there is no report, and what a tool is doing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

import detectors
from detectors.messages import message_from_json
from portal.core.reasons import in_words

FAILURES = {
    "memory": noop("The tool needed more than %(megabytes)d MB of memory for this file and was stopped."),
    "time": noop("The tool did not finish within %(minutes)d min and was stopped."),
    "crash": noop("The tool crashed on this file. The administrator finds the cause in the worker's log."),
    "broke": noop("The tool broke down on this file. The administrator finds the cause in the worker's log."),
    "disk": noop("The portal's disk is full: the tool could not write what it found. Make room and examine the file again."),
    "gone": noop("The tool of this case is no longer installed."),
    "missing": noop("A file of this case is no longer in the portal's store."),
}


def failure(code: str, params: Mapping[str, Any]) -> str:
    """Why there is no report, as a sentence."""
    if code == "refused":
        return _worded(params["message"]) if params.get("message") else in_words(params["problem"])
    return _(FAILURES.get(code, FAILURES["broke"])) % params


def stage(data: Any) -> str:
    """What a tool is doing, out of what it sent: a message with a code, or a sentence."""
    return _worded(data) if data else ""


def english(label: Any) -> str:
    """A label of a stored report in the language of the audit log."""
    return detectors.worded(message_from_json(label))


def _worded(data: Any) -> str:
    return detectors.worded(message_from_json(data), get_language() or "en")
