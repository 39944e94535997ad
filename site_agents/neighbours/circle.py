"""Who an agent's neighbours are and the papers to meet them with: signed by the portal, believed or refused, kept in the agent's folder."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from federated.trust import pki
from federated.trust.signing import SignatureRejected, verify_document
from site_agents.errors import CircleRefused
from site_agents.orders import Seat

FILE, KEY, CERTIFICATE, AUTHORITY = "circle.json", "peer.key", "peer.crt", "peer-ca.crt"
PORT = "peer.port"
MOST = 64  # neighbours of one camera
log = logging.getLogger("site_agents.neighbours")
Address = tuple[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class At:
    """Where a neighbour listens, and whether it keeps the whole list."""

    address: Address
    whole: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Circle:
    """`name`: ours in the protocol (our agent id); `peers`: theirs, and where they listen; `edition`: told to the portal, so that it sends news only."""

    name: str
    peers: Mapping[str, At]
    edition: str


def believe(folder: Path, said: Any, seat: Seat, name: str) -> Circle:
    """Check what the portal said and keep the certificates. Raises CircleRefused (nothing is kept) or OSError."""
    try:
        body = verify_document(said, seat.portal_public_key)
        if (body.get("type"), body.get("site"), body.get("camera"), body.get("agent")) != ("circle", seat.site, seat.camera, name):
            raise CircleRefused("these neighbours are for another agent")
        peers = {str(peer): At((str(at["host"]), _port(at["port"])), at["whole"] is True) for peer, at in body["peers"].items()}
        authority, certificate, edition = str(body["authority"]), str(body["certificate"]), str(body["edition"])
    except SignatureRejected as error:
        raise CircleRefused(f"the neighbours are not signed by our portal: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CircleRefused(f"the neighbours make no sense: {error!r}") from error
    if len(peers) > MOST or name in peers:
        raise CircleRefused(f"a camera has at most {MOST} neighbours and is none of its own")
    (folder / AUTHORITY).write_text(authority)
    (folder / CERTIFICATE).write_text(certificate)
    (folder / FILE).write_text(json.dumps(said))
    return Circle(name, peers, edition)


def load(folder: Path, seat: Seat, name: str) -> Circle | None:
    """The circle as it was kept, checked again: after a power cut the neighbours are met also without a portal. None when there is none that is believed."""
    try:
        return believe(folder, json.loads((folder / FILE).read_text()), seat, name)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, CircleRefused) as error:
        log.error("the kept neighbours are not used (%s): nobody is met until the portal says who they are", error)
        return None


def last_port(folder: Path) -> int:
    """Where we listened the last time, 0 when nobody knows: neighbours find us again although no portal could tell them a new place."""
    try:
        return _port(int((folder / PORT).read_text()))
    except (OSError, ValueError):
        return 0


def keep_port(folder: Path, port: int) -> None:
    """Remember it. A disk that is full only costs the memory."""
    with contextlib.suppress(OSError):
        (folder / PORT).write_text(str(port))


def papers(folder: Path) -> pki.Authority:
    """Where the certificates and the key lie."""
    return pki.Authority(folder / AUTHORITY, folder / CERTIFICATE, folder / KEY)


def _port(said: Any) -> int:
    if isinstance(said, bool) or not isinstance(said, int) or not 0 < said < 65536:
        raise ValueError(f"port {said!r}")
    return said
