"""Exchange a one-time code for an identity: keys are made here and never leave; the portal learns their public halves and certifies them."""

from __future__ import annotations

from typing import Any

from federated.contract.enrolment import EnrolmentAnswer, EnrolmentRequest
from federated.contract.message import ContractError
from federated.trust import csr
from site_agents import credentials, signed_config
from site_agents.config import Config
from site_agents.errors import PortalUnreachable
from site_agents.link import check_portal, post_unsigned
from site_agents.versions import versions


def enrol(config: Config, code: str) -> dict[str, Any]:
    """Enrol and keep what the portal answered in portal.json. Raises PortalRefused (wrong, used or expired
    code), PortalUnreachable, NotEnrolled (a senseless answer).

    An interrupted first enrolment may be repeated with a new code: keys that are there are used again. Who was enrolled before gets new keys, because the
    old ones may have been revoked; they stay in use until the portal has said yes.
    """
    folder = config.folder
    credentials.finish_move(folder)
    again = (folder / credentials.PORTAL).exists()
    credentials.discard(folder)
    keys = credentials.prepare_next(folder) if again else credentials.prepare(folder)
    body = EnrolmentRequest(code=code.strip(), csr=csr.make(keys.own, config.name), node_public_key=keys.node, versions=versions())
    answer = post_unsigned(config.portal, "/agents/enrol", body.to_json())
    portal = check_portal(answer, "the portal's answer")
    try:
        certificate = EnrolmentAnswer.parse(answer).certificate
    except ContractError as error:
        raise PortalUnreachable(f"the portal's answer makes no sense: {error}") from error
    (credentials.accept if again else credentials.keep)(folder, certificate, answer)
    (folder / signed_config.FILE).unlink(missing_ok=True)  # a configuration of an earlier enrolment is not ours any more
    return portal
