"""Why a camera gives no picture, in the reader's language: the codes of federated/contract/camera_problem.py."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

WORDS = {
    "address": noop("The address cannot be used: look how it is written."),
    "no_host": noop("No machine answers at this address: look at address, network and power of the camera."),
    "refused": noop("The machine answers, but not at this port: look at the port, and whether the camera's streaming is switched on."),
    "tls": noop("No secure connection comes about: does this port speak rtsps or https at all?"),
    "password": noop("The camera does not accept this user name and password."),
    "path": noop("The camera answers, but has no stream of this path: look for it in the camera's manual."),
    "server": noop("The camera answers with a failure of its own: restart the camera."),
    "timeout": noop("The camera is reached but sends no picture in time."),
    "not_stream": noop("What answers there is no video stream."),
    "no_video": noop("This stream holds no video."),
    "codec": noop("The pictures are coded in a way that cannot be read: choose H.264, H.265 or MJPEG in the camera."),
    "stalled": noop("The stream was cut off; it is opened again by itself."),
    "missing": noop("There is no such file, folder or device."),
    "damaged": noop("This file holds no video that can be read."),
}


def in_words(code: str) -> str:
    """The sentence for a code; a code that this portal does not have is named."""
    return _(WORDS[code]) if code in WORDS else _("The agent could not read the stream (%(code)s): look into its log.") % {"code": code[:40]}
