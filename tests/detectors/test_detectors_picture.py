"""Picture check and face comparison on files made here: signed, signed and then changed, with EXIF, without faces."""

from __future__ import annotations

import datetime
import io
import json
import sys
from pathlib import Path

import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

import detectors
from detectors import drawing, image
from detectors.bench import scene
from detectors.errors import BadInput
from detectors.faces.compare import FaceCompare
from detectors.messages import Message, worded
from detectors.picture import provenance
from detectors.picture.check import judge
from detectors.picture.provenance import Exif, Provenance
from detectors.types import Box, Face

AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"
EXPIRED = Path(__file__).resolve().parents[1] / "media" / "signed-expired.jpg"  # `scene(0)`, signed by a certificate that ended seconds later
PLAIN = image.encode_jpeg(scene(0))


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test press")])


def certificate(subject: str, key, issuer: str, issuer_key, *, authority: bool) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(30))
    made = made.add_extension(x509.BasicConstraints(authority, None), critical=True)
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False)
    made = made.add_extension(x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **usage), critical=True)
    if not authority:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return made.sign(issuer_key, hashes.SHA256())


@pytest.fixture(scope="module")
def chain():
    """The certificates of a signer and of the authority above it, as PEM, and the signer's key."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    made = [certificate("Desk", key, "Root", root_key, authority=False), certificate("Root", root_key, "Root", root_key, authority=True)]
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return [each.public_bytes(serialization.Encoding.PEM) for each in made], private


@pytest.fixture(scope="module")
def signer(chain):
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", b"".join(chain[0]), chain[1], None))


def sign(signer, source: str | None = None) -> bytes:
    action = {"action": "c2pa.created", **({"digitalSourceType": source} if source else {})}
    manifest = {
        "claim_generator_info": [{"name": "test camera", "version": "1"}],
        "format": "image/jpeg",
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }
    out = io.BytesIO()
    with c2pa.Builder(json.dumps(manifest)) as builder:
        builder.sign(signer, "image/jpeg", io.BytesIO(PLAIN), out)
    return out.getvalue()


@pytest.fixture(scope="module")
def signed(signer) -> bytes:
    return sign(signer, "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture")


def with_exif(**tags) -> bytes:
    picture, out = Image.new("RGB", (60, 40), "grey"), io.BytesIO()
    exif = picture.getexif()
    for number, value in {"Make": 0x010F, "Model": 0x0110, "Software": 0x0131, "DateTime": 0x0132}.items():
        if number in tags:
            exif[value] = tags[number]
    if "place" in tags:
        exif.get_ifd(0x8825).update({1: "N", 2: (43.0, 43.0, 23.0), 3: "E", 4: (10.0, 23.0, 47.0)})
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture(scope="module")
def checker():
    return detectors.load("picture-check")


def check(checker, tmp_path, content: bytes):
    (tmp_path / "upload").write_bytes(content)
    return checker.report([tmp_path / "upload"])


def part(report, wanted: str) -> dict:
    return {field.key: field.value for each in report.parts if each.name == wanted for field in each.fields}


def words(verdict) -> tuple[str, ...]:
    return tuple(worded(each) for each in verdict.reasons)


def label(report) -> str:
    return worded(report.verdict.label)


def test_a_plain_picture_is_neither_cleared_nor_suspected(checker, tmp_path):
    verdict = check(checker, tmp_path, PLAIN).verdict
    assert (worded(verdict.label), verdict.band, verdict.score) == ("nothing known of its origin", "unsure", None)


@pytest.mark.parametrize("content", [PLAIN, with_exif(Make="Leica")])
def test_every_report_says_that_pixels_were_not_examined(checker, tmp_path, content):
    assert words(check(checker, tmp_path, content).verdict)[-1] == "Whether the pixels were generated or manipulated was not examined."


def test_an_intact_signature_by_anybody_is_not_cleared(checker, tmp_path, signed):
    report = check(checker, tmp_path, signed)
    assert (label(report), report.verdict.band) == ("intact since signing, signer unknown", "unsure")
    assert "on no trusted list" in words(report.verdict)[1]
    assert part(report, "provenance")["claim_generator"] == "test camera"
    assert part(report, "provenance")["signed_by"] == "Test press"


def test_a_signer_whom_the_site_trusts_is_cleared_and_a_damaged_file_of_its_list_takes_no_trust_away(checker, tmp_path, signed, chain, monkeypatch):
    (tmp_path / "c2pa-trust").mkdir()
    (tmp_path / "c2pa-trust" / "press.pem").write_bytes(chain[0][1])
    (tmp_path / "c2pa-trust" / "damaged.pem").write_bytes(b"\xff\xfe no text")
    monkeypatch.setenv("SPECOLA_HOME", str(tmp_path))
    report = check(checker, tmp_path, signed)
    assert (label(report), report.verdict.band) == ("provenance intact", "clear")


def test_the_shipped_list_of_trusted_signers_holds_authorities_that_verify_themselves():
    found = x509.load_pem_x509_certificates(provenance.TRUST_LIST.read_bytes())
    roots = [each for each in found if each.issuer == each.subject]
    for each in roots:
        each.verify_directly_issued_by(each)
    assert (len(found), len(roots)) == (9, 8)
    assert min(each.not_valid_after_utc for each in found) > datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("state", "problems", "wanted"),
    [
        ("Valid", ["signingCredential.untrusted"], (True, "unknown")),
        ("Invalid", ["signingCredential.untrusted", "signingCredential.expired"], (True, "expired")),
        ("Invalid", ["signingCredential.expired", "assertion.dataHash.mismatch"], (False, "")),
        ("Invalid", ["signingCredential.ocsp.revoked", "signingCredential.expired"], (True, "revoked")),
        ("Invalid", ["claimSignature.mismatch"], (False, "")),
        ("Invalid", [], (False, "")),
        ("Trusted", [], (True, "trusted")),
    ],
)
def test_what_is_wrong_of_the_signer_alone_leaves_the_file_intact(state, problems, wanted):
    found = provenance.summary({"validation_state": state, "validation_status": [{"code": code} for code in problems]})
    assert (found.intact, found.signer) == wanted


def test_a_picture_whose_certificate_has_expired_since_is_never_called_broken_unless_it_was_changed(checker, tmp_path):
    report = check(checker, tmp_path, EXPIRED.read_bytes())
    assert (label(report), report.verdict.band) == ("signed; signer can no longer be verified", "unsure")
    changed = bytearray(EXPIRED.read_bytes())
    changed[-200] ^= 0x55
    assert label(check(checker, tmp_path, bytes(changed))) == "provenance broken"


@pytest.mark.parametrize(
    ("behind", "kind"),
    [
        (b"\0\0\0\x18ftypmp42" + bytes(70_000), "a short film"),
        (PLAIN, "another picture"),
        (b"PK\x03\x04" + b"secret" * 20, "an archive"),
        (b"%PDF-1.7 " + bytes(100), "a document"),
        (b"\x12\x34" * 5_000, "data of an unknown kind"),
    ],
)
def test_what_stands_behind_the_end_of_a_picture_is_named(checker, tmp_path, behind, kind):
    report = check(checker, tmp_path, PLAIN + behind)
    assert any(kind in each and f"{len(behind):,}" in each for each in words(report.verdict))
    assert part(report, "file")["trailer_bytes"] == len(behind)


def test_colours_under_transparency_are_shown_and_searched_for_faces(checker, tmp_path):
    portrait = np.asarray(Image.open(STAFF / "custode-1.jpg").convert("RGB"))
    hidden, out = np.dstack([portrait, np.zeros(portrait.shape[:2], np.uint8)]), io.BytesIO()
    Image.fromarray(hidden).save(out, "PNG")
    report = check(checker, tmp_path, out.getvalue())
    assert (part(report, "faces")["count"], part(report, "faces")["hidden"]) == (0, 1)
    assert [each.name for each in report.evidence] == ["faces", "hidden"]
    assert any("hide colours" in each for each in words(report.verdict))


def test_a_scan_on_its_side_is_told_and_examined_upright(checker, tmp_path):
    out = io.BytesIO()
    Image.open(STAFF / "custode-1.jpg").rotate(90, expand=True).save(out, "JPEG")
    report = check(checker, tmp_path, out.getvalue())
    assert any("clockwise by 90 degrees" in each for each in words(report.verdict))
    assert (part(report, "file")["width"], part(report, "file")["height"]) == (300, 360)


def test_a_picture_that_was_changed_after_signing_is_suspicious(checker, tmp_path, signed):
    changed = bytearray(signed)
    changed[-200] ^= 0x55
    report = check(checker, tmp_path, bytes(changed))
    assert (label(report), report.verdict.band) == ("provenance broken", "suspicious")
    assert any("mismatch" in problem for problem in part(report, "provenance")["problems"])


def test_a_picture_that_says_it_was_generated_is_told(checker, tmp_path, signer):
    report = check(checker, tmp_path, sign(signer, AI))
    assert (label(report), report.verdict.band) == ("says itself that it was made by AI", "suspicious")


def test_c2pa_is_not_read_from_bmp():
    assert worded(provenance.read_c2pa(b"BM", "BMP").problem) == "C2PA is not read from BMP files."


def test_exif_is_read(checker, tmp_path):
    exif = part(check(checker, tmp_path, with_exif(Make="Leica", Model="M11", DateTime="2026:11:23 10:00:00")), "exif")
    assert exif == {"found": True, "make": "Leica", "model": "M11", "changed": "2026:11:23 10:00:00"}


def test_a_place_is_read():
    assert provenance.read_exif(with_exif(place=True), "JPEG").place == pytest.approx([43.723056, 10.396389], abs=1e-4)


def test_editing_software_is_named_without_a_reproach(checker, tmp_path):
    report = check(checker, tmp_path, with_exif(Software="Adobe Photoshop 27"))
    assert any("Adobe Photoshop 27; editing is not in itself deceit" in reason for reason in words(report.verdict))
    assert report.verdict.band == "unsure"


def test_long_exif_is_cut():
    assert len(provenance.read_exif(with_exif(Make="x" * 5000), "JPEG").tags["make"]) == provenance.LONGEST


def test_no_exif_says_nothing(checker, tmp_path):
    assert any("so this says nothing" in reason for reason in words(check(checker, tmp_path, PLAIN).verdict))


def test_damaged_exif_never_crashes():
    rng, good = np.random.default_rng(0), with_exif(Make="Leica", Software="x", place=True)
    for _ in range(150):
        content = bytearray(good)
        for at in rng.integers(2, 250, 4):
            content[int(at)] = int(rng.integers(256))
        assert isinstance(provenance.read_exif(bytes(content), "JPEG"), provenance.Exif)


def test_damaged_provenance_never_crashes(signed):
    rng = np.random.default_rng(0)
    for _ in range(30):
        content = bytearray(signed)
        content[int(rng.integers(2, 4000))] = int(rng.integers(256))
        assert isinstance(provenance.read_c2pa(bytes(content), "JPEG"), provenance.Provenance)


@pytest.mark.parametrize(
    ("package", "read"), [("exifread", lambda content: provenance.read_exif(content, "JPEG")), ("c2pa", lambda content: provenance.read_c2pa(content, "JPEG"))]
)
def test_without_the_package_it_says_so(monkeypatch, package, read):
    monkeypatch.setitem(sys.modules, package, None)
    assert "is not installed" in worded(read(PLAIN).problem)


def test_what_could_not_be_read_stands_in_the_verdict():
    exif = Exif(problem=Message("exif-damaged", {"error": "ValueError"}))
    verdict = judge(exif, Provenance(problem=Message("c2pa-not-in", {"kind": "GIF"})), 2)
    assert words(verdict)[:3] == ("C2PA is not read from GIF files.", "The EXIF data is damaged (ValueError).", "2 faces were found.")


def test_one_face_is_one_face():
    assert "1 face was found." in words(judge(Exif(found=True), Provenance(), 1))


def test_the_report_describes_the_file(checker, tmp_path):
    assert part(check(checker, tmp_path, PLAIN), "file") == {"kind": "JPEG", "bytes": len(PLAIN), "width": 768, "height": 576}


def test_faces_are_drawn_and_large_evidence_is_scaled_down():
    picture, face = np.full((2000, 3200, 3), 90, np.uint8), Face(Box(100, 100, 300, 300), 0.9, np.full((5, 2), 250, np.float32))
    drawn = image.read(drawing.draw_faces(picture, [face]))
    assert drawn.shape == (1000, 1600, 3)
    assert (drawn != 90).any()
    assert (picture == 90).all()


def test_two_crops_stand_side_by_side():
    assert image.read(drawing.side_by_side(scene(0, (112, 112)), scene(0, (112, 112)))).shape == (224, 464, 3)


class OneFace:
    """A finder that sees the given boxes in every picture."""

    card = detectors.card("faces")

    def __init__(self, *sizes: float) -> None:
        self.sizes = sizes

    def find(self, _):
        points = np.array([[38, 52], [74, 52], [56, 72], [42, 92], [71, 92]], np.float32)
        return [Face(Box(0, 0, size, size), 0.9, points * np.float32(size / 100)) for size in self.sizes]


@pytest.fixture
def compare(tmp_path):
    built: FaceCompare = detectors.load("face-compare")

    def run(a: np.ndarray, b: np.ndarray, *sizes: float):
        built.finder = OneFace(*sizes)
        for name, picture in (("a", a), ("b", b)):
            (tmp_path / name).write_bytes(image.encode_png(picture))
        return built.report([tmp_path / "a", tmp_path / "b"])

    return run


def test_the_same_picture_has_cosine_one_and_stays_at_the_cap(compare):
    numbers = part(compare(scene(0), scene(0), 110), "likelihood-ratio")
    assert numbers["cosine"] == pytest.approx(1.0, abs=1e-3)
    assert numbers["log10_lr"] == numbers["cap"]


def test_no_comparison_is_called_clear_or_suspicious(compare):
    assert {compare(scene(0), scene(0), *sizes).verdict.band for sizes in ((110,), (30,), ())} == {"unsure"}


def test_it_never_says_match(compare):
    verdict = compare(scene(0), scene(0), 100).verdict
    assert "match" not in " ".join([worded(verdict.label), *words(verdict)]).lower()


def test_without_a_face_nothing_is_compared(compare):
    report = compare(scene(0), scene(1))
    assert (label(report), report.verdict.score) == ("cannot compare", None)
    assert words(report.verdict)[0] == "No face was found in picture 1 and 2."


def test_of_several_faces_the_largest_is_compared_and_it_is_said(compare):
    report = compare(scene(0), scene(0), 40, 100)
    assert part(report, "picture-1")["box"][2] == 100
    assert "The face in picture 1 is the largest of 2; the others were not compared." in words(report.verdict)


def test_small_faces_are_named(compare):
    assert any("is small" in reason for reason in words(compare(scene(0), scene(0), 30).verdict))


def test_both_pictures_are_named_by_their_hash(compare):
    report = compare(scene(0), scene(5), 100)
    assert report.inputs == tuple(part(report, name)["sha256"] for name in ("picture-1", "picture-2"))
    assert report.inputs[0] != report.inputs[1]
    assert {each.name for each in report.evidence} == {"picture-1", "picture-2", "aligned", "tippett"}
    assert set(report.models) == {"faces", "face-embedding", "face-compare"}


def test_a_broken_second_picture_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(PLAIN)
    (tmp_path / "b").write_bytes(b"no picture")
    with pytest.raises(BadInput):
        detectors.load("face-compare").report([tmp_path / "a", tmp_path / "b"])
