"""A SuperNode that Flower has given up on is started again: it must not stay as a process that is connected to nothing."""

from __future__ import annotations

import json

import pytest
from federated_live import federation, wait_for

from tests.e2e.cable import Cable

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


def test_cut_in_the_handshake_the_supernode_is_started_again(tmp_path):
    with federation(tmp_path, sites=0) as live:
        cable, folder = Cable(live.fleet), live.add_site("far")
        portal = json.loads((folder / "portal.json").read_text())
        portal["fleet"]["address"] = cable.address
        (folder / "portal.json").write_text(json.dumps(portal))
        live.start_node("far")
        wait_for(lambda: live.log("far").count("SuperNode ID") == 1 and "ready for client tasks" in live.log("far"), "the first connection", 60)
        cable.cut()
        wait_for(lambda: "its executor ended; starting again" in live.log("far"), "its end", 60)
        cable.mend()
        wait_for(lambda: live.log("far").count("Starting Flower SuperNode") == 2, "the next one", 60)
        cable.close()
