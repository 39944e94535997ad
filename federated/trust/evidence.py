"""Check an evidence pack without Specola, its database or a network: line by line what holds, what does not, and what was not checked."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509

from detectors.messages import Message
from federated.contract.audit_head import AuditHead
from federated.contract.message import ContractError
from federated.trust import evidence_pack as layout
from federated.trust import evidence_words, signing, witness
from federated.trust.evidence_pack import Pack, PackRefused
from federated.trust.witness import WitnessFile

__all__ = ["CheckLine", "Outcome", "PackCheck", "check", "evidence_words"]
SLOWEST_STAMP = datetime.timedelta(minutes=10)  # after the seal: it is asked for at once
MOST_LINES = 200  # of one kind: a pack with thousands of changed files needs no longer answer
FIELDS = ("previous", "t", "actor", "verb", "subject", "site", "data")


class Outcome(enum.StrEnum):
    HOLDS = "holds"
    BROKEN = "broken"
    UNCHECKED = "unchecked"


@dataclasses.dataclass(frozen=True, slots=True)
class CheckLine:
    """One thing that was looked at, or could not be."""

    outcome: Outcome
    message: Message


@dataclasses.dataclass(frozen=True, slots=True)
class PackCheck:
    """Every line, and what the seal states: the case's number, when it was made (ISO 8601), by which key (fingerprint); "" when it states nothing."""

    lines: tuple[CheckLine, ...]
    case: str = ""
    made: str = ""
    fingerprint: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was found broken."""
        return all(each.outcome is not Outcome.BROKEN for each in self.lines)


@dataclasses.dataclass(slots=True)
class _Findings:
    lines: list[CheckLine] = dataclasses.field(default_factory=list)

    def add(self, outcome: Outcome, code: str, **params: str | int) -> None:
        shown = {
            name: "".join(each if each.isprintable() else "?" for each in value)[:300] if isinstance(value, str) else value for name, value in params.items()
        }
        self.lines.append(CheckLine(outcome, Message(f"pack-{code}", shown)))

    def broken(self, code: str, **params: str | int) -> None:
        self.add(Outcome.BROKEN, code, **params)


def check(pack: Pack, *, keys: Sequence[str] = (), roots: Sequence[x509.Certificate] = (), witnesses: Sequence[WitnessFile] = ()) -> PackCheck:
    """Check everything. `keys`: public keys (base64) of which one must have signed; none: whose key it is stays open. `roots`: of time-stamp authorities."""
    found = _Findings()
    try:
        sealed_bytes = pack.read(layout.SEAL)
        seal = layout.seal_document(sealed_bytes)
        listed = _files(pack, found)
        if seal is None:
            found.broken("seal-missing")
            return PackCheck(tuple(found.lines))
        _signature(seal, keys, found)
        _manifest(pack, seal, found)
        _custody(pack, seal, listed, witnesses, found)
        _stamp(pack, seal, sealed_bytes, roots, found)
    except PackRefused as error:
        found.lines.append(CheckLine(Outcome.BROKEN, error.message))
        return PackCheck(tuple(found.lines))
    found.add(Outcome.UNCHECKED, "truth")
    return PackCheck(tuple(found.lines), str(seal.get("case", ""))[:40], str(seal.get("made", ""))[:40], signing.fingerprint(str(seal.get("public_key", ""))))


def _files(pack: Pack, found: _Findings) -> dict[str, str]:
    """The payload's manifest, after every file was compared with it."""
    declaration, info = pack.read(layout.DECLARATION), pack.read(layout.INFO)
    if declaration.decode("utf-8", "replace") != layout.BAGIT:
        found.broken("bag-wrong", name=layout.DECLARATION)
    listed, tags = layout.read_manifest(pack.read(layout.MANIFEST)), layout.read_manifest(pack.read(layout.TAG_MANIFEST))
    for name, content in ((layout.MANIFEST, listed), (layout.TAG_MANIFEST, tags)):
        if content is None:
            found.broken("bag-wrong", name=name)
    before = len(found.lines)
    whole = {**(listed or {}), **(tags or {})}
    for path in sorted(whole):
        if path not in pack.files:
            found.broken("file-missing", name=path)
        elif pack.sha256(path) != whole[path]:
            found.broken("file-changed", name=path)
    for path in sorted(set(pack.files) - set(whole) - {layout.TAG_MANIFEST, layout.SEAL, layout.STAMP}):
        if listed is not None and tags is not None:
            found.broken("file-extra", name=path)
    del found.lines[before + MOST_LINES :]
    if len(found.lines) == before and listed:
        found.add(Outcome.HOLDS, "files", count=len(whole))
        if not before:
            found.add(Outcome.HOLDS, "bag", info=_line_of(info, "External-Identifier") or layout.KIND)
    return listed or {}


def _signature(seal: Mapping[str, Any], keys: Sequence[str], found: _Findings) -> None:
    public = str(seal.get("public_key", ""))
    try:
        signing.verify_document(seal, public)
    except signing.SignatureRejected:
        found.broken("seal-broken")
        return
    if not keys:
        found.add(Outcome.UNCHECKED, "key-open", fingerprint=signing.fingerprint(public))
    elif public in keys:
        found.add(Outcome.HOLDS, "key-own", fingerprint=signing.fingerprint(public))
    else:
        found.broken("key-foreign", fingerprint=signing.fingerprint(public), expected=", ".join(signing.fingerprint(each) for each in keys))


def _manifest(pack: Pack, seal: Mapping[str, Any], found: _Findings) -> None:
    sealed = {layout.MANIFEST: seal.get("manifest_sha256"), layout.TAG_MANIFEST: seal.get("tagmanifest_sha256")}
    fits = all(name in pack.files and pack.sha256(name) == sha256 for name, sha256 in sealed.items())
    found.add(Outcome.HOLDS if fits else Outcome.BROKEN, "manifest-sealed" if fits else "manifest-other")


def _custody(pack: Pack, seal: Mapping[str, Any], listed: Mapping[str, str], witnesses: Sequence[WitnessFile], found: _Findings) -> None:
    rows = _rows(pack, found)
    if rows is None:
        return
    before, sealed = len(found.lines), [each for each in seal["custody"].get("rows") or () if isinstance(each, int)]
    for row in rows:
        if row["hash"] != layout.row_hash(*(row[name] for name in FIELDS)):
            found.broken("row-changed", row=row["seq"])
    for first, second in itertools.pairwise(rows):
        if second["seq"] <= first["seq"]:
            found.broken("row-order", row=second["seq"], before=first["seq"])
    present = {row["seq"] for row in rows}
    last = max(present, default=0)
    if sealed and last < max(sealed):
        found.broken("tail-missing", last=last, sealed=max(sealed))
    for seq in sealed:
        if seq not in present and seq < last:
            found.broken("row-missing", row=seq)
    for seq in sorted(present - set(sealed)):
        found.broken("row-added", row=seq)
    del found.lines[before + MOST_LINES :]
    if len(found.lines) == before:
        found.add(Outcome.HOLDS, "custody", count=len(rows))
    _chain(pack, seal, rows, witnesses, found)
    _inputs(rows, listed, found)


def _rows(pack: Pack, found: _Findings) -> list[dict[str, Any]] | None:
    """The custody's rows as they stand in the file; None when one cannot be read."""
    rows = []
    for number, line in enumerate(pack.read(layout.ROWS).splitlines(), 1):
        try:
            row = json.loads(line) if len(line) <= layout.LARGEST_ROW else None
            good = isinstance(row["seq"], int) and all(isinstance(row[name], str) for name in (*FIELDS[:-1], "hash")) and isinstance(row["data"], dict)
        except (ValueError, TypeError, KeyError, RecursionError):
            good = False
        if not good:
            found.broken("custody-unread", line=number)
            return None
        rows.append(row)
    return rows


def _chain(pack: Pack, seal: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], witnesses: Sequence[WitnessFile], found: _Findings) -> None:
    """Whether the rows stand in the audit log's chain, and that ends at the head that the portal signed."""
    if layout.CHAIN not in pack.files and not seal["custody"].get("chain", True):
        found.add(Outcome.UNCHECKED, "chain-absent")
        return
    chain: dict[int, str] = {}
    for line in pack.read(layout.CHAIN).decode("ascii", "replace").splitlines():
        seq, _, sha256 = line.partition(" ")
        if not (seq.isascii() and seq.isdigit() and len(seq) < 19):
            break
        chain[int(seq)] = sha256
    try:
        head = AuditHead.parse(seal["custody"].get("head"))
    except (ContractError, TypeError, ValueError):
        head = None
    broken = _first_break(chain, rows, head, str(seal.get("public_key", "")))
    if broken is not None:
        found.broken("chain-broken", row=broken)
        return
    found.add(Outcome.HOLDS, "chain", first=min(chain), last=max(chain))
    found.add(Outcome.UNCHECKED, "chain-others")
    _witnesses(chain, witnesses, found)


def _first_break(chain: Mapping[int, str], rows: Sequence[Mapping[str, Any]], head: AuditHead | None, public: str) -> int | None:
    for row in rows:
        if chain.get(row["seq"]) != row["hash"] or chain.get(row["seq"] - 1) != row["previous"]:
            return int(row["seq"])
    order = list(chain)
    for first, second in itertools.pairwise(order):
        if second != first + 1:
            return second
    if head is None or not chain or order[-1] != head.seq or chain[head.seq] != head.hash or not witness.head_is_signed(head, public):
        return order[-1] if order else 0
    return None


def _witnesses(chain: Mapping[int, str], witnesses: Sequence[WitnessFile], found: _Findings) -> None:
    met = [receipt.head for each in witnesses for receipt, _ in each.receipts if receipt.head.seq in chain]
    wrong = sorted(head.seq for head in met if chain[head.seq] != head.hash)
    if wrong:
        found.broken("witness-contradicts", row=wrong[0])
    elif met:
        found.add(Outcome.HOLDS, "witness", count=len({head.seq for head in met}))
    else:
        found.add(Outcome.UNCHECKED, "witness-none")


def _inputs(rows: Sequence[Mapping[str, Any]], listed: Mapping[str, str], found: _Findings) -> None:
    """Every input must be a file that some row of the custody says came in."""
    came = {sha256 for row in rows for sha256 in row["data"].get("files") or () if isinstance(sha256, str)}
    inputs = {path: sha256 for path, sha256 in listed.items() if path.startswith(layout.INPUTS)}
    foreign = [path for path, sha256 in sorted(inputs.items()) if sha256 not in came]
    for path in foreign[:MOST_LINES]:
        found.broken("input-foreign", name=path)
    if inputs and not foreign:
        found.add(Outcome.HOLDS, "inputs", count=len(inputs))
    if not inputs:
        found.add(Outcome.UNCHECKED, "inputs-none")


def _stamp(pack: Pack, seal: Mapping[str, Any], sealed_bytes: bytes, roots: Sequence[x509.Certificate], found: _Findings) -> None:
    if layout.STAMP not in pack.files:
        stated = seal.get("time_stamp")
        if stated == layout.REQUESTED:
            found.broken("stamp-missing")
        else:
            found.add(Outcome.UNCHECKED, "stamp-unavailable" if stated == layout.UNAVAILABLE else "stamp-none")
        return
    try:
        from federated.trust import time_stamps  # a stranger who checks a pack without a stamp need not install what reads one
    except ModuleNotFoundError:
        found.add(Outcome.UNCHECKED, "stamp-unread")
        return
    stamp = pack.read(layout.STAMP)
    try:
        time = time_stamps.verify_stamp(sealed_bytes, stamp, roots) if roots else time_stamps.stated_time(sealed_bytes, stamp)
    except time_stamps.OtherContent:
        found.broken("stamp-other")
        return
    except time_stamps.StampRefused:
        found.broken("stamp-foreign")
        return
    shown, made = f"{time:%Y-%m-%d %H:%M:%S}", _moment(str(seal.get("made")))
    if made is None or not made - SLOWEST_STAMP <= time <= made + SLOWEST_STAMP:
        found.broken("stamp-late", time=shown, sealed=f"{made:%Y-%m-%d %H:%M:%S}" if made else "?")
    elif roots:
        found.add(Outcome.HOLDS, "stamp", time=shown)
    else:
        found.add(Outcome.UNCHECKED, "stamp-open", time=shown)


def _moment(text: str) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _line_of(info: bytes, label: str) -> str:
    return next((line.partition(": ")[2][:100] for line in info.decode("utf-8", "replace").splitlines() if line.startswith(f"{label}: ")), "")
