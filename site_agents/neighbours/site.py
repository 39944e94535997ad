"""The agents and the server of a scenario's site, each ready with the portal's signed list: used by the simulator and by the real processes alike."""

from __future__ import annotations

import dataclasses

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from federated.trust.signing import public_text
from federated.trust.staff_list import sign_entry
from site_agents.neighbours import gallery
from site_agents.neighbours.node import PeerNode, Settings, build
from site_agents.neighbours.people import Population
from site_agents.neighbours.scenario import Scenario, paths, strong

SITE, SERVER = "simulated-site", "server"
HELPERS = 2  # cameras farther away that one may ask while the server is silent
FOREVER = 4e9  # Unix seconds: no entry of a simulation expires in it


def settings_of(scenario: Scenario, threshold: float, public: str) -> dict[str, Settings]:
    """Name to settings, the server's too; what depends on how fast people walk is divided by `hurry`."""
    ways, whole, hurry = paths(scenario), strong(scenario), scenario.hurry
    times = {"stay_s": 60 / hurry, "transit_s": 300 / hurry, "gossip_s": max(1.0, 30 / hurry), "silent_s": max(1.0, 30 / hurry)}
    found = {
        name: Settings(
            name,
            SITE,
            public,
            tuple(near),
            threshold,
            helpers=tuple(_nearest(ways, name, whole)[:HELPERS]),
            complete=name in whole,
            capacity=scenario.strong_capacity if name in whole else scenario.weak_capacity,
            room=scenario.room,
            **times,
        )
        for name, near in ways.items()
    }
    return found | {SERVER: Settings(SERVER, SITE, public, (), threshold, server=None, complete=True, capacity=scenario.server_capacity, help_wait_s=1.0)}


def _nearest(ways: dict[str, dict[str, float]], name: str, wanted: set[str]) -> list[str]:
    """The wanted cameras that are no neighbours, by the number of doors between."""
    reached = [name]
    for camera in reached:
        reached += [each for each in ways[camera] if each not in reached]
    return [each for each in reached[1:] if each in wanted and each not in ways[name]]


def alone(settings: dict[str, Settings]) -> dict[str, Settings]:
    """The rival: the same cameras, each of which asks the server for every face."""
    return {name: each if name == SERVER else dataclasses.replace(each, neighbours=(), helpers=(), complete=False) for name, each in settings.items()}


def issue(crowd: Population, key: Ed25519PrivateKey) -> dict:
    """The portal's signed list of the crowd's staff."""
    entries = [sign_entry(SITE, person, template, FOREVER, 1, key) for person, template in crowd.templates.items()]
    return gallery.sign_gallery(SITE, 0, 1, entries, [], key)


def settle(settings: dict[str, Settings], document: dict) -> dict[str, PeerNode]:
    """Nodes that hold the list already, as after a restart."""
    nodes = {name: build(each) for name, each in settings.items()}
    for node in nodes.values():
        gallery.apply(node.gallery, document, 0.0)
    return nodes


def new_key() -> tuple[Ed25519PrivateKey, str]:
    """A portal's key pair for one run."""
    key = Ed25519PrivateKey.generate()
    return key, public_text(key)
