"""The API: described without a gap, opened by a token, closed to everybody else."""

from __future__ import annotations

import functools
import io
import json
import re

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from rest_framework.authtoken.models import Token

from portal.accounts.models import User
from tests.portal.portal_scene import machine, person, place, signed_in, watch_lawn

pytestmark = pytest.mark.django_db
FOR_PEOPLE = ["sites", "cameras", "agents", "alerts", "runs", "models", "cases"]
FOR_AGENTS = ["events", "heartbeat", "frame", "agents/models"]


@functools.cache
def schema():
    """The OpenAPI document, as a client generator reads it."""
    out = io.StringIO()
    call_command("spectacular", "--format", "openapi-json", "--validate", "--fail-on-warn", stdout=out)
    return json.loads(out.getvalue())


def with_token(user):
    return Client(headers={"authorization": f"Token {Token.objects.get_or_create(user=user)[0].key}"})


@pytest.fixture
def square():
    return place()


def test_the_document_is_valid_and_builds_without_a_warning():
    assert schema()["openapi"].startswith("3.")


def shape(address):
    """An address without the names of its parts."""
    return re.sub(r"<[^>]+>|\{[^}]+\}", "*", address)


def test_every_address_is_described():
    api = next(pattern for pattern in get_resolver().url_patterns if str(pattern.pattern) == "api/v1/")
    served = {shape(str(pattern.pattern)) for pattern in api.url_patterns}
    assert served == {shape(path.removeprefix("/api/v1/")) for path in schema()["paths"]}
    assert len(served) > 20


def test_no_two_calls_have_one_name():
    names = [call["operationId"] for verbs in schema()["paths"].values() for call in verbs.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_peoples_calls_name_the_token_as_a_way_in(name):
    ways = schema()["paths"][f"/api/v1/{name}"]["get"]["security"]
    assert {"tokenAuth": []} in ways


def test_agents_calls_name_the_signature_as_the_only_way_in():
    assert schema()["paths"]["/api/v1/events"]["post"]["security"] == [{"agentSignature": []}]
    assert "RFC 9421" in schema()["components"]["securitySchemes"]["agentSignature"]["description"]


def test_the_button_of_the_programmers_page_downloads_the_document(square):
    answer = signed_in(square.person("operator")).get("/api/schema/")
    assert answer.status_code == 200
    assert "openapi: 3." in answer.content.decode()


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_a_stranger_is_401_and_told_how_to_come_in(name):
    answer = Client().get(f"/api/v1/{name}")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("token", ["", "Token", "Token x", "Token x y", "Bearer x", "Token " + "a" * 40, "Token è"])
def test_a_false_token_opens_nothing(square, token):
    assert Client().get("/api/v1/sites", headers={"authorization": token}).status_code == 401


@pytest.mark.parametrize("name", ["sites", "cameras", "agents", "alerts", "runs", "models"])
def test_a_token_opens_what_its_owners_role_opens(square, name):
    assert with_token(square.person("administrator")).get(f"/api/v1/{name}").status_code == 200


@pytest.mark.parametrize("name", ["agents", "runs", "models"])
def test_a_token_opens_nothing_more_than_its_owner_may(square, name):
    operator = square.person("operator")
    assert with_token(operator).get(f"/api/v1/{name}").status_code == 403


def test_a_closed_accounts_token_opens_nothing(square):
    operator = square.person("operator")
    client = with_token(operator)
    User.objects.update(is_active=False)
    assert client.get("/api/v1/sites").status_code == 401


def test_a_token_follows_its_owners_roles_at_once(square):
    operator = square.person("operator")
    client = with_token(operator)
    assert client.get("/api/v1/sites").json()["count"] == 1
    operator.memberships.all().delete()
    assert client.get("/api/v1/sites").json()["count"] == 0


@pytest.mark.parametrize("name", FOR_AGENTS)
def test_a_persons_token_is_no_agents_signature(square, name):
    client = with_token(person("all@square.example", "administrator"))
    method = client.put if name == "frame" else client.post
    assert method(f"/api/v1/{name}", b"{}", content_type="application/json").status_code == 401


def test_an_agents_signature_is_no_persons_token(square):
    assert machine(square.door).send("GET", "sites").status_code == 401


def test_sites_and_cameras_of_other_sites_are_not_listed(square):
    place("museum")
    client = with_token(square.person("operator"))
    assert [site["slug"] for site in client.get("/api/v1/sites").json()["results"]] == ["square"]
    assert {camera["site"] for camera in client.get("/api/v1/cameras").json()["results"]} == {"square"}


def test_a_camera_comes_with_all_that_it_watches_for(square):
    watch_lawn(square.square)
    found = {camera["slug"]: camera for camera in with_token(square.person("operator")).get("/api/v1/cameras").json()["results"]}
    assert [zone["name"] for zone in found["lawn"]["zones"]] == ["lawn"]
    assert [line["name"] for line in found["lawn"]["lines"]] == ["path"]
    assert found["lawn"]["config_version"] == 2


def test_an_agent_comes_with_its_state_and_without_its_keys(square):
    machine(square.door)
    (agent,) = with_token(square.person("administrator")).get("/api/v1/agents").json()["results"]
    assert (agent["site"], agent["camera"], agent["state"]) == ("square", "gate", "starting")
    assert "public_key" not in agent


def test_agents_of_sites_that_the_reader_only_guards_are_not_listed(square):
    museum = place("museum")
    machine(museum.door)
    reader = square.person("administrator")
    reader.memberships.create(role="operator", site=museum.site)
    assert with_token(reader).get("/api/v1/agents").json()["count"] == 0


@pytest.mark.parametrize("query", ["limit=1", "limit=1&offset=1", "limit=-1", "limit=x&offset=-3", "limit=100000000000000000000", "offset=0&limit=0"])
def test_lists_come_in_pages_and_senseless_pages_break_nothing(square, query):
    answer = with_token(square.person("operator")).get(f"/api/v1/cameras?{query}")
    assert (answer.status_code, answer.json()["count"]) == (200, 2)


@pytest.mark.parametrize("name", ["sites", "cameras", "agents"])
def test_a_list_costs_the_same_few_queries_for_any_number_of_rows(square, name, django_assert_max_num_queries):
    for n in range(6):
        machine(place(f"museum-{n}").door)
    client = with_token(person("all@square.example", "administrator"))
    with django_assert_max_num_queries(9):
        assert client.get(f"/api/v1/{name}").json()["count"] > 5


def test_what_the_api_does_not_know_it_answers_without_a_page(square):
    answer = with_token(square.person("operator")).get("/api/v1/alerts/999999")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("application/json")


def test_no_answer_is_longer_than_a_page_and_none_is_out_of_range(square):
    client = with_token(square.person("operator"))
    assert client.get(f"/api/v1/cameras?offset={10**30}").json()["results"] == []
    assert len(client.get(f"/api/v1/cameras?limit={10**30}").json()["results"]) == 2
