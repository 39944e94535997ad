"""What the live wall shows of each camera."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from portal.accounts.models import User
from portal.alerts.queries import OpenAlerts, open_by_camera
from portal.sites.queries import Tile, cameras, tiles_of

# What the wall draws for a state of portal.sites.state; one that is not here gets the sign of a question and its own word.
SIGNS = {"live": "live", "starting": "waiting", "stale": "stale", "silent": "dead", "tampered": "tampered", "none": "none", "revoked": "none", "off": "off"}


def wall(user: User) -> list[dict[str, Any]]:
    """Every camera the user may see, with its state and open alerts; `t` of its last frame and `seen`, its agent's last answer, by this portal's clock."""
    alerts = open_by_camera(user)
    return [_shown(tile, alerts.get(tile.camera.pk)) for tile in tiles_of(cameras(user).order_by("site__name", "name"))]


def _shown(tile: Tile, alerts: OpenAlerts | None) -> dict[str, Any]:
    camera, state = tile.camera, tile.state
    return {
        "id": camera.pk,
        "camera": camera.name,
        "site": camera.site.name,
        "site_slug": camera.site.slug,
        "url": reverse("sites:camera", args=[camera.site.slug, camera.slug]),
        "state": state.name,
        "sign": SIGNS.get(state.name, "unknown"),
        "label": str(state.label),
        "t": state.last_frame and state.last_frame.timestamp(),
        "seen": tile.agent and tile.agent.last_seen and tile.agent.last_seen.timestamp(),
        "fps": state.fps,
        "alerts": alerts and alerts.shown(),
    }
