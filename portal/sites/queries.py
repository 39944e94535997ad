"""Every read of sites, cameras and agents; each takes the reader and shows only that reader's sites."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

from django.db.models import QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.queries import sites_of
from portal.core import media
from portal.sites import ports, state
from portal.sites.conditions import LITTLE_DISK
from portal.sites.models import Agent, Camera, Site


@dataclasses.dataclass(frozen=True, slots=True)
class Tile:
    """A camera with its agent's state."""

    camera: Camera
    agent: Agent | None
    state: state.State


@dataclasses.dataclass(frozen=True, slots=True)
class Glance:
    """A site with its cameras; `level` is "ok", "warning" or "alarm", the worst of its cameras."""

    site: Site
    tiles: list[Tile]

    @property
    def live(self) -> int:
        """How many cameras show what happens now."""
        return sum(tile.state.name == "live" for tile in self.tiles)

    @property
    def level(self) -> str:
        """The worst state of its cameras."""
        styles = {tile.state.style for tile in self.tiles}
        return "alarm" if "is-alarm" in styles else "warning" if "is-warning" in styles else "ok" if self.live else ""


def glance(user: User) -> list[Glance]:
    """All the reader's sites at a glance."""
    sites = list(sites_of(user))
    tiles = tiles_of(Camera.objects.filter(site__in=sites).select_related("site"))
    return [Glance(site, [tile for tile in tiles if tile.camera.site_id == site.pk]) for site in sites]


def get_site(user: User, slug: str) -> Site:
    """One of the reader's sites. Raises Site.DoesNotExist."""
    return sites_of(user).get(slug=slug)


def get_camera(user: User, site: str, camera: str) -> Camera:
    """One of the reader's cameras. Raises Camera.DoesNotExist."""
    return cameras(user).get(site__slug=site, slug=camera)


def cameras(user: User) -> QuerySet[Camera]:
    """Every camera of the reader's sites."""
    return Camera.objects.filter(site__in=sites_of(user)).select_related("site")


def tiles_of(rows: QuerySet[Camera] | list[Camera]) -> list[Tile]:
    """Cameras with their agents' states, in two queries."""
    found, now = list(rows), timezone.now()
    agents = state.newest(list(Agent.objects.filter(camera__in=found, revoked=None)))
    return [Tile(camera, agents.get(camera.pk), state.of_camera(camera, agents.get(camera.pk), now)) for camera in found]


def agents(user: User) -> list[Tile]:
    """The inventory: every camera with its agent, at the sites that the reader administrates."""
    return tiles_of(Camera.objects.filter(site__in=sites_of(user, "administrator")).select_related("site").order_by("site__name", "name"))


def revoked_agents(user: User) -> QuerySet[Agent]:
    """Agents that are no longer believed, newest first."""
    rows = Agent.objects.filter(camera__site__in=sites_of(user, "administrator")).exclude(revoked=None)
    return rows.select_related("camera__site").order_by("-revoked")[:20]


def get_agent(user: User, pk: str) -> Agent:
    """An agent that the reader administrates. Raises Agent.DoesNotExist."""
    return Agent.objects.select_related("camera__site").get(pk=pk, camera__site__in=sites_of(user, "administrator"))


def model_file(camera: Camera, sha256: str) -> Path | None:
    """The file of a model that this camera's agent is asked to run; None for every other."""
    wanted = any(document["sha256"] == sha256 for document in ports.desired_models(camera))
    return media.path(sha256) if wanted and media.exists(sha256) else None


def troubles(tile: Tile) -> list[str]:
    """What an administrator should look at, in short words: clock, backlog, disk, unsaved."""
    agent = tile.agent
    if agent is None:
        return []
    found, heartbeat = [], agent.heartbeat
    if abs(agent.clock_skew) > state.SKEWED_S:
        found.append("clock")
    if heartbeat and heartbeat.outbox.pending > state.BACKLOG:
        found.append("backlog")
    if heartbeat and heartbeat.disk_free is not None and heartbeat.disk_free < LITTLE_DISK:
        found.append("disk")
    if heartbeat and heartbeat.outbox.unsaved:
        found.append("unsaved")
    return found


def midnight(day: datetime.date | None = None) -> datetime.datetime:
    """When the day began here."""
    now = timezone.localtime()
    return now.replace(hour=0, minute=0, second=0, microsecond=0) if day is None else datetime.datetime.combine(day, datetime.time(), now.tzinfo)
