"""Where a camera's pictures come from: an address that the portal asks its agent to try or to use, sealed for that agent, and what came of the try."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

from msgspec import Meta

from federated.contract.fields import Name, ShortText, Version
from federated.contract.message import VERSION, ContractMessage

PURPOSE = b"specola camera source 1"  # what the seal is for: nothing else that is sealed for the agent can be passed off as an address
PICTURE = "picture"  # the outcome of a try that went well; every other is a code of federated/contract/camera_problem.py
TEST_PICTURE_BYTES = 60_000
Codec = Annotated[str, Meta(max_length=40)]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SourceDocument(ContractMessage):
    """An address to try, or (`use`) to read from now on; signed. `sealed` is `[{"address": ...}]` for the agent's key; "" with `use`: agent.toml's again."""

    type: Literal["source"]
    site: Name
    camera: Name
    id: Name
    sealed: Annotated[str, Meta(max_length=8000)] = ""
    use: bool = False
    contract: Version = VERSION


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SourceTestMessage(ContractMessage):
    """What came of trying an address: `outcome` "picture" or why not, never a part of the address. `clock_s`: the camera's clock minus the agent's.

    `picture` is a small JPEG in base64, masked and with faces blurred.
    """

    limit = 128 * 1024

    id: Name
    outcome: Annotated[str, Meta(min_length=1, max_length=20)]
    problem: ShortText = ""
    codec: Codec = ""
    width: Annotated[int, Meta(ge=0, lt=20000)] = 0
    height: Annotated[int, Meta(ge=0, lt=20000)] = 0
    fps: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    clock_s: Annotated[float, Meta(ge=-1e10, le=1e10)] | None = None
    picture: Annotated[str, Meta(max_length=TEST_PICTURE_BYTES * 4 // 3 + 4)] = ""
    contract: Version = VERSION
