"""A man in the middle who holds the server's own key: everything a node sends and receives, in the clear, to search it for what must not be there."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path


class Tap:
    """Listens on loopback, ends TLS with the server's key and speaks TLS to the real listener; `sent` and `received` are seen from the node."""

    def __init__(self, pki: Path, target: str):
        self.sent, self.received = bytearray(), bytearray()
        host, _, port = target.rpartition(":")
        self.target = (host, int(port))
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(pki / "server.crt", pki / "server.key")
        self.client = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self) -> None:
        self.listener.close()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.join, args=(connection,), daemon=True).start()

    def join(self, connection: socket.socket) -> None:
        try:
            near = self.server.wrap_socket(connection, server_side=True)
            far = self.client.wrap_socket(socket.create_connection(self.target), server_hostname=self.target[0])
        except OSError:
            connection.close()
            return
        for source, drain, record in ((near, far, self.sent), (far, near, self.received)):
            threading.Thread(target=_pump, args=(source, drain, record), daemon=True).start()


def _pump(source: ssl.SSLSocket, drain: ssl.SSLSocket, record: bytearray) -> None:
    try:
        while data := source.recv(65536):
            record += data
            drain.sendall(data)
    except (OSError, ValueError):
        pass
    finally:
        for end in (source, drain):
            end.close()
