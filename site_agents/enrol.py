"""Exchange a one-time code for an identity: keys are made here and never leave; the portal learns their public halves."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from federated import pki, signing
from site_agents import orders
from site_agents.config import Config
from site_agents.link import post_unsigned, read_portal
from site_agents.versions import versions


def enrol(config: Config, code: str) -> dict[str, Any]:
    """Enrol and keep what the portal answered in portal.json. Raises Refused (wrong, used or expired code), Unreachable, NotEnrolled (a senseless answer).

    An interrupted enrolment may be repeated with a new code: keys that are there are used again.
    """
    folder = config.folder
    key, node_key = signing.load_or_make_key(folder / "key.pem"), pki.make_node_key(folder / "node.key")
    body = {"code": code.strip(), "public_key": signing.public_text(key), "node_public_key": node_key, "versions": versions()}
    answer = post_unsigned(config.portal, "/agents/enrol", body)
    _keep(folder / "portal.json", answer)
    portal = read_portal(folder)
    (folder / orders.FILE).unlink(missing_ok=True)  # orders of an earlier life are not ours any more
    return portal


def _keep(path: Path, content: Any) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
