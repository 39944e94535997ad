"""On what power a camera runs."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from site_agents.versions import on_mains


@pytest.mark.parametrize(("battery", "mains"), [(None, True), (True, True), (False, False), ("unknown", True)])
def test_only_a_battery_that_is_known_to_drain_is_no_mains(monkeypatch, battery, mains):
    found = None if battery is None else SimpleNamespace(power_plugged=None if battery == "unknown" else battery)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: found, raising=False)
    assert on_mains() is mains
