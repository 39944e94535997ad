"""Facts out of files: CSV in the spellings that spreadsheets write, Wikidata's JSON, and files that are wrong: all rows or none."""

from __future__ import annotations

import copy
import json

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from portal.core.models import AuditRow
from portal.facts import actions, importing, reading_csv
from portal.facts.models import Fact, FactVersion
from tests.portal import facts_scene
from tests.portal.portal_scene import person, signed_in

CSV = (facts_scene.SEEDS / "square.csv").read_text()


def claim(day: str, precision: int) -> list[dict]:
    return [{"mainsnak": {"datavalue": {"value": {"time": day, "precision": precision}}}, "rank": "normal"}]


ENTITY = {
    "lastrevid": 2100000001,
    "modified": "2025-03-02T10:00:00Z",
    "labels": {"en": {"language": "en", "value": "Bonanno Pisano"}, "de": {"language": "de", "value": "Bonanus von Pisa"}},
    "descriptions": {"en": {"language": "en", "value": "Italian sculptor"}, "it": {"language": "it", "value": "scultore italiano"}},
    "aliases": {"it": [{"language": "it", "value": "Bonanno da Pisa"}]},
    "claims": {
        "P31": [{"mainsnak": {"datavalue": {"value": {"id": "Q5"}}}}],
        "P569": claim("+1150-00-00T00:00:00Z", 9),
        "P570": claim("+1200-00-00T00:00:00Z", 7),
    },
}


def wikidata(**changes) -> bytes:
    return json.dumps({"entities": {"Q892834": {**copy.deepcopy(ENTITY), **changes}}}).encode()


@pytest.mark.parametrize(
    "data",
    [
        CSV.encode(),
        CSV.encode("utf-8-sig"),
        CSV.encode("utf-16"),
        CSV.encode("utf-16-le"),
        CSV.replace("\n", "\r\n").encode(),
    ],
    ids=["plain", "bom", "utf-16", "utf-16 without bom", "windows"],
)
def test_every_usual_spelling_of_a_csv_is_read(data):
    rows = reading_csv.read(data)
    assert [row.key for row in rows][:2] == ["leaning-tower", "tower-reopening"]
    assert "tornò" not in rows[0].text.statement_it
    assert len(rows) == 10


def test_semicolons_and_tabs_separate_too():
    header = ",".join(reading_csv.COLUMNS)
    values = "arno,place,Arno,Arno,Arno river|fiume Arno,A river.,Un fiume.,,,Treccani,Arno,1929,volume 4,pisa"
    for separator in ";\t":
        (row,) = reading_csv.read(f"{header}\n{values}".replace(",", separator).encode())
        assert (row.key, row.text.aliases, row.text.sources[0].title) == ("arno", ("Arno river", "fiume Arno"), "Arno")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "line 1 : The header lacks the columns key"),
        (b"\xff\xfe", "The header lacks"),
        (b"\x00\xd8" * 9, "line 1"),
        (CSV.encode("latin-1"), "save the file as UTF-8"),
        (CSV.split("\n", 1)[0].encode(), "There are no rows"),
        (CSV.replace("statement_it", "statement").encode(), "lacks the columns statement_it"),
        (CSV.replace("1173,1372", "1372,1173").encode(), "line 2 to: The end lies before"),
        (CSV.replace("galileo,person", "leaning-tower,person").encode(), "line 6 key: The key leaning-tower stands in line 2"),
        (CSV.replace("galileo,person", "Galileo G,person").encode(), "line 6 key: A key is made"),
        (CSV.replace("galileo,person,", "galileo,person,,").encode(), "line 6 : This line has 1 values too many"),
        (CSV.replace('"The bell', '"The bell" x').encode(), "line 2"),
        (b'key,"' + b"x" * 200_000, "line"),
    ],
)
def test_a_wrong_table_names_line_and_column(data, problem):
    with pytest.raises(reading_csv.BadTable) as refused:
        reading_csv.read(data)
    assert problem in str(refused.value)


def test_an_entity_of_wikidata_becomes_a_fact_with_its_revision_as_source():
    (row,) = importing.entities(wikidata())
    text = row.text
    assert (row.key, text.kind, text.name_en, text.name_it) == ("wikidata-q892834", "person", "Bonanno Pisano", "Bonanno Pisano")
    assert (text.begins, text.ends) == ("1150", "")  # of the end only the century is stated
    assert text.statement_it == "Bonanno Pisano: scultore italiano."
    assert set(text.aliases) == {"Bonanus von Pisa", "Bonanno da Pisa"}
    assert text.sources[0].where == "https://www.wikidata.org/w/index.php?title=Q892834&oldid=2100000001"
    (before,) = importing.entities(wikidata(claims={"P585": claim("-0044-03-15T00:00:00Z", 11)}), kind="event")
    assert (before.text.kind, before.text.begins, before.text.ends) == ("event", "-0044-03-15", "-0044-03-15")


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"{",
            b"{}",
            b'{"entities": []}',
            b'{"entities": {}}',
            b'{"entities": {"P31": {}}}',
            b'{"entities": {"Q1": null}}',
            b"{" * 100_000,
            b'{"a":' * 100_000,
        ),
        *(wikidata(labels={}), wikidata(descriptions={}), wikidata(lastrevid="x"), wikidata(modified=None), wikidata(claims={"P31": [{}]}), b'{"\xff": 1}'),
    ],
)
def test_what_is_no_entity_is_refused_with_a_sentence(data):
    with pytest.raises(reading_csv.BadTable):
        importing.entities(data)


@pytest.mark.django_db
def test_a_file_becomes_proposals_once_and_changes_what_differs():
    archive = facts_scene.archive()
    newer = CSV.replace("1633", "1633 and later") + "arno,place,Arno,Arno,,A river.,Un fiume.,,,Treccani,Arno,1929,,\n"
    assert importing.import_file(user=archive.writer, name="facts.csv", data=newer.encode()) == (2, 9)
    assert importing.import_file(user=archive.writer, name="facts.csv", data=newer.encode()) == (0, 11)
    assert set(FactVersion.objects.filter(author=archive.writer).values_list("fact__key", "note")) == {
        ("arno", "out of facts.csv"),
        ("galileo", "out of facts.csv"),
    }
    actions.approve(user=archive.manager, version_id=FactVersion.objects.get(fact__key="arno").pk)
    assert archive.fact("arno").current
    assert AuditRow.objects.filter(verb="facts.imported").count() == 2


@pytest.mark.django_db
def test_of_a_wrong_file_nothing_is_proposed_and_the_page_names_the_places():
    reader = person("a@facts.example", "operator")
    client = signed_in(reader)
    wrong = SimpleUploadedFile("facts.csv", CSV.replace("1173,1372", "soon,later").encode())
    answer = client.post("/facts/import", {"file": wrong})
    assert answer.status_code == 422
    assert "facts.csv, line 2, from: Give a year" in answer.content.decode()
    assert not Fact.objects.exists()
    assert "Choose a file" in client.post("/facts/import").content.decode()
    assert client.post("/facts/import", {"file": SimpleUploadedFile("q.json", wikidata())}).url == "/facts/waiting/"
    assert "Bonanno Pisano" in client.get("/facts/waiting/").content.decode()
    with pytest.raises(ValidationError, match="too large"):
        importing.import_file(user=reader, name="x", data=b"x" * (importing.LARGEST + 1))
