"""Milliseconds an item of every detector on one thread, on made-up input, so that it runs anywhere."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import detectors
from detectors import image, registry
from detectors.errors import BadInput, DetectorError
from detectors.objects import head
from detectors.tracking import Tracker
from detectors.types import Box, Detection, Face, Frame

SIZE = (576, 768)
FACE = Face(Box(30, 30, 60, 60), 0.9, np.array([[38, 52], [74, 52], [56, 72], [42, 92], [71, 92]], np.float32))


@dataclasses.dataclass(frozen=True, slots=True)
class BenchCase:
    """What is timed: `run(n)` handles item n."""

    name: str
    item: str
    run: Callable[[int], Any]


def measure_all(items: int = 20) -> dict[str, Any]:
    """{"threads": 1, "detectors": [{"name", "item", "ms_per_item" (median), "ms_mean", "ms_p95"}], "skipped": [{"item", "reason"}]}."""
    cv2.setNumThreads(1)
    rows, skipped = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for name in [*detectors.names(), "tracking"]:
            try:
                rows.append(_measure(_case(name, Path(scratch)), items))
            except DetectorError as error:
                skipped.append({"item": name, "reason": str(error)})
    return {"threads": 1, "detectors": rows, "skipped": skipped}


def measure_threads(counts: Sequence[int], items: int = 20) -> dict[str, Any]:
    """{"detectors": [{"name", "item", "threads", "per_second", "memory_mb"}]}: one detector of each kind that portal and worker share, called by so many
    threads at once; `memory_mb` is what this process has grown by since the detector was opened."""
    cv2.setNumThreads(1)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in [each for each in detectors.names() if registry.entry(each).kind in ("images", "tool")]:
            case, before = _case(name, Path(scratch)), _resident_mb()
            for count in counts:
                start = time.perf_counter()
                with concurrent.futures.ThreadPoolExecutor(count) as threads:
                    list(threads.map(case.run, range(items)))
                pace = items / (time.perf_counter() - start)
                rows.append({"name": name, "item": case.item, "threads": count, "per_second": round(pace, 1), "memory_mb": round(_resident_mb() - before)})
    return {"detectors": rows}


def scene(n: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A made-up BGR picture: textured ground over which a block moves with n."""
    picture = cv2.resize(np.random.default_rng(7).integers(60, 200, (48, 64, 3), dtype=np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    left = n * 7 % max(1, size[1] - 60)
    picture[size[0] // 3 : size[0] // 3 + 120, left : left + 50] = (40, 30, 90)
    return picture


def sample_files(tool: registry.ToolEntry, folder: Path) -> list[Path]:
    """Made-up inputs of the first medium that a tool reads, as many as it takes. Raises BadInput for a medium that nothing is made up for (audio)."""
    medium, files = tool.media[0], []
    for n in range(tool.inputs):
        if medium == "picture":
            files.append(folder / f"{n}.jpg")
            files[-1].write_bytes(image.encode_jpeg(scene(n)))
        elif medium == "video":
            files.append(folder / f"{n}.avi")
            writer = cv2.VideoWriter(str(files[-1]), cv2.VideoWriter.fourcc(*"MJPG"), 5, (320, 240))
            for t in range(10):
                writer.write(scene(10 * n + t, (240, 320)))
            writer.release()
        elif medium in ("text", "table"):
            files.append(folder / f"{n}.txt")
            rows = f"name,number\nsquare,{n}\ngate,{n + 1}\n"
            files[-1].write_text(rows if medium == "table" else f"A sentence, and another one.\nThe {n}th file of its kind.\n")
        else:
            raise BadInput(f"nothing is made up for the medium {medium}")
    return files


def _resident_mb() -> float:
    """Resident memory of this process; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    return 0.0


def _measure(case: BenchCase, items: int) -> dict[str, Any]:
    for n in range(3):
        case.run(n)
    times = []
    for n in range(3, items + 3):
        start = time.perf_counter()
        case.run(n)
        times.append(1000 * (time.perf_counter() - start))
    p95 = sorted(times)[min(len(times) - 1, int(0.95 * len(times)))]
    return {
        "name": case.name,
        "item": case.item,
        "ms_per_item": round(statistics.median(times), 3),
        "ms_mean": round(statistics.fmean(times), 3),
        "ms_p95": round(p95, 3),
    }


def _case(name: str, scratch: Path) -> BenchCase:
    if name == "tracking":
        tracker = Tracker("fixed", 5)
        boxes = [Detection("person", 0.8, Box(30.0 * i, 100, 20, 50)) for i in range(20)]
        return BenchCase(name, "20 tracks", lambda n: tracker.update(Frame(scene(0), "bench", n / 5, n), boxes))
    built, kind = detectors.load(name), registry.entry(name).kind
    if kind == "stream":
        return BenchCase(name, "frame 768x576", lambda n: built.step(Frame(scene(n), "bench", n / 5, n)))
    if kind == "tool":
        files = sample_files(registry.tool_entry(name), scratch)
        return BenchCase(name, f"{len(files)} {registry.tool_entry(name).media[0]}", lambda n: built.report(files))
    if kind == "head":
        return BenchCase(name, "alert", lambda n: built.judge(np.full((1, head.SIZE), n / 100, np.float32)))
    if hasattr(built, "embed"):
        return BenchCase(name, "aligned face", lambda n: built.embed(scene(n, (112, 112)), [FACE]))
    return BenchCase(name, "picture 768x576", lambda n: built.detect([scene(n)]))
