"""This agent as a witness of the portal's audit log: heads that it was given, kept for a year, carried back with heartbeats, exported on demand."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detectors.files import PRIVATE, set_aside
from federated.contract.audit_head import AuditHead, AuditReceipt
from federated.contract.message import ContractError
from federated.trust import signing, witness
from site_agents import credentials
from site_agents.errors import AgentError
from site_agents.link import identity_of, read_portal
from site_agents.signed_config import Identity

FILE = "witness.db"
KEPT_EVERY_S = 20.0  # a memory card wears out with every write; the heartbeat carries each head all the same
DAY_S, HOUR_S, YEAR_S = 86_400.0, 3600.0, 366 * 86_400.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS heads (seq INTEGER NOT NULL, hash TEXT NOT NULL, t REAL NOT NULL, head_signature TEXT NOT NULL, received REAL NOT NULL,
    signature TEXT NOT NULL, public_key TEXT NOT NULL, PRIMARY KEY (seq, hash)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_time ON heads (received);
"""
log = logging.getLogger("site_agents.witness")


class WitnessError(AgentError):
    """What this agent has witnessed cannot be read or written."""


class WitnessStore:
    """`witness.db`: of the last day a head every 20 seconds, of the year before one an hour, at most some 13,000. May be used from any thread.

    A disk that takes nothing costs the record only: the last head is carried back from memory.
    """

    def __init__(self, folder: Path, identity: Identity, agent_id: str, *, kept_every_s: float = KEPT_EVERY_S) -> None:
        self.path, self.identity, self.agent_id, self.kept_every_s = folder / FILE, identity, agent_id, kept_every_s
        self._lock = threading.Lock()
        self._kept, self._tidied = float("-inf"), float("-inf")
        self._last = self._read_last()

    def take(self, head: AuditHead, key: Ed25519PrivateKey) -> None:
        """Keep what the portal has given out as the head of its log; `key` is the agent's own. A head without the portal's signature counts for nothing."""
        if not witness.head_is_signed(head, self.identity.portal_public_key):
            log.error("a head of the audit log came that the portal has not signed: it is not kept")
            return
        with self._lock:
            last, self._last = self._last, head
            went_back = last is not None and (head.seq < last.seq or (head.seq == last.seq and head.hash != last.hash))
            if went_back:
                log.error("the portal's audit log went back: from row %d to row %d; `site_agents witness` exports the proof", last.seq, head.seq)
            fresh = last is None or (head.seq, head.hash) != (last.seq, last.hash)
            if fresh and (went_back or time.monotonic() - self._kept >= self.kept_every_s):
                self._write(head, key)

    def receipt(self, key: Ed25519PrivateKey) -> AuditReceipt | None:
        """The last head, signed, for a heartbeat; None before the first."""
        head = self._last
        return None if head is None else self._signed(head, key)

    def close(self, key: Ed25519PrivateKey) -> None:
        """Keep the last head, also one that came less than 20 seconds after the one before."""
        with self._lock:
            if self._last is not None:
                self._write(self._last, key)

    def _signed(self, head: AuditHead, key: Ed25519PrivateKey) -> AuditReceipt:
        return witness.sign_receipt(site=self.identity.site, agent=self.agent_id, head=head, received=round(time.time(), 3), key=key)

    def _write(self, head: AuditHead, key: Ed25519PrivateKey) -> None:
        receipt = self._signed(head, key)
        row = (head.seq, head.hash, head.t, head.signature, receipt.received, receipt.signature, signing.public_text(key))
        try:
            with closing(_open(self.path)) as db:
                db.execute("INSERT OR IGNORE INTO heads VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                if time.monotonic() - self._tidied >= HOUR_S:
                    _thin_out(db, receipt.received)
                    self._tidied = time.monotonic()
            self._kept = time.monotonic()
        except (sqlite3.Error, OSError) as error:
            log.error("the head of the audit log cannot be kept: %s", error)

    def _read_last(self) -> AuditHead | None:
        try:
            with closing(_open(self.path)) as db:
                row = db.execute("SELECT seq, hash, t, head_signature FROM heads ORDER BY received DESC, seq DESC LIMIT 1").fetchone()
            return None if row is None else AuditHead.parse(dict(zip(("seq", "hash", "t", "signature"), row, strict=True)))
        except (sqlite3.DatabaseError, ContractError) as error:
            try:
                aside = set_aside(self.path, time.time())
            except OSError:
                log.error("%s cannot be used: %s", self.path, error)
                return None
            log.error("%s is damaged (%s): it lies in %s now, what comes from now on is kept anew", self.path, error, aside.name)
            return None
        except OSError as error:
            log.error("%s cannot be read: %s", self.path, error)
            return None


def export(folder: Path) -> dict[str, Any]:
    """Everything that the agent of this folder has witnessed, signed with its present key; also while it runs. Raises AgentError."""
    portal, key = read_portal(folder), credentials.own_key(folder)
    try:
        with closing(_open(folder / FILE)) as db:
            rows = db.execute("SELECT seq, hash, t, head_signature, received, signature, public_key FROM heads ORDER BY received, seq").fetchall()
    except (sqlite3.Error, OSError) as error:
        raise WitnessError(f"{folder / FILE} cannot be read: {error}") from error
    identity, agent_id = identity_of(portal), portal["agent_id"]
    receipts = []
    for seq, sha256, t, head_signature, received, signature, public_key in rows:
        head = AuditHead(seq=seq, hash=sha256, t=t, signature=head_signature)
        receipts.append((AuditReceipt(site=identity.site, agent=agent_id, head=head, received=received, signature=signature), public_key))
    own = [each for each in receipts if witness.receipt_is_signed(*each)]  # those of an agent that was enrolled here before are not ours to sign
    file = witness.WitnessFile(identity.site, identity.camera, agent_id, signing.public_text(key), identity.portal_public_key, tuple(own))
    return witness.export(file, key)


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        path.touch(mode=PRIVATE)
    db = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _thin_out(db: sqlite3.Connection, now: float) -> None:
    """Of what is older than a day the last head of each hour, of what is older than a year nothing."""
    db.execute("DELETE FROM heads WHERE received < ?", (now - YEAR_S,))
    last = "SELECT max(received) FROM heads WHERE received < ? GROUP BY CAST(received / 3600 AS INTEGER)"
    db.execute(f"DELETE FROM heads WHERE received < ? AND received NOT IN ({last})", (now - DAY_S, now - DAY_S))
