"""An agent that enrols and renews its keys as the real one does, through the portal's own door."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from federated.trust import csr, pki
from portal.sites import actions
from portal.sites.models import Agent, Camera
from tests.portal.portal_scene import Machine


def node_key() -> str:
    """The public half of a new SuperNode key."""
    with tempfile.TemporaryDirectory() as folder:
        return pki.make_node_key(Path(folder) / "node.key")


def enrolled(camera: Camera, key: Ed25519PrivateKey | None = None, **changes: Any) -> Machine:
    """An agent with a certificate and a registered node."""
    key = key or Ed25519PrivateKey.generate()
    code = actions.make_code(user="system", camera=camera)
    body = {"code": code, "csr": csr.make(key, camera.slug), "node_public_key": node_key(), **changes}
    answer = Client().post("/api/v1/agents/enrol", json.dumps(body), content_type="application/json")
    assert answer.status_code == 201, answer.content
    return Machine(Agent.objects.get(pk=answer.json()["agent_id"]), key)


class Renewal:
    """A renewal as an agent sees it: the machine with the old key and one with the new, which may be sent as often as one likes."""

    def __init__(self, old: Machine, **changes: Any) -> None:
        self.old, self.new = old, Machine(old.agent, Ed25519PrivateKey.generate())
        self.body = {"csr": csr.make(self.new.key, str(old.agent.pk)), "node_public_key": node_key(), **changes}

    def send(self, by: Machine | None = None) -> Any:
        """Ask for the certificate, signed with the old key or by another."""
        return (by or self.old).send("POST", "agents/rotate", self.body)


def beat(machine: Machine, **parsed: Any) -> Any:
    """A heartbeat."""
    return machine.send("POST", "heartbeat", {"t": time.time(), "config_version": 1, **parsed})
