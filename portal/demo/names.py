"""The demo's names and notes as infra/footage/manifest.toml has them, marked for translation; a test holds that none is missing."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

NAMES = (
    _("Square of Miracles"),
    _("Square"),
    _("Staff gate"),
    _("Drone"),
    _("Museum room"),
    _("Lawn"),
    _("Crossing"),
    _("Path"),
    _("Road"),
    _("Door"),
    _("At the table"),
    _("Whole picture"),
    _("Building site"),
    _("Driveway"),
    _("Bollards"),
    _("Entrance"),
    _("By the pillar"),
    _("Below the drone"),
    _("Demo site: the clips were filmed elsewhere."),
    _(
        "Demo clip: portraits in the public domain pass a door, rendered over a real background. They are pictures, not people: whether a face is live is "
        "not asked here. It shows the mechanism, not accuracy."
    ),
    _("Demo clip: PETS 2009 S2.L1, University of Reading, distributed by OpenCV and Debian. Not filmed in Pisa."),
    _("Demo clip: a moving crop of the square clip with made-up telemetry, not a real flight."),
    _("Demo clip: intel-iot-devkit/sample-videos, CC BY 4.0, shortened and encoded again. Not filmed in Pisa."),
)
