"""Federations in this process for the federated tests."""

from __future__ import annotations

import pytest
from federated_lab import Lab


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path, 3)


@pytest.fixture
def big_lab(tmp_path):
    return Lab(tmp_path, 5)
