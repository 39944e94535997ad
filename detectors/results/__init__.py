"""The pages of docs/results, one module a table: `python -m detectors results NAME` measures and writes docs/results/NAME.md.

A table is a module of this package; its file name is its name, and `body(conditions)` gives its page without title and first line. Nothing is imported before
it is asked for, so torch may be imported at a module's top.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import os
import pkgutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from detectors.errors import BadDataset, UnknownDetector

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "results"
Figure = dict[str, float | None]  # what detectors.metrics.interval gives


@dataclasses.dataclass(frozen=True, slots=True)
class Conditions:
    """What a page is measured under: data folder, seed, at most so many items (None: all), and a folder for what is made on the way (it may be used again)."""

    data: Path
    seed: int
    limit: int | None
    work: Path


def names() -> list[str]:
    """The tables there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def write(name: str, conditions: Conditions, out: Path | None = None) -> Path:
    """Measure the table and write its page (docs/results/NAME.md); the file. Raises UnknownDetector, BadDataset, WeightsError."""
    text = page(name, conditions)
    file = out or PAGES / f"{name}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def page(name: str, conditions: Conditions) -> str:
    """The whole page: the module's title, when and from what it was written, and its body."""
    if name not in names():
        raise UnknownDetector(f"there is no table {name!r}; there are {', '.join(names())}")
    module = importlib.import_module(f"detectors.results.{name}")
    if not conditions.data.exists():
        raise BadDataset(f"{conditions.data}: there is no such folder; give one with --data")
    commit, start = _commit(), time.perf_counter()
    make: Callable[[Conditions], str] = module.body
    body = make(conditions).strip()
    limit = "" if conditions.limit is None else f" --limit {conditions.limit}"
    first = (
        f"Written {datetime.date.today().isoformat()} by `python -m detectors results {name} --seed {conditions.seed}{limit}` on commit {commit}, seed "
        f"{conditions.seed}, in {(time.perf_counter() - start) / 60:.0f} minutes. In brackets: 95 % intervals."
    )
    return f"# {module.TITLE}\n{first}\n\n{body}\n"


def shown(figure: Figure | float | None) -> str:
    """ ".697 (.518 to .883)" of an interval, ".697" of a number, "-" of nothing."""
    if isinstance(figure, dict):
        between = "" if figure["low"] is None else f" ({shown(figure['low'])} to {shown(figure['high'])})"
        return shown(figure["value"]) + between
    return "-" if figure is None else f"{figure:.3f}".replace("0.", ".", 1) if abs(figure) < 1 else f"{figure:.3f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str | int | float | Figure | None]]) -> str:
    """A Markdown table; numbers and intervals are written as `shown` writes them, whole numbers and texts as they are."""
    lines = [_row(head), _row(["---"] * len(head))]
    return "\n".join(
        [*lines, *(_row([each if isinstance(each, str) else str(each) if isinstance(each, int) else shown(each) for each in row]) for row in rows)]
    )


def data_folder() -> Path:
    """$SPECOLA_DATA, or shared/data next to the checkout."""
    return Path(os.environ.get("SPECOLA_DATA") or ROOT.parent / "shared" / "data")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _commit() -> str:
    """The short hash of the checkout, and whether files differ from it; "unknown" where this is no checkout."""
    try:
        asked = [["git", "rev-parse", "--short", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"]]
        head, changed = (subprocess.run(each, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() for each in asked)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} with changes after it" if changed else head
