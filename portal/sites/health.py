"""The parts of the health page that are about cameras and their agents."""

from __future__ import annotations

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from federated.learning import control
from portal.accounts.models import User
from portal.core.health import Check
from portal.sites import queries, state


def superlink(reader: User) -> Check:
    """The SuperLink answers, and sees its nodes."""
    name = _("Federation (SuperLink)")
    try:
        nodes = control.nodes()
    except control.FederationError as error:
        return Check(name, "problem", str(error)[:200], _("Training waits; watching and alerts go on. Look at the log of the SuperLink."))
    online = sum(node.state == "online" for node in nodes)
    detail = _("%(online)d of %(all)d nodes online") % {"online": online, "all": len(nodes)}
    return Check(name, "ok" if online == len(nodes) else "warning", detail, "" if online == len(nodes) else _("See which agents are silent."))


def agents(reader: User) -> Check:
    """Every camera of the reader's sites is watched."""
    name = _("Agents")
    tiles = queries.tiles_of(queries.cameras(reader))
    bad = [tile for tile in tiles if tile.state.name not in ("live", "starting", "none")]
    live = sum(tile.state.name == "live" for tile in tiles)
    detail = _("%(live)d of %(all)d cameras live") % {"live": live, "all": len(tiles)}
    if not bad:
        return Check(name, "ok", detail)
    named = "; ".join(f"{tile.camera}: {tile.state.label}" for tile in bad[:5])
    return Check(name, "warning", f"{detail} ({named})", _("Look at the camera and at its agent's log; what it saw meanwhile comes later from its outbox."))


def restarts(reader: User) -> Check:
    """No agent has ended in the last day without being asked to; those that did, how often, when last and why."""
    name = _("Restarts of agents")
    found = [(tile.camera, ended) for tile in queries.tiles_of(queries.cameras(reader)) if tile.agent and (ended := state.restarts(tile.agent, timezone.now()))]
    if not found:
        return Check(name, "ok", _("none in the last 24 hours"))
    found.sort(key=lambda each: each[1].last, reverse=True)
    named = "; ".join(f"{camera}: {ended.times} ({date_format(timezone.localtime(ended.last), 'H:i')}, {ended.why})" for camera, ended in found[:5])
    advice = _("A program that ends again and again misses what happens meanwhile: look at the agent's log, at its memory and at its power supply.")
    return Check(name, "warning", named, advice)
