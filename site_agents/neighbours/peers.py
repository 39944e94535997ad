"""Who an agent's neighbours are and the certificates to meet them with: signed by the portal, accepted or refused, kept in the agent's folder."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detectors.files import write_durably
from federated.contract.documents import PeersDocument
from federated.contract.message import ContractError
from federated.trust import pki
from federated.trust.signing import SignatureRejected, verify_document
from site_agents.errors import PeersRefused
from site_agents.signed_config import Identity

FILE, KEY, CERTIFICATE, AUTHORITY = "circle.json", "peer.key", "peer.crt", "peer-ca.crt"
PORT = "peer.port"
log = logging.getLogger("site_agents.neighbours")
Address = tuple[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a neighbour listens, and whether it keeps the whole list."""

    address: Address
    whole: bool


@dataclasses.dataclass(frozen=True, slots=True)
class PeerList:
    """`name`: ours in the protocol (our agent id); `peers`: theirs, and where they listen; `edition`: told to the portal, so that it sends news only."""

    name: str
    peers: Mapping[str, PeerAddress]
    edition: str


def accept(folder: Path, document: Any, identity: Identity, name: str) -> PeerList:
    """Check what the portal said and keep the certificates. Raises PeersRefused (nothing is kept) or OSError."""
    try:
        body = PeersDocument.parse(verify_document(document, identity.portal_public_key))
    except SignatureRejected as error:
        raise PeersRefused(f"the neighbours are not signed by our portal: {error}") from error
    except (ContractError, TypeError, ValueError, AttributeError) as error:
        raise PeersRefused(f"the neighbours make no sense: {error}") from error
    if (body.site, body.camera, body.agent) != (identity.site, identity.camera, name):
        raise PeersRefused("these neighbours are for another agent")
    if name in body.peers:
        raise PeersRefused("a camera is none of its own neighbours")
    write_durably(folder / AUTHORITY, body.authority)
    write_durably(folder / CERTIFICATE, body.certificate)
    write_durably(folder / FILE, json.dumps(document))
    return PeerList(name, {peer: PeerAddress((at.host, at.port), at.whole) for peer, at in body.peers.items()}, body.edition)


def load(folder: Path, identity: Identity, name: str) -> PeerList | None:
    """The peers as they were kept, checked again: after a power cut the neighbours are met also without a portal. None when there is none that is accepted."""
    try:
        return accept(folder, json.loads((folder / FILE).read_text()), identity, name)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, PeersRefused) as error:
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
        write_durably(folder / PORT, str(port))


def authority(folder: Path) -> pki.Authority:
    """Where the certificates and the key lie."""
    return pki.Authority(folder / AUTHORITY, folder / CERTIFICATE, folder / KEY)


def _port(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise ValueError(f"port {value!r}")
    return value
