"""How much an alert matters: three levels, chosen with the rule that raises it; what was never chosen follows the kind of rule."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Severity(models.IntegerChoices):
    """The higher, the sooner somebody must look."""

    LOW = 1, _("Low")
    MEDIUM = 2, _("Medium")
    HIGH = 3, _("High")
