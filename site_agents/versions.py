"""What runs here and on what power, as heartbeats tell it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import psutil

from site_agents import __version__

REPORTED = ("numpy", "opencv-python", "onnxruntime", "trackers", "flwr", "torch")


def versions() -> dict[str, str]:
    """Our own version, Python's, and those of the packages that matter and are installed; nothing is imported for it."""
    found = {"specola": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for name in REPORTED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def on_mains() -> bool:
    """Whether there is no need to spare a battery: none is there, or it is being charged."""
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return battery is None or battery.power_plugged is not False
