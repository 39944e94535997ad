"""Portal tests hash passwords quickly: the slow hash is Django's own and tested there."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _quick_hash(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
