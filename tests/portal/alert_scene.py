"""A site with one camera, its agent and a person in each role, and the events that agent sends."""

from __future__ import annotations

import dataclasses
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from federated.trust.signing import public_text
from portal.accounts.models import Membership, User
from portal.alerts import actions
from portal.alerts.models import Alert
from portal.sites.models import Agent, Camera, Site
from tests.portal.wire import event

PASSWORD = "a long walk by the river"  # noqa: S105 - of people who exist in tests only
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 300
WEBM = b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 8


@dataclasses.dataclass(slots=True)
class Scene:
    """What a test about alerts needs; `key` signs for the agent."""

    site: Site
    camera: Camera
    agent: Agent
    key: Ed25519PrivateKey
    operator: User
    manager: User
    administrator: User

    def event(self, **changes: Any) -> dict[str, Any]:
        """One event as this agent would send it."""
        return event(**{"site": self.site.slug, "camera": self.camera.slug, **changes})

    def record(self, *events: dict[str, Any]) -> actions.Recorded:
        return actions.record_events(agent=self.agent, events=list(events))

    def alert(self, **changes: Any) -> Alert:
        """Record one event and return the alert it raised."""
        sent = self.event(**changes)
        self.record(sent)
        return Alert.objects.get(events__pk=sent["id"])


def scene(slug: str = "square") -> Scene:
    """A whole new site."""
    site = Site.objects.create(slug=slug, name=f"Site {slug}")
    camera = Camera.objects.create(site=site, slug="gate", name=f"Gate of {slug}")
    key = Ed25519PrivateKey.generate()
    agent = Agent.objects.create(camera=camera, public_key=public_text(key))
    people = {role: user(f"{role}@{slug}.example", role, site) for role in ("operator", "manager", "administrator")}
    return Scene(site, camera, agent, key, **people)


def user(email: str, role: str, site: Site | None = None) -> User:
    """A person with one role, at one site or at all of them."""
    person = User.objects.create_user(email, PASSWORD, name=email.split("@")[0])
    Membership.objects.create(user=person, role=role, site=site)
    return person
