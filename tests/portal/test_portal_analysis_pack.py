"""Evidence packs: what is in one, that it holds, and that every tampering is found and named in a sentence of its own."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator

import pytest
from alert_scene import scene
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from detectors import worded
from federated.trust import evidence, evidence_pack, signing, verify
from portal.analysis import actions, case_actions, packs, tasks
from portal.analysis.models import Case, CaseState
from portal.core import audit, media
from portal.core.models import AuditRow
from portal.sites.config import portal_key
from tests.portal.portal_scene import place, signed_in
from tests.portal.test_portal_analysis import file

pytestmark = pytest.mark.django_db
BASE = "specola-case-"
Files = dict[str, bytes]


@pytest.fixture(autouse=True)
def _fresh():
    cache.clear()


@pytest.fixture
def case():
    """A picture that was examined at a site, laid there by its operator."""
    at = scene()
    found = actions.open_case(user=at.operator, files=[file("La torre è chiusa.jpg")], site=at.site)
    tasks.run_case(case_id=found.pk)
    found.refresh_from_db()
    assert found.state == CaseState.DONE
    return found


def exported(case: Case) -> bytes:
    return b"".join(packs.stream(case_actions.export_case(user=case.opened_by, case_id=case.pk, reason="For the court of Pisa")))


def unpacked(content: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {each.filename.partition("/")[2]: archive.read(each) for each in archive.infolist()}


def packed(files: Files) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in files.items():
            archive.writestr(f"{BASE}1/{path}", content)
    return target.getvalue()


def checked(content: bytes, language: str = "en") -> tuple[list[str], list[str]]:
    """What is broken, and everything else."""
    found = evidence.check(evidence_pack.open_pack(io.BytesIO(content)), keys=[signing.public_text(portal_key())])
    broken = [worded(each.message, language) for each in found.lines if each.outcome == evidence.Outcome.BROKEN]
    return broken, [worded(each.message, language) for each in found.lines if each.outcome != evidence.Outcome.BROKEN]


def test_a_pack_is_a_bag_with_everything_a_stranger_needs_and_holds(case):
    audit.record(actor="system", verb="test.other", subject="thing:1")  # of other people: their rows stay out
    content = exported(case)
    files = unpacked(content)
    assert files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    payload = {path: hashlib.sha256(each).hexdigest() for path, each in files.items() if path.startswith("data/")}
    assert evidence_pack.read_manifest(files["manifest-sha256.txt"]) == payload
    assert files["data/inputs/001-La-torre-e-chiusa.jpg"] == media.path(case.files.get().sha256).read_bytes()
    assert json.loads(files["data/report/report.json"])["verdict"] == case.report["verdict"]
    assert all(files[f"data/report/report-{language}.pdf"].startswith(b"%PDF") for language in ("en", "it"))
    assert "data/report/pictures/faces.png" in files
    card = json.loads(files["data/cards/picture-check.json"])
    assert card["limits"]
    rows = [json.loads(line) for line in files["data/custody/rows.jsonl"].splitlines()]
    assert [row["verb"] for row in rows] == ["case.opened", "case.done", "case.exported"]
    assert rows[-1]["data"]["reason"] == "For the court of Pisa"
    assert "esportato un pacchetto" in files["data/custody/custody-it.txt"].decode()
    broken, others = checked(content)
    assert broken == []
    assert any("3 rows, unchanged" in each for each in others)
    assert any("1 input is the file" in each for each in others)


def test_the_same_pack_has_the_same_files_in_the_same_order(case):
    first, second = ([each.filename for each in zipfile.ZipFile(io.BytesIO(exported(case))).infolist()] for _ in "12")
    assert first == second


def flip(files: Files, path: str) -> None:
    files[path] = bytes([files[path][0] ^ 1]) + files[path][1:]


def sealed_anew(files: Files, key: Ed25519PrivateKey) -> None:
    """All that somebody can do who has everything but the portal's key."""
    payload = {path: hashlib.sha256(each).hexdigest() for path, each in files.items() if path.startswith("data/")}
    files["manifest-sha256.txt"] = evidence_pack.manifest(payload)
    tags = {path: hashlib.sha256(files[path]).hexdigest() for path in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt")}
    files["tagmanifest-sha256.txt"] = evidence_pack.manifest(tags)
    seal = json.loads(files["seal.json"])
    seal |= {
        name: hashlib.sha256(files[path]).hexdigest()
        for name, path in (("manifest_sha256", "manifest-sha256.txt"), ("tagmanifest_sha256", "tagmanifest-sha256.txt"))
    }
    files["seal.json"] = json.dumps(signing.sign_document({**seal, "public_key": signing.public_text(key)}, key)).encode()


def rows_changed(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Files], None]:
    def tamper(files: Files) -> None:
        files["data/custody/rows.jsonl"] = b"".join(change(files["data/custody/rows.jsonl"].splitlines(keepends=True)))

    return tamper


INPUT = "data/inputs/001-La-torre-e-chiusa.jpg"
TAMPERINGS: dict[str, tuple[Callable[[Files], object], str]] = {
    "one byte of an input": (lambda files: flip(files, INPUT), f"{INPUT} was changed: at least one byte"),
    "the end of the custody": (rows_changed(lambda rows: rows[:-1]), "Custody: the end is missing. It stops at row"),
    "a row taken out": (rows_changed(lambda rows: rows[:1] + rows[2:]), "was taken out"),
    "rows in another order": (rows_changed(lambda rows: [rows[1], rows[0], *rows[2:]]), "the order was changed"),
    "a row's words": (rows_changed(lambda rows: [rows[0], rows[1], rows[2].replace(b"court", b"press")]), "its hash does not fit its content"),
    "a row that is none": (rows_changed(lambda rows: [b"[[[\n", *rows]), "line 1 is no row"),
    "a foreign key": (lambda files: sealed_anew(files, Ed25519PrivateKey.generate()), "Signed with a foreign key"),
    "a missing file": (lambda files: files.pop("data/report/report-it.pdf"), "data/report/report-it.pdf is missing"),
    "an extra file": (lambda files: files.update({"data/report/later.pdf": b"x"}), "data/report/later.pdf was added"),
    "the seal": (lambda files: files.update({"seal.json": files["seal.json"].replace(b'"case": ', b'"case": 1')}), "The seal was changed"),
    "no seal": (lambda files: files.pop("seal.json"), "The seal (seal.json) is missing"),
    "the list of files": (
        lambda files: files.update({"manifest-sha256.txt": files["manifest-sha256.txt"] + b"0" * 64 + b"  data/x\n"}),
        "The manifest is not the one that was signed",
    ),
    "no bag": (lambda files: files.update({"bagit.txt": b"BagIt-Version: 9\n"}), "The layout is no bag"),
    "a chain": (
        lambda files: files.update({"data/custody/chain.txt": files["data/custody/chain.txt"].replace(b" ", b" 0", 1)}),
        "The chain of hashes does not fit at row",
    ),
}


def test_every_tampering_has_a_sentence_of_its_own(case):
    whole = unpacked(exported(case))
    assert checked(packed(whole))[0] == []
    wrong = {}
    for name, (tamper, sentence) in TAMPERINGS.items():
        files = dict(whole)
        tamper(files)
        broken, _ = checked(packed(files))
        if not any(sentence in each for each in broken):
            wrong[name] = broken
        if name not in ("a foreign key",):
            sealed_anew(files, Ed25519PrivateKey.generate()) if "seal.json" in files else None
            assert checked(packed(files))[0], f"{name}, sealed anew"
        assert all(checked(packed(files), "it")), name
    assert wrong == {}


def test_an_input_that_never_came_in_is_named_even_when_everything_is_sealed_anew(case):
    files = unpacked(exported(case))
    flip(files, INPUT)
    sealed_anew(files, portal_key())  # whoever has the portal's key
    assert checked(packed(files))[0] == [f"{INPUT} is not a file that the custody records as received."]


def zips(content: bytes, files: Files) -> Iterator[tuple[bytes, str]]:
    """Files that are no pack, each with the sentence about it."""
    yield b"hello", "it is no ZIP file"
    yield b"", "it is no ZIP file"
    yield content[: len(content) // 2], "The file is cut off"
    yield content[:-1], "The file is cut off"
    yield b"%PDF-1.7\n" + content, "two files in one"
    for name, sentence in (
        ("../x", "leads out of the pack"),
        ("specola-case-1/a\u202egpj.exe", "leads out of the pack"),
        ("a/../../x", "leads out"),
        ("C:/x", "leads out"),
        ("a\\b", "leads out"),
        (f"{BASE}1/seal.JSON", "Two files have the name"),
    ):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(f"{BASE}1/seal.json", files["seal.json"])
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, b"x")
        yield target.getvalue(), sentence
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{BASE}1/seal.json", bytes(30 * 2**20))
    yield target.getvalue(), "would be larger than"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("holiday.jpg", b"x")
    yield target.getvalue(), "is no evidence pack of Specola"


def test_what_is_no_pack_is_refused_with_its_reason(case):
    content = exported(case)
    wrong = []
    for number, (bad, sentence) in enumerate(zips(content, unpacked(content))):
        with pytest.raises(evidence_pack.PackRefused) as refused:
            evidence_pack.open_pack(io.BytesIO(bad), most=20 * 2**20)
        if sentence not in worded(refused.value.message):
            wrong.append((number, worded(refused.value.message)))
    assert wrong == []


def verdict(content: bytes) -> bool:
    """Whether a pack, or what was one, holds; every line of the answer can be worded."""
    try:
        found = evidence.check(evidence_pack.open_pack(io.BytesIO(content), most=2**30), keys=[signing.public_text(portal_key())])
    except evidence_pack.PackRefused as error:
        return not worded(error.message)
    return found.holds and all(worded(each.message) for each in found.lines)


def test_no_flipped_bit_passes_that_changes_what_is_read(case):
    content = exported(case)
    whole, tail = unpacked(content), content.rindex(b"specola-case") - 3000
    for n in range(200):
        drawn = int(hashlib.sha256(b"%d" % n).hexdigest(), 16)
        at = drawn % len(content) if n % 2 else tail + drawn % (len(content) - tail)
        bad = content[:at] + bytes([content[at] ^ (1 << n % 8)]) + content[at + 1 :]
        assert not verdict(bad) or unpacked(bad) == whole, at


def test_the_command_checks_a_pack_without_a_portal(case, tmp_path, capsys):
    path = tmp_path / "pack.zip"
    path.write_bytes(exported(case))
    assert verify.main([str(path)]) == 0
    assert "Whose key it is was not checked" in capsys.readouterr().out
    assert verify.main([str(path), "--key", signing.public_text(portal_key()), "--language", "it"]) == 0
    assert "Il pacchetto regge" in capsys.readouterr().out
    path.write_bytes(path.read_bytes()[:-30])
    assert verify.main([str(path)]) == 1
    assert "cut off" in capsys.readouterr().err


def test_no_pack_of_a_case_that_runs_that_lacks_a_file_or_without_a_reason(case):
    def refused(reason: str = "For the court") -> str:
        with pytest.raises(ValidationError) as error:
            case_actions.export_case(user=case.opened_by, case_id=case.pk, reason=reason)
        return " ".join(error.value.messages)

    assert "Give a reason" in refused(" ")
    stored = media.path(case.files.get().sha256)
    whole = stored.read_bytes()
    stored.write_bytes(whole[:-1] + b"x")
    assert "La torre è chiusa.jpg is damaged in the portal's store" in refused()
    stored.unlink()
    assert "La torre è chiusa.jpg is no longer in the portal's store" in refused()
    Case.objects.update(state=CaseState.RUNNING)
    assert "still being examined" in refused()
    assert not AuditRow.objects.filter(verb="case.exported").exists()
    stored.write_bytes(whole)


def test_the_page_exports_notes_the_custody_and_the_public_page_checks_it(case, settings):
    client, address = signed_in(case.opened_by), reverse("analysis:case", args=[case.pk])
    client.get(address)
    client.get(address)
    assert client.get(reverse("analysis:input_file", args=[case.pk, 1])).getvalue() == media.path(case.files.get().sha256).read_bytes()
    answer = client.post(reverse("analysis:export", args=[case.pk]), {"reason": "For the court of Pisa"})
    content = answer.getvalue()
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert list(AuditRow.objects.filter(subject=f"case:{case.pk}").values_list("verb", flat=True)) == [
        "case.opened",
        "case.done",
        "case.seen",
        "case.file_read",
        "case.exported",
    ]
    page = client.get(address).content.decode()
    assert all(words in page for words in ("For the court of Pisa", "exported an evidence pack"))
    assert client.post(reverse("analysis:export", args=[case.pk]), {"reason": ""}).status_code == 422
    client.get(reverse("api:report-pdf", args=[case.pk]))
    client.get(reverse("api:report-json", args=[case.pk]))
    assert [each.data["file"] for each in AuditRow.objects.filter(verb="case.file_read").order_by("seq")][1:] == ["PDF", "JSON"]

    stranger = signed_in(None)
    held = stranger.post("/verify/", {"pack": SimpleUploadedFile("pack.zip", content)}).content.decode()
    assert 'data-holds="yes"' in held
    files = unpacked(content)
    flip(files, INPUT)
    broken = stranger.post("/verify/", {"pack": SimpleUploadedFile("pack.zip", packed(files))}, headers={"Accept-Language": "it"}).content.decode()
    assert f"{INPUT} è stato modificato" in broken
    assert stranger.post("/verify/", {"pack": SimpleUploadedFile("x.zip", b"hello")}).status_code == 422
    assert stranger.post("/verify/").status_code == 422
    settings.ACCOUNT_RATE_LIMITS = {"verify": "4/10m/ip"}
    cache.clear()
    assert [stranger.post("/verify/").status_code for _ in range(5)] == [422] * 4 + [429]


def test_notes_tags_and_files_added_later_go_into_the_pack_and_a_closed_case_takes_none(case):
    client, address = signed_in(case.opened_by), reverse("analysis:case", args=[case.pk])

    def post(name: str, **fields: object) -> int:
        return client.post(reverse(f"analysis:{name}", args=[case.pk]), fields).status_code

    assert post("note", text="The shadows fall to the left.") == 302
    assert post("tags", tags="tower, press ,tower") == 302
    letter = SimpleUploadedFile("lettera.bin", b"\x00any kind\x00")
    assert post("add_file", file=letter, added_because="Sent by the newspaper") == 302
    assert post("add_file", file=SimpleUploadedFile("empty.txt", b""), added_because="x") == 422
    assert post("add_file", added_because="x") == 422
    assert post("note", text=" ") == 422
    assert post("tags", tags=",".join(f"tag {n}" for n in range(30))) == 422
    assert post("close", closed_because="Answered the newspaper") == 302
    assert post("close", closed_because="again") == 422
    assert post("note", text="too late") == 422
    page = client.get(address).content.decode()
    assert all(
        words in page for words in ("The shadows fall to the left.", "tower", "lettera.bin", "Sent by the newspaper", "Answered the newspaper", "Closed")
    )
    content = exported(case)
    files = unpacked(content)
    described = json.loads(files["data/case.json"])
    assert [note["text"] for note in described["notes"]] == ["The shadows fall to the left."]
    assert described["tags"] == ["tower", "press"]
    assert [each["examined"] for each in described["inputs"]] == [True, False]
    assert files["data/inputs/002-lettera.bin"] == b"\x00any kind\x00"
    assert checked(content)[0] == []
    assert post("close", closed_because="New letter", reopen="1") == 302
    tasks.run_case(case_id=case.pk)
    case.refresh_from_db()
    assert case.closed is None
    assert case.files.filter(for_tool=True).count() == 1


def test_a_stranger_to_the_case_exports_and_reads_nothing(case):
    foreign = signed_in(place("museum").person("operator"))
    for path in (reverse("analysis:case", args=[case.pk]), reverse("analysis:input_file", args=[case.pk, 1])):
        assert foreign.get(path).status_code == 404
    assert foreign.post(reverse("analysis:export", args=[case.pk]), {"reason": "x"}).status_code == 404
    assert not AuditRow.objects.filter(verb__in=("case.seen", "case.exported")).exists()
