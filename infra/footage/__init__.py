"""The clips, plan and enrolment pictures of the demo site: where they lie and what they are."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


@functools.cache
def manifest() -> dict[str, Any]:
    """What `manifest.toml` says of every file and of the demo's cameras."""
    with (FOLDER / "manifest.toml").open("rb") as file:
        return tomllib.load(file)


def path(name: str) -> Path:
    """Where a file of the manifest lies, for example `square.webm`. Raises KeyError for a name that the manifest does not have."""
    if name not in manifest()["files"]:
        raise KeyError(f"{name} is not in infra/footage/manifest.toml; it has {', '.join(sorted(manifest()['files']))}")
    return FOLDER / name
