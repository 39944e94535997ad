"""Fixtures for the agent's tests: a real portal peer, its address, and an enrolled agent's folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from agent_lab import enrolled
from door_lab import pipeline, portraits, staff  # noqa: F401 - fixtures
from portal_peer import Peer, serve

from site_agents.link import PortalLink


@pytest.fixture
def peer(tmp_path: Path) -> Peer:
    return Peer(tmp_path)


@pytest.fixture
def address(peer: Peer) -> Iterator[str]:
    with serve(peer) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path, peer: Peer) -> Path:
    """An enrolled agent's folder."""
    enrolled(tmp_path / "square", peer).close()
    return tmp_path / "square"


@pytest.fixture
def link(tmp_path: Path, peer: Peer, address: str) -> Iterator[PortalLink]:
    """The enrolled agent's line to the peer."""
    made = enrolled(tmp_path / "square", peer)
    made.portal = address
    yield made
    made.close()
