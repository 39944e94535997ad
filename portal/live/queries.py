"""What the live wall shows of each camera."""

from __future__ import annotations

from typing import Any

from portal.accounts.models import User
from portal.sites.queries import Tile, cameras, tiles_of


def wall(user: User) -> list[dict[str, Any]]:
    """Every camera the user may see: names, state (portal.sites.state) and the capture time of its last frame by this portal's clock."""
    return [_shown(tile) for tile in tiles_of(cameras(user).order_by("site__name", "name"))]


def _shown(tile: Tile) -> dict[str, Any]:
    camera, state = tile.camera, tile.state
    return {
        "id": camera.pk,
        "camera": camera.name,
        "site": camera.site.name,
        "note": camera.note,
        "state": state.name,
        "t": state.last_frame and state.last_frame.timestamp(),
        "fps": state.fps,
    }
