"""What a tool may take of the machine for one case, by what it reads; `settings.DESK_LIMITS` overrides it for a tool by name."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings

from portal.analysis.sandbox import ToolLimits

MB = 2**20
# The largest picture that is read (100 million pixels) takes 300 MB decoded, and evidence is drawn on a copy of it.
BY_MEDIA = {
    "picture": ToolLimits(1536 * MB, 120),
    "text": ToolLimits(1024 * MB, 120),
    "table": ToolLimits(1024 * MB, 120),
    "audio": ToolLimits(1536 * MB, 900),
    "video": ToolLimits(2048 * MB, 3600),
}
# 50,000 posts are grouped, timed and 2,000 of their texts read for techniques: far more than a text.
OF_TOOL = {"campaign": ToolLimits(1536 * MB, 900)}


def limits_of(tool: str, media: Collection[str]) -> ToolLimits:
    """The limits of a tool: those in the settings as (megabytes, seconds), else its own, else the widest of the media it reads."""
    if found := settings.DESK_LIMITS.get(tool):
        return ToolLimits(found[0] * MB, found[1])
    if tool in OF_TOOL:
        return OF_TOOL[tool]
    allowed = [BY_MEDIA[each] for each in media]
    return ToolLimits(max(each.memory for each in allowed), max(each.wall_s for each in allowed))
