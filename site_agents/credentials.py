"""An agent's keys and certificate as files that change together: new ones are laid beside the old in `next/`, and moved in one go that survives a power cut.

`next/certificate.pem` is the mark that the portal has said yes: it is written last and moved last, so whoever finds it finishes the move.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from detectors.files import PRIVATE, move_durably, set_aside, write_durably
from federated.trust import pki, signing
from site_agents.errors import NotEnrolled, PortalUnreachable

NEXT = "next"
KEY, NODE, PORTAL, CERTIFICATE = "key.pem", "node.key", "portal.json", "certificate.pem"
DAMAGED = (ValueError, TypeError, UnsupportedAlgorithm, pki.PkiError)  # what reading a damaged key raises
MOVED = (NODE, KEY, PORTAL, CERTIFICATE)  # in this order


log = logging.getLogger("site_agents.credentials")
Key = TypeVar("Key")


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


def own_key(folder: Path) -> signing.Ed25519PrivateKey:
    """The key that the portal knows this agent by. Raises NotEnrolled when it is damaged: only a new enrolment can make another."""
    try:
        return signing.load_or_make_key(folder / KEY)
    except DAMAGED as error:
        raise NotEnrolled(f"{folder / KEY} is damaged ({_line(error)}): get a code from the portal and enrol the agent again") from error


def mend(path: Path, load: Callable[[Path], Key]) -> Key:
    """`load(path)` reads a key or makes one. A damaged one that nothing is lost without is set aside, and another made; the portal learns of it by itself."""
    try:
        return load(path)
    except DAMAGED as error:
        aside = set_aside(path, time.time())
        log.error("%s is damaged (%s): it lies in %s now, a new key is made and the portal told with the next heartbeat", path, _line(error), aside.name)
        return load(path)


def prepare(folder: Path) -> Credentials:
    """The keys of a folder whose agent is not enrolled yet, made when there are none; damaged ones are set aside."""
    return Credentials(mend(folder / KEY, signing.load_or_make_key), mend(folder / NODE, pki.make_node_key))


def prepare_next(folder: Path) -> Credentials:
    """New keys beside the old ones: those that wait there already, unless a power cut has damaged them."""
    pending = folder / NEXT
    try:
        return Credentials(signing.load_or_make_key(pending / KEY), pki.make_node_key(pending / NODE))
    except DAMAGED as error:
        log.error("the new keys in %s are damaged (%s): others are made", pending, _line(error))
        discard(folder)
        return prepare(pending)


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
    if (problem := _problem_of_move(folder)) is not None:
        log.error("%s: the keys before stay in use, new ones are asked for again", problem)
        discard(folder)
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
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.error("%s is damaged (%s): new keys and a certificate are asked for with the next heartbeat", folder / CERTIFICATE, _line(error))
        return None
    return CertificateInfo(found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp(), found.serial_number % 1000 / 1000)


def node_is_sound(folder: Path) -> bool:
    """Whether the SuperNode's key can be read, or is still to be made."""
    try:
        if (folder / NODE).exists():
            pki.make_node_key(folder / NODE)
    except DAMAGED as error:
        log.error("%s is damaged (%s): new keys are asked for with the next heartbeat, training waits for them", folder / NODE, _line(error))
        return False
    return True


def _problem_of_move(folder: Path) -> str | None:
    """Why the files in `next/` must not take the place of those in use: what a dying disk made of them. None when they may."""
    pending = folder / NEXT
    try:
        key = signing.load_or_make_key(pending / KEY if (pending / KEY).exists() else folder / KEY)
        _check((pending / CERTIFICATE).read_text(), key)
        if (pending / NODE).exists():
            pki.make_node_key(pending / NODE)
    except (*DAMAGED, OSError, PortalUnreachable) as error:
        return f"the renewal in {pending} is damaged ({_line(error)})"
    return None


def _line(error: BaseException) -> str:
    """An error's first sentence; libraries like to explain themselves at length."""
    return str(error).strip().partition("\n")[0].partition(". ")[0][:120] or type(error).__name__


def _check(certificate: Any, key: signing.Ed25519PrivateKey) -> None:
    try:
        sound = x509.load_pem_x509_certificate(certificate.encode()).public_key() == key.public_key()
    except (ValueError, AttributeError) as error:
        raise PortalUnreachable(f"the portal's answer makes no sense: {error}") from error
    if not sound:
        raise PortalUnreachable("the portal's answer makes no sense: a certificate of another key")
