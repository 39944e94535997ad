"""What the agent has to say and has not said yet: events in SQLite, pictures and clips beside it; a power cut loses nothing that was put here.

An event leaves only when the portal has said that it has it. Saying it twice is harmless: the event's id is the key on both sides.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from detectors.rules import registry
from federated.contract.events import BATCH, AgentEvent
from site_agents.errors import OutboxBusy, OutboxError
from site_agents.store import MediaStore, Medium

BATCH_MEDIA = 4_000_000  # bytes of pictures sent before the events of one batch: after a long outage events must not wait for all of them
UNSAVED = 5_000  # events kept in memory while the disk takes nothing at all
MEMORY = 64_000_000  # bytes of their pictures
PATIENCE_S = 0.2  # how long a question about the outbox may wait for the disk
LOG_PAGES = 250  # SQLite's log is written back at 1 MB, so that a nearly full disk stays usable
FULL = 1_000_000  # bytes free below which a failure to write is a full disk
DEAD = 1_000  # refused events kept for a person to look at
SCHEMA = """
CREATE TABLE IF NOT EXISTS counters (camera TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, t REAL NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS media (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, score REAL NOT NULL, t REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, t REAL NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL);
"""
log = logging.getLogger("site_agents.outbox")


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits: its JSON form (pictures that were given up are null), and the pictures that go before it."""

    id: str
    body: dict[str, Any]
    media: tuple[str, ...]
    given_up: tuple[str, ...] = ()


class Outbox:
    """All methods may be called from any thread. `budget` is what pictures and clips may take, in bytes; `connect(path)` opens the database.

    Raises OutboxError when it cannot be opened even after every waiting picture was given up.
    """

    def __init__(self, folder: Path, budget: int = 200_000_000, *, connect: Callable[[Path], sqlite3.Connection] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.media = folder / "outbox.db", MediaStore(folder / "media", budget)
        self.arrived = threading.Condition()
        self._lock, self._connect = threading.RLock(), connect or open_database
        self._unsaved: deque[tuple[AgentEvent, tuple[Medium, ...]]] = deque(maxlen=UNSAVED)
        self._last_stats: dict[str, Any] = {"pending": 0, "oldest_t": None, "dead": 0}
        self._first_seq, self._busy = 0, False  # busy: why the last attempt to write failed
        self._db = self._open()
        with contextlib.suppress(OutboxError), self._tidying(), self._write():
            self.media.sweep(self._named_media())

    def add(self, event: AgentEvent, media: Sequence[Medium] = ()) -> AgentEvent:
        """Keep an event with its pictures and give it its place in the camera's order.

        A full disk costs the oldest low-score pictures first, then this event's own; the event itself waits in memory if the disk takes nothing. An outbox
        that another program holds costs nothing: event and pictures wait in memory.
        """
        with self._lock:
            kept = [each for each in media if self.media.put(each, self._victims)]
            names = {each.sha256 for each in kept}
            event = dataclasses.replace(event, **{field: None for field in ("snapshot", "clip") if getattr(event, field) not in names})
            self._save_waiting()
            saved = None if self._unsaved else self._save(event, kept)
            if saved is None:
                self._hold(event, kept)
        with self.arrived:
            self.arrived.notify_all()
        return saved or event

    def add_clip(self, event: AgentEvent, clip: Medium) -> bool:
        """Name an event's clip, which is ready only now. The event is said again; the portal fills the clip in. False when there is no room for it.

        Raises OutboxBusy when another program holds the outbox.
        """
        with self._lock:
            if not self.media.put(clip, self._victims):
                return False
            body = json.dumps(dataclasses.replace(event, clip=clip.sha256).to_json(), separators=(",", ":"))
            try:
                with self._tidying(), self._write():
                    self._keep_medium(clip)
                    waiting = "ON CONFLICT (id) DO UPDATE SET body = json_set(body, '$.clip', ?)"
                    self._db.execute(f"INSERT INTO events (id, t, body) VALUES (?, ?, ?) {waiting}", (event.id, event.t, body, clip.sha256))
            except OutboxBusy:
                self.media.remove(clip.sha256)
                raise
            except OutboxError as error:
                log.error("a clip is left out: %s", error)
                self.media.remove(clip.sha256)
                return False
        with self.arrived:
            self.arrived.notify_all()
        return True

    def batch(self, limit: int = BATCH) -> list[Waiting]:
        """The oldest events, in order, as many as one call may carry."""
        with self._lock:
            self._save_waiting()
            rows = self._db.execute("SELECT id, body FROM events ORDER BY n LIMIT ?", (limit,)).fetchall()
            found, size = [], 0
            for id_, text in rows:
                waiting, bytes_ = self._waiting(id_, json.loads(text))
                if found and size + bytes_ > BATCH_MEDIA:
                    break
                size += bytes_
                found.append(waiting)
            return found

    def acknowledge(self, sent: Iterable[Waiting]) -> None:
        """The portal has these. An event that got its clip meanwhile stays, to be said again. Raises OutboxError when that cannot be written down."""
        sent = list(sent)
        with self._lock, self._tidying(), self._write():
            for each in sent:
                if not self._has_later_clip(each):
                    self._db.execute("DELETE FROM events WHERE id = ?", (each.id,))
                self._db.executemany("DELETE FROM media WHERE sha256 = ?", [(name,) for name in each.given_up])
        self._leave_no_name(sent)

    def dead_letter(self, refused: Waiting, reason: str) -> None:
        """The portal will never take this event: keep it apart, so that those behind it can go. Raises OutboxError when that cannot be written down."""
        log.error("event %s is put aside: %s", refused.id, reason)
        with self._lock, self._tidying(), self._write():
            self._db.execute("DELETE FROM events WHERE id = ?", (refused.id,))
            values = (refused.id, time.time(), reason[:1000], json.dumps(_nameless(refused.body)))
            self._db.execute("INSERT INTO dead (id, t, reason, body) VALUES (?, ?, ?, ?)", values)
            self._db.execute("DELETE FROM dead WHERE n <= (SELECT max(n) FROM dead) - ?", (DEAD,))
        self._leave_no_name([refused])

    def forget_medium(self, sha256: str) -> None:
        """This picture was sent, or will never be taken. Raises OutboxError when that cannot be written down."""
        with self._lock:
            with self._tidying(), self._write():
                self._db.execute("DELETE FROM media WHERE sha256 = ?", (sha256,))
            self.media.remove(sha256)

    def dead(self) -> list[dict[str, Any]]:
        """What was put aside, oldest first: id, t, reason, body."""
        with self._lock:
            rows = self._db.execute("SELECT id, t, reason, body FROM dead ORDER BY n").fetchall()
        return [{"id": id_, "t": t, "reason": reason, "body": json.loads(body)} for id_, t, reason, body in rows]

    def stats(self) -> dict[str, Any]:
        """How much waits: `pending` events, the oldest one's time, bytes of pictures, how many were put aside, and how many are in memory only (`unsaved`).

        While the disk keeps somebody waiting, the numbers of a moment ago: whoever asks must not wait too.
        """
        if self._lock.acquire(timeout=PATIENCE_S):
            try:
                pending, oldest = self._db.execute("SELECT count(*), min(t) FROM events").fetchone()
                dead = self._db.execute("SELECT count(*) FROM dead").fetchone()[0]
                self._last_stats = {"pending": pending, "oldest_t": oldest, "dead": dead}
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
            finally:
                self._lock.release()
        unsaved = len(self._unsaved)
        return {**self._last_stats, "pending": self._last_stats["pending"] + unsaved, "media_bytes": self.media.bytes, "unsaved": unsaved}

    def close(self) -> None:
        """Write the log back and close."""
        with self._lock:
            self._save_waiting()
            self._db.close()

    def _save(self, event: AgentEvent, media: Sequence[Medium]) -> AgentEvent | None:
        """Event and pictures in one transaction; None when the disk takes nothing, even after pictures were given up."""
        for _ in range(3):
            try:
                with self._write():
                    return self._insert(event, media)
            except sqlite3.OperationalError as error:
                if not self._unsaved:
                    log.error("an event cannot be written: %s", self._why(error))
                self._busy = _is_busy(error)
                if self._busy:
                    return None
                if not self.media.make_room(FULL, self._victims) and not self._shrink_log():
                    break
        return None

    def _hold(self, event: AgentEvent, media: Sequence[Medium]) -> None:
        """Keep the event in memory; on a full disk without its pictures, which would only fill it further."""
        bare = not self._busy or self._memory_used() > MEMORY
        if bare:
            for each in media:
                self.media.remove(each.sha256)
        if len(self._unsaved) == UNSAVED:
            log.error("the disk is full and memory too: the oldest unsaved event is lost")
        self._unsaved.append((dataclasses.replace(event, snapshot=None, clip=None), ()) if bare else (event, tuple(media)))

    def _memory_used(self) -> int:
        return sum(len(each.content) for _, media in self._unsaved for each in media)

    def _shrink_log(self) -> bool:
        """Write SQLite's log back into the database and cut it off; whether that gave room."""
        before = self._log_size()
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return self._log_size() < before

    def _leave_no_name(self, sent: Iterable[Waiting]) -> None:
        """What has left must not name anybody here any more: SQLite's log would keep it until it is written over."""
        if any(each.body.get("kind") in registry.naming() for each in sent):
            with self._lock:
                self._shrink_log()

    def _log_size(self) -> int:
        log_file = self.path.with_name(self.path.name + "-wal")
        return log_file.stat().st_size if log_file.exists() else 0

    def _insert(self, event: AgentEvent, media: Sequence[Medium]) -> AgentEvent:
        if named := self._db.execute("SELECT json_extract(body, '$.seq') FROM events WHERE id = ?", (event.id,)).fetchone():
            return dataclasses.replace(event, seq=named[0])
        first = self._first_seq + 1
        statement = "INSERT INTO counters (camera, seq) VALUES (?, ?) ON CONFLICT (camera) DO UPDATE SET seq = seq + 1 RETURNING seq"
        (seq,) = self._db.execute(statement, (event.camera, first)).fetchone()
        event = dataclasses.replace(event, seq=seq)
        for each in media:
            self._keep_medium(each)
        body = json.dumps(event.to_json(), separators=(",", ":"))
        self._db.execute("INSERT INTO events (id, t, body) VALUES (?, ?, ?)", (event.id, event.t, body))
        return event

    def _keep_medium(self, medium: Medium) -> None:
        self._db.execute("INSERT OR REPLACE INTO media VALUES (?, ?, ?, ?)", (medium.sha256, len(medium.content), medium.score, medium.t))

    def _save_waiting(self) -> None:
        while self._unsaved and self._save(*self._unsaved[0]) is not None:
            self._unsaved.popleft()

    def _waiting(self, id_: str, body: dict[str, Any]) -> tuple[Waiting, int]:
        """An event as it can be said now: a picture whose file was given up is no longer promised."""
        media, given_up, size = [], [], 0
        for field in ("snapshot", "clip"):
            row = body.get(field) and self._db.execute("SELECT size FROM media WHERE sha256 = ?", (body[field],)).fetchone()
            if not row:
                continue
            if self.media.has(body[field]):
                media.append(body[field])
                size += row[0]
            else:
                given_up.append(body[field])
                body[field] = None
        return Waiting(id_, body, tuple(media), tuple(given_up)), size

    def _has_later_clip(self, sent: Waiting) -> bool:
        """Whether the event has a clip that was not there when it was said (as opposed to one that was given up)."""
        row = self._db.execute("SELECT json_extract(body, '$.clip') FROM events WHERE id = ?", (sent.id,)).fetchone()
        return bool(row and row[0] and row[0] != sent.body.get("clip") and row[0] not in sent.given_up)

    def _victims(self) -> Iterator[str]:
        """Pictures in the order in which they are given up: the oldest of low score first, then the oldest."""
        for (sha256,) in self._db.execute("SELECT sha256 FROM media ORDER BY score >= 0.5, t").fetchall():
            if self.media.has(sha256):
                yield sha256

    def _named_media(self) -> set[str]:
        recorded = {row[0] for row in self._db.execute("SELECT sha256 FROM media")}
        missing = [name for name in recorded if not self.media.has(name)]
        named = "SELECT 1 FROM events WHERE :name IN (json_extract(body, '$.snapshot'), json_extract(body, '$.clip'))"
        self._db.executemany(f"DELETE FROM media WHERE sha256 = :name AND NOT EXISTS ({named})", [{"name": name} for name in missing])
        return recorded

    @contextlib.contextmanager
    def _write(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back by itself
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _tidying(self) -> Iterator[None]:
        """What only tidies up may fail on a full disk: nothing is lost, it is done again later."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if _is_busy(error):
                raise OutboxBusy(f"another program holds the outbox {self.path}: close it there") from error
            if not self._shrink_log():
                self.media.make_room(FULL, self._victims)
            raise OutboxError(f"the outbox cannot be tidied: {self._why(error)}") from error

    def _why(self, error: sqlite3.Error) -> str:
        """What a person can do something about: SQLite calls a full disk by many names."""
        free = shutil.disk_usage(self.path.parent).free
        return f"the disk is full ({free // 1000} kB free)" if free < FULL or "is full" in str(error) else str(error)

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect_somehow()
        except sqlite3.DatabaseError as error:
            aside = self.path.with_name(f"outbox.damaged-{int(time.time())}.db")
            log.error("the outbox is damaged (%s): put aside as %s, a new one is begun", error, aside.name)
            self.path.replace(aside)
            for suffix in ("-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            self._first_seq = int(time.time())  # numbers must still rise, and how far they had come is lost
            return self._connect_somehow()

    def _connect_somehow(self) -> sqlite3.Connection:
        """On a full disk SQLite cannot even open: the oldest pictures give way (their scores cannot be read yet)."""
        while True:
            try:
                return self._connect(self.path)
            except sqlite3.OperationalError as error:
                if _is_busy(error) or not self.media.oldest():
                    raise OutboxError(f"the outbox {self.path} cannot be opened: {self._why(error)}") from error
                log.error("the outbox cannot be opened: %s; giving up waiting pictures", self._why(error))
                self.media.make_room(FULL, self.media.oldest)


def open_database(path: Path) -> sqlite3.Connection:
    """The outbox's database, made when it is not there. Raises sqlite3.Error when it cannot be opened or is damaged."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA secure_delete = ON")  # zeroes over what was deleted: events may name one of the staff
        db.execute("PRAGMA synchronous = FULL")  # in WAL mode NORMAL may lose the last commits when the power fails
        if (answer := db.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(answer)
        db.executescript(SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _is_busy(error: sqlite3.Error) -> bool:
    """Whether another program holds the database: that passes, and no picture has to give way for it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _nameless(body: dict[str, Any]) -> dict[str, Any]:
    """An event that the portal never takes, without the person whom it names."""
    if (where := registry.naming().get(body.get("kind", ""))) is None:
        return body
    return {**body, "data": {name: value for name, value in body.get("data", {}).items() if name != where}, "detections": []}
