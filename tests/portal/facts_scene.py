"""Ten facts about the Square of Miracles and around it, people who propose and approve, and one fact's text to start from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from portal.accounts.models import User
from portal.facts import shipped
from portal.facts.content import Citation, FactText
from portal.facts.models import Fact
from tests.portal.portal_scene import person

SEEDS = Path(__file__).with_name("facts_seeds")
TEXT = FactText(
    kind="event",
    name_en="Feast of San Ranieri",
    name_it="Luminara di San Ranieri",
    statement_en="On the evening of 16 June the banks of the Arno are lit by some hundred thousand candles.",
    statement_it="La sera del 16 giugno i lungarni sono illuminati da circa centomila lumini.",
    sources=(Citation("Comune di Pisa", "Luminara di San Ranieri", "2024", "https://www.comune.pisa.it"),),
    aliases=("Luminara", "San Ranieri"),
    begins="1688",
    tags=("pisa",),
)


@dataclasses.dataclass(slots=True)
class Archive:
    """Who works with the memory for facts."""

    writer: User
    manager: User
    administrator: User

    def fact(self, key: str) -> Fact:
        return Fact.objects.select_related("current").get(key=key)


def archive() -> Archive:
    """The facts of the fixture, shipped, and a person in each role."""
    shipped.load(SEEDS)
    people = {"writer": "operator", "manager": "manager", "administrator": "administrator"}
    return Archive(**{name: person(f"{name}@facts.example", role) for name, role in people.items()})
