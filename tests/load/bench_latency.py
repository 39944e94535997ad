"""Capture to browser: three real agents, the whole of `up`, a headless Chromium on the watch room; from frame time to the row in the page."""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from infra.check import AdministratorSession
from infra.programs import Plan, free_port
from infra.running import Running, manage, run_quietly
from infra.start import started
from tests.load.stand import conclude, parser, percentile, progress

TARGET_P95_S = 1.5
FEWEST = 60  # events: fewer say nothing about a p95
START_S = 180  # until the first row came by itself
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
HOPS = ("frame_to_event", "event_to_sent", "sent_to_stored", "stored_to_browser")
# The demo's own rules raise an alert every five seconds or so. For a p95 that means something, two cameras also watch a grid of zones without dwell.
BUSY = """
from portal.sites import actions, rules
from portal.sites.models import Camera
grid = {f"{column}-{row}": (column / 4, row / 3) for column in range(4) for row in range(3)}
zones = [{"name": name, "polygon": [[x, y], [x + 0.25, y], [x + 0.25, y + 0.333], [x, y + 0.333]]} for name, (x, y) in grid.items()]
rules_of_grid = [{"kind": "person_in_zone", "zone": name, "min_s": 0, "cooldown_s": 0} for name in grid]
for camera in Camera.objects.filter(slug__in=["square", "drone"]):
    now = actions.watching_of(camera)
    new = {**now, "zones": [*now["zones"], *zones], "rules": [*now["rules"], *rules_of_grid]}
    new["rules"] = [{k: v for k, v in each.items() if v is not None} for each in new["rules"]]
    actions.save_watching(user="system", camera_id=camera.pk, watching=rules.read(new))
"""
# Notes the moment at which each row stands in the page; a row that an event changed is put there anew, so it counts too.
OBSERVER = """() => {
  window.specolaSeen = [];
  new MutationObserver((changes) => {
    const now = (performance.timeOrigin + performance.now()) / 1000;
    for (const change of changes) for (const row of change.addedNodes)
      if (row.dataset?.event) window.specolaSeen.push({ ...row.dataset, seen: now });
  }).observe(document.body, { childList: true, subtree: true });
}"""


def main(arguments: list[str]) -> int:
    """Start everything, watch, stop everything, print the figures."""
    options = parser("latency", __doc__ or "")
    options.add_argument("--seconds", type=float, default=100.0, help="how long to watch after the first row came")
    options.add_argument("--rows", type=int, default=300, help="stop watching when so many events were seen")
    options.add_argument("--demo-rules", action="store_true", help="leave the demo's rules as they are: fewer events")
    options.add_argument("--home", type=Path, help="a home folder to keep; default: a temporary one")
    chosen = options.parse_args(arguments)
    if CHROMIUM is None:
        progress(chosen, "There is no Chromium on this machine: install Debian's package chromium.")
        return 2
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="specola-latency-") as folder:
        seen = watch(chosen, chosen.home or Path(folder))
    figures = {**judge(seen), "load_before": load}
    return conclude(figures, passed=figures["n"] >= FEWEST and figures["p95_s"] <= TARGET_P95_S)


def watch(chosen: argparse.Namespace, home: Path) -> list[dict[str, Any]]:
    """One entry for each event that showed in the page: its times, all in Unix seconds of this machine."""
    home.chmod(0o755)
    with started(Plan(home.resolve(), port=free_port())) as running, AdministratorSession(running) as person, sync_playwright() as playwright:
        if not chosen.demo_rules:
            watch_more(running)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        context = browser.new_context(base_url=person.address, viewport={"width": 1920, "height": 1080})
        context.add_cookies([{"name": name, "value": value, "url": person.address} for name, value in person.cookies.items()])
        page = context.new_page()
        page.goto("/")
        page.locator("#rows[data-connected=true]").wait_for(state="attached", timeout=60_000)
        page.evaluate(OBSERVER)
        began = time.time()
        progress(chosen, "watching ...")
        seen = _collect(page, chosen, began, running.supervisor.restart_dead)
        browser.close()
    return seen


def watch_more(running: Running) -> None:
    """Let the square's and the drone's cameras tell of every entry into a grid of zones."""
    run_quietly(running, "busy", manage("shell", "-v", "0", "-c", BUSY))


def judge(seen: list[dict[str, Any]]) -> dict[str, Any]:
    """n, p50, p95, and the mean seconds and the share of each hop."""
    if not seen:
        return {"n": 0, "p50_s": None, "p95_s": None, "hops": {}, "cameras": 0}
    whole = [row["seen"] - row["eventT"] for row in seen]
    parts = {name: statistics.fmean(hops_of(row)[name] for row in seen) for name in HOPS}
    shares = {name: {"mean_s": round(value, 4), "share": round(value / statistics.fmean(whole), 3)} for name, value in parts.items()}
    cameras = len({row["camera"] for row in seen})
    return {"n": len(seen), "p50_s": percentile(whole, 0.5), "p95_s": percentile(whole, 0.95), "max_s": max(whole), "hops": shares, "cameras": cameras}


def hops_of(row: dict[str, Any]) -> dict[str, float]:
    """Where the time of one event went; all clocks are this machine's."""
    stations = [row["eventT"], row["madeT"], row["sentT"], row["receivedT"], row["seen"]]
    return dict(zip(HOPS, (after - before for before, after in itertools.pairwise(stations)), strict=True))


def read(row: dict[str, Any]) -> dict[str, Any]:
    """The numbers of one row of the page; an agent that does not say when it made the event said it in the event's UUIDv7."""
    made = row.get("madeT") or (uuid.UUID(row["event"]).int >> 80) / 1000
    times = {name: float(row[name]) for name in ("eventT", "sentT", "receivedT", "seen")}
    return {"event": row["event"], "camera": row["camera"], "madeT": float(made), **times}


def _collect(page: Page, chosen: argparse.Namespace, began: float, keep_alive: Any) -> list[dict[str, Any]]:
    """Wait for rows; an event counts once, at its first showing, and only when it was captured while we watched."""
    rows: dict[str, dict[str, Any]] = {}
    first = None
    while time.time() < (first or began) + (chosen.seconds if first else START_S) and len(rows) < chosen.rows:
        page.wait_for_timeout(500)
        keep_alive()
        for row in page.evaluate("window.specolaSeen.splice(0)"):
            if float(row["eventT"]) >= began and row["sentT"]:
                rows.setdefault(row["event"], read(row))
        first = first or (time.time() if rows else None)
    return list(rows.values())
