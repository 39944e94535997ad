"""Pictures are unpacked outside the portal: what is too much, what crashes, and many at once."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from detectors import image
from detectors.bench import scene
from detectors.errors import BadInput
from portal.core import decoding

MB = 2**20
PICTURES = [image.encode_png(scene(number, (240, 320))) for number in range(4)]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int) -> bytes:
    """A black PNG of one bit a pixel, small as a file, three bytes a pixel when it is decoded in colour."""
    rows = zlib.compress(bytes(side * (1 + (side + 7) // 8)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def decoders() -> list[psutil.Process]:
    """The servers that this process has started; another test's child may end while we look."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # zombies too
            found += [child] if "portal.core.decoding_child" in child.cmdline() else []
    return found


def test_a_picture_comes_back_as_it_would_be_decoded_here():
    assert np.array_equal(decoding.decode(PICTURES[0], 4000), image.read(PICTURES[0]))
    assert np.array_equal(decoding.decode(PICTURES[0], 100), image.read(PICTURES[0], 100))


def test_twenty_at_once_are_each_their_own_picture():
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda number: decoding.decode(PICTURES[number % 4], 4000), range(40)))
    assert all(np.array_equal(each, image.read(PICTURES[number % 4])) for number, each in enumerate(found))
    assert len(decoders()) <= decoding.AT_ONCE


def test_a_small_file_that_unpacks_to_300_mb_does_not_make_the_portal_grow():
    small = bomb(9_999)
    assert len(small) < 200_000
    decoding.decode(PICTURES[0], 4000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ThreadPoolExecutor(4) as pool:
        assert [each.shape for each in pool.map(lambda content: decoding.decode(content, 1000), [small] * 4)] == [(1000, 1000, 3)] * 4
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 100


def test_what_needs_more_memory_than_a_picture_may_is_refused_and_the_next_one_is_not(monkeypatch):
    monkeypatch.setattr(decoding, "MEMORY", 64 * MB)
    with pytest.raises(BadInput, match="save it smaller"):
        decoding.decode(bomb(9_999), 4000)
    assert decoding.decode(PICTURES[1], 4000).shape == (240, 320, 3)


def test_what_takes_too_long_is_refused_and_the_next_one_is_not(monkeypatch):
    monkeypatch.setattr(decoding, "WALL_S", 0)
    with pytest.raises(BadInput, match="save it smaller"):
        decoding.decode(bomb(9_999), 4000)
    monkeypatch.undo()
    assert decoding.decode(PICTURES[1], 4000).shape == (240, 320, 3)


def test_a_refusal_keeps_its_reason():
    with pytest.raises(BadInput, match="cut off") as refused:
        decoding.decode(PICTURES[0][:-50], 4000)
    assert refused.value.message.code == "picture-cut-off"


def test_no_picture_pays_for_servers_that_were_killed_while_they_waited():
    """They said "too heavy" of the next picture, whoever's it was."""
    with ThreadPoolExecutor(decoding.AT_ONCE) as pool:
        list(pool.map(lambda _: decoding.decode(PICTURES[0], 4000), range(8)))
    for server in decoders():
        os.kill(server.pid, signal.SIGKILL)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: decoding.decode(PICTURES[number], 4000), range(4)))
    assert all(np.array_equal(each, image.read(PICTURES[number])) for number, each in enumerate(found))
    assert len(decoders()) <= decoding.AT_ONCE


def test_a_server_goes_with_its_portal():
    code = "import sys; sys.path.insert(0, '.'); from portal.core import decoding; decoding.decode(open(sys.argv[1], 'rb').read(), 100);"
    code += "import psutil; print(psutil.Process().children()[0].pid, flush=True); import os; os._exit(9)"
    root = Path(__file__).resolve().parents[2]
    portrait = root / "infra" / "footage" / "staff" / "custode-1.jpg"
    done = subprocess.run([sys.executable, "-c", code, str(portrait)], cwd=root, capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    gone, _alive = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=20)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE or gone
