"""The enrolled staff of this door as the portal signed it: accepted or refused, kept sealed on disk, forgotten at its end date, also offline."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detectors.files import PRIVATE, write_durably
from federated.trust.staff_list import (
    GalleryRejected,
    StaffEntry,
    StaffList,
    box_text,
    forget_entries,
    load_or_make_box_key,
    read_entry,
    read_list,
    seal,
    unseal,
)
from site_agents import credentials
from site_agents.errors import StaffListRefused
from site_agents.signed_config import Identity

FILE, KEY = "gallery.json", "gallery.key"
log = logging.getLogger("site_agents.staff_list_store")


@dataclasses.dataclass(frozen=True, slots=True)
class Staff:
    """Whom a door may recognise: one version of the list. `people` are all of them (id to the version of the entry), `entries` those whose faces are here."""

    version: int = 0
    entries: tuple[StaffEntry, ...] = ()
    people: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many people a face is compared with, here or elsewhere."""
        return max(len(self.people), len(self.entries))

    def at(self, now: float) -> tuple[StaffEntry, ...]:
        """Those whose end date has not come."""
        return tuple(entry for entry in self.entries if now < entry.expires)


NOBODY = Staff()


class StaffListStore:
    """The list in an agent's folder. What is on disk can be read with this agent's key only, and holds nobody who was taken off.

    `names`: this box keeps who is on the list, and no faces. All methods may be called from any thread.
    """

    def __init__(self, folder: Path, identity: Identity, names: bool = False) -> None:
        self.folder, self.identity, self.names, self._lock = folder, identity, names, threading.RLock()
        self.key = credentials.mend(folder / KEY, load_or_make_box_key)
        self.staff, self._list = NOBODY, None

    def status(self) -> dict[str, Any]:
        """What the portal must know to send the news."""
        return {"version": self.staff.version, "key": box_text(self.key), **({"names": True} if self.names else {})}

    def load(self, now: float) -> Staff:
        """The list as it was kept, checked again; nobody when there is none or it is not accepted any more."""
        try:
            document = json.loads((self.folder / FILE).read_text())
            self._use(document["list"], self._read(document), now)
            if self.names:
                self._write()  # faces that were kept before it was told to keep names only
        except FileNotFoundError:
            self.staff = NOBODY
        except (OSError, ValueError, KeyError, TypeError, StaffListRefused) as error:
            log.error("the kept staff list is not used (%s): nobody is recognised until the portal sends it again", error)
            self.forget()
        return self.staff

    def take(self, fields: Any, now: float) -> Staff:
        """Accept what the portal sent and keep it. Raises StaffListRefused (the list before holds) or OSError when it cannot be kept."""
        entries = self._read(fields)
        with self._lock:
            if self._head(fields["list"]).version < self.staff.version:
                raise StaffListRefused(f"a list older than version {self.staff.version}, which is here: old lists are not taken twice")
            self._use(fields["list"], [*self.staff.entries, *entries], now)
            self._write()
            return self.staff

    def drop_expired(self, now: float) -> bool:
        """Forget those whose end date has come, on disk too; True when there were any."""
        with self._lock:
            if len(left := self.staff.at(now)) == len(self.staff.entries):
                return False
            self.staff = dataclasses.replace(self.staff, entries=left, people={entry.person: entry.version for entry in left})
            forget_entries()
            self._write()
            return True

    def forget(self) -> None:
        """Nobody is on the list any more, here and on disk."""
        with self._lock:
            self.staff, self._list = NOBODY, None
            forget_entries()
            (self.folder / FILE).unlink(missing_ok=True)

    def _head(self, document: Any) -> StaffList:
        try:
            return read_list(document, self.identity.site, self.identity.camera, self.identity.portal_public_key)
        except GalleryRejected as error:
            raise StaffListRefused(str(error)) from error

    def _read(self, fields: Any) -> list[StaffEntry]:
        if not isinstance(fields, dict) or not isinstance(fields.get("list"), dict):
            raise StaffListRefused("a staff list is an object with list and sealed")
        try:
            documents = unseal(fields.get("sealed", ""), self.key)
            return [read_entry(document, self.identity.site, self.identity.portal_public_key) for document in documents]
        except GalleryRejected as error:
            raise StaffListRefused(str(error)) from error

    def _use(self, document: dict[str, Any], entries: list[StaffEntry], now: float) -> None:
        """Of all entries those that the list names, in that version; one that is missing means that the portal must send everything again."""
        head = self._head(document)
        named = {entry.person: entry for entry in entries if head.people.get(entry.person) == entry.version}
        complete = self.names or len(named) == len(head.people)
        if not complete:
            log.warning("%d of %d people of the staff list are missing: asking for the whole list", len(head.people) - len(named), len(head.people))
        forget_entries()
        left = () if self.names else tuple(entry for entry in named.values() if now < entry.expires)
        self.staff = Staff(head.version if complete else 0, left, head.people if self.names else {entry.person: entry.version for entry in left})
        self._list = document

    def _write(self) -> None:
        """Sealed for ourselves, because what the portal sealed may hold people who were taken off since. When it cannot be written, the old one goes too."""
        sealed = seal([entry.document for entry in self.staff.entries], box_text(self.key))
        try:
            write_durably(self.folder / FILE, json.dumps({"list": self._list, "sealed": sealed}), mode=PRIVATE)
        except OSError:
            (self.folder / FILE).unlink(missing_ok=True)
            raise
