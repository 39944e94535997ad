"""A SuperNode that Flower has given up on is started again: it must not stay as a process that is connected to nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

import pytest
from federated_live import federation, wait_for

pytestmark = pytest.mark.timeout(120)


class Wire:
    """TCP through loopback. `cut`: what is open breaks, and every new connection ends after its first words, in the middle of the TLS handshake."""

    def __init__(self, target):
        host, _, port = target.rpartition(":")
        self.target, self.whole, self.ends = (host, int(port)), True, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self.whole = False
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near):
        if not self.whole:
            near.recv(65536)  # all of it: else the other side sees a reset, which Flower takes for an ordinary trouble
            near.close()
            return
        far = socket.create_connection(self.target)
        self.ends += [near, far]
        for source, drain in ((near, far), (far, near)):
            threading.Thread(target=_pump, args=(source, drain), daemon=True).start()


def _pump(source, drain):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            drain.sendall(data)
        drain.shutdown(socket.SHUT_RDWR)


def test_cut_in_the_handshake_the_supernode_is_started_again(tmp_path):
    with federation(tmp_path, sites=0) as live:
        wire, folder = Wire(live.fleet), live.add_site("far")
        portal = json.loads((folder / "portal.json").read_text())
        portal["fleet"]["address"] = wire.address
        (folder / "portal.json").write_text(json.dumps(portal))
        live.start_node("far")
        wait_for(lambda: live.log("far").count("SuperNode ID") == 1 and "ready for client tasks" in live.log("far"), "the first connection", 60)
        wire.cut()
        wait_for(lambda: "its executor ended; starting again" in live.log("far"), "its end", 60)
        wire.whole = True
        wait_for(lambda: live.log("far").count("Starting Flower SuperNode") == 2, "the next one", 60)
        wire.listener.close()
