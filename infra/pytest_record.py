"""pytest's side of `manage.py test` (`-p infra.pytest_record`): notes every test's outcome and seconds, and what to run when it gets a second chance.

A test of a browser or of processes of its own depends on how busy the machine is: tests/e2e, and whatever is marked `process`. When such a test fails it
may be run once more alone. Tests marked `story` build on those before them in their file, so for them the whole file is run again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

RECORD = "SPECOLA_TEST_RECORD"  # the file to write; nothing is written without it
BROWSERS = "tests/e2e/"
MARKERS = (
    "process: starts processes of its own; when it fails it is run once more alone",
    "story: builds on the tests before it in its file; it is run again together with them",
)


class Recorder:
    """Collects reports: with pytest-xdist those of all its processes arrive where this one's file is named."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path, self.root = path, root
        self.tests: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Setup, call and teardown of a test come one by one: the worst outcome counts, the seconds add up."""
        test = self.tests.setdefault(report.nodeid, {"outcome": "passed", "seconds": 0.0, "again": ""})
        test["seconds"] += report.duration
        test["again"] = dict(report.user_properties).get("again") or test["again"]
        if report.failed:
            test["outcome"] = "failed"
        elif report.skipped and test["outcome"] == "passed":
            test["outcome"] = "xfailed" if hasattr(report, "wasxfail") else "skipped"

    def pytest_collectreport(self, report: Any) -> None:
        """A file that cannot be imported is a failure that no second run mends."""
        if report.failed:
            self.tests[report.nodeid] = {"outcome": "failed", "seconds": 0.0, "again": ""}

    def pytest_sessionfinish(self) -> None:
        """Write everything down. `root`: what the names are relative to."""
        self.path.write_text(json.dumps({"root": str(self.root), "tests": self.tests}))


def pytest_configure(config: Any) -> None:
    """Announce the markers, and record in the process that the caller sees."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if os.environ.get(RECORD) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(os.environ[RECORD]), config.rootpath), "specola-record")


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Note with each test that may have a second chance what has to be run then."""
    for item in items:
        if item.nodeid.startswith(BROWSERS) or item.get_closest_marker("process"):
            again = item.nodeid.split("::")[0] if item.get_closest_marker("story") else item.nodeid
            item.user_properties.append(("again", again))
