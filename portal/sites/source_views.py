"""Testing a camera's address through its agent, and letting the agent use it. What was typed as a password is in no answer."""

from __future__ import annotations

import datetime
import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from federated.contract.source import PICTURE
from portal.sites import problems, source_actions, state
from portal.sites.manage_views import edited, editors_camera
from portal.sites.models import Camera, SourceTest


@sensitive_post_parameters("address", "login", "password")
@require_POST
@edited
def test(request: HttpRequest, site: str, camera: str) -> HttpResponse:
    """Have the agent try an address; the answer asks again every second until it is there."""
    found, typed = editors_camera(request, site, camera), request.POST
    try:
        asked = source_actions.ask_test(
            user=request.user, camera_id=found.pk, text=typed.get("address", ""), login=typed.get("login", ""), password=typed.get("password", "")
        )
    except ValidationError as error:
        return render(request, "sites/source_result.html", {"problem": " ".join(error.messages)})
    return _shown(request, found, asked)


@never_cache
@require_GET
@edited
def result(request: HttpRequest, site: str, camera: str, pk: uuid.UUID) -> HttpResponse:
    """What came of a try so far."""
    found = editors_camera(request, site, camera)
    return _shown(request, found, _test(found, pk))


@never_cache
@require_GET
@edited
def picture(request: HttpRequest, site: str, camera: str, pk: uuid.UUID) -> HttpResponse:
    """The small picture of a try, for some minutes."""
    jpeg = source_actions.picture_of(_test(editors_camera(request, site, camera), pk))
    if jpeg is None:
        raise Http404
    return HttpResponse(jpeg, content_type="image/jpeg", headers={"Cache-Control": "no-store"})


@require_POST
@edited
def use(request: HttpRequest, site: str, camera: str, pk: uuid.UUID) -> HttpResponse:
    """Let the agent read the address that it has tried."""
    try:
        source_actions.use(user=request.user, camera_id=editors_camera(request, site, camera).pk, test_id=pk)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("With its next heartbeat the agent reads from this address."))
    return redirect("sites:camera_settings", site, camera)


@require_POST
@edited
def give_back(request: HttpRequest, site: str, camera: str) -> HttpResponse:
    """Let the agent read again what its agent.toml names."""
    source_actions.give_back(user=request.user, camera_id=editors_camera(request, site, camera).pk)
    messages.success(request, _("With its next heartbeat the agent reads what its agent.toml names."))
    return redirect("sites:camera_settings", site, camera)


def _shown(request: HttpRequest, camera: Camera, test: SourceTest) -> HttpResponse:
    over = test.answered is not None or timezone.now() - test.asked > datetime.timedelta(seconds=source_actions.WAIT_S)
    clock = test.result.get("clock_s")
    shown = {
        "camera": camera,
        "site": camera.site,
        "test": test,
        "waiting": not over,
        "good": test.outcome == PICTURE,
        "failure": problems.in_words(test.outcome) if test.answered else _("The agent did not answer within a minute. Look whether it runs, and try again."),
        "has_picture": source_actions.picture_of(test) is not None,
        "clock": clock,
        "clock_off": abs(clock) if clock is not None and abs(clock) > state.SKEWED_S else 0,
    }
    return render(request, "sites/source_result.html", shown)


def _test(camera: Camera, pk: uuid.UUID) -> SourceTest:
    found = SourceTest.objects.filter(pk=pk, agent__camera=camera).first()
    if found is None:
        raise Http404
    return found
