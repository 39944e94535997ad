"""One frame at which only one of two versions of a detector raised an alarm, while one of them is tried."""

from __future__ import annotations

import dataclasses

from federated.contract.fields import Seconds, Sha256, Share, Version
from federated.contract.message import VERSION, ContractMessage
from federated.contract.model_outcome import Detector


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DisagreementMessage(ContractMessage):
    """`sha256` is the version on trial; `snapshot` the picture's own sha256, which is sent to /media after this call."""

    detector: Detector
    sha256: Sha256
    t: Seconds
    old_score: Share
    new_score: Share
    threshold: Share
    snapshot: Sha256
    contract: Version = VERSION


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DisagreementAnswer(ContractMessage):
    """`full`: this trial takes no more pictures, do not send it."""

    kept: bool
    full: bool
    contract: Version = VERSION
