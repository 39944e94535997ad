"""Every registered detector gives eight threads the answers that it gives one: a new detector file is tested here without a new line."""

from __future__ import annotations

import concurrent.futures
import functools
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import detectors
from detectors import image, registry, video
from detectors.bench import scene
from detectors.errors import StreamShared
from detectors.native import NativePool, StreamTurn
from detectors.objects import head
from detectors.types import Frame, to_json

ROOT = Path(__file__).resolve().parent.parent.parent
STAFF = [image.read(ROOT / "infra" / "footage" / "staff" / f"custode-{n}.jpg") for n in (1, 2, 3)]
NAMES = detectors.names()
STREAMS = [name for name in NAMES if registry.entry(name).kind == "stream"]
THREADS, TIMES = 8, 3


def picture(n: int) -> np.ndarray:
    """The nth of eight pictures of different sizes that show no face, one or two."""
    shown = [(), (0,), (1,), (0, 1), (2,), (1, 2), (0,), (2, 0)][n]
    canvas = scene(n, (400 + 24 * n, 640))
    for place, who in enumerate(shown):
        face = cv2.resize(STAFF[who], None, fx=0.6 + 0.05 * n, fy=0.6 + 0.05 * n)
        canvas[20 : 20 + face.shape[0], 20 + 300 * place : 20 + 300 * place + face.shape[1]] = face
    return canvas


def answer(built: Any, kind: str, n: int, files: list[Path], camera: str) -> Any:
    """What a detector gives for the nth input; a stream gets twelve frames of a camera of its own."""
    if kind == "stream":
        step = getattr(built, "excess", built.step)  # the anomaly's score itself needs 300 frames first
        return [step(Frame(scene(7 * n + k, (240, 320)), camera, 1000 + k / 5, k)) for k in range(12)]
    if kind == "tool":
        media = registry.tool_entry(built.card.name).media
        if "picture" not in media:
            return built.report([(clip if "video" in media else posts)(files[0].parent, n)])
        return built.report([files[n], files[(n + 1) % THREADS]][: registry.tool_entry(built.card.name).inputs])
    if kind == "head":
        return built.judge(np.random.default_rng(n).normal(size=(3, head.SIZE)).astype(np.float32))
    return built.detect([picture(n)])


@functools.cache
def clip(folder: Path, n: int) -> Path:
    """The nth of eight clips of sixteen frames."""
    path = folder / f"clip-{n}.webm"
    video.write_webm(path, (scene(11 * n + k, (120, 160)) for k in range(16)), 10)
    return path


def posts(folder: Path, n: int) -> Path:
    """The nth of eight tables of posts, of which every third comes again."""
    path = folder / f"posts-{n}.csv"
    rows = [f"The {k % 3 or k}th lamp of street {n} was out again last night and nobody came,person-{k % 5},2026-09-01T12:00:{k:02d}" for k in range(30)]
    path.write_text("\n".join(["text,account,time", *rows]) + "\n")
    return path


def plain(value: Any) -> str:
    return str(to_json(value))  # of a report's pictures their sha256


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    for n in range(THREADS):
        (folder / f"{n}.jpg").write_bytes(image.encode_jpeg(picture(n)))
    return sorted(folder.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_eight_threads_get_what_one_gets(name, files):
    kind = registry.entry(name).kind
    alone, together = detectors.load(name), detectors.load(name)
    wanted = [plain(answer(alone, kind, n, files, f"camera {n}")) for n in range(THREADS)]
    start = threading.Barrier(THREADS)

    def work(n: int) -> list[str]:
        start.wait()
        return [plain(answer(together, kind, (n + turn) % THREADS, files, f"camera {n} {turn}")) for turn in range(TIMES)]

    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(work, range(THREADS)))
    assert found == [[wanted[(n + turn) % THREADS] for turn in range(TIMES)] for n in range(THREADS)]


def test_threads_that_ask_at_once_for_the_shared_detector_get_one():
    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        assert len({id(built) for built in threads.map(detectors.shared, ["picture-check"] * THREADS)}) == 1


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_never_shared(name):
    with pytest.raises(ValueError, match="never shared"):
        detectors.shared(name)


def test_a_camera_whose_frames_come_from_two_threads_is_an_error_at_once():
    turn, inside, over = StreamTurn(), threading.Event(), threading.Event()

    def stay() -> None:
        with turn.take("gate"):
            inside.set()
            over.wait(30)

    first = threading.Thread(target=stay)
    first.start()
    inside.wait(30)
    with pytest.raises(StreamShared, match="camera 'gate'"), turn.take("gate"):
        pass
    over.set()
    first.join()
    with turn.take("gate"):
        assert True


@pytest.mark.parametrize("name", STREAMS)
def test_a_camera_stepped_by_many_threads_breaks_in_no_other_way(name):
    built = detectors.load(name)

    def work(n: int) -> bool:
        try:
            built.step(Frame(scene(n, (240, 320)), "gate", 1000 + n / 5, n))
        except StreamShared:
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        assert any(threads.map(work, range(40)))
    assert built.step(Frame(scene(50, (240, 320)), "gate", 1010, 50)) in (None, [])


def test_a_pool_never_gives_one_object_to_two_and_makes_no_more_than_it_may():
    made: list[list[int]] = []

    def make() -> list[int]:
        made.append([])
        return made[-1]

    pool: NativePool[list[int]] = NativePool(make, most=2)

    def work(n: int) -> bool:
        with pool.borrow() as native:
            native.append(n)
            alone = functools.reduce(lambda same, _: same and native == [n], range(2000), True)
            native.clear()
        return alone

    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        assert all(threads.map(work, range(200)))
    assert len(made) <= 2
