"""Benches of training together: one file each, with `add_arguments(parser)` and `run(asked) -> dict`; found by themselves."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def names() -> list[str]:
    """Every bench, in alphabetical order."""
    return sorted(each.name for each in pkgutil.iter_modules(__path__) if not each.ispkg)


def load(name: str) -> ModuleType:
    """The module of one bench."""
    return importlib.import_module(f"federated.learning.bench.{name}")
