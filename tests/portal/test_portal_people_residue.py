"""The look at every file: each form of the id and of a template is found, and only the audit log's own line is allowed."""

from __future__ import annotations

import os
import uuid

import numpy as np
import pytest

from portal.people.residue import patterns_of, residue

UID = uuid.UUID("0190c2f4-aaaa-4bbb-8ccc-0123456789ab")
VECTOR = np.random.default_rng(1).normal(size=128).astype(np.float32)
FORMS = {
    "text": str(UID).encode(),
    "capitals": str(UID).upper().encode(),
    "no dashes": UID.hex.encode(),
    "capitals, no dashes": UID.hex.upper().encode(),
    "bytes": UID.bytes,
    "little-endian": VECTOR.astype("<f4").tobytes(),
    "big-endian": VECTOR.astype(">f4").tobytes(),
    "a template cut by a page's edge": VECTOR.astype("<f4").tobytes()[200:],
    "template as text": ("[" + ",".join(f"{value:.9g}" for value in VECTOR)).encode(),
}


def look(home, audit_files=()):
    return residue(UID, patterns_of(UID, [VECTOR]), home, audit_files)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found_wherever_it_stands(tmp_path, form):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\0" * 4097 + FORMS[form] + b"\xff")
    found = look(tmp_path)
    assert {hit.file for hit in found.left} == {"deep/file"}
    assert found.files == 1


def test_a_clean_folder_has_nothing_left(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "other").write_bytes(uuid.uuid4().bytes * 100)
    found = look(tmp_path)
    assert (found.files, found.bytes, found.hits, found.unread) == (2, 1600, [], [])


def test_the_audit_logs_own_line_is_allowed_in_its_table_and_in_the_log_of_writes_only(tmp_path):
    (tmp_path / "pg_wal").mkdir()
    for name in ("table", "pg_wal/1", "other"):
        (tmp_path / name).write_bytes(b"..person:" + str(UID).encode())
    found = look(tmp_path, ["table"])
    assert {hit.file for hit in found.hits if hit.audit} == {"table", "pg_wal/1"}
    assert [hit.file for hit in found.left] == ["other"]


def test_an_audit_line_does_not_hide_another_place_in_the_same_file(tmp_path):
    (tmp_path / "table").write_bytes(b"person:" + str(UID).encode() + b" and " + str(UID).encode())
    assert [hit.offset for hit in look(tmp_path, ["table"]).left] == [48]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "secret").touch(mode=0)
    assert len(look(tmp_path).unread) == 1
