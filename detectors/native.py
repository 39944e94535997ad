"""What makes a detector safe to call from any thread: native objects that one call at a time may use, and a camera's state that two threads cannot enter.

An onnxruntime session's `run` may be called by many threads at once; OpenCV's nets may not: `setInputSize` and `detect` of two threads mix, and the
answers with them. So whoever holds such an object holds it in a `NativePool`.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from detectors.errors import StreamShared

MOST = 8

Native = TypeVar("Native")


class NativePool(Generic[Native]):
    """Native objects of which each serves one call at a time; a further one is made only when all are busy, up to one for each CPU (8 at the most).

    Measured for the face finder (YuNet, 640 x 576, 2 CPUs; `python -m detectors bench --threads 1 2 8` repeats it), pictures a second with 1, 2, 8
    threads: one net behind a lock 47, 52, 49; a net for each thread 47, 91, 70, and a new one (3 ms, 30 MB) for each of Django's request threads,
    which live for one request; this pool keeps the pace of the second at the memory of as many nets as there are CPUs.
    """

    def __init__(self, make: Callable[[], Native], most: int | None = None) -> None:
        self._make, self._free = make, [make()]
        self._places = threading.BoundedSemaphore(most or min(MOST, os.cpu_count() or 1))

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Native]:
        """An object that nobody else uses until the block ends. Never borrow twice in one call: with one CPU the second would wait for ever."""
        with self._places:
            try:
                native = self._free.pop()  # a list's pop and append are atomic
            except IndexError:
                native = self._make()
            try:
                yield native
            finally:
                self._free.append(native)


class StreamTurn:
    """Lets one thread at a time take a camera's next frame: with two at once, which frame came first would be chance, and every score after it."""

    def __init__(self) -> None:
        self._busy = threading.Lock()

    @contextlib.contextmanager
    def take(self, camera: str) -> Iterator[None]:
        """The block in which the camera's state may change. Raises StreamShared when another thread is in it."""
        if not self._busy.acquire(blocking=False):
            raise StreamShared(f"two threads gave frames of the camera {camera!r} at once: a camera's frames come from one thread, in their order")
        try:
            yield
        finally:
            self._busy.release()
