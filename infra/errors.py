"""Everything that can go wrong while Specola is installed, started or stopped: each message is one sentence a person can act on.

InfraError
├── BootstrapError    the virtual environment could not be made or filled
├── ServiceError      a service (PostgreSQL, Valkey, one of ours) would not start, answer or stop
├── HomeError         the home folder cannot be used: read-only, full, or somebody else's
├── PortTaken         the address the portal should listen on is in use
└── AlreadyRunning    another `up` holds this home folder
"""

from __future__ import annotations


class InfraError(Exception):
    """One sentence: what is wrong, where, and what to do."""


class BootstrapError(InfraError):
    """The virtual environment could not be made or filled."""


class ServiceError(InfraError):
    """A service would not start, answer or stop."""


class HomeError(InfraError):
    """The home folder cannot be used."""


class PortTaken(InfraError):
    """The address the portal should listen on is in use."""


class AlreadyRunning(InfraError):
    """Another `up` holds this home folder."""
