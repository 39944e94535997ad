"""One decorator makes a class a detector, another a desk tool; every file of a family folder is found by itself.

A tool is one file::

    @tool("word-count", family="text", media=("text",), inputs=1, words={"title": {"en": "Word count", "it": "Conta parole"}, "about": {...}, ...}, card={...})
    class WordCount:
        def __init__(self, opened, card): ...                  # as `weights` and `opens` ask: None, the verified file, or a session
        def report(self, paths, progress) -> Report: ...       # the one call, for one input or several

Command line, contract tests, bench and the portal's form, checks, page, PDF and API follow from what it declares here. A tool outside the family folders
is taken in by `discover(path or package)`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import importlib.util
import inspect
import json
import pkgutil
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from detectors import inputs, messages, weights
from detectors.errors import UnknownDetector, WeightsError
from detectors.messages import Message, Words
from detectors.types import MEDIA, ModelCard, Progress, Report

FOLDER = Path(__file__).parent
NOT_FAMILIES = {"nets", "results", "train", "weights", "evaluators", "rules", "attacks"}
DONE = Message("tool-done")

_entries: dict[str, DetectorEntry] = {}
_shared: dict[str, Any] = {}
_sharing = threading.RLock()  # a tool that is being opened opens the detectors it uses

messages.declare({DONE.code: {"en": "done", "it": "fatto"}})


@dataclasses.dataclass(frozen=True, slots=True)
class DetectorEntry:
    """What the decorator wrote down about a detector."""

    name: str
    family: str
    build: type
    weights: str | None
    opens: str  # "session": build gets an onnxruntime session; "path": it gets the verified file; "nothing": None
    kind: str  # "images" (detect), "stream" (step), "head" (judge: on what another detector saw) or "tool" (report)
    exposes: tuple[str, ...] = ()  # inner results of the net that the session gives when asked


@dataclasses.dataclass(frozen=True, slots=True)
class ToolEntry(DetectorEntry):
    """What the decorator wrote down about a desk tool: what it reads, how many files, whether two examiners conclude, and its words."""

    media: tuple[str, ...] = ()  # of MEDIA, any of them for each input
    inputs: int = 1
    examiners: bool = False
    columns: bool = False  # whether it takes the option `columns` of detectors.posts: which column of a table is what
    card: Mapping[str, Any] | None = None  # its ModelCard without name, family and sha256; None: a file of detectors/weights/cards

    @property
    def title(self) -> Message:
        """Its name for people."""
        return Message(f"{self.name}.title")

    @property
    def about(self) -> Message:
        """A sentence that says what it looks for."""
        return Message(f"{self.name}.about")


def detector(
    name: str, *, family: str, weights: str | None = None, opens: str = "session", kind: str = "images", exposes: tuple[str, ...] = ()
) -> Callable[[type], type]:
    """Register a class as the detector `name`. It is built as `build(session, card, **options)`. Raises ValueError when the name is taken."""

    def register(build: type) -> type:
        _add(DetectorEntry(name, family, build, weights, opens if weights else "nothing", kind, exposes))
        return build

    return register


def tool(
    name: str,
    *,
    family: str,
    words: Mapping[str, Words],
    media: Sequence[str] = ("picture",),
    inputs: int = 1,
    examiners: bool = False,
    weights: str | None = None,
    opens: str = "path",
    card: Mapping[str, Any] | None = None,
    columns: bool = False,
) -> Callable[[type], type]:
    """Register a class as the desk tool `name`, built as `build(opened, card)` and called as `report(paths, progress) -> Report`.

    `words` holds what it says (detectors/messages.py), with "title" and "about" for the tool itself. The registered `report` checks its inputs first (BadInput
    for the wrong number, a missing or empty file, another medium), adds their sha256 to the report, and ends with the progress 1. Raises ValueError.
    """
    if not {"title", "about"} <= set(words):
        raise ValueError(f"the tool {name!r} needs the words of its title and of what it is about")
    if not media or not set(media) <= set(MEDIA) or inputs < 1:
        raise ValueError(f"the tool {name!r} reads one or more files of {', '.join(MEDIA)}, not {inputs} of {', '.join(media) or 'none'}")

    def register(build: type) -> type:
        _add(ToolEntry(name, family, build, weights, opens if weights else "nothing", "tool", (), tuple(media), inputs, examiners, columns, card))
        messages.declare({f"{name}.{code}" if code in ("title", "about") else code: each for code, each in words.items()})
        build.report = _checked(build.report, tuple(media), inputs)  # type: ignore[attr-defined]
        return build

    return register


def names() -> list[str]:
    """The names of all detectors and tools, sorted."""
    return sorted(entries())


def entry(name: str) -> DetectorEntry:
    """What is registered under `name`. Raises UnknownDetector that lists the names there are."""
    if name not in entries():
        raise UnknownDetector(f"there is no detector {name!r}; there are {', '.join(names())}")
    return entries()[name]


def tools() -> list[ToolEntry]:
    """Every desk tool, sorted by name."""
    return [found for name in names() if isinstance(found := entries()[name], ToolEntry)]


def tool_entry(name: str) -> ToolEntry:
    """What is registered about the desk tool `name`. Raises UnknownDetector that lists the tools there are."""
    found = entries().get(name)
    if not isinstance(found, ToolEntry):
        raise UnknownDetector(f"there is no tool {name!r}; there are {', '.join(each.name for each in tools())}")
    return found


def worded(message: Message, language: str = "en") -> str:
    """A message in words, also of a tool whose file nobody has imported yet. Raises UnknownMessage, as `messages.worded`."""
    entries()
    return messages.worded(message, language)


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
    """The card of a detector, from `detectors/weights/cards/<name>.json` or the tool's decorator; its hash is the lock's, or that of the source file."""
    found = entry(name)
    content = found.card if isinstance(found, ToolEntry) else None
    if content is None:
        file = FOLDER / "weights" / "cards" / f"{name}.json"
        if not file.exists():
            raise WeightsError(f"the detector {name!r} has no card: {file.relative_to(FOLDER.parent)} is missing")
        content = json.loads(file.read_text())
    digest = weights.locked(found.weights).sha256 if found.weights else hashlib.sha256(Path(inspect.getfile(found.build)).read_bytes()).hexdigest()
    return ModelCard(name=name, family=found.family, sha256=digest, **content)


@functools.cache
def entries() -> dict[str, DetectorEntry]:
    """Import every file of every family folder once; the decorators fill the table."""
    for family in sorted(each for each in FOLDER.iterdir() if each.is_dir() and each.name not in NOT_FAMILIES and (each / "__init__.py").exists()):
        for module in pkgutil.iter_modules([str(family)]):
            importlib.import_module(f"detectors.{family.name}.{module.name}")
    return _entries


def discover(where: Path | str) -> list[str]:
    """Take in tools and detectors from outside the family folders: a file, a folder of files, or an importable package by its dotted name.

    Returns the names that came with it, for `withdraw`. Call it at start-up, in every process that needs them. Raises ImportError, ValueError.
    """
    before = set(entries())
    if isinstance(where, str):
        package = importlib.import_module(where)
        for dotted in [f"{where}.{module.name}" for module in pkgutil.iter_modules(getattr(package, "__path__", []))]:
            loaded = sys.modules.get(dotted)
            importlib.reload(loaded) if loaded else importlib.import_module(dotted)  # a second time after `withdraw` its decorators must run again
        return sorted(set(entries()) - before)
    for file in sorted(where.glob("*.py")) if where.is_dir() else [where]:
        spec = importlib.util.spec_from_file_location(f"discovered_{file.stem}", file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # a dataclass looks its module up there
        spec.loader.exec_module(module)
    return sorted(set(entries()) - before)


def withdraw(names: Sequence[str]) -> None:
    """Take out again what `discover` took in; their words stay, so that what they said can still be read."""
    for name in names:
        entries().pop(name, None)
        _shared.pop(name, None)


def _add(made: DetectorEntry) -> None:
    taken = _entries.get(made.name)
    if taken and taken.build.__module__ != made.build.__module__:
        raise ValueError(f"two detectors are called {made.name!r}: {taken.build.__module__} and {made.build.__module__}")
    _entries[made.name] = made


def _checked(report: Callable[..., Report], media: tuple[str, ...], count: int) -> Callable[..., Report]:
    """The tool's own `report` between the checks that are the same for all."""

    @functools.wraps(report)
    def call(self: Any, paths: Sequence[Path | str], progress: Progress = lambda share, step: None) -> Report:
        hashes = inputs.check(paths, media, count)
        made = report(self, tuple(Path(path) for path in paths), progress)
        progress(1.0, DONE)
        return dataclasses.replace(made, inputs=hashes)

    return call
