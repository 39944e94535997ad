"""The parts of the health page that are about cameras and their agents."""

from __future__ import annotations

from collections.abc import Iterable

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from federated.learning import control
from portal.accounts.models import User
from portal.core.health import Check
from portal.sites import certificates as standing
from portal.sites import queries, state
from portal.sites.conditions import NO_DISK

SHOWN = 5  # named one by one


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
    tiles = _tiles(reader)
    bad = [tile for tile in tiles if tile.state.name not in ("live", "starting", "none")]
    bad.sort(key=lambda tile: tile.state.style != "is-alarm")  # the worst first
    live = sum(tile.state.name == "live" for tile in tiles)
    detail = _("%(live)d of %(all)d cameras live") % {"live": live, "all": len(tiles)}
    if not bad:
        return Check(name, "ok", detail)
    level = "problem" if bad[0].state.style == "is-alarm" else "warning"
    advice = _("Look at the camera and at its agent's log; what it saw meanwhile comes later from its outbox.")
    return Check(name, level, f"{detail} ({_named(f'{tile.camera}: {tile.state.label}' for tile in bad)})", advice)


def disks(reader: User) -> Check:
    """Every agent has room for what it sees while the portal cannot be reached."""
    name = _("Disks of agents")
    found = [(tile, trouble) for tile in _tiles(reader) for trouble in queries.troubles(tile) if trouble in ("disk", "unsaved")]
    if not found:
        return Check(name, "ok", _("room everywhere"))
    free = {tile.camera.pk: tile.agent.heartbeat.disk_free or 0.0 for tile, trouble in found if trouble == "disk" and tile.agent and tile.agent.heartbeat}
    level = "problem" if min(free.values(), default=NO_DISK) < NO_DISK else "warning"
    held = _("events are in memory only: its disk takes nothing, or another program holds the outbox")
    named = _named(f"{tile.camera}: {filesizeformat(free[tile.camera.pk]) if trouble == 'disk' else held}" for tile, trouble in found)
    return Check(name, level, named, _("Make room on the camera's computer: without it the agent keeps neither events nor pictures while the portal is away."))


def views(reader: User) -> Check:
    """Of every camera with privacy masks it would be noticed that it is turned."""
    name = _("Privacy masks")
    blind = [tile.camera for tile in _tiles(reader) if tile.camera.masks and tile.state.featureless]
    if not blind:
        return Check(name, "ok", _("would follow a camera that is turned"))
    advice = _(
        "Too little stands still in their pictures to notice that they are turned: let them see something that stands, or look at their masks now and then."
    )
    return Check(name, "warning", _named(str(camera) for camera in blind), advice)


def certificates(reader: User) -> Check:
    """Every agent renews its certificate in time."""
    name, now = _("Certificates of agents"), timezone.now()
    standings = [(tile.camera, standing.of(tile.agent, now)) for tile in _tiles(reader) if tile.agent]
    late = [(camera, each) for camera, each in standings if each.name in ("overdue", "expired")]
    if not late:
        return Check(name, "ok", _("renewed in time"))
    level = "problem" if any(each.name == "expired" for _camera, each in late) else "warning"
    advice = _("An agent renews its certificate by itself: look at its log; one whose certificate has expired must enrol again.")
    return Check(name, level, _named(f"{camera}: {each.label}" for camera, each in late), advice)


def restarts(reader: User) -> Check:
    """No agent has ended in the last day without being asked to; those that did, how often, when last and why."""
    name = _("Restarts of agents")
    found = [(tile.camera, ended) for tile in _tiles(reader) if tile.agent and (ended := state.restarts(tile.agent, timezone.now()))]
    if not found:
        return Check(name, "ok", _("none in the last 24 hours"))
    found.sort(key=lambda each: each[1].last, reverse=True)
    named = _named(f"{camera}: {ended.times} ({date_format(timezone.localtime(ended.last), 'H:i')}, {ended.why})" for camera, ended in found)
    advice = _("A program that ends again and again misses what happens meanwhile: look at the agent's log, at its memory and at its power supply.")
    return Check(name, "warning", named, advice)


def _tiles(reader: User) -> list[queries.Tile]:
    """The reader's cameras that somebody wants to be watched."""
    return queries.tiles_of(queries.cameras(reader).filter(switched_off=None))


def _named(lines: Iterable[str]) -> str:
    """The first few of them, and how many more there are."""
    each = list(lines)
    more = _("and %(n)d more") % {"n": len(each) - SHOWN} if len(each) > SHOWN else ""
    return "; ".join([*each[:SHOWN], *filter(None, [more])])
