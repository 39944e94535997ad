"""The daily anchor of the audit log: its head in a file, signed by the portal; if wanted also elsewhere, and with a time stamp of RFC 3161."""

from __future__ import annotations

import datetime
import json
import logging
from pathlib import Path
from typing import Any

from cryptography import x509
from django.conf import settings
from django.utils import timezone

from detectors.files import write_durably
from federated.contract.audit_head import AuditHead
from federated.contract.message import ContractError
from federated.trust import signing, witness
from federated.trust.time_stamps import StampRefused, time_stamp, verify_stamp
from portal.core import audit
from portal.core.audit_check import Statement
from portal.sites.config import portal_key

FOLDER = "audit"  # of the home folder
KIND = "specola audit anchor"
ANCHOR, STAMP = ".json", ".tsr"
log = logging.getLogger(__name__)


def folder() -> Path:
    """Where the anchors lie."""
    return settings.HOME / FOLDER


def write_today(now: datetime.datetime | None = None) -> list[str]:
    """Write what of today's anchor is missing (file, copy, time stamp); returns what could not be written, a sentence each. What is there stays."""
    day = (now or timezone.now()).astimezone(datetime.UTC).date().isoformat()
    path, problems = folder() / f"anchor-{day}{ANCHOR}", []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_durably(path, json.dumps(_anchor(), indent=1) + "\n")
    except OSError as error:
        return [f"the anchor of {day} cannot be written: {error}"]
    if settings.AUDIT_TSA and not path.with_suffix(STAMP).exists():
        try:
            write_durably(path.with_suffix(STAMP), time_stamp(path.read_bytes(), settings.AUDIT_TSA))
        except (StampRefused, OSError) as error:
            problems.append(f"no time stamp for the anchor of {day}: {error}")
    if settings.AUDIT_FOLDER:
        problems += _copy(path, Path(settings.AUDIT_FOLDER))
    for problem in problems:
        log.error("%s", problem)
    return problems


def statements(folders: list[Path], roots: list[x509.Certificate]) -> tuple[list[Statement], list[str]]:
    """What the anchors in these folders state about the log, and what is wrong with those that count for nothing, a sentence each."""
    found, problems = [], []
    for path in sorted({path for each in folders for path in each.glob(f"anchor-*{ANCHOR}")}):
        try:
            found.append(_statement(path, roots))
        except (OSError, ValueError, KeyError, TypeError, ContractError, signing.SignatureRejected, StampRefused) as error:
            problems.append(f"{path} counts for nothing: {error}")
    return found, problems


def newest(where: Path) -> Path | None:
    """The newest anchor in a folder."""
    return max(where.glob(f"anchor-*{ANCHOR}"), default=None, key=lambda path: path.name)


def _anchor() -> dict[str, Any]:
    seq, sha256 = audit.head()
    key, now = portal_key(), timezone.now()
    head = witness.sign_head(seq=seq, sha256=sha256, t=round(now.timestamp(), 3), key=key)
    return {"kind": KIND, "at": now.isoformat(timespec="seconds"), "public_key": signing.public_text(key), "head": head.to_json()}


def _statement(path: Path, roots: list[x509.Certificate]) -> Statement:
    content = path.read_bytes()
    fields = json.loads(content)
    if fields["kind"] != KIND:
        raise ValueError("it is no anchor")
    head, public = AuditHead.parse(fields["head"]), str(fields["public_key"])
    if not witness.head_is_signed(head, public):
        raise ValueError("it is not signed by the key that it names")
    own = public == signing.public_text(portal_key())
    proofs = ["signed by this portal's own key" if own else f"signed by another portal key, {signing.fingerprint(public)}"]
    stamped = False
    if (stamp := path.with_suffix(STAMP)).exists():
        if roots:
            proofs.append(f"time stamp of {verify_stamp(content, stamp.read_bytes(), roots):%Y-%m-%d %H:%M:%S} UTC")
            stamped = True
        else:
            proofs.append("its time stamp was not verified: name the authority's root with --tsa-root")
    return Statement(head.seq, head.hash, head.t, f"anchor {path}", "; ".join(proofs), proven=own or stamped)


def _copy(path: Path, target: Path) -> list[str]:
    """The anchor (and its stamp) where the operator wants them too. The folder must be there: a mount that is missing must not be taken for an empty one."""
    problems = []
    for each in (path, path.with_suffix(STAMP)):
        try:
            if each.exists() and not (target / each.name).exists():
                write_durably(target / each.name, each.read_bytes())
        except OSError as error:
            problems.append(f"the copy of {each.name} cannot be written: {error}")
    return problems
