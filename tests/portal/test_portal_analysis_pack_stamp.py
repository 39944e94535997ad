"""The time stamp of an evidence pack, by an authority of our own: judged at the time that it states; one replaced, removed or made up is named."""

from __future__ import annotations

import datetime
import io
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile

from detectors import worded
from federated.trust import evidence, evidence_pack, signing, time_stamps, verify
from portal.analysis import actions
from portal.sites.config import portal_key
from tests.portal.alert_scene import scene
from tests.portal.portal_scene import signed_in
from tests.portal.test_portal_analysis import file
from tests.portal.test_portal_analysis_pack import Files, exported, packed, unpacked
from tests.portal.test_portal_core_audit_witness import time_stamp_authority
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def case():
    """A case that was cancelled: it has no report, so its pack is quickly made."""
    at = scene()
    found = actions.open_case(user=at.operator, files=[file("a.jpg")], site=at.site)
    return actions.cancel_case(user=at.operator, case_id=found.pk)


def lines(content: bytes, root: Path | None = None) -> dict[str, list[str]]:
    roots = x509.load_pem_x509_certificates(root.read_bytes()) if root else []
    found = evidence.check(evidence_pack.open_pack(io.BytesIO(content)), keys=[signing.public_text(portal_key())], roots=roots)
    return {outcome.value: [worded(each.message) for each in found.lines if each.outcome == outcome] for outcome in evidence.Outcome}


def changed(content: bytes, **files: bytes | None) -> bytes:
    whole: Files = unpacked(content)
    for name, each in files.items():
        path = {"stamp": evidence_pack.STAMP, "seal": evidence_pack.SEAL}[name]
        whole.pop(path) if each is None else whole.update({path: each})
    return packed(whole)


def stamped_in_time(content: bytes, address: str, folder: Path) -> tuple[bytes, datetime.datetime]:
    """A stamp by a certificate that has run out since, and when it did."""
    ca = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    keys = [serialization.load_pem_private_key((folder / name).read_bytes(), None) for name in ("ca.key", "tsa.key")]
    for seconds in (2, 4, 8, 16, 32):  # a loaded machine takes longer
        end = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(seconds=seconds)
        short = x509.CertificateBuilder(
            ca.subject, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tsa")]), keys[1].public_key(), x509.random_serial_number()
        )
        short = short.not_valid_before(end - datetime.timedelta(days=1)).not_valid_after(end)
        short = short.add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        (folder / "tsa.crt").write_bytes(short.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        stamp = time_stamps.time_stamp(content, address)
        if time_stamps.stated_time(content, stamp) < end:
            return stamp, end
    pytest.fail("no stamp within 32 s")


def test_a_time_stamp_holds_at_its_time_and_every_other_is_named(case, settings, tmp_path, capsys):
    root = tmp_path / "tsa" / "ca.crt"
    with time_stamp_authority(tmp_path / "tsa") as address, time_stamp_authority(tmp_path / "other") as foreign:
        settings.AUDIT_TSA = address
        content = exported(case)
        seal = unpacked(content)[evidence_pack.SEAL]
        other = time_stamps.time_stamp(b"something else", address)
        made_up = time_stamps.time_stamp(seal, foreign)
        short, end = stamped_in_time(seal, address, tmp_path / "tsa")
    held = lines(content, root)
    assert held["broken"] == []
    assert any("by an authority below the given root" in each for each in held["holds"])
    assert any("stating 20" in each and "needs the authority's root" in each for each in lines(content)["unchecked"])
    assert any("was replaced: it was made over something else" in each for each in lines(changed(content, stamp=other), root)["broken"])
    assert any("is not of an authority below the given root" in each for each in lines(changed(content, stamp=made_up), root)["broken"])
    assert any("or is damaged" in each for each in lines(changed(content, stamp=b"x"), root)["broken"])
    assert any("The time stamp is missing" in each for each in lines(changed(content, stamp=None), root)["broken"])
    (tmp_path / "pack.zip").write_bytes(content)
    assert verify.main([str(tmp_path / "pack.zip"), "--tsa-root", str(root)]) == 0
    assert "Time stamp (RFC 3161) of 20" in capsys.readouterr().out
    wait_for(lambda: time.time() > end.timestamp() + 1, "the certificate has not run out", 60)
    after = lines(changed(content, stamp=short), root)  # the authority's certificate has run out; it was good at the time that the stamp states
    assert after["broken"] == []
    cache.clear()
    settings.AUDIT_TSA_ROOT = str(root)
    page = signed_in(None).post("/verify/", {"pack": SimpleUploadedFile("pack.zip", content)}).content.decode()
    assert "by an authority below the given root" in page


def test_a_stamp_of_long_after_the_seal_is_a_replaced_one(case, settings, tmp_path):
    with time_stamp_authority(tmp_path / "tsa") as address:
        settings.AUDIT_TSA = address
        content = exported(case)
        body = evidence_pack.seal_document(unpacked(content)[evidence_pack.SEAL])
        old = signing.canonical(signing.sign_document({**body, "made": "2020-01-01T00:00:00+00:00"}, portal_key()))
        stamp = time_stamps.time_stamp(old, address)
    broken = lines(changed(content, seal=old, stamp=stamp), tmp_path / "tsa" / "ca.crt")["broken"]
    assert any("was replaced: it states 20" in each and "sealed at 2020-01-01" in each for each in broken)


def test_an_authority_that_does_not_answer_is_stated_in_the_seal(case, settings):
    settings.AUDIT_TSA = "http://127.0.0.1:9/"
    held = lines(exported(case))
    assert held["broken"] == []
    assert any("the authority did not answer when the pack was made" in each for each in held["unchecked"])
