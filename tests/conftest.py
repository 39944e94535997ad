"""Every test run gets a home folder of its own and, unless DATABASE_URL and REDIS_URL say otherwise, a throw-away PostgreSQL and Valkey.

This happens when the file is imported, before Django reads its settings; runs of the lower floors alone start no service and no Django.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import pytest_timeout

ROOT = Path(__file__).resolve().parent.parent
LOWER_FLOORS = [ROOT / "tests" / part for part in ("detectors", "federated", "site_agents", "infra", "contract")]
sys.path.insert(0, str(ROOT))

from infra.services import start_services, stop_services  # noqa: E402
from tests.waiting import patience  # noqa: E402


def prepare_environment() -> None:
    """A throw-away home; nothing a test starts may phone home."""
    home = Path(tempfile.mkdtemp(prefix="specola-test-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["SPECOLA_HOME"] = str(home)
    os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
    os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"


def prepare_portal() -> None:
    """Services and Django, when a test that may use them is asked for."""
    given = {name for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)}
    home = Path(os.environ["SPECOLA_HOME"])
    os.environ.update(start_services(home, durable=False))
    if len(given) < 2:
        atexit.register(stop_services, home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    import django

    django.setup()


def needs_portal(arguments: list[str]) -> bool:
    """Whether these pytest arguments reach beyond the lower floors."""
    if {"-n", "--numprocesses"} & {*arguments} and "PYTEST_XDIST_WORKER" not in os.environ:
        return False  # this process only hands the tests out; each of those that run them has services of its own
    paths = [Path(argument.split("::")[0]) for argument in arguments if not argument.startswith("-")]
    named = [path.resolve() for path in paths if path.exists()]
    return not named or any(not any(path.is_relative_to(folder) for folder in LOWER_FLOORS) for path in named)


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> object:
    """A test's own limit is there to end one that hangs: it grows with the load like every wait inside the test, and is never the first to give up."""
    return pytest_timeout.pytest_timeout_set_timer(item, settings._replace(timeout=2 * patience(settings.timeout)))


prepare_environment()
if needs_portal(sys.argv[1:]):
    prepare_portal()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests come last: Playwright keeps an event loop running in this thread, and asyncio.run() refuses a second one."""
    items.sort(key=lambda item: item.path.is_relative_to(ROOT / "tests" / "e2e"))
