"""Sends anything to any address of the portal: nasty values, what a view reads found out while it reads it, and a failure told with all that is needed."""

from __future__ import annotations

import dataclasses
import itertools
import json
import traceback
import zlib
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.db import connection, transaction
from django.http import QueryDict
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils.datastructures import MultiValueDict

from tests.portal.portal_scene import PASSWORD

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
ALWAYS = ("\x00", "9" * 5000)
OTHERS = (
    "",
    "NaN",
    "-1",
    "1e999",
    "٣",
    "²",
    "0001-01-01",
    "9999-12-31T23:59:59.999999+23:59",
    "2026-02-30",
    "\u202e" + "x" * 5000,
    "[" * 50_000,
    "//[",
    "%ff%00",
    "{}",
    '{"response": {"id": "\\ud800\\u0000"}}',
    "00000000-0000-0000-0000-000000000000",
)
VALUES = (*ALWAYS, *OTHERS)
ODD_KEYS = ("9" * 30, "9" * 5000, "0", "-1", "%00", "٣", "x" * 300, "NaN", "%ff")
DEEP = (
    *('{"code": ' + "[" * n + "]" * n + "}" for n in (200, 850, 950)),
    "[" * 50_000,
    "[" * 50_000 + "]" * 50_000,
    '{"a":' * 5000 + "1" + "}" * 5000,
)
BODIES = (
    *DEEP,
    "",
    "{",
    "null",
    "[]",
    "5",
    '"x"',
    "NaN",
    '{"x\\u0000": "\\u0000"}',
    '{"title": "\\ud800", "code": "\\ud800"}',
    '{"n": 1e999, "m": ' + "9" * 5000 + "}",
)
PART = b'--x\r\nContent-Disposition: form-data; name="reason"\r\n\r\na\xff\r\n--x--\r\n'
TYPED_BODIES: tuple[tuple[str, bytes], ...] = (
    (JSON, DEEP[0].encode()),
    (JSON, DEEP[3].encode()),
    (JSON, b"\xff\xfe\x00"),
    (JSON + "; charset=rot13", b'{"reason": "x"}'),
    ("multipart/form-data", PART),
    ("multipart/form-data; boundary=\x00", PART),
    ("multipart/form-data; boundary=x", PART),
    ("multipart/form-data; boundary=x; charset=rot13", PART),
    ("multipart/form-data; boundary=x", PART[:40]),
    (FORM, b"&" * 3000 + b"=%00=%ff&a"),
    (FORM, b"&".join(b"a%d=1" % n for n in range(2000))),
    (FORM + "; charset=rot13", b"reason=x"),
    (FORM + "; charset=utf-16", b"reason=x"),
    ("nonsense", b"\x00"),
    ("", b""),
)
FILES = (("", b""), ("x" * 300 + ".png", b"\x89PNG\r\n\x1a\n"), ("../..\x00.jpg", b"\xff\xd8\xff\xe0" + b"\x00" * 64), ("a.mp4", b"\x00\x00\x00\x18ftypmp42"))
HEADERS: tuple[dict[str, str], ...] = (
    {"Cookie": 'sessionid="\\000\\000\\000\\000\\000\\000\\000\\000"; csrftoken="\\000"; theme="\\000"; django_language="\\000"; messages="\\000"'},
    {"Cookie": "sessionid=" + "x" * 3000 + "; django_language=" + "x" * 3000 + "; =; ;;\xff"},
    {"Accept-Language": "x" * 3000 + ",;q=NaN,*,\xff"},
    {"Authorization": "Token \x00"},
    {"Authorization": "Token \xff\xff"},
    {"Authorization": "Bearer \xff\x00"},
    {"Authorization": "Basic ===="},
    {"Host": "127.0.0.1:999999999999"},
    {"Range": "bytes=" + "9" * 5000 + "-", "If-Range": "\xff"},
    {"If-Modified-Since": "Mon, 99 Feb 999999 99:99:99 GMT", "If-None-Match": "\x00", "If-Unmodified-Since": "x"},
    {"Accept": "*/*;q=NaN,\x00;" + "a/" * 2000, "HX-Request": "true", "HX-Current-URL": "//["},
    {"Content-Length": "9" * 5000},
    {"X-Forwarded-For": "\x00", "X-Forwarded-Proto": "\x00", "Referer": "//[", "User-Agent": "\x00\xff"},
    {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "9" * 5000,
        "Upload-Offset": "²",
        "Upload-Metadata": "filename ====,\x00 AAA=,,",
        "Upload-Checksum": "sha1 ====",
    },
    {"Signature": "sig1=:AA==:", "Signature-Input": 'sig1=("@method");created=' + "9" * 5000 + ';keyid="\x00"', "Content-Digest": "sha-256=:\xff:"},
)
PLAIN = {
    "page": "1",
    "reason": "because",
    "note": "a note",
    "text": "a text",
    "title": "a title",
    "name": "a name",
    "email": "new@a-place.example",
    "password": PASSWORD,
    "again": PASSWORD,
    "expires": "2030-01-01",
    "detector": "anomaly",
    "task": "anomaly",
    "next": "/",
    "version": "1",
    "credential": json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30", "attestationObject": "AA"}}),
}
MOST_NAMES = 60  # of one address


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """An answer of 5xx: to what, and why."""

    method: str
    path: str
    sent: str
    status: int
    why: str

    def __str__(self) -> str:
        return f"{self.method} {self.path[:120]} with {self.sent}: {self.status}, {self.why}"


@dataclasses.dataclass(slots=True)
class Form:
    """A form of a page: where it goes and what it would send untouched."""

    method: str
    path: str
    fields: dict[str, str]


class Walker:
    """A browser that sends anything. Nothing of what a request changes stays: neither rows nor cookies."""

    def __init__(self, client: Client, *, thorough: bool = False) -> None:
        self.client, self.thorough = client, thorough
        self.client.raise_request_exception = False
        self.cookies = {name: each.value for name, each in client.cookies.items()}
        self.failures: list[Failure] = []
        self.sent = 0
        self.read: set[str] = set()  # parameters and files that the last request's view looked at
        self.files: set[str] = set()

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = FORM, about: str = "", headers: dict[str, str] | None = None) -> Any:
        """One request, with what is to happen after its commit; a 5xx goes to `failures`, told with `about`."""
        self.sent += 1
        self.read.clear()
        self.files.clear()
        self.client.cookies = SimpleCookie(self.cookies)
        path, _, query = path.partition("?")
        why = ""
        with transaction.atomic():
            before = len(connection.run_on_commit)
            answer = self.client.generic(method, path, body, content_type, headers=headers, QUERY_STRING=query)
            if answer.streaming:
                self._drained(answer)
            if answer.status_code < 400:
                why = _after_commit(before)
            del connection.run_on_commit[before:]
            transaction.set_rollback(True)
        if answer.status_code >= 500 or why:
            self.failures.append(Failure(method, f"{path}?{query[:80]}", about or repr(body[:80]), answer.status_code, why or _why(answer)))
        return answer

    def get(self, path: str, data: dict[str, Any] | None = None, about: str = "") -> Any:
        """A GET with these parameters."""
        return self.send("GET", f"{path}?{urlencode(data or {}, doseq=True)}", about=about)

    def post(self, path: str, data: dict[str, Any], about: str = "") -> Any:
        """A POST of these fields."""
        return self.send("POST", path, urlencode(data, doseq=True).encode(), about=about)

    def try_parameters(self, method: str, path: str, fields: dict[str, str]) -> None:
        """Each parameter that a view reads, bad alone beside good ones, missing, and twice; those read only then too."""
        ask = self.get if method == "GET" else self.post
        good = {**fields, "unasked": "x"}
        if ask(path, good, about="what the form holds").status_code == 405:
            return
        files, names = set(self.files), list(dict.fromkeys([*fields, *sorted(self.read)]))
        ask(path, {}, about="nothing")
        for name in names:  # grows meanwhile
            good.setdefault(name, PLAIN.get(name, "x"))
            for value in self._chosen(name, path):
                ask(path, {**good, name: value}, about=f"{name}={value[:60]!r} of {len(value)} characters")
                names += sorted(self.read - set(names))[: MOST_NAMES - len(names)]
                files |= self.files
            if self.thorough:
                ask(path, {each: value for each, value in good.items() if each != name}, about=f"no {name}")
        for turn in range(len(VALUES) if self.thorough else 3) if names else ():
            data = {name: VALUES[(number + turn) % len(VALUES)] for number, name in enumerate(names)}
            ask(path, data, about=f"bad everywhere, from value {turn} on")
        if names:
            ask(path, {name: ["\x00", "x"] for name in names}, about="everything twice")
        for name in files if method == "POST" else ():
            self.try_files(path, name, good)

    def try_files(self, path: str, name: str, good: dict[str, str]) -> None:
        """Files that are none, with names that are none."""
        for title, content in FILES:
            body = encode_multipart(BOUNDARY, {**good, name: [_File(title, content), _File(title, content)]})
            self.send("POST", path, body, MULTIPART_CONTENT, about=f"two files called {title[:20]!r} as {name}")

    def forms(self, path: str) -> Iterator[Form]:
        """The forms of a page."""
        answer = self.get(path)
        if answer.status_code == 200 and not answer.streaming and answer["Content-Type"].startswith("text/html"):
            reader = _Forms(path)
            reader.feed(answer.content.decode())
            yield from reader.found

    def _chosen(self, name: str, path: str) -> tuple[str, ...]:
        """All values, or one of them: another for each parameter, and the same in every run."""
        if self.thorough:
            return VALUES
        return tuple(self.some(VALUES, 1, name + path))

    def some(self, values: Sequence[Any], few: int, where: str) -> list[Any]:
        """All of them, or a few: other ones at each place, and the same in every run."""
        start = zlib.crc32(where.encode())
        return [values[(start + n) % len(values)] for n in range(len(values) if self.thorough else min(few, len(values)))]

    def _drained(self, answer: Any) -> None:
        for _part in itertools.islice(answer.streaming_content, 10_000):
            pass


def watch_reads(monkeypatch: Any, walker: Walker) -> None:
    """Let the walker see which parameters and files are looked at. Everything is still answered by Django's own."""
    plain_item, plain_list, plain_in = MultiValueDict.__getitem__, MultiValueDict.getlist, dict.__contains__

    def note(parameters: Any, name: Any) -> None:
        if not isinstance(name, str) or not name.isidentifier() or name in ("csrfmiddlewaretoken", "unasked"):
            return
        if isinstance(parameters, QueryDict):
            walker.read.add(name)
        elif not len(parameters):  # the files of a request without any; Django keeps its addresses in such a dictionary too
            walker.files.add(name)

    def item(self: Any, name: Any) -> Any:
        note(self, name)
        return plain_item(self, name)

    def getlist(self: Any, name: Any, default: Any = None) -> Any:
        note(self, name)
        return plain_list(self, name, default)

    def contains(self: Any, name: Any) -> bool:
        note(self, name)
        return plain_in(self, name)

    monkeypatch.setattr(MultiValueDict, "__getitem__", item)
    monkeypatch.setattr(MultiValueDict, "getlist", getlist)
    monkeypatch.setattr(MultiValueDict, "__contains__", contains, raising=False)


def changed_leaves(document: Any, values: tuple[Any, ...]) -> Iterator[Any]:
    """The document with one of its values, at each place, replaced by each of these."""
    yield from values
    if isinstance(document, dict):
        for name, each in document.items():
            yield from ({**document, name: changed} for changed in changed_leaves(each, values))
    elif isinstance(document, list):
        for number, each in enumerate(document):
            yield from ([*document[:number], changed, *document[number + 1 :]] for changed in changed_leaves(each, values))


def _after_commit(before: int) -> str:
    """Do what was left for after the commit; what went wrong."""
    for _sids, function, robust in connection.run_on_commit[before:]:
        try:
            function()
        except Exception as error:  # noqa: BLE001 - told as a failure
            if not robust:
                return f"after the commit {_described(error)}"
    return ""


def _why(answer: Any) -> str:
    return _described(answer.exc_info[1]) if answer.exc_info else repr(answer.content[:200])


def _described(error: BaseException) -> str:
    ours = [each for each in traceback.extract_tb(error.__traceback__) if "/portal/" in each.filename and "/tests/" not in each.filename]
    at = f" at {ours[-1].filename.split('/portal/')[-1]}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}: {str(error)[:160]}{at}"


class _File(BytesIO):
    """A file with any name."""

    def __init__(self, name: str, content: bytes) -> None:
        super().__init__(content)
        self.name = name


class _Forms(HTMLParser):
    """Collects the forms of a page, with what each of them would send untouched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.found = page, []
        self.form: Form | None = None
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            path = urlsplit(given.get("action") or given.get("hx-post") or self.page).path
            self.form = Form(given.get("method", "get").upper() if "hx-post" not in given else "POST", path, {})
            self.found.append(self.form)
        elif self.form is None:
            return
        elif tag == "select":
            self.select = given.get("name", "")
        elif tag == "option" and self.select and (given.get("value") or "selected" in given):
            if "selected" in given or not self.form.fields.get(self.select):
                self.form.fields[self.select] = given.get("value", "")
        elif tag in ("input", "textarea", "button") and given.get("name") and given.get("type") != "file":
            name = given["name"]
            self.form.fields.setdefault(name, given.get("value") or PLAIN.get(name, "1" if given.get("type") == "number" else "x"))
            if name == "csrfmiddlewaretoken":
                del self.form.fields[name]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "select":
            self.select = ""


def odd_paths(address: Any, values: dict[str, Any]) -> Iterator[str]:
    """The paths of an address with each of its keys, one at a time, replaced by what is none."""
    for name in address.parameters:
        for odd in ODD_KEYS:
            yield address.path({**values, name: odd if odd.isascii() else quote(odd)})
