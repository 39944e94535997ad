"""A network cable that can be pulled: TCP through loopback, byte for byte, until `cut`; then nothing gets through until `mend`.

While it is cut a new connection ends after its first words, in the middle of the TLS handshake: from this Flower does not recover by itself.
"""

from __future__ import annotations

import contextlib
import socket
import threading


class Cable:
    """Listens at `address` and passes everything on to `target` (HOST:PORT)."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self.target, self.whole = (host, int(port)), True
        self.ends: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection and let no new one through."""
        self.whole = False
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again."""
        self.ends, self.whole = [], True

    def close(self) -> None:
        """Pull it for good."""
        self.cut()
        self.listener.close()

    def accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if not self.whole:
                threading.Thread(target=_hang_up, args=(near,), daemon=True).start()
                continue
            try:
                far = socket.create_connection(self.target, 5)
            except OSError:
                near.close()
                continue
            self.ends += [near, far]
            for source, drain in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, drain), daemon=True).start()


def _hang_up(near: socket.socket) -> None:
    with contextlib.suppress(OSError):
        near.recv(65536)  # all of it: else the other side sees a reset, which Flower takes for an ordinary trouble
    near.close()


def _pump(source: socket.socket, drain: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            drain.sendall(data)
    for end in (source, drain):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
