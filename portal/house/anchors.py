"""The daily anchor of the audit log: its head in a file, signed by the portal; if wanted also elsewhere, and with a time stamp of RFC 3161."""

from __future__ import annotations

import datetime
import json
import logging
from pathlib import Path
from typing import Any

import httpx
import rfc3161_client
from cryptography import x509
from django.conf import settings
from django.utils import timezone

from detectors.files import write_durably
from federated.contract.audit_head import AuditHead
from federated.contract.message import ContractError
from federated.trust import signing, witness
from portal.core import audit
from portal.core.audit_check import Statement
from portal.sites.config import portal_key

FOLDER = "audit"  # of the home folder
KIND = "specola audit anchor"
ANCHOR, STAMP = ".json", ".tsr"
TSA_S = 15.0
LARGEST_STAMP = 2**20
log = logging.getLogger(__name__)


class StampRefused(Exception):
    """There is no time stamp, or one that does not belong to its anchor; str() says why."""


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


def time_stamp(content: bytes, address: str) -> bytes:
    """A time-stamp response (DER) of the authority at `address` over these bytes. Raises StampRefused."""
    request = rfc3161_client.TimestampRequestBuilder().data(content).nonce(nonce=True).build()
    try:
        answer = httpx.post(address, content=request.as_bytes(), headers={"Content-Type": "application/timestamp-query"}, timeout=TSA_S)
        answer.raise_for_status()
        if len(answer.content) > LARGEST_STAMP:
            raise StampRefused("the answer of the time-stamp authority is too large")
        response = rfc3161_client.decode_timestamp_response(answer.content)
        granted = response.status in (0, 1)  # granted, granted with changes
        fits = granted and response.tst_info.nonce == request.nonce and response.tst_info.message_imprint.message == request.message_imprint.message
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise StampRefused(f"the time-stamp authority does not answer as it should: {error or type(error).__name__}") from error
    if not fits:
        raise StampRefused("the time-stamp authority refused, or stamped something else")
    return answer.content


def verify_stamp(content: bytes, stamp: bytes, roots: list[x509.Certificate]) -> datetime.datetime:
    """When the authority saw these bytes. Raises StampRefused when the stamp is not theirs, or not of an authority below these roots."""
    try:
        response = rfc3161_client.decode_timestamp_response(stamp)
        builder = rfc3161_client.VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(response, content)
        return response.tst_info.gen_time
    except (rfc3161_client.VerificationError, ValueError) as error:
        raise StampRefused(str(error) or "it cannot be read") from error


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
