"""What every benchmark stands on: services and home folder of its own, percentiles, the last line."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def own_services() -> Iterator[Path]:
    """PostgreSQL (durable, as in use) and Valkey in a temporary home folder, unless DATABASE_URL and REDIS_URL name others."""
    from infra.services import start_services, stop_services

    with tempfile.TemporaryDirectory(prefix="specola-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        before = dict(os.environ)
        os.environ.update({**start_services(home), "SPECOLA_HOME": str(home), "SPECOLA_LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "portal.settings"})
        try:
            yield home
        finally:
            os.environ.clear()
            os.environ.update(before)
            stop_services(home)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed; linear between neighbours. Raises ValueError without values."""
    if not values:
        raise ValueError("nothing was measured")
    ordered, place = sorted(values), (len(values) - 1) * share
    low = int(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """The options every benchmark has."""
    made = argparse.ArgumentParser(prog=f"manage.py bench {name}", description=description)
    made.add_argument("--json", action="store_true", help="only the JSON object, nothing else on stdout")
    return made


def progress(options: argparse.Namespace, text: str) -> None:
    """A line for the person who waits."""
    print(text, file=sys.stderr if options.json else sys.stdout, flush=True)


def conclude(figures: dict[str, Any], *, passed: bool) -> int:
    """Print the last line; 0 when what was promised held."""
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
    print(json.dumps({**rounded, "passed": passed}), flush=True)
    return 0 if passed else 1
