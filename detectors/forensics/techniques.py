"""All techniques in the order in which they are reported, and one call that lets each measure a picture."""

from __future__ import annotations

from collections.abc import Callable

from detectors.forensics import copymove, doubled, errorlevel, ghosts, noise, resampling, tables, thumbnail
from detectors.forensics.exhibit import Exhibit, Measurement

WEAK = ("error-level", "noise")  # measured: they find hardly more than they flag in untouched pictures
# What counts as a hint of editing. The others are facts of the file's history ("tables", "double") or too weak to count.
SIGNS = ("thumbnail", "ghosts", "resampling", "copy-move")
TECHNIQUES = ("tables", "double", "thumbnail", "ghosts", "error-level", "noise", "resampling", "copy-move")
MEASURED = TECHNIQUES[1:]


def measure(exhibit: Exhibit, step: Callable[[int], None] = lambda done: None) -> dict[str, Measurement]:
    """What each technique measured, by its name; `step` hears how many are done."""
    usable = not exhibit.small and (exhibit.jpeg is None or exhibit.single_grid)
    steps = ghosts.fit(exhibit) if usable else ghosts.NOTHING
    calls: dict[str, Callable[[], Measurement]] = {
        "tables": lambda: tables.examine(exhibit),
        "double": lambda: doubled.examine(exhibit, steps),
        "thumbnail": lambda: thumbnail.examine(exhibit),
        "ghosts": lambda: ghosts.examine(exhibit, steps),
        "error-level": lambda: errorlevel.examine(exhibit),
        "noise": lambda: noise.examine(exhibit),
        "resampling": lambda: resampling.examine(exhibit),
        "copy-move": lambda: copymove.examine(exhibit),
    }
    found = {}
    for done, (name, call) in enumerate(calls.items(), 1):
        found[name] = call()
        step(done)
    return found
