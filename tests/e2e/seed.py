"""Fill the database of a browser test: one site, two cameras with agents, a person in each role (`python -m tests.e2e.seed`; prints JSON)."""

from __future__ import annotations

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
import django

django.setup()

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: E402

from federated.trust.signing import public_text  # noqa: E402
from portal.accounts.models import Membership, User  # noqa: E402
from portal.sites.models import Agent, Camera, Site, Zone  # noqa: E402

PASSWORD = "a long walk by the river"  # noqa: S105 - of people who exist in tests only
ROLES = ("operator", "manager", "administrator")
ALTAR = [[0.2, 0.4], [0.7, 0.4], [0.7, 0.95], [0.2, 0.95]]


def fill() -> dict[str, object]:
    """Make everything; returns what the tests must know."""
    site = Site.objects.create(slug="miracoli", name="Square of Miracles", place="Pisa")
    cameras = {slug: Camera.objects.create(site=site, slug=slug, name=name) for slug, name in (("square", "Square"), ("gate", "Museum gate"))}
    for camera in cameras.values():
        Zone.objects.create(camera=camera, name="altar", polygon=ALTAR)
    for role in ROLES:
        Membership.objects.create(user=User.objects.create_user(f"{role}@specola.example", PASSWORD, name=role.capitalize()), role=role)
    newcomer = User.objects.create_user("newcomer@specola.example", PASSWORD, must_change_password=True)
    Membership.objects.create(user=newcomer, role="operator", site=site)
    return {"site": site.slug, "password": PASSWORD, "agents": {slug: enrol(camera) for slug, camera in cameras.items()}}


def enrol(camera: Camera) -> dict[str, object]:
    """An agent for the camera, with the key it signs with."""
    key = Ed25519PrivateKey.generate()
    agent = Agent.objects.create(camera=camera, public_key=public_text(key))
    raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return {"id": str(agent.pk), "camera": camera.pk, "key": raw.hex()}


if __name__ == "__main__":
    json.dump(fill(), sys.stdout)
