"""Decode a picture that somebody handed in, outside this process: in a child with limits of memory and time, two at once at the most.

A file of 100 kB may unpack to 400 MB, and a decoder may crash; neither happens to the portal. Each decoding is a fork of a small server
(`decoding_child.py`, started with the first picture) that has OpenCV loaded, and what a hostile file does to its fork, the next one does not see.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from detectors.errors import BadInput
from detectors.messages import Message, message_from_json

AT_ONCE = 2
MEMORY = 768 * 2**20  # bytes that one decoding may take
WALL_S = 30.0
_HEADER = 8  # bytes that say how long the answer's header is
ROOT = Path(__file__).resolve().parents[2]
log = logging.getLogger(__name__)


def decode(content: bytes, longest: int) -> np.ndarray:
    """A picture as `detectors.image.read` decodes it, BGR uint8 (H, W, 3), its longer side at most `longest` pixels. Raises BadInput with the reason.

    Safe to call from any thread; a third caller waits for one of two servers.
    """
    server = _servers.get()
    try:
        for is_new in (True,) if server is None else (False, True):
            try:
                server = server or _start()
                reply, pixels = _ask(server, content, longest)
                break
            except (OSError, EOFError, ValueError) as error:
                _end(server)
                server = None
                if is_new:
                    log.exception("the decoder of pictures broke down")
                    raise BadInput(Message("picture-too-heavy")) from error
                log.warning("a decoder of pictures had ended while it waited; this picture gets a new one: %s", error)
    finally:
        _servers.put(server)
    if "refused" in reply:
        raise BadInput(message_from_json(reply["refused"]))
    return np.frombuffer(pixels, np.uint8).reshape(reply["shape"])


def _ask(server: subprocess.Popen[bytes], content: bytes, longest: int) -> tuple[dict[str, Any], bytes]:
    """The header and pixels that a server answers. Raises OSError, EOFError or ValueError when it is gone or makes no sense."""
    header = json.dumps({"size": len(content), "longest": longest, "memory": MEMORY, "wall_s": WALL_S}).encode()
    server.stdin.write(len(header).to_bytes(_HEADER, "big") + header + content)
    server.stdin.flush()
    length = int.from_bytes(_read(server, _HEADER), "big")
    reply = json.loads(_read(server, length))
    return reply, _read(server, reply["bytes"])


def _start() -> subprocess.Popen[bytes]:
    """A server of its own session; it ends with its standard input, so with this process."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "portal.core.decoding_child"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment, start_new_session=True)


def _read(server: subprocess.Popen[bytes], count: int) -> bytes:
    found = server.stdout.read(count)
    if len(found) != count:
        raise EOFError("the decoder of pictures is gone")
    return found


def _end(server: subprocess.Popen[bytes] | None) -> None:
    if server is not None:
        server.kill()
        for end in (server.stdin, server.stdout):
            with contextlib.suppress(OSError):
                end.close()
        server.wait(10)


_servers: queue.LifoQueue[subprocess.Popen[bytes] | None] = queue.LifoQueue()
for _place in range(AT_ONCE):
    _servers.put(None)
