"""The small types that messages are made of, each with its limits."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

LAST_SECOND = 253_402_300_799.0  # the end of the year 9999, beyond which no date can be kept
LARGEST_COUNT = 2**62

Version = Annotated[str, Meta(max_length=12, description="of the contract that the message is written in; absent: 1.0")]
LegalMode = Literal["M0", "M1", "M2", "M3"]
CameraState = Literal["live", "stale", "tampered", "starting"]
Seconds = Annotated[float, Meta(ge=0, le=LAST_SECOND, description="Unix seconds")]
Amount = Annotated[float, Meta(ge=0, le=1e15)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=LARGEST_COUNT)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
ShortText = Annotated[str, Meta(max_length=300)]
Text = Annotated[str, Meta(max_length=2000)]
Host = Annotated[str, Meta(max_length=255)]
Base64Key = Annotated[str, Meta(max_length=120)]
Counts = Annotated[dict[Name, Count], Meta(max_length=200)]
