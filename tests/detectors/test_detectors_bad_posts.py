"""What people lay on the desk by mistake or in malice, over the three tools that read posts: an answer or a sentence with the reason, never a crash."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest

import detectors
from detectors import BadInput
from detectors.messages import LANGUAGES, worded
from detectors.reports import report_to_json, texts_of
from detectors.types import Report

TOOLS = ("machine-text", "persuasion-check", "campaign")
MARKUP = "<script>alert(1)</script> <img src=x onerror=alert(2)> they all lie to us about the tower"
LONG = "The tower is closed and nobody says why, so ask them today. "
BAD: dict[str, str | bytes] = {
    "one post": "The tower has been closed since yesterday and nobody in the council will tell us why.",
    "emoji only": "👋🏽👨‍👩‍👧‍👦🔥🔥🔥",
    "emoji posts": "\n".join("👋🏽🔥" for _ in range(30)),
    "a million characters": LONG * (1_000_000 // len(LONG)),
    "a million characters without a blank": "x" * 1_000_000,
    "a post of a million characters in a table": f'text,account\n"{LONG * 1500}",anna\nciao a tutti quanti,bruno\n',
    "markup": f'text,account,time\n"{MARKUP}",<b>anna</b>,2026-09-01\n"{MARKUP}",bruno,2026-09-02\n',
    "a separator that is none": "text~account~time\nciao~anna~2026-09-01\nhello~bruno~2026-09-02\n",
    "separators mixed": "text;account;time\nciao,anna,2026-09-01\nhello;bruno;2026-09-02\n",
    "posts without links": "text,account,time\n" + "\n".join(f"post {n} of nobody about the tower,anna,2026-09-01 10:{n:02d}" for n in range(12)),
    "times that are none": "text,account,time\nciao a tutti,anna,yesterday\nhello to you all,bruno,\n",
    "numbers": "text\n1\n2\n3\n",
    "null in JSON": '[{"text": null, "account": null}, {"text": "ciao a tutti quanti", "account": 7, "time": [1]}]',
    "JSON of another shape": '{"text": {"en": "hello"}}\n{"text": "ciao a tutti"}',
    "direction marks": "\u202eevil\u202c, text in \u200bboth\u2066 directions of nobody we can name here today",
    "a formula": 'text,account\n"=HYPERLINK(""http://evil.example"")",=1+1\n=1+1,anna\n',
}
REFUSED: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": (b"", TOOLS),
    "blanks": (" \n\t\n ", ("machine-text", "campaign")),
    "broken UTF-8": (b"text,account\nciao,anna\nperch\xe9,bruno\n", TOOLS),
    "cut UTF-16": ("text,account\nciao,anna\n".encode("utf-16")[:-1], TOOLS),
    "no column of texts": ("time,account\n2026-09-01,anna\n", ("machine-text", "campaign")),
    "broken JSON": ('[{"text": "a"}, {"tex', ("machine-text", "campaign")),
    "a head alone": ("text,account,time\n", ("machine-text", "campaign")),
    "a null byte": (b"text\nciao\0\n", TOOLS),
}


@functools.cache
def tool(name: str) -> Any:
    return detectors.load(name)


def examined(name: str, folder: Path, content: str | bytes) -> Report:
    (folder / "posts").write_bytes(content if isinstance(content, bytes) else content.encode())
    return tool(name).report([folder / "posts"], lambda share, stage: None)


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("case", BAD)
def test_odd_posts_get_an_answer_that_can_be_read(tmp_path, name, case):
    report = examined(name, tmp_path, BAD[case])
    assert all(worded(each, language) for each in (report.verdict.label, *report.verdict.reasons) for language in LANGUAGES)
    assert len(json.dumps(report_to_json(report))) < 4_000_000


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("case", REFUSED)
def test_what_no_tool_can_read_is_refused_with_a_reason_in_both_languages(tmp_path, name, case):
    content, refusing = REFUSED[case]
    if name in refusing:
        with pytest.raises(BadInput) as refused:
            examined(name, tmp_path, content)
        assert all(worded(refused.value.message, language) for language in LANGUAGES)
    else:
        assert worded(examined(name, tmp_path, content).verdict.label)  # it reads one text, whatever its form


@pytest.mark.parametrize("name", ["machine-text", "campaign"])
def test_markup_of_a_post_stays_text(tmp_path, name):
    report = examined(name, tmp_path, f'text,account,time\n"{MARKUP}",anna,2026-09-01\n"{MARKUP}",bruno,2026-09-02\n')
    assert any("<script>" in text for text in texts_of(report))


@pytest.mark.parametrize("name", ["machine-text", "campaign"])
def test_columns_are_shown_and_can_be_set_otherwise(tmp_path, name):
    content = "text,words,who,when,seen\nshort,The tower is closed since yesterday says everybody here,anna,2026-09-01 10:00,https://a.example/x\n"
    found = examined(name, tmp_path, content).parts[0]
    assert (found.value("column-text"), found.value("column-account"), found.value("columns")) == ("text", None, ("text", "words", "who", "when", "seen"))
    chosen = detectors.load(name, columns={"text": "words", "account": "who", "time": "when", "link": "seen"})
    part = chosen.report([tmp_path / "posts"], lambda share, stage: None).parts[0]
    assert [part.value(f"column-{role}") for role in ("text", "account", "time", "link")] == ["words", "who", "when", "seen"]
    with pytest.raises(BadInput, match="there is no column “body”"):
        detectors.load(name, columns={"text": "body"}).report([tmp_path / "posts"], lambda share, stage: None)
