"""What a frame costs at each camera: agents measure it in their self-test, and a version that is too slow for one of them is not for all."""

from __future__ import annotations

import dataclasses

from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.sites.models import Camera
from portal.training.models import ModelOutcome, ModelVersion
from portal.training.permissions import readable_sites


@dataclasses.dataclass(frozen=True, slots=True)
class SelfTest:
    """An agent's last self-test of a version: milliseconds a frame, and what the camera's rate of frames allows."""

    camera: Camera
    ms: float
    budget_ms: float | None

    @property
    def over(self) -> bool:
        """Whether it is too slow there."""
        return self.budget_ms is not None and self.ms > self.budget_ms


def measured(model: ModelVersion, user: User | None = None) -> list[SelfTest]:
    """The last self-test of every agent in use (of the reader's sites; None: of all) that has tested this version, by camera."""
    outcomes = ModelOutcome.objects.filter(sha256=model.sha256, detector=model.detector, agent__revoked=None).exclude(ms=None)
    if user is not None:
        outcomes = outcomes.filter(agent__camera__site__in=readable_sites(user))
    last = {each.agent_id: each for each in outcomes.select_related("agent__camera__site").order_by("pk")}
    found = [SelfTest(each.agent.camera, each.ms, each.budget_ms) for each in last.values()]
    return sorted(found, key=lambda each: (each.camera.site.name, each.camera.name))


def check(model: ModelVersion) -> None:
    """Raise ValidationError with a sentence when an agent found the version too slow."""
    slow = [each for each in measured(model) if each.over]
    if slow:
        raise ValidationError(_("Too slow for all: %(cameras)s.") % {"cameras": ", ".join(map(_sentence, slow))})


def _sentence(each: SelfTest) -> str:
    figures = {"camera": each.camera.name, "ms": number_format(each.ms, 1), "budget": number_format(each.budget_ms, 1)}
    return _("%(camera)s measured %(ms)s ms a frame and allows %(budget)s ms") % figures
