"""The inventory of agents: what runs where, enrolling by code, revoking."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.accounts.queries import sites_of
from portal.sites import actions, certificates, key_actions, ports, queries
from portal.sites.models import Agent, Camera

administrated = role_required(Role.ADMINISTRATOR)


@require_GET
@administrated
def agents(request: HttpRequest) -> HttpResponse:
    """Every camera and its agent."""
    return _inventory(request)


@require_POST
@administrated
def make_code(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a one-time code for a camera, once, as a command line to copy."""
    camera = Camera.objects.filter(pk=pk, site__in=sites_of(request.user, "administrator")).select_related("site").first()
    if camera is None:
        raise Http404
    code = actions.make_code(user=request.user, camera=camera)
    return _inventory(request, code=code, camera=camera, portal=f"{request.scheme}://{request.get_host()}")


@require_POST
@administrated
def revoke(request: HttpRequest, pk: str) -> HttpResponse:
    """Believe an agent no longer."""
    try:
        agent = queries.get_agent(request.user, pk)
    except (Agent.DoesNotExist, ValidationError) as error:
        raise Http404 from error
    try:
        actions.revoke(user=request.user, agent=agent, reason=request.POST.get("reason", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The agent is revoked; its next call is refused."))
    return redirect("sites:agents")


@require_POST
@administrated
def renew(request: HttpRequest, pk: str) -> HttpResponse:
    """Have an agent make new keys."""
    try:
        agent = queries.get_agent(request.user, pk)
    except (Agent.DoesNotExist, ValidationError) as error:
        raise Http404 from error
    key_actions.ask_renewal(user=request.user, agent=agent)
    messages.success(request, _("With its next heartbeat the agent is asked for new keys."))
    return redirect("sites:agents")


def _inventory(request: HttpRequest, **more: Any) -> HttpResponse:
    tiles = list(queries.agents(request.user))
    wanted = ports.desired_versions([tile.camera for tile in tiles])
    rows = [_row(tile, wanted[tile.camera.pk]) for tile in tiles]
    return render(request, "sites/agents.html", {"rows": rows, "revoked": queries.revoked_agents(request.user), **more})


def _row(tile: queries.Tile, wanted: dict[str, str]) -> dict[str, Any]:
    heartbeat = tile.agent.heartbeat if tile.agent else None
    running = heartbeat.models if heartbeat else {}
    return {
        "tile": tile,
        "heartbeat": heartbeat,
        "models": [{"detector": name, "sha256": sha256, "wanted": wanted.get(name, sha256) == sha256} for name, sha256 in sorted(running.items())],
        "paper": certificates.of(tile.agent, timezone.now()) if tile.agent else None,
        "config_current": heartbeat is not None and heartbeat.config_version == tile.camera.config_version,
        "troubles": queries.troubles(tile),
    }
