"""`python -m federated bench NAME`: what training together is worth, what it costs and what it withstands, measured with the product's own rounds."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from detectors.errors import DetectorError
from federated.learning import bench
from federated.learning.task import TaskError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one bench and print what it found; exit status 2 when the data or a name is wrong."""
    parser = argparse.ArgumentParser(prog="python -m federated", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    benches = commands.add_parser("bench", help="measure").add_subparsers(dest="name", required=True)
    for name in bench.names():
        module = bench.load(name)
        one = benches.add_parser(name, help=(module.__doc__ or "").splitlines()[0])
        one.add_argument("--json", action="store_true", help="print one line of JSON")
        module.add_arguments(one)
    asked = parser.parse_args(arguments)
    try:
        found = bench.load(asked.name).run(asked)
    except (TaskError, DetectorError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(found) if asked.json else json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
