"""One decorator makes a class a detector; every file of a family folder is found by itself."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import inspect
import json
import pkgutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detectors import weights
from detectors.errors import UnknownDetector, WeightsError
from detectors.types import ModelCard

FOLDER = Path(__file__).parent
NOT_FAMILIES = {"nets", "train", "weights", "evaluators"}

_entries: dict[str, Entry] = {}
_shared: dict[str, Any] = {}
_sharing = threading.RLock()  # a tool that is being opened opens the detectors it uses


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What the decorator wrote down about a detector."""

    name: str
    family: str
    build: type
    weights: str | None
    opens: str  # "session": build gets an onnxruntime session; "path": it gets the verified file; "nothing": None
    kind: str  # "images" (detect), "stream" (step), "tool" (report or compare) or "head" (judge: on what another detector saw)
    exposes: tuple[str, ...] = ()  # inner results of the net that the session gives when asked


def detector(
    name: str, *, family: str, weights: str | None = None, opens: str = "session", kind: str = "images", exposes: tuple[str, ...] = ()
) -> Callable[[type], type]:
    """Register a class as the detector `name`. It is built as `build(session, card, **options)`."""

    def register(build: type) -> type:
        if name in _entries and _entries[name].build.__module__ != build.__module__:
            raise ValueError(f"two detectors are called {name!r}: {_entries[name].build.__module__} and {build.__module__}")
        _entries[name] = Entry(name, family, build, weights, opens if weights else "nothing", kind, exposes)
        return build

    return register


def names() -> list[str]:
    """The names of all detectors, sorted."""
    return sorted(entries())


def entry(name: str) -> Entry:
    """What is registered under `name`. Raises UnknownDetector that lists the names there are."""
    if name not in entries():
        raise UnknownDetector(f"there is no detector {name!r}; there are {', '.join(names())}")
    return entries()[name]


def load(name: str, *, path: Path | str | None = None, **options: Any) -> Any:
    """Build a detector, ready to use; every one may be called from any thread, a stream for each camera from one (tests/contract holds it).

    `path` opens another weights file than the lock's (an agent's downloaded model: the agent has verified its hash and signature);
    `options` go to the detector. Raises UnknownDetector, WeightsError, WrongHash.
    """
    found = entry(name)
    described = card(name)
    file = Path(path) if path else weights.find(found.weights) if found.weights else None
    if path and file:
        described = dataclasses.replace(described, sha256=weights.sha256_of(file))
    opened = weights.open_session(file, found.exposes) if file and found.opens == "session" else file
    return found.build(opened, described, **options)


def shared(name: str) -> Any:
    """The detector opened once in this process, with its own weights and no options: for portal, worker and tools, whose threads all may call it.

    Raises ValueError for a stream, which holds a camera's state and belongs to whoever reads that camera; and what `load` raises.
    """
    if entry(name).kind == "stream":
        raise ValueError(f"{name} holds the state of a camera and is never shared: load one for each reader")
    with _sharing:
        if name not in _shared:
            _shared[name] = load(name)
        return _shared[name]


def card(name: str) -> ModelCard:
    """The card of a detector, read from `detectors/weights/cards/<name>.json`; its hash is the lock's, or that of the source file."""
    found = entry(name)
    file = FOLDER / "weights" / "cards" / f"{name}.json"
    if not file.exists():
        raise WeightsError(f"the detector {name!r} has no card: {file.relative_to(FOLDER.parent)} is missing")
    said = json.loads(file.read_text())
    digest = weights.locked(found.weights).sha256 if found.weights else hashlib.sha256(Path(inspect.getfile(found.build)).read_bytes()).hexdigest()
    return ModelCard(name=name, family=found.family, sha256=digest, **said)


@functools.cache
def entries() -> dict[str, Entry]:
    """Import every file of every family folder once; the decorators fill the table."""
    for family in sorted(each for each in FOLDER.iterdir() if each.is_dir() and each.name not in NOT_FAMILIES and (each / "__init__.py").exists()):
        for module in pkgutil.iter_modules([str(family)]):
            importlib.import_module(f"detectors.{family.name}.{module.name}")
    return _entries
