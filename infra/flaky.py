"""What earlier runs of `manage.py test` left: how long each part took, and which tests were flaky in which run."""

from __future__ import annotations

import datetime
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.files import write_durably

WINDOW = 10  # runs: a test that is flaky twice within so many is a failure
KEPT = 200  # entries; older ones are forgotten
FILE = "SPECOLA_TEST_HISTORY"


@dataclass
class FlakyHistory:
    """`<root>/var/test-history.json`, or where SPECOLA_TEST_HISTORY points (a CI that clones anew for each run keeps it outside its clone)."""

    path: Path
    run: int = 0  # number of the last run
    seconds: dict[str, float] = field(default_factory=dict)  # title of a part -> how long it took last time
    flaky: list[dict[str, Any]] = field(default_factory=list)  # {"test", "run", "t"}, oldest first

    @classmethod
    def read(cls, root: Path) -> FlakyHistory:
        """What is kept; a file that cannot be read is started anew, with a sentence."""
        path = Path(os.environ.get(FILE) or root / "var" / "test-history.json")
        try:
            kept = json.loads(path.read_text())
            entries = [{"test": str(each["test"]), "run": int(each["run"]), "t": str(each["t"])} for each in kept["flaky"]]
            return cls(path, int(kept["run"]), {str(title): float(seconds) for title, seconds in kept["seconds"].items()}, entries)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            print(f"{path} cannot be read ({error}): the history of flaky tests starts anew.", file=sys.stderr)
        return cls(path)

    def add(self, flaky: list[str], seconds: dict[str, float]) -> list[str]:
        """Write down one more run. Returns the tests that were flaky in one of the nine runs before it, too."""
        self.run += 1
        recent = {entry["test"] for entry in self.flaky if self.run - entry["run"] < WINDOW}
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.flaky = [*self.flaky, *({"test": test, "run": self.run, "t": now} for test in flaky)][-KEPT:]
        self.seconds.update(seconds)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self.path, json.dumps({"run": self.run, "seconds": self.seconds, "flaky": self.flaky}, indent=1))
        except OSError as error:
            print(f"{self.path} cannot be written ({error.strerror}): flaky tests of this run are not remembered.", file=sys.stderr)
        return [test for test in flaky if test in recent]
