"""What the demo shows of the days before it was started: made-up crossings in a museum day's rhythm, and past alerts with pictures of its own clips."""

from __future__ import annotations

import datetime
import itertools
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
from django.utils import timezone

from detectors import video
from portal.alerts import demo_records
from portal.alerts.demo_records import Crossing, PastAlert
from portal.alerts.models import ResolutionReason
from portal.core.models import AuditRow
from portal.sites.models import Camera, Site

# People a quarter of an hour, as shares of the day's busiest, for each hour of the clock: nobody by night, most late in the morning and in the afternoon.
BY_HOUR = (0, 0, 0, 0, 0, 0, 0.02, 0.06, 0.2, 0.5, 0.8, 1, 0.85, 0.6, 0.65, 0.9, 0.95, 0.7, 0.4, 0.2, 0.1, 0.05, 0.02, 0)
WEEKEND = 1.4  # as many on Saturday and Sunday as on a working day
STAY_H = 1  # hours after which people go out again, roughly
QUARTER = datetime.timedelta(minutes=15)
SEED = 1173  # the tower's first stone: every demo gets the same days


def lay_out(site: Site, folder: Path, described: dict[str, Any]) -> None:
    """Write the history of the manifest's table `[history]` once; who took it away does not get it again. What it names that is not there is left out."""
    if not described or AuditRow.objects.filter(verb=demo_records.MADE, site=site.slug).exists():
        return
    cameras, now = {camera.slug: camera for camera in Camera.objects.filter(site=site)}, timezone.now()
    lines = {(camera.slug, line) for camera in cameras.values() for line in camera.lines.values_list("name", flat=True)}
    counted = [each for each in described.get("lines", []) if (each["camera"], each["line"]) in lines]
    crossings = [crossing for each in counted for crossing in _crossings(cameras[each["camera"]], each, now, described.get("days", 1))]
    past = [each for each in described.get("alerts", []) if each["camera"] in cameras and (folder / f"{each['camera']}.webm").is_file()]
    demo_records.add(site=site, crossings=crossings, alerts=list(_alerts(past, cameras, folder, now)))


def _crossings(camera: Camera, described: dict[str, Any], now: datetime.datetime, days: int) -> Iterator[Crossing]:
    """Both ways over one line, from `days` ago until now."""
    chance, t = random.Random(f"{SEED} {described['line']}"), now - datetime.timedelta(days=days)
    while t < now:
        for direction, later in (("a_to_b", 0), ("b_to_a", STAY_H)):
            here = timezone.localtime(t) - datetime.timedelta(hours=later)
            most = described["busiest"] * (WEEKEND if here.weekday() >= 5 else 1)
            for _ in range(round(chance.gauss(1, 0.25) * most * BY_HOUR[here.hour] + chance.uniform(-0.4, 0.4))):
                at = t + chance.random() * QUARTER
                if at < now:
                    yield Crossing(camera, described["line"], direction, at)
        t += QUARTER


def _alerts(described: list[dict[str, Any]], cameras: dict[str, Camera], folder: Path, now: datetime.datetime) -> Iterator[PastAlert]:
    """The past alerts, each with its frame of the camera's own clip."""
    for slug, rows in itertools.groupby(sorted(described, key=lambda each: each["camera"]), key=lambda each: each["camera"]):
        wanted = list(rows)
        pictures = _frames(folder / f"{slug}.webm", {each["frame"] for each in wanted})
        for each in wanted:
            jpeg, width, height = pictures[each["frame"]]
            box = each.get("box")
            pixels = [a * b for a, b in zip(box, (width, height) * 2, strict=True)] if box else None
            found = [{"kind": each.get("found", "person"), "score": each["score"], "box": pixels}] if pixels else []
            yield PastAlert(
                camera=cameras[slug],
                kind=each["kind"],
                zone=each.get("zone", ""),
                opened=now - datetime.timedelta(hours=each["hours_ago"]),
                seconds=each.get("seconds", 0),
                score=each["score"],
                reason=ResolutionReason(each["reason"]),
                snapshot=jpeg,
                detections=found,
                data={"width": width, "height": height},
            )


def _frames(clip: Path, numbers: Iterable[int]) -> dict[int, tuple[bytes, int, int]]:
    """Frames of a clip by their number: JPEG, width, height."""
    wanted, found = set(numbers), {}
    for n, frame in enumerate(itertools.islice(video.frames(clip), max(wanted) + 1)):
        if n in wanted:
            _, jpeg = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, 85])
            found[n] = (jpeg.tobytes(), frame.image.shape[1], frame.image.shape[0])
    return found
