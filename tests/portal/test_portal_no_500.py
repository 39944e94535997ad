"""Whatever is sent to any address of the portal, by anybody: a sentence, never a 5xx. Addresses, forms, parameters and operations are found by themselves."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from django.core.cache import cache
from django.db import DataError
from django.http import HttpResponse
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from portal.accounts import signing_in, user_actions
from portal.accounts.models import Membership, Role, User
from portal.core.middleware import StorableInput
from portal.people import erase_views
from tests.portal.nasty_walk import BODIES, DEEP, HEADERS, JSON, TYPED_BODIES, Walker, changed_leaves, odd_paths, watch_reads
from tests.portal.portal_scene import WATCHING, Machine, machine, person, signed_in
from tests.portal.whole_portal import Everything, addresses, everything, values_at
from tests.portal.wire import signed_headers

pytestmark = pytest.mark.django_db
HOST = "http://testserver"
ROLES = ("everybody", "stranger")
RAW = (
    "/static/%00",
    "/static/%ff",
    "/static/../%2e%2e/x",
    "/%00",
    "/%ff/",
    "/" + "x" * 9000,
    "/sites/%2f/",
    "/jsi18n/?%00=%00",
    "/?lang=%00",
    "/i18n/setlang/",
)
PLACES = (
    *("/", "/sign-in/", "/metrics", "/healthz", "/healthz/programs", "/static/x.css", "/jsi18n/", "/api/schema/"),
    *("/api/v1/alerts", "/api/v1/uploads", "/api/v1/heartbeat"),
)
TRIED_WHOLE = ("/sign-in/", "/desk/", "/people/enrol/", "/training/", "/api/v1/cases", "/api/v1/runs")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "\u00e9")
GENERATED = settings(database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
WRONG_JSON = (None, [], {}, "x", "\x00", "\ud800", -1, 1.5, True, 10**400, float("nan"), float("inf"), "9" * 5000, [[]], {"a": []}, "2")


@pytest.fixture
def found(monkeypatch) -> Iterator[Everything]:
    cache.clear()
    logging.disable(logging.ERROR)  # thousands of refusals, many with a traceback, are nothing to read
    monkeypatch.setattr(erase_views, "WAIT_S", 0.0)  # an erased person's agents are not waited for: they do not run here
    yield everything()
    logging.disable(logging.NOTSET)


def everybody() -> User:
    """Somebody with every role everywhere."""
    user = person("all@square.example")
    Membership.objects.bulk_create(Membership(user=user, role=role) for role in Role.values)
    return user


def walker_as(role: str, thorough: bool = False) -> Walker:
    return Walker(signed_in(everybody() if role == "everybody" else None), thorough=thorough)


def people_paths(found: Everything) -> list[str]:
    """Every address that a person may call, with the keys of real objects."""
    return [address.path(values_at(address, found)) for address in addresses() if not address.machine]


def nothing_failed(walker: Walker) -> None:
    """Every failure on a line of its own."""
    print(f"{walker.sent} requests")
    each_once = {(failure.why, failure.method): failure for failure in reversed(walker.failures)}
    if each_once:
        pytest.fail("\n".join(map(str, reversed(each_once.values()))), pytrace=False)


def try_everything(walker: Walker, found: Everything, monkeypatch: Any) -> None:
    watch_reads(monkeypatch, walker)
    paths = people_paths(found)
    forms = {(form.method, form.path): form.fields for path in paths for form in walker.forms(path)}
    forms |= {(method, path): {} for path in paths for method in ("GET", "POST") if (method, path) not in forms}
    for (method, path), fields in forms.items():
        walker.try_parameters(method, path, fields)


@pytest.mark.parametrize("role", ROLES)
def test_no_parameter_and_no_form_makes_a_page_fail(found, role, monkeypatch):
    walker = walker_as(role)
    try_everything(walker, found, monkeypatch)
    nothing_failed(walker)
    assert walker.sent > 500


def test_neither_the_second_step_nor_a_welcome_fails(found, monkeypatch):
    handed = user_actions.reset_password(actor=everybody(), user=found.user, days=7)
    client = signed_in(None)
    session = client.session
    proof = User.objects.get(pk=found.user.pk).get_session_auth_hash()
    session[signing_in.PENDING] = {"user": found.user.pk, "hash": proof, "until": time.time() + 600, "next": ""}
    session.save()
    client.cookies["sessionid"] = session.session_key
    walker = Walker(client)
    watch_reads(monkeypatch, walker)
    for path in ("/sign-in/second-step/", f"/welcome/{handed.token}/"):
        assert walker.get(path).status_code == 200
        walker.try_parameters("POST", path, {})
    nothing_failed(walker)


@pytest.mark.parametrize("role", ROLES)
def test_no_key_and_no_body_makes_an_address_fail(found, role):
    walker = walker_as(role)
    try_keys_and_bodies(walker, found, 2 if role == "everybody" else 1)
    nothing_failed(walker)


def try_keys_and_bodies(walker: Walker, found: Everything, few: int) -> None:
    for address in addresses():
        for path in walker.some(list(odd_paths(address, values_at(address, found))), few, address.pattern):
            walker.get(path)
            walker.post(path, {"reason": "x"})
    for path in RAW:
        walker.send("GET", path)
    for path in people_paths(found):
        for content_type, body in TYPED_BODIES if path in TRIED_WHOLE else walker.some(TYPED_BODIES, few, path):
            walker.send("POST", path, body, content_type, about=f"{content_type} {body[:60]!r}")


@pytest.mark.parametrize("role", ROLES)
def test_no_header_makes_an_address_fail(found, role):
    walker = walker_as(role)
    try_headers(walker, found)
    nothing_failed(walker)


def try_headers(walker: Walker, found: Everything) -> None:
    for path in PLACES:
        for headers in HEADERS:
            for method in walker.some(METHODS, 1, path + repr(headers)):
                walker.send(method, path, about=f"{headers!r:.200}", headers=headers)
    together = {name: value for headers in HEADERS for name, value in headers.items() if name not in ("Host", "Content-Length", "Cookie", "Authorization")}
    for path in people_paths(found):
        walker.send("GET", path, about="every header", headers=together)


@pytest.mark.parametrize("role", ROLES)
def test_no_json_makes_the_api_fail(found, role):
    walker = walker_as(role)
    try_json(walker, found, 3 if role == "everybody" else 1)
    nothing_failed(walker)


def try_json(walker: Walker, found: Everything, few: int) -> None:
    agent = machine(found.camera)
    for address in addresses():
        if not address.pattern.startswith("api/v1/"):
            continue
        path = address.path(values_at(address, found))
        for body in walker.some(BODIES, few, path):
            walker.send("POST", path, body.encode(), JSON)
            if address.machine:
                signed = signed_headers("POST", HOST + path, body.encode(), agent.key, str(agent.agent.pk))
                walker.send("POST", path, body.encode(), JSON, headers=signed)
        for method in ("PUT", "PATCH", "DELETE"):
            walker.send(method, path, DEEP[0].encode(), JSON)


def test_no_json_of_a_page_makes_it_fail(found):
    walker = walker_as("everybody")
    camera = f"/sites/{found.site.slug}/cameras/{found.camera.slug}/"
    for path, document in ((camera, {**WATCHING, "version": 0}), (camera + "move/", {"x": 0.5, "y": 0.5, "heading": 90})):
        for number, body in enumerate([*BODIES, *map(json.dumps, changed_leaves(document, WRONG_JSON))]):
            if number % 5 == 0 or walker.thorough:  # a fifth of the values at each place, other ones at the next
                walker.send("POST", path, body.encode(), JSON)
    nothing_failed(walker)


def test_what_cannot_be_stored_is_explained(found, rf):
    client = signed_in(everybody())
    answer = client.post("/api/v1/runs", json.dumps({"task": "a\x00"}), content_type=JSON)
    assert (answer.status_code, "NUL" in answer.content.decode()) == (400, True)
    deep = client.post("/api/v1/cases", DEEP[2], content_type=JSON)
    assert (deep.status_code, "within each other" in deep.content.decode()) == (400, True)
    odd = client.generic("POST", "/language/", b"x", "multipart/form-data; boundary=x; charset=rot13")
    assert (odd.status_code, "UTF-8" in odd.content.decode()) == (415, True)
    client.cookies["sessionid"] = "a\x00" * 16
    assert client.get("/sign-in/").status_code == 200  # no session of ours: a stranger
    net = StorableInput(lambda request: HttpResponse())
    page, program = (net.process_exception(rf.get(path), DataError("x")) for path in ("/audit/", "/api/v1/runs"))
    assert (page.status_code, "cannot be stored" in page.content.decode()) == (400, True)
    assert (program.status_code, "cannot be stored" in program.content.decode()) == (400, True)
    assert net.process_exception(rf.get("/"), ValueError("ours")) is None


def walk_the_api(found: Everything, walker: Walker, examples: int, seeded: int = 0) -> None:
    """Every operation of the API's own description, with parameters and bodies made from it and against it, at real objects and at others."""
    schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
    schema = schemathesis.openapi.from_dict(walker.get("/api/schema/", {"format": "json"}).json())
    operations = [each.ok() for each in schema.get_all_operations()]
    assert len(operations) > 30
    agent = machine(found.camera)
    for operation in operations:
        for mode in schemathesis.GenerationMode:
            cases, real = operation.as_strategy(generation_mode=mode), real_values(operation.path, found)
            try:
                try_operation(walker, agent, cases, real, examples, seeded)
            except Unsatisfiable:  # nothing can be wrong about a call that takes nothing
                assert mode.is_negative, operation.label


def try_operation(walker: Walker, agent: Machine, cases: Any, real: dict[str, str], examples: int, seeded: int) -> None:
    """One operation, three times of four at real objects."""

    @seed(seeded)
    @given(case=cases, at_real=st.integers(0, 3))
    @settings(GENERATED, max_examples=examples, derandomize=not seeded)
    def send(case: Any, at_real: int) -> None:
        if at_real and real:
            case.path_parameters = {**(case.path_parameters or {}), **real}
        send_case(walker, agent, case)

    send()


def real_values(path: str, found: Everything) -> dict[str, Any]:
    """The keys of real objects for a path of the API's description, by the names that it gives them."""
    plain = ["" if each.startswith("{") else each for each in path.strip("/").split("/")]
    for address in addresses():
        parts = address.pattern.strip("/").split("/")
        if plain == ["" if "<" in each else each for each in parts]:
            names = [each.strip("{}") for each in path.strip("/").split("/") if each.startswith("{")]
            return dict(zip(names, map(str, values_at(address, found).values()), strict=False))
    return {}


def send_case(walker: Walker, agent: Machine, case: Any) -> None:
    """As a browser that is signed in; where only an agent may call, signed by one."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url=HOST)).prepare()
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
    parts = urlsplit(prepared.url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    kind = prepared.headers.get("Content-Type", "")
    headers = {name: str(value) for name, value in case.headers.items()} if case.headers else {}
    if case.operation.definition.raw.get("security") and "agentSignature" in json.dumps(case.operation.definition.raw["security"]):
        headers |= signed_headers(prepared.method, HOST + path, body, agent.key, str(agent.agent.pk))
    walker.send(prepared.method, path, body, kind, headers=headers)


def test_nothing_that_the_apis_description_allows_or_forbids_makes_it_fail(found):
    walker = walker_as("everybody")
    walk_the_api(found, walker, 3)
    nothing_failed(walker)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", ROLES)
def test_all_of_it_with_every_value(found, role, monkeypatch):
    walker = walker_as(role, thorough=True)
    try_keys_and_bodies(walker, found, 3)
    try_headers(walker, found)
    try_json(walker, found, 3)
    try_everything(walker, found, monkeypatch)
    nothing_failed(walker)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seeded", [1, 2, 3])
def test_many_more_examples_of_the_apis_description(found, seeded):
    walker = walker_as("everybody", thorough=True)
    walk_the_api(found, walker, 60, seeded)
    nothing_failed(walker)
