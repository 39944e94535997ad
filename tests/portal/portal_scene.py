"""Two sites, cameras and a person in each role: what tests about sites, accounts and the house need."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from federated.trust.signing import public_text
from portal.accounts.models import Membership, User
from portal.sites import actions, rules
from portal.sites.models import Agent, Camera, Site
from tests.portal.signed_client import send_in_process

PASSWORD = "a long walk by the river"  # noqa: S105 - of people who exist in tests only
SQUARE = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]
WATCHING = {
    "masks": [[[0, 0], [0.1, 0], [0.1, 0.1]]],
    "zones": [{"name": "lawn", "polygon": SQUARE}],
    "lines": [{"name": "path", "a": [0.1, 0.9], "b": [0.9, 0.1]}],
    "rules": [{"kind": "person_in_zone", "zone": "lawn", "min_s": 2}, {"kind": "line_crossed", "line": "path"}, {"kind": "camera_stale"}],
}


@dataclasses.dataclass(slots=True)
class Place:
    """A site with a door camera and a fixed one."""

    site: Site
    door: Camera
    square: Camera

    def person(self, role: str) -> User:
        """Somebody with this role at this site only."""
        return person(f"{role}@{self.site.slug}.example", role, self.site)


@dataclasses.dataclass(slots=True)
class Machine:
    """An enrolled agent and its key."""

    agent: Agent
    key: Ed25519PrivateKey

    def send(self, method: str, path: str, body: Any = b"", **changes: Any) -> Any:
        """A signed call; anything but bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return send_in_process(method, f"/api/v1/{path}", content, self.key, str(self.agent.pk), **changes)


def place(slug: str = "square") -> Place:
    """A whole new site."""
    site = Site.objects.create(slug=slug, name=f"Site {slug}")
    door = Camera.objects.create(site=site, slug="gate", name=f"Gate of {slug}", kind="door")
    square = Camera.objects.create(site=site, slug="lawn", name=f"Lawn of {slug}")
    return Place(site, door, square)


def person(email: str, role: str = "", site: Site | None = None) -> User:
    """A person with one role at one site, at every site, or with none."""
    user = User.objects.create_user(email, PASSWORD, name=email.split("@")[0])
    if role:
        Membership.objects.create(user=user, role=role, site=site)
    return user


def signed_in(user: User | None) -> Client:
    """A browser in which this person is signed in; None is a stranger."""
    client = Client()
    if user:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def machine(camera: Camera) -> Machine:
    """An enrolled agent for a camera."""
    key = Ed25519PrivateKey.generate()
    return Machine(Agent.objects.create(camera=camera, public_key=public_text(key)), key)


def watch_lawn(camera: Camera) -> Camera:
    """Zones, lines and rules for a camera."""
    actions.save_watching(user="system", camera_id=camera.pk, watching=rules.read(WATCHING))
    camera.refresh_from_db()
    return camera


def problems(check: Any) -> str:
    """The sentence of a refusal."""
    return " ".join(check.value.messages)
