"""`manage.py bench NAME ...`: one measurement a file, tests/load/bench_<name>.py."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

NAMES = sorted(file.stem.removeprefix("bench_") for file in Path(__file__).parent.glob("bench_*.py"))


def main(arguments: list[str]) -> int:
    """Run the benchmark named first; its last line is one JSON object."""
    if not arguments or arguments[0] not in NAMES:
        print(f"usage: manage.py bench {' | '.join(NAMES)} [--json] [options; --help lists them]", file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    return importlib.import_module(f"tests.load.bench_{arguments[0]}").main(arguments[1:])
