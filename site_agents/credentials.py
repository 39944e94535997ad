"""An agent's keys and certificate as files that change together: new ones are laid beside the old in `next/`, and moved in one go that survives a power cut.

`next/certificate.pem` is the mark that the portal has said yes: it is written last and moved last, so whoever finds it finishes the move.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from cryptography import x509

from detectors.files import PRIVATE, move_durably, write_durably
from federated.trust import pki, signing
from site_agents.errors import PortalUnreachable

NEXT = "next"
KEY, NODE, PORTAL, CERTIFICATE = "key.pem", "node.key", "portal.json", "certificate.pem"
MOVED = (NODE, KEY, PORTAL, CERTIFICATE)  # in this order


@dataclasses.dataclass(frozen=True, slots=True)
class Credentials:
    """An agent's own key and the public half of its SuperNode's (OpenSSH)."""

    own: signing.Ed25519PrivateKey
    node: str


@dataclasses.dataclass(frozen=True, slots=True)
class CertificateInfo:
    """What an agent reads from its certificate: from when to when it is good (Unix seconds), and a number from 0 to 1 that differs from agent to agent."""

    not_before: float
    not_after: float
    chance: float


def prepare(folder: Path) -> Credentials:
    """The keys in a folder, made when there are none. Raises PkiError or ValueError for damaged ones."""
    return Credentials(signing.load_or_make_key(folder / KEY), pki.make_node_key(folder / NODE))


def prepare_next(folder: Path) -> Credentials:
    """New keys beside the old ones: those that wait there already, unless a power cut has damaged them."""
    try:
        return prepare(folder / NEXT)
    except (ValueError, pki.PkiError):
        discard(folder)
        return prepare(folder / NEXT)


def waiting(folder: Path) -> bool:
    """Whether new keys lie beside the old ones: a renewal has begun."""
    return (folder / NEXT / KEY).exists()


def discard(folder: Path) -> None:
    """Forget new keys that nobody has said yes to."""
    shutil.rmtree(folder / NEXT, ignore_errors=True)


def accept(folder: Path, certificate: str, portal: dict[str, Any] | None = None) -> None:
    """The portal said yes to the keys in `next/`: keep its answer, then move everything. Raises PortalUnreachable when the answer makes no sense."""
    key = signing.load_or_make_key(folder / NEXT / KEY)
    _check(certificate, key)
    if portal is not None:
        write_durably(folder / NEXT / PORTAL, json.dumps(portal, indent=1), mode=PRIVATE)
    write_durably(folder / NEXT / CERTIFICATE, certificate, mode=PRIVATE)
    finish_move(folder)


def keep(folder: Path, certificate: str, portal: dict[str, Any]) -> None:
    """The same for a first enrolment, whose keys lie in the folder itself: portal.json comes last, without it nobody is enrolled."""
    _check(certificate, signing.load_or_make_key(folder / KEY))
    write_durably(folder / CERTIFICATE, certificate, mode=PRIVATE)
    write_durably(folder / PORTAL, json.dumps(portal, indent=1), mode=PRIVATE)


def finish_move(folder: Path) -> bool:
    """Finish a move that was begun; False when there was none. Call it before anything reads the keys."""
    pending = folder / NEXT
    if not (pending / CERTIFICATE).exists():
        return False
    for name in MOVED:
        with contextlib.suppress(FileNotFoundError):  # it was moved before the power cut
            move_durably(pending / name, folder / name)
    discard(folder)
    return True


def read(folder: Path) -> CertificateInfo | None:
    """What our certificate says; None when there is none (enrolled before there were any) or it is damaged: new keys are due then."""
    try:
        found = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    except (OSError, ValueError):
        return None
    return CertificateInfo(found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp(), found.serial_number % 1000 / 1000)


def _check(certificate: Any, key: signing.Ed25519PrivateKey) -> None:
    try:
        sound = x509.load_pem_x509_certificate(certificate.encode()).public_key() == key.public_key()
    except (ValueError, AttributeError) as error:
        raise PortalUnreachable(f"the portal's answer makes no sense: {error}") from error
    if not sound:
        raise PortalUnreachable("the portal's answer makes no sense: a certificate of another key")
