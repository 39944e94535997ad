"""The signed documents as the contract has them: what comes back is what went, and what is wrong is named."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from federated.contract.config import ConfigDocument, RuleConfig
from federated.contract.documents import AlertLabels, ModelDocument, PeerConfig, PeersDocument
from federated.contract.message import ContractError

SQUARE = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8]]
RULE = {"kind": "person_in_zone", "zone": "steps", "min_s": 2, "cooldown_s": 0.5}
CONFIG = {"version": 3, "site": "s", "camera": "c", "legal_mode": "M1", "valid_until": 9e9, "zones": [{"name": "steps", "polygon": SQUARE}], "rules": [RULE]}
MODEL = {"detector": "anomaly", "version": "2", "sha256": "a" * 64, "size": 5, "card": {"metrics": {"auc": 0.8}}}
LABELS = {"type": "verdicts", "site": "s", "camera": "c", "after": 0, "upto": 4, "labels": [[str(uuid.UUID(int=7)), "real"]]}
PEERS = {"type": "circle", "site": "s", "camera": "c", "agent": "a", "peers": {"b": {"host": "h", "port": 9, "whole": True}}}
PEERS |= {"authority": "A", "certificate": "C", "edition": "e"}
KINDS = [(ConfigDocument, CONFIG), (ModelDocument, MODEL), (AlertLabels, LABELS), (PeersDocument, PEERS)]


@pytest.mark.parametrize(("kind", "data"), KINDS)
def test_a_document_comes_back_as_it_was(kind, data):
    parsed = kind.parse(data)
    assert kind.parse(parsed.to_json()) == parsed
    assert {name: parsed.to_json()[name] for name in data} == data


def test_a_rule_stands_on_the_wire_with_its_numbers_beside_its_place():
    (rule,) = ConfigDocument.parse(CONFIG).typed_rules()
    assert (rule.kind, rule.zone, rule.values) == ("person_in_zone", "steps", {"min_s": 2, "cooldown_s": 0.5})
    assert rule.to_json() == RULE
    assert RuleConfig.parse(rule.to_json()) == rule


def test_what_has_no_version_of_its_own_is_written_without_one_as_ever():
    built = [
        ModelDocument(detector="anomaly", version="2", sha256="a" * 64, size=5, card={"metrics": {"auc": 0.8}}),
        AlertLabels(type="verdicts", site="s", camera="c", after=0, upto=4, labels=((str(uuid.UUID(int=7)), "real"),)),
        PeersDocument(
            type="circle",
            site="s",
            camera="c",
            agent="a",
            peers={"b": PeerConfig(host="h", port=9, whole=True)},
            authority="A",
            certificate="C",
            edition="e",
        ),
    ]
    assert [each.to_json() for each in built] == [MODEL, LABELS, PEERS]
    assert ModelDocument(detector="anomaly", sha256="a" * 64, size=5, trial=True).to_json()["trial"] is True


WRONG: list[tuple[type, dict[str, Any], dict[str, Any], str]] = [
    (ConfigDocument, CONFIG, {"version": 0}, "version"),
    (ConfigDocument, CONFIG, {"version": True}, "version"),
    (ConfigDocument, CONFIG, {"zones": [{"name": "x", "polygon": SQUARE[:2]}]}, "zones[0].polygon"),
    (ConfigDocument, CONFIG, {"masks": [[[0, 0], [2, 0], [0, 1]]]}, "masks[0][1][0]"),
    (ConfigDocument, CONFIG, {"wheels": 4}, "wheels"),
    (ModelDocument, MODEL, {"size": 0}, "size"),
    (ModelDocument, MODEL, {"sha256": "../../etc/passwd"}, "sha256"),
    (AlertLabels, LABELS, {"type": "entry"}, "type"),
    (AlertLabels, LABELS, {"labels": [["x", "real"]]}, "labels[0][0]"),
    (AlertLabels, LABELS, {"upto": -1}, "upto"),
    (PeersDocument, PEERS, {"peers": {"b": {"host": "h", "port": 0}}}, "peers[...].port"),
    (PeersDocument, PEERS, {"peers": {"b": {"host": "h", "port": 9, "wheels": 4}}}, "peers.b.wheels"),
]


@pytest.mark.parametrize(("kind", "data", "change", "field"), WRONG, ids=str)
def test_what_is_wrong_is_named(kind, data, change, field):
    with pytest.raises(ContractError) as caught:
        kind.parse({**data, **change})
    assert caught.value.field == field


@pytest.mark.parametrize(("rule", "field"), [({"kind": "Loud"}, "rules[0].kind"), ({"kind": "x", "min_s": [1]}, "rules[0].min_s"), (5, "rules[0]")])
def test_a_wrong_rule_is_named_by_its_number(rule, field):
    with pytest.raises(ContractError) as caught:
        ConfigDocument.parse({**CONFIG, "rules": [rule]}).typed_rules()
    assert caught.value.field == field
