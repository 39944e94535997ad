"""State on a disk: a power cut leaves the old file or the new one, a full disk the old one, a secret is its owner's alone. Both helpers, ours and infra's."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from detectors import files
from infra import files as infra_files
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
WRITERS = {"ours": files.write_durably, "infra's": infra_files.write_durably}
FOREVER = """
import itertools, sys
from pathlib import Path
from {module} import write_durably
for n in itertools.count():
    write_durably(Path(sys.argv[1]), chr(97 + n % 26) * 3_000_000)
"""


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """What was flushed, renamed and linked, in order."""
    made: list[str] = []
    fsync, rename, link = os.fsync, os.replace, os.link

    def flushed(handle: int) -> None:
        made.append("flush folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "flush file")
        fsync(handle)

    def renamed(self: Path, target: Path) -> Path:
        made.append("rename")
        rename(self, target)
        return Path(target)

    def linked(source, target) -> None:
        made.append("link")
        link(source, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    monkeypatch.setattr(os, "link", linked)
    return made


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_the_file_is_flushed_before_it_gets_its_name_and_the_folder_after(write, tmp_path, calls):
    write(tmp_path / "state.json", "{}")
    assert calls == ["flush file", "rename", "flush folder"]
    assert (tmp_path / "state.json").read_text() == "{}"


def test_a_key_is_flushed_before_it_gets_its_name_and_the_folder_after(tmp_path, calls):
    assert files.create_durably(tmp_path / "key.pem", b"secret")
    assert calls == ["flush file", "link", "flush folder"]


def test_a_move_flushes_both_folders(tmp_path, calls):
    (tmp_path / "next").mkdir()
    (tmp_path / "next" / "key.pem").write_text("new")
    files.move_durably(tmp_path / "next" / "key.pem", tmp_path / "key.pem")
    assert calls == ["rename", "flush folder", "flush folder"]
    assert (tmp_path / "key.pem").read_text() == "new"


@pytest.mark.parametrize("module", ["detectors.files", "infra.files"])
def test_kill_9_in_the_middle_leaves_a_whole_file(module, tmp_path):
    target, found = tmp_path / "state", set[str]()
    for _ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", FOREVER.format(module=module), str(target)], cwd=ROOT)
        before = target.stat().st_mtime_ns if target.exists() else 0
        wait_for(lambda before=before: target.exists() and target.stat().st_mtime_ns != before, "a first write of this child")
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        content = target.read_text()
        assert (len(content), len(set(content))) == (3_000_000, 1)
        found.add(content[0])
    assert found
    files.sweep(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_takes_nothing_leaves_the_old_file_and_nothing_else(write, code, tmp_path, monkeypatch):
    write(tmp_path / "state.json", "old")

    def full(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        write(tmp_path / "state.json", "new")
    assert caught.value.errno == code
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"state.json": "old"}


def test_a_real_limit_is_an_error_that_names_the_file_and_not_its_part(tmp_path):
    target = tmp_path / "state"
    files.write_durably(target, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            files.write_durably(target, "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.filename == str(target)
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
    assert target.read_text() == "old"


def test_a_writer_that_fails_in_the_middle_leaves_the_old_file(tmp_path):
    files.write_durably(tmp_path / "clip.npz", "old")

    def write() -> None:
        with files.replacing(tmp_path / "clip.npz") as file:
            file.write(b"half")
            raise ValueError("the numbers make no sense")

    with pytest.raises(ValueError, match="no sense"):
        write()
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"clip.npz": "old"}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_secret_is_its_owners_alone_whatever_the_umask_says(umask, tmp_path):
    before = os.umask(umask)
    try:
        files.write_durably(tmp_path / "a", b"", mode=files.PRIVATE)
        files.create_durably(tmp_path / "b", b"")
        files.write_durably(tmp_path / "c", b"", mode=0o644)
        files.write_durably(tmp_path / "d", b"")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "abcd"]
    assert modes == [0o600, 0o600, 0o644, 0o666 & ~umask]


def test_of_two_who_make_a_key_the_first_wins(tmp_path):
    assert files.create_durably(tmp_path / "key", b"first")
    assert not files.create_durably(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("taken", [False, True])
def test_a_file_system_without_second_names_keeps_keys_too(taken, tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if taken:
        (tmp_path / "key").write_bytes(b"first")
    monkeypatch.setattr(os, "link", refuse)
    assert files.create_durably(tmp_path / "key", b"second") is not taken
    assert (tmp_path / "key").read_bytes() == (b"first" if taken else b"second")


def test_a_damaged_file_is_set_aside_under_a_name_that_says_when(tmp_path):
    (tmp_path / "gallery.key").write_bytes(b"")
    assert files.set_aside(tmp_path / "gallery.key", 1_700_000_000.9) == tmp_path / "gallery.key.damaged-1700000000"
    assert [file.name for file in tmp_path.iterdir()] == ["gallery.key.damaged-1700000000"]


def test_all_state_is_written_by_the_two_helpers():
    """Nobody flushes or makes a file beside by hand; the exceptions say why."""
    allowed = {
        "detectors/files.py": "the helper",
        "infra/files.py": "infra's own: it imports nothing of ours, and the bootstrap is standard library only",
        "portal/core/media.py": "flushes a file of the store's own disk that another has written, before it gets its name",
        "portal/analysis/uploads.py": "appends to a file that is not whole yet; every piece is flushed before it is acknowledged",
    }
    found = set()
    for part in ("detectors", "federated", "site_agents", "portal", "infra"):
        for file in (ROOT / part).rglob("*.py"):
            text = file.read_text()
            if any(call in text for call in ("os.fsync(", "mkstemp(", "NamedTemporaryFile(dir", 'with_suffix(".part")', "touch(mode=0o600)")):
                found.add(str(file.relative_to(ROOT)))
    assert found - set(allowed) == {"federated/learning/node.py"}  # a secret that lives as long as its process
    assert set(allowed) <= found
