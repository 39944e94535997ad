"""The configuration document of a camera: signed by the portal, parsed by the agent after its signature is checked. Points are fractions of the picture."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from msgspec import Meta

from federated.contract.events import EventKind
from federated.contract.fields import LegalMode, Name, Version
from federated.contract.message import VERSION, ContractError, ContractMessage, Unread

Coordinate = Annotated[float, Meta(ge=-0.01, le=1.01)]
Point = tuple[Coordinate, Coordinate]
Polygon = Annotated[tuple[Point, ...], Meta(min_length=3, max_length=200)]
SETTING = (int, float, bool, str)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ZoneConfig(ContractMessage):
    """A named polygon."""

    name: Name
    polygon: Polygon


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LineConfig(ContractMessage):
    """A counting line from a to b; standing at a and looking to b, side a is on the left."""

    name: Name
    a: Point
    b: Point


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RuleConfig(ContractMessage):
    """What makes an event. On the wire `values` (min_s, threshold, ...) stand beside kind, zone and line: which there are is the kind's own affair."""

    kind: EventKind
    zone: Name | None = None
    line: Name | None = None
    values: Annotated[dict[Name, Any], Meta(max_length=40)] = dataclasses.field(default_factory=dict)

    @classmethod
    def parse(cls, data: Any, *, version: str = VERSION, dropped: list[str] | None = None) -> RuleConfig:
        """A rule as it stands on the wire. Raises ContractError."""
        if not isinstance(data, dict):
            raise ContractError("", "a rule must be an object")
        named = {name: each for name, each in data.items() if name in ("kind", "zone", "line")}
        values = {name: each for name, each in data.items() if name not in named}
        if wrong := sorted(str(name) for name, each in values.items() if not isinstance(each, SETTING)):
            raise ContractError(wrong[0][:80], "must be a number, a text, true or false")
        return ContractMessage.parse.__func__(cls, {**named, "values": values}, version=version, dropped=dropped)

    def to_json(self) -> dict[str, Any]:
        """As it stands on the wire."""
        place = {name: each for name, each in (("zone", self.zone), ("line", self.line)) if each is not None}
        return {"kind": self.kind, **place, **self.values}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConfigDocument(ContractMessage):
    """All that a camera watches for and may do until `valid_until`. Each of `rules` is a RuleConfig; `detectors`: options by name; `timezone`: IANA name.

    `view` rises when a person says that what the camera sees now is its view: what is drawn belongs there, and the agent learns it anew.
    """

    limit = 4 * 1024 * 1024

    version: Annotated[int, Meta(ge=1, le=2**53)]
    site: Name
    camera: Name
    legal_mode: LegalMode
    valid_until: Annotated[float, Meta(ge=-1e15, le=1e15, description="Unix seconds")] | Annotated[str, Meta(max_length=40, description="ISO 8601")]
    masks: Annotated[tuple[Polygon, ...], Meta(max_length=200)] = ()
    zones: Annotated[tuple[ZoneConfig, ...], Meta(max_length=200)] = ()
    lines: Annotated[tuple[LineConfig, ...], Meta(max_length=200)] = ()
    rules: Annotated[tuple[Unread, ...], Meta(max_length=400)] = ()
    detectors: dict[Name, dict[str, Any]] | None = None
    timezone: Annotated[str, Meta(max_length=80)] = ""
    view: Annotated[int, Meta(ge=0, le=2**31)] = 0
    contract: Version = VERSION

    def typed_rules(self) -> tuple[RuleConfig, ...]:
        """The rules, each parsed. Raises ContractError that names the rule."""
        found = []
        for n, each in enumerate(self.rules):
            try:
                found.append(RuleConfig.parse(each, version=self.contract))
            except ContractError as error:
                raise ContractError(f"rules[{n}].{error.field}".rstrip("."), error.problem) from error
        return tuple(found)
