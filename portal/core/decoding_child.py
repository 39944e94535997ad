"""The server that pictures are decoded in: no Django, no database; one fork a picture, with limits, and gone when it is done.

On standard input: 8 bytes (length), a JSON header {"size", "longest", "memory", "wall_s"}, the file. On standard output: 8 bytes, a JSON header
{"shape", "bytes"} or {"refused", "bytes": 0}, the pixels.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np

from detectors import image
from detectors.errors import BadInput
from detectors.messages import Message, message_to_json

HEADER = 8
NO_MEMORY = ("bad_alloc", "nsufficient memory", "Failed to allocate")


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Decode what is asked, one after the other, until the input ends."""
    cv2.setNumThreads(1)
    while len(length := asked.read(HEADER)) == HEADER:
        wanted = json.loads(asked.read(int.from_bytes(length, "big")))
        content = asked.read(wanted["size"])
        if len(content) != wanted["size"]:
            return
        header, pixels = _in_a_fork(content, wanted)
        head = json.dumps({**header, "bytes": len(pixels)}).encode()
        answers.write(len(head).to_bytes(HEADER, "big") + head)
        answers.write(pixels)
        answers.flush()


def _in_a_fork(content: bytes, wanted: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The header and pixels of one picture; "too heavy" when the fork dies, or takes too long, before it has answered."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _decode(content, wanted, theirs)
    os.close(theirs)
    parts, until = [], time.monotonic() + wanted["wall_s"]
    with os.fdopen(ours, "rb", buffering=0) as line:
        while (left := until - time.monotonic()) > 0 and select.select([line], [], [], left)[0]:
            if not (part := line.read(2**20)):
                break
            parts.append(part)
    os.kill(child, signal.SIGKILL)
    done = os.waitpid(child, 0)[1]
    answer = b"".join(parts)
    length = int.from_bytes(answer[:HEADER], "big")
    if len(answer) >= HEADER + length > HEADER:
        header = json.loads(answer[HEADER : HEADER + length])
        if len(answer) == HEADER + length + header["bytes"]:
            return header, answer[HEADER + length :]
    print(f"decoding ended without a picture: status {done}", file=sys.stderr)
    return {"refused": message_to_json(Message("picture-too-heavy"))}, b""


def _decode(content: bytes, wanted: dict[str, Any], line: int) -> None:
    """In the fork: decode within the limits, answer, and end without what an interpreter does at its end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(wanted["wall_s"]), int(wanted["wall_s"]) + 1))
    most = _data_now() + wanted["memory"]
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    pixels = np.zeros((0, 0, 3), np.uint8)
    try:
        pixels = image.read(content, wanted["longest"])
        header: dict[str, Any] = {"shape": pixels.shape}
    except BadInput as error:
        heavy = any(words in str(error.__cause__) for words in NO_MEMORY)
        header = {"refused": message_to_json(Message("picture-too-heavy") if heavy else error.message)}
    except MemoryError:
        header = {"refused": message_to_json(Message("picture-too-heavy"))}
    found = pixels.tobytes()
    head = json.dumps({**header, "bytes": len(found)}).encode()
    with os.fdopen(line, "wb") as answer:
        answer.write(len(head).to_bytes(HEADER, "big") + head + found)
    os._exit(0)


def _data_now() -> int:
    """Bytes of private memory mapped already: what RLIMIT_DATA counts."""
    rows = Path("/proc/self/status").read_text().splitlines()
    return next((int(row.split()[1]) * 1024 for row in rows if row.startswith("VmData:")), 2**28)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)
