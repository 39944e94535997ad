"""Why the detectors refuse a file, in the reader's language: they speak English, as libraries do."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

# What `detectors.image` may say of a file, and how the portal says it; what stands in the groups is filled in by name.
WORDED = (
    (r"the file is empty", noop("the file is empty")),
    (r"the picture has no pixels", noop("the picture has no pixels")),
    (r"this is no picture that can be read: .+", noop("this is no picture that can be read: JPEG, PNG, WebP, GIF and BMP are")),
    (
        r"the picture is too large: (?P<w>\d+) x (?P<h>\d+), at most (?P<most>\d+) million pixels and (?P<side>\d+) a side are read",
        noop("the picture is too large: %(w)s x %(h)s, at most %(most)s million pixels and %(side)s a side are read"),
    ),
    (r"the (?P<kind>\w+) ends too early: the file is cut off", noop("the %(kind)s ends too early: the file is cut off")),
    (r"the (?P<kind>\w+) (cannot be decoded: .*|is damaged: .*)", noop("the %(kind)s is damaged")),
    (r"The tool broke down on this file\. .*", noop("The tool broke down on this file. The administrator finds the cause in the worker's log")),
    (r"no face was found", noop("no face was found")),
)


def in_words(error: Exception | str) -> str:
    """A refusal as an end of "... cannot be read: ..."; one that is not known here is given as it is."""
    reason = str(error).rstrip(".")
    for pattern, words in WORDED:
        if found := re.fullmatch(pattern, reason, re.DOTALL):
            return _(words) % found.groupdict() if "%(" in words else _(words)
    return reason
