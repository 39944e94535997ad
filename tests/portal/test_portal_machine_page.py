"""docs/contract.md is what the contract's types say, and the description of the API holds the same schemas."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from django.core.management import call_command

from federated.contract.calls import CALLS, PREFIX, markdown, messages

PAGE = Path(__file__).resolve().parents[2] / "docs" / "contract.md"


@pytest.fixture(scope="module")
def described() -> dict:
    out = StringIO()
    call_command("spectacular", "--format", "openapi-json", stdout=out)
    return json.loads(out.getvalue())


def test_the_page_is_what_the_types_say():
    assert PAGE.read_text() == markdown(), "run: python -m federated.contract > docs/contract.md"


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_every_call_is_described_with_its_message(described, call):
    operation = described["paths"][PREFIX + call.path][call.method.lower()]
    if isinstance(call.body, type):
        assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith(f"/{call.body.__name__}")
    if isinstance(call.answer, type):
        answers = [each["content"]["application/json"]["schema"]["$ref"] for code, each in operation["responses"].items() if "content" in each]
        assert any(each.endswith(f"/{call.answer.__name__}") for each in answers)


def test_no_call_of_an_agent_is_missing_from_the_table(described):
    calls = [(method.upper(), path, call) for path, each in described["paths"].items() for method, call in each.items()]
    signed = {(method, path) for method, path, call in calls if {"agentSignature": []} in call.get("security", [])}
    assert {(call.method, PREFIX + call.path) for call in CALLS if not call.path.endswith("enrol")} == signed


def test_the_schemas_of_the_description_are_the_contracts(described):
    _refs, components = msgspec.json.schema_components(messages(), ref_template="#/components/schemas/{name}")
    for kind in messages():
        if kind.__name__ not in described["components"]["schemas"]:
            continue
        ours, theirs = components[kind.__name__], described["components"]["schemas"][kind.__name__]
        assert set(ours["properties"]) == set(theirs["properties"]), kind.__name__
        assert ours.get("required", []) == theirs.get("required", []), kind.__name__
    assert {"Heartbeat", "HeartbeatAnswer", "EventsBatch", "CameraStatus", "EnrolmentRequest"} <= set(described["components"]["schemas"])
