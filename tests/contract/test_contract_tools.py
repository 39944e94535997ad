"""One contract for every desk tool, and for two toy tools that are one file each: a new tool is tested here without a new line."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import json
import pickle
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import detectors
from detectors import bench, image, inputs, messages, registry
from detectors.__main__ import main
from detectors.bench import scene
from detectors.errors import BadInput
from detectors.messages import LANGUAGES, Message
from detectors.reports import report_from_json, report_to_json
from detectors.types import BANDS, MEDIA, ClipEvidence, PictureEvidence, Report

TOYS = Path(__file__).with_name("toy_tools")
NAMES = [*(each.name for each in detectors.tools()), "toy-scene-changes", "toy-word-count"]
THREADS = 8


@pytest.fixture(scope="module", autouse=True)
def _toys() -> Iterator[None]:
    added = registry.discover(TOYS)
    yield
    registry.withdraw(added)


@functools.cache
def loaded(name: str) -> Any:
    return detectors.load(name)


@pytest.fixture
def files(request, tmp_path) -> list[Path]:
    """Made-up inputs of the tool that a test is about."""
    return bench.sample_files(registry.tool_entry(request.getfixturevalue("name")), tmp_path)


def messages_in(value: Any) -> Iterator[Message]:
    """Every message in a report, however deep."""
    if isinstance(value, Message):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from messages_in(getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from messages_in(each)


def refused(name: str, paths: Sequence[Path]) -> Message:
    with pytest.raises(BadInput) as caught:
        loaded(name).report(paths)
    return caught.value.message


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_reads_and_what_it_is_about(name):
    entry = registry.tool_entry(name)
    assert set(entry.media) <= set(MEDIA)
    assert entry.inputs >= 1
    for message in (entry.title, entry.about):
        assert all(messages.worded(message, language) for language in LANGUAGES)


@pytest.mark.parametrize("name", NAMES)
def test_every_code_of_a_tool_is_worded_in_every_language(name, files):
    steps: list[Message] = []
    report = loaded(name).report(files, lambda share, step: steps.append(step))
    for message in [*steps, *messages_in(report)]:
        assert set(messages.declared()[message.code]) == set(LANGUAGES)
        assert all(messages.worded(message, language) for language in LANGUAGES)


@pytest.mark.parametrize("name", NAMES)
def test_it_reports_and_shows_how_far_it_is(name, files):
    steps: list[tuple[float, Message]] = []
    report = loaded(name).report(files, lambda share, step: steps.append((share, step)))
    assert report.verdict.band in BANDS
    assert report.verdict.reasons
    shares = [share for share, _ in steps]
    assert shares == sorted(shares)
    assert steps[-1] == (1.0, registry.DONE)


@pytest.mark.parametrize("name", NAMES)
def test_its_report_names_inputs_models_and_evidence(name, files):
    report: Report = loaded(name).report(files)
    assert report.inputs == inputs.check(files, registry.tool_entry(name).media, len(files))
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in (*report.inputs, *report.models.values()))
    for each in report.evidence:
        if isinstance(each, PictureEvidence):
            assert each.content.startswith(b"\x89PNG")
        if isinstance(each, ClipEvidence):
            assert each.content.startswith(b"\x1a\x45\xdf\xa3")
    assert [entry.t for entry in report.timeline] == sorted(entry.t for entry in report.timeline)


@pytest.mark.parametrize("name", NAMES)
def test_its_report_survives_json(name, files):
    report = loaded(name).report(files)
    data = json.loads(json.dumps(report_to_json(report), allow_nan=False))
    again = report_from_json(data)
    assert report_to_json(again) == data
    assert (again.verdict, again.parts, again.timeline) == (report.verdict, report.parts, report.timeline)


@pytest.mark.parametrize("name", NAMES)
def test_its_report_is_the_same_twice_and_from_eight_threads(name, files):
    built = loaded(name)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(built.report, [files] * THREADS))
    assert all(each == built.report(files) for each in found)


@pytest.mark.parametrize("name", NAMES)
def test_the_wrong_number_of_inputs_is_refused(name, files):
    assert {refused(name, []).code, refused(name, [*files, files[0]]).code} == {"inputs-count"}


@pytest.mark.parametrize("name", NAMES)
def test_one_path_alone_is_no_sequence_of_paths(name, files):
    with pytest.raises(TypeError, match="sequence"):
        loaded(name).report(files[0])


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_and_a_missing_file_are_refused(name, files):
    files[-1].write_bytes(b"")
    assert refused(name, files).code == "file-empty"
    files[-1].unlink()
    assert refused(name, files).code == "file-missing"


@pytest.mark.parametrize("name", NAMES)
def test_another_medium_is_refused(name, files, tmp_path):
    other = {"letter.txt": b"Dear museum, this is a letter.", "picture.jpg": image.encode_jpeg(scene(0)), "noise.bin": bytes(range(256)) * 20}
    for file, content in other.items():
        (tmp_path / file).write_bytes(content)
        if not inputs.media_of(tmp_path / file) & set(registry.tool_entry(name).media):
            assert refused(name, [*files[:-1], tmp_path / file]).code in ("inputs-media", "not-a-picture")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_only_begins_as_its_medium_is_refused(name, files):
    content = files[-1].read_bytes()
    files[-1].write_bytes(content[:20] + b"\xff\x00\xfe" * 40)
    assert all(messages.worded(refused(name, files), language) for language in LANGUAGES)


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_reaches_another_process_with_its_code(name):
    message = refused(name, [])
    assert pickle.loads(pickle.dumps(BadInput(message))).message == message


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_runs_it_and_lists_it(name, files, capsys):
    paths = [str(file) for file in files]
    assert main(["run", name, *paths, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(report_to_json(loaded(name).report(files))))
    assert main(["run", name, *paths, "--language", "it"]) == 0
    assert capsys.readouterr().out.startswith(messages.worded(registry.tool_entry(name).title, "it"))
    assert main(["list", "--json"]) == 0
    row = next(each for each in json.loads(capsys.readouterr().out)["detectors"] if each["name"] == name)
    assert (row["kind"], row["inputs"]) == ("tool", len(files))


def test_the_toys_are_gone_when_they_are_withdrawn_and_what_they_said_can_still_be_read():
    registry.withdraw(["toy-word-count"])
    assert "toy-word-count" not in detectors.names()
    assert messages.worded(Message("toy-label", {"count": 1}), "it") == "1 parola"
    registry.discover(TOYS / "word_count.py")
    assert "toy-word-count" in detectors.names()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"media": ("smell",)}, "reads one or more files"),
        ({"media": ()}, "reads one or more files"),
        ({"inputs": 0}, "reads one or more files"),
        ({"words": {"title": {"en": "x"}}}, "needs the words"),
    ],
)
def test_a_tool_that_is_declared_wrongly_is_an_error_at_once(changes, why):
    plan = {"family": "toys", "media": ("text",), "inputs": 1, "words": {"title": {"en": "x"}, "about": {"en": "y"}}, **changes}
    with pytest.raises(ValueError, match=why):
        registry.tool("toy-wrong", **plan)
