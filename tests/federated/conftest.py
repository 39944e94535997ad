"""Federations in this process for the federated tests."""

from __future__ import annotations

import os

import pytest
from federated_lab import Lab


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path, 3)


@pytest.fixture
def big_lab(tmp_path):
    return Lab(tmp_path, 5)


@pytest.fixture(autouse=True)
def keep_umask():
    """The programs close their files to others for the whole process: not for the tests after them."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)
