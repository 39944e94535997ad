"""The process in which one tool looks at one case's files: no Django, no database, limits of its own, gone when it is done or its worker is.

What goes back is JSON and files in the given folder: the worker unpickles nothing that a hostile file could have made this process send.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import resource
import signal
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import detectors
from detectors import image, registry, video
from detectors.messages import Message, message_to_json
from detectors.reports import report_to_json
from detectors.types import ClipEvidence, PictureEvidence

POSTER = "poster-"  # before a clip's name: its first frame
PAUSE_S = 0.2  # between two messages of one stage: a tool may count frames
LARGEST_FILE = 2**30
NO_MEMORY = ("bad_alloc", "Insufficient memory", "Failed to allocate", "insufficient memory")


def run(line: Connection, tool: str, module: str, source: str, files: list[str], folder: str, memory: int, wall_s: float, options: dict[str, Any]) -> None:
    """Use the tool on the files. It stands in `module`, or, when that cannot be imported, in the file `source`.

    `memory` bytes more than the empty process has may be taken, and `wall_s` seconds of the processor.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_worker, args=(line,), daemon=True).start()
    for name in [name for name in os.environ if name.endswith("_URL")]:
        del os.environ[name]
    os.nice(5)
    limits = {
        resource.RLIMIT_DATA: _data_now() + memory,
        resource.RLIMIT_CPU: int(wall_s) + 5,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: LARGEST_FILE,
    }
    for kind, limit in limits.items():
        resource.setrlimit(kind, (limit, limit))
    try:
        _register(module, source)
        _send(line, _examine(line, tool, files, Path(folder), options))
    except detectors.BadInput as error:
        _send(line, {"kind": "refused", "problem": str(error), "message": message_to_json(error.message)})
    except MemoryError:
        _send(line, {"kind": "memory"})
    except OSError as error:
        _send(line, {"kind": "disk"} if error.errno in (errno.ENOSPC, errno.EDQUOT) else {"kind": "broke", "traceback": traceback.format_exc()[-20_000:]})
    except Exception as error:  # noqa: BLE001 - the edge of the process: the worker logs the traceback and words the failure
        short = any(words in str(error) for words in NO_MEMORY)
        _send(line, {"kind": "memory"} if short else {"kind": "broke", "traceback": traceback.format_exc()[-20_000:]})


def _register(module: str, source: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError:  # a tool that `registry.discover` took in from a file
        registry.discover(Path(source))


def _examine(line: Connection, tool: str, files: list[str], folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    last: dict[str, Any] = {"stage": None, "t": 0.0}

    def progress(share: float, stage: Message) -> None:
        now, words = time.monotonic(), message_to_json(stage)
        if words != last["stage"] or now - last["t"] >= PAUSE_S:
            last.update(stage=words, t=now)
            _send(line, {"kind": "stage", "share": float(share), "stage": words})

    built = detectors.load(tool, **options)
    report = built.report([Path(file) for file in files], progress)
    made = {}
    for n, each in enumerate(report.evidence):
        if isinstance(each, PictureEvidence | ClipEvidence):
            (folder / str(n)).write_bytes(each.content)
            made[each.name] = str(n)
        if isinstance(each, ClipEvidence) and (poster := _first_frame(folder / str(n))):
            (folder / f"{n}-poster").write_bytes(poster)
            made[f"{POSTER}{each.name}"] = f"{n}-poster"
    return {"kind": "done", "report": report_to_json(report), "files": made}


def _first_frame(clip: Path) -> bytes:
    """PNG of a clip's first frame, for paper and for who does not play it; nothing when it cannot be read."""
    try:
        return image.encode_png(next(video.frames(clip)).image)
    except (detectors.BadInput, StopIteration):
        return b""


def _send(line: Connection, message: dict[str, Any]) -> None:
    line.send_bytes(json.dumps(message).encode())


def _die_with_worker(line: Connection) -> None:
    """The worker sends nothing; when it is gone, the line ends."""
    with contextlib.suppress(OSError, EOFError):
        line.recv_bytes()
    os._exit(1)


def _data_now() -> int:
    """Bytes of private memory mapped already: what RLIMIT_DATA counts."""
    for row in Path("/proc/self/status").read_text().splitlines():
        if row.startswith("VmData:"):
            return int(row.split()[1]) * 1024
    return 2**28
