"""A desk tool is one file: the toy text and the toy video tool get a form, checks, an API, a page and a PDF in two languages, with nothing else changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from alert_scene import user
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone, translation

from detectors import registry, video
from portal.analysis import pdf, plots, tasks
from portal.analysis.models import Case, CaseState

pytestmark = pytest.mark.django_db
TOYS = Path(__file__).resolve().parents[1] / "contract" / "toy_tools"
TEXT = "Extraordinary circumstances demand extraordinarily <b>careful</b> words."
LANGUAGES = pytest.mark.parametrize("language", ["en", "it"])
WORDS = {
    "toy-word-count": {"en": ("Word count (toy)", "long word", "Letters"), "it": ("Conta parole (giocattolo)", "parola lunga", "Lettere")},
    "toy-scene-changes": {"en": ("Scene changes (toy)", "change of scene", "Seconds"), "it": ("Cambi di scena (giocattolo)", "cambio di scena", "Secondi")},
}


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    added = registry.discover(TOYS)
    yield
    registry.withdraw(added)


@pytest.fixture
def guard(client):
    client.force_login(user("guard@example.org", "operator"))
    return client


@pytest.fixture(scope="session")
def film(tmp_path_factory) -> bytes:
    """Two seconds of black, then two of white."""
    file = tmp_path_factory.mktemp("film") / "film.webm"
    video.write_webm(file, [np.full((96, 128, 3), 0 if n < 20 else 255, np.uint8) for n in range(40)], 10)
    return file.read_bytes()


@pytest.fixture(params=WORDS)
def case(request, guard, film) -> Case:
    """A finished case of each toy, opened over the API."""
    given = {"text": TEXT} if request.param == "toy-word-count" else {"file": SimpleUploadedFile("film.bin", film)}
    answer = guard.post(reverse("api:cases"), {"tool": request.param, **given})
    assert answer.status_code == 201, answer.content
    tasks.run_case(case_id=answer.json()["id"])
    found = Case.objects.get(pk=answer.json()["id"])
    assert found.state == CaseState.DONE, found.problem_words
    return found


def page_of(guard, case: Case, language: str) -> str:
    return guard.get(reverse("analysis:case", args=[case.pk]), headers={"accept-language": language}).content.decode()


@LANGUAGES
@pytest.mark.parametrize("name", WORDS)
def test_the_form_offers_it_with_what_it_reads(guard, name, language):
    text = guard.get(reverse("analysis:desk"), headers={"accept-language": language}).content.decode()
    option = re.search(rf'<option value="{name}"[^>]*>', text).group()
    assert WORDS[name][language][0] in text
    assert 'data-inputs="1"' in option
    assert ('data-text="yes"' in option) == (name == "toy-word-count")


def test_a_text_is_pasted_into_the_form(guard):
    answer = guard.post(reverse("analysis:desk"), {"tool": "toy-word-count", "text": TEXT})
    case = Case.objects.get()
    assert answer.url == reverse("analysis:case", args=[case.pk])
    assert [(each.name, each.kind, each.size) for each in case.files.all()] == [("Pasted text", "Text", len(TEXT))]


@pytest.mark.parametrize(
    ("tool", "given", "status"),
    [
        ("toy-scene-changes", {"text": TEXT}, 400),
        ("toy-word-count", {"text": " \n "}, 400),
        ("toy-word-count", {"file": SimpleUploadedFile("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(100))}, 400),
        ("toy-scene-changes", {"file": SimpleUploadedFile("a.webm", TEXT.encode())}, 400),
        ("toy-word-count", {"text": TEXT, "file": SimpleUploadedFile("a.txt", b"two inputs")}, 400),
    ],
)
def test_inputs_are_checked_by_what_the_tool_declares(guard, tool, given, status):
    answer = guard.post(reverse("api:cases"), {"tool": tool, **given})
    assert answer.status_code == status
    assert answer.json()["error"]
    assert not Case.objects.exists()


def test_the_api_lists_it_and_its_schema_names_it(guard):
    assert set(WORDS) <= {each["name"] for each in guard.get(reverse("api:tools")).json()}
    assert set(WORDS) <= set(re.findall(r"[\w-]+", guard.get(reverse("schema")).content.decode()))


@LANGUAGES
def test_its_page_speaks_the_readers_language(guard, case, language):
    text = page_of(guard, case, language)
    other = "it" if language == "en" else "en"
    assert all(words in text for words in WORDS[case.tool][language])
    assert not any(words in text for words in WORDS[case.tool][other][1:])


@LANGUAGES
def test_its_pdf_speaks_the_readers_language(case, language, tmp_path):
    with translation.override(language):
        set_text = json.dumps(pdf.document(case, tmp_path), ensure_ascii=False)
        assert pdf.render(case).startswith(b"%PDF")
    assert all(words in set_text for words in WORDS[case.tool][language][:2])


def test_no_code_word_stands_where_a_person_reads(guard, case):
    seen = re.sub(r"<[^>]*>|sha256 *\w*", " ", page_of(guard, case, "en"))
    assert not re.findall(r"\btoy-[a-z-]+|\bfirst-frame\b|\bmarked-text\b", seen)


def test_evidence_of_every_kind_is_on_the_page(guard, case):
    text = page_of(guard, case, "en")
    kinds = {each["kind"] for each in case.report["evidence"]}
    assert kinds == ({"plot", "table", "marked-text"} if case.tool == "toy-word-count" else {"plot", "picture"})
    assert all(f'class="evidence is-{kind}"' in text for kind in kinds)
    assert '<svg xmlns="http://www.w3.org/2000/svg" class="plot"' in text
    assert "<b>careful" not in text


def test_marked_passages_can_be_followed_to_and_fro(guard):
    case_id = guard.post(reverse("api:cases"), {"tool": "toy-word-count", "text": TEXT}).json()["id"]
    tasks.run_case(case_id=case_id)
    text = page_of(guard, Case.objects.get(pk=case_id), "en")
    links, targets = re.findall(r'href="#((?:mark|passage)-[\w-]+)"', text), re.findall(r'id="((?:mark|passage)-[\w-]+)"', text)
    assert sorted(links) == sorted(targets)
    assert len(targets) == 2 * text.count("Passage ") // 2


def test_the_line_of_moments_is_as_long_as_what_was_examined():
    drawn = plots.timeline_strip([(2.0, "1")], title="Moments", seconds=13.0)
    assert ">0:13.0<" in drawn
    assert f'x1="{round(16 + 2 / 13 * (plots.WIDTH - 32), 1):g}"' in drawn
    assert ">0:13.0<" not in plots.timeline_strip([(2.0, "1")], title="Moments")


def test_a_timeline_is_shown_with_its_moments(guard, film):
    case_id = guard.post(reverse("api:cases"), {"tool": "toy-scene-changes", "file": SimpleUploadedFile("f", film)}).json()["id"]
    tasks.run_case(case_id=case_id)
    text = page_of(guard, Case.objects.get(pk=case_id), "en")
    assert re.search(r'id="timeline".*0:02\.0.*the picture changes by', text, re.DOTALL)


OLD = {
    "verdict": {"label": "nothing known of its origin", "score": None, "threshold": None, "band": "unsure", "reasons": ["1 face was found."]},
    "parts": [
        {"name": "file", "kind": "JPEG", "bytes": 51234, "width": 640, "height": 480},
        {"name": "faces", "count": 1, "faces": [{"box": [1.0, 2.0, 3.0, 4.0], "score": 0.9}]},
    ],
    "timeline": [],
    "models": {"faces": "0" * 64},
    "input_sha256": "1" * 64,
}


@LANGUAGES
def test_a_report_of_before_there_were_codes_is_still_shown(guard, language, tmp_path):
    person = user("old@example.org", "operator")
    guard.force_login(person)
    case = Case.objects.create(
        title="old", tool="picture-check", opened_by=person, state=CaseState.DONE, ended=timezone.now(), report=OLD, evidence={"faces": "2" * 64}
    )
    text = page_of(guard, case, language)
    assert "nothing known of its origin" in text
    assert "51234" in text.replace("&nbsp;", "").replace(",", "").replace(".", "")
    with translation.override(language):
        assert pdf.document(case, tmp_path)["evidence"][0]["file"] == ""
        assert pdf.render(case).startswith(b"%PDF")
    assert guard.get(reverse("analysis:desk")).status_code == 200


def test_a_case_whose_tool_is_gone_keeps_its_page(guard, case):
    registry.withdraw([case.tool])
    assert "Evidence" in page_of(guard, case, "en")
