"""Exchange a one-time code for an identity: keys are made here and never leave; the portal learns their public halves and certifies them."""

from __future__ import annotations

from typing import Any

from federated.trust import csr
from site_agents import orders, papers
from site_agents.config import Config
from site_agents.link import check_portal, post_unsigned
from site_agents.versions import versions


def enrol(config: Config, code: str) -> dict[str, Any]:
    """Enrol and keep what the portal answered in portal.json. Raises Refused (wrong, used or expired code), Unreachable, NotEnrolled (a senseless answer).

    An interrupted first enrolment may be repeated with a new code: keys that are there are used again. Who was enrolled before gets new keys, because the
    old ones may have been revoked; they stay in use until the portal has said yes.
    """
    folder = config.folder
    papers.settle(folder)
    again = (folder / papers.PORTAL).exists()
    papers.discard(folder)
    keys = papers.prepare_next(folder) if again else papers.prepare(folder)
    body = {"code": code.strip(), "csr": csr.make(keys.own, config.name), "node_public_key": keys.node, "versions": versions()}
    answer = post_unsigned(config.portal, "/agents/enrol", body)
    portal = check_portal(answer, "the portal's answer")
    (papers.accept if again else papers.keep)(folder, str(answer.get("certificate")), answer)
    (folder / orders.FILE).unlink(missing_ok=True)  # orders of an earlier life are not ours any more
    return portal
