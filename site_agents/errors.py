"""What can go wrong in an agent.

Tree::

    AgentError                  everything below; the message is a sentence for a person
    ├── ConfigError             agent.toml is wrong: file, line, what to do
    ├── CameraSourceError       the camera, file or stream cannot be opened or has failed
    ├── DocumentRejected        a document is not signed by our portal, is for another camera, is an old one or makes no sense
    ├── FolderInUse             another agent runs on this folder
    ├── NotEnrolled             the agent's folder holds no (usable) answer of an enrolment
    ├── ModelRefused            a model may not be used here, and why
    ├── MessageRefused          a neighbour's message is malformed, too large or not from the one who signed the connection
    ├── StaffListRefused        a staff list or an entry of it is not the portal's, is of another site or makes no sense
    ├── PeersRefused            who the neighbours are was not signed by the portal, is for another agent or makes no sense
    ├── ScenarioError           a scenario for the simulator makes no sense
    ├── WitnessError            what this agent has witnessed of the portal's audit log cannot be read (site_agents/witness.py)
    ├── OutboxError             the outbox cannot be opened or tidied; nothing in it is lost
    │   └── OutboxBusy          another program holds it: the same again later
    └── PortalError             talking to the portal failed
        ├── PortalUnreachable   no answer, or the portal says "later" (429, 5xx): try again
        └── PortalRefused       the portal said no; `status` and `body` give the details
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


class AgentError(Exception):
    """Something in the agent failed."""


class ConfigError(AgentError):
    """The agent's own configuration file is wrong at `line` (0: the file as a whole)."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}")
        self.path, self.line = path, line


class CameraSourceError(AgentError):
    """The source of pictures cannot be opened or has failed. `code` is one of `federated.contract.camera_problem.PROBLEMS`."""

    def __init__(self, message: str, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


class DocumentRejected(AgentError):
    """A signed document of the portal is not accepted."""


class FolderInUse(AgentError):
    """Another agent runs on this folder."""


class NotEnrolled(AgentError):
    """This folder is not that of an enrolled agent."""


class ModelRefused(AgentError):
    """A model may not be used here. `ms`: what a frame took in its self-test, when it came so far."""

    def __init__(self, reason: str, ms: float | None = None) -> None:
        super().__init__(reason)
        self.ms = ms


class MessageRefused(AgentError):
    """A neighbour's message is not accepted."""


class StaffListRefused(AgentError):
    """A staff list, or one entry of it, is not accepted."""


class PeersRefused(AgentError):
    """Who the neighbours are is not accepted."""


class ScenarioError(AgentError):
    """A scenario for the simulator makes no sense."""


class OutboxError(AgentError):
    """The outbox cannot be opened, or cannot forget what was sent."""


class OutboxBusy(OutboxError):
    """Another program holds the outbox."""


class PortalError(AgentError):
    """Talking to the portal failed."""


class PortalUnreachable(PortalError):
    """The portal gave no answer, or asked to come back later."""


class PortalRefused(PortalError):
    """The portal refused a call."""

    def __init__(self, status: int, body: Any) -> None:
        detail = body.get("error") or body.get("detail") if isinstance(body, dict) else body
        super().__init__(f"the portal answered {status}: {detail or 'no reason given'}")
        self.status, self.body = status, body if isinstance(body, dict) else {}
