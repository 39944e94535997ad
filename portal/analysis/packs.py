"""The evidence pack of a case, made: sealed before the first byte leaves, then streamed (layout: federated/trust/evidence_pack.py)."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import re
import unicodedata
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from detectors import DetectorError, registry
from detectors.types import to_json
from federated.trust import evidence_pack as layout
from federated.trust import signing, time_stamps, witness
from portal.analysis import custody, examiners, leaving, pdf, queries, words
from portal.analysis.models import Case
from portal.core import audit, media
from portal.core.models import AuditRow
from portal.core.templatetags import dates
from portal.sites.config import portal_key

LANGUAGES = ("en", "it")
STARTED = (1980, 1, 1, 0, 0, 0)  # every file of the ZIP has the same date: the custody has the true ones


@dataclasses.dataclass(frozen=True, slots=True)
class PackFile:
    """One file of a pack: its path below the bag's folder, and its bytes or where they lie."""

    path: str
    content: bytes | Path
    sha256: str
    size: int

    @classmethod
    def of(cls, path: str, content: bytes) -> PackFile:
        return cls(path, content, hashlib.sha256(content).hexdigest(), len(content))


@dataclasses.dataclass(frozen=True, slots=True)
class EvidencePack:
    """A pack that is ready to leave: its file name, the bag's folder and its files in their order."""

    name: str
    folder: str
    files: tuple[PackFile, ...]


def collect(case: Case) -> list[PackFile]:
    """Everything but the custody. Raises ValidationError that names what is missing in the store or damaged there.

    Of a case with pseudonyms (portal/analysis/leaving.py) the files as they came in stay here: they hold the names.
    """
    if not case.over:
        raise ValidationError(_("This case is still being examined: wait for its end or cancel it, then export it."))
    came = [] if case.pseudonymised else enumerate(case.files.all(), 1)
    inputs = [_stored(f"{layout.INPUTS}{n:03d}-{safe_name(each.name)}", each.sha256, each.name) for n, each in came]
    files = [*inputs, PackFile.of(layout.CASE, _json(_described(case, inputs)))]
    if case.report is not None:
        files.append(PackFile.of("data/report/report.json", _json(case.report)))
        for language in LANGUAGES:
            with translation.override(language):
                files.append(PackFile.of(f"data/report/report-{language}.pdf", pdf.render(case)))
        files += [_stored(f"data/report/pictures/{name}{_ending(sha256)}", sha256, name) for name, sha256 in sorted(case.evidence.items())]
        files += _cards(case)
    return files


def seal(case: Case, collected: list[PackFile]) -> EvidencePack:
    """Add the custody as it is now, the manifests, the signature and, when an authority is set, its time stamp."""
    key = portal_key()
    head = _head()
    rows, number = list(custody.rows(case).filter(seq__lte=head.seq)), str(uuid.uuid4())
    chain = _chain(rows, head.seq)
    files = [*collected, PackFile.of(layout.ROWS, b"".join(_row(row) for row in rows)), *_custody_in_words(case, head.seq)]
    files += [PackFile.of(layout.CHAIN, chain)] if chain else []
    files.sort(key=lambda each: each.path)
    made = timezone.now()
    info = {
        "Bag-Software-Agent": "Specola",
        "Bagging-Date": made.date().isoformat(),
        "External-Identifier": f"case {case.pk}, pack {number}",
        "Payload-Oxum": f"{sum(each.size for each in files)}.{len(files)}",
    }
    tags = [
        PackFile.of(layout.DECLARATION, layout.BAGIT.encode()),
        PackFile.of(layout.INFO, "".join(f"{label}: {value}\n" for label, value in info.items()).encode()),
        PackFile.of(layout.MANIFEST, layout.manifest({each.path: each.sha256 for each in files})),
    ]
    tag_manifest = PackFile.of(layout.TAG_MANIFEST, layout.manifest({each.path: each.sha256 for each in tags}))
    document = {
        "kind": layout.KIND,
        "version": 1,
        "case": case.pk,
        "pack": number,
        "made": made.isoformat(timespec="seconds"),
        "public_key": signing.public_text(key),
        "fingerprint": signing.fingerprint(signing.public_text(key)),
        "manifest_sha256": tags[-1].sha256,
        "tagmanifest_sha256": tag_manifest.sha256,
        "custody": {"rows": [row.seq for row in rows], "head": head.to_json(), "chain": bool(chain)},
    }
    sealed, stamp = _stamped(document)
    folder = f"specola-case-{case.pk}"
    last = [PackFile.of(layout.STAMP, stamp)] if stamp else []
    return EvidencePack(f"{folder}.zip", folder, (*tags, tag_manifest, PackFile.of(layout.SEAL, sealed), *last, *files))


def stream(pack: EvidencePack) -> Iterator[bytes]:
    """The ZIP, piece by piece. A file that changed since it was collected ends the stream: a ZIP without its end is not taken for a whole one."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for each in pack.files:
            info = zipfile.ZipInfo(f"{pack.folder}/{each.path}", STARTED)
            info.external_attr, info.file_size = 0o644 << 16, each.size
            digest = hashlib.sha256()
            with archive.open(info, "w") as target:
                for piece in _pieces(each.content):
                    digest.update(piece)
                    target.write(piece)
                    yield sink.taken()
            if digest.hexdigest() != each.sha256:
                raise OSError(f"{each.path} changed while the pack was being sent")
    yield sink.taken()


def safe_name(name: str) -> str:
    """A file's name that every system can unpack; case.json keeps the name as it came."""
    plain = unicodedata.normalize("NFKD", PurePath(name).name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")[-80:] or "file"


class _Sink:
    """What the ZIP writer writes to: it cannot go back, so nothing of the ZIP is kept longer than until it is taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, content: bytes) -> int:
        self._pieces.append(bytes(content))
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _pieces(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while piece := file.read(layout.PIECE):
            yield piece


def _stored(path: str, sha256: str, name: str) -> PackFile:
    """A file of the media store, read once before anything is sent: a damaged one is found while a sentence can still be given."""
    if not media.exists(sha256):
        raise ValidationError(_("%(name)s is no longer in the portal's store: without it there is no evidence pack.") % {"name": name})
    file = media.path(sha256)
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != sha256:
        raise ValidationError(_("%(name)s is damaged in the portal's store: it is not the file that came in. There is no evidence pack.") % {"name": name})
    return PackFile(path, file, sha256, file.stat().st_size)


def _ending(sha256: str) -> str:
    if not media.exists(sha256):
        return ""
    with media.path(sha256).open("rb") as file:
        return ".png" if file.read(4) == b"\x89PNG" else ".webm"


def _described(case: Case, inputs: list[PackFile]) -> dict[str, Any]:
    worded = leaving.of(case).text if case.pseudonymised else str
    paths = itertools.chain((each.path for each in inputs), itertools.repeat(""))
    return {
        "case": case.pk,
        "title": case.title,
        "tool": case.tool,
        "site": case.site.slug if case.site else "",
        "opened_by": case.opened_by.email,
        "state": case.state,
        "opened": case.created.isoformat(),
        "ended": case.ended and case.ended.isoformat(),
        "problem": case.problem,
        "tags": case.tags,
        "closed": case.closed and case.closed.isoformat(),
        "notes": [{"author": each.author.email, "made": each.made.isoformat(), "text": worded(each.text)} for each in case.notes.select_related("author")],
        "pseudonymised": case.pseudonymised,
        "inputs": [
            {"path": path, "name": each.name, "sha256": each.sha256, "size": each.size, "kind": each.kind, "examined": each.for_tool}
            for each, path in zip(case.files.all(), paths, strict=False)
        ],
        "conclusions": examiners.shown(case, None),
        "same_files": [_other_answer(each) for each in queries.of_same_files(case) if each.pk != case.pk and each.site_id == case.site_id],
    }


def _other_answer(case: Case) -> dict[str, Any]:
    """What another tool says about the same files; its report is a case of its own, with a pack of its own."""
    return {"case": case.pk, "tool": case.tool, "state": case.state, "verdict": words.english(case.report["verdict"]["label"]) if case.report else case.problem}


def _cards(case: Case) -> list[PackFile]:
    """The cards of the tool and of every model it used, with data, error rates and limits; a detector that is gone has none."""
    found = []
    for name in sorted({case.tool, *case.report.get("models", {})}):
        try:
            found.append(PackFile.of(f"data/cards/{safe_name(name)}.json", _json(to_json(registry.card(name)))))
        except DetectorError:
            continue
    return found


def _custody_in_words(case: Case, last: int) -> list[PackFile]:
    found = []
    for language in LANGUAGES:
        with translation.override(language):
            text = "".join(
                f"{each.seq}\t{dates.written(each.t)} {timezone.localtime(each.t):%Z}\t{each.who}\t"
                + " · ".join(part for part in (each.what, each.about, each.why) if part).replace("\n", " ")
                + "\n"
                for each in custody.lines(case)
                if each.seq <= last
            )
        found.append(PackFile.of(f"data/custody/custody-{language}.txt", text.encode()))
    return found


def _row(row: AuditRow) -> bytes:
    fields = {name: getattr(row, name) for name in ("seq", "actor", "verb", "subject", "site", "data", "previous", "hash")}
    return signing.canonical({**fields, "t": row.t.isoformat()}) + b"\n"


def _head() -> Any:
    seq, sha256 = audit.head()
    return witness.sign_head(seq=seq, sha256=sha256, t=round(timezone.now().timestamp(), 3), key=portal_key())


def _chain(rows: list[AuditRow], last: int) -> bytes:
    """Number and hash of every row of the log from the one before the case's first up to the head; b"" when they are too many."""
    first = rows[0].seq - 1 if rows else last
    if last - first > layout.MOST_CHAINED:
        return b""
    found = AuditRow.objects.filter(seq__gte=first, seq__lte=last).order_by("seq").values_list("seq", "hash")
    start = f"0 {audit.GENESIS}\n" if first == 0 else ""
    return (start + "".join(f"{seq} {sha256}\n" for seq, sha256 in found.iterator())).encode()


def _stamped(document: dict[str, Any]) -> tuple[bytes, bytes]:
    """The sealed document and its time stamp (b"": none); a silent authority is stated in the seal instead."""
    if settings.AUDIT_TSA:
        sealed = _sealed(document, layout.REQUESTED)
        try:
            return sealed, time_stamps.time_stamp(sealed, settings.AUDIT_TSA)
        except time_stamps.StampRefused:
            return _sealed(document, layout.UNAVAILABLE), b""
    return _sealed(document, layout.NOT_WANTED), b""


def _sealed(document: dict[str, Any], stamp: str) -> bytes:
    return _json(signing.sign_document({**document, "time_stamp": stamp}, portal_key()))


def _json(data: Any) -> bytes:
    return (json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False, default=str) + "\n").encode()
