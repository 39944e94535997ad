"""Portal tests hash passwords quickly: the slow hash is Django's own and tested there. What a test commits, jobs too, is gone for the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import translation


@pytest.fixture(autouse=True)
def _quick_hash(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _no_language_is_left() -> Iterator[None]:
    """A request in Italian leaves its language in the thread."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _no_jobs_are_left(request, django_db_blocker) -> Iterator[None]:
    """Django empties its own tables after a test that commits; procrastinate's are not Django's."""
    yield
    mark = request.node.get_closest_marker("django_db")
    if "transactional_db" in request.fixturenames or (mark and mark.kwargs.get("transaction")):
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers, procrastinate_periodic_defers, procrastinate_events CASCADE")
