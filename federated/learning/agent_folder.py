"""What a node's side of the federation reads from its agent's folder: where the fleet is, whose bundles may run.

Exceptions::

    AgentFolderError       the folder lacks something or holds something that cannot be believed; the message says what to do
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from federated.learning import fab
from federated.trust import signing


class AgentFolderError(Exception):
    """This node cannot take part."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fleet:
    """Where the SuperLink listens for agents, and the certificate of the authority that vouches for it."""

    address: str
    ca_pem: str


def fleet(folder: Path) -> Fleet:
    """The fleet that enrolment named (`portal.json`). Raises AgentFolderError when the agent is not enrolled or its portal has no federation."""
    try:
        answer = json.loads((folder / "portal.json").read_text())
    except FileNotFoundError as error:
        raise AgentFolderError(f"{folder} is not enrolled: run `python -m site_agents enrol` first") from error
    except ValueError as error:
        raise AgentFolderError(f"{folder / 'portal.json'} is damaged ({error}): enrol the agent again") from error
    found = answer.get("fleet") if isinstance(answer, dict) else None
    if not found:
        raise AgentFolderError("this agent's portal has no federation")
    return Fleet(str(found["address"]), str(found["ca_pem"]))


def allowed_bundles(folder: Path) -> set[str]:
    """The sha256 of every bundle that may run here: what the portal's signed configuration lists under `bundles`, or the installed package's own.

    An empty list lets nothing run. A configuration with a false signature lets nothing run either: something is wrong, so fail closed.
    """
    try:
        document = json.loads((folder / "config.json").read_text())
        if not isinstance(document, dict) or "bundles" not in document:
            return {fab.digest()}
        body: dict[str, Any] = signing.verify_document(document, json.loads((folder / "portal.json").read_text())["portal_public_key"])
        return set(map(str, body["bundles"]))
    except FileNotFoundError:
        return {fab.digest()}
    except (ValueError, KeyError, TypeError, signing.SignatureRejected):
        return set()
