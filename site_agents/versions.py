"""What runs here, as heartbeats tell it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from site_agents import __version__

TOLD = ("numpy", "opencv-python", "onnxruntime", "trackers", "flwr", "torch")


def versions() -> dict[str, str]:
    """Our own version, Python's, and those of the packages that matter and are installed; nothing is imported for it."""
    found = {"specola": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for name in TOLD:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
