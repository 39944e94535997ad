"""What apps ask of each other and which jobs they defer is looked at once, at the start: an empty, misspelt or misfitting answer stops it, aloud."""

from __future__ import annotations

import subprocess
import sys

import pytest

from portal.core import jobs, ports
from portal.core.ports import Port, PortError


def starts(change: str) -> subprocess.CompletedProcess[str]:
    """Start the portal as uvicorn does, after a change of the people app's entry: what a careless rename would leave."""
    program = f"import django\nfrom portal.people.apps import PeopleConfig\n{change}\nimport portal.asgi\n"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)


RENAMED = """
ready = PeopleConfig.ready
def renamed(self):
    from portal.people import log
    log.write_down = log.__dict__["record"]
    del log.record
    ready(self)
PeopleConfig.ready = renamed
"""


def test_the_portal_starts():
    assert starts("").returncode == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (RENAMED, "has no attribute 'record'"),
        ("PeopleConfig.ready = lambda self: None", "portal.alerts.ports.record_recognitions"),
        ("from portal.core import jobs\njobs.named('people.misspelt')", "people.misspelt"),
    ],
    ids=["the function behind a port is renamed", "nobody fills a port", "a job is misspelt"],
)
def test_the_portal_does_not_start_when(change, words):
    ended = starts(change)
    assert ended.returncode != 0
    assert words in ended.stderr


def question(camera: int, *, name: str = "") -> str:
    """What is asked."""
    raise AssertionError("only a declaration")


def test_a_filled_port_answers_like_the_function():
    asked = Port(question)
    asked.fill(lambda camera, *, name="": f"{camera}{name}")
    assert asked(3, name="x") == "3x"


def test_an_empty_port_says_which_it_is():
    with pytest.raises(PortError, match="question is empty"):
        Port(question)(3)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: "",
        lambda camera: "",
        lambda agent, *, name="": "",
        lambda camera, name="": "",
        lambda camera, *, name: "",
        lambda camera, *, name="", more: "",
        7,
    ],
)
def test_an_answer_with_other_arguments_is_refused(answer):
    with pytest.raises(PortError, match="question"):
        Port(question).fill(answer)


def test_two_answers_are_refused_and_the_same_twice_is_not():
    asked = Port(question)
    first = lambda camera, *, name="": "1"  # noqa: E731
    asked.fill(first)
    asked.fill(first)
    with pytest.raises(PortError, match="filled twice"):
        asked.fill(lambda camera, *, name="": "2")


def test_the_same_question_is_declared_once():
    def again(camera): ...

    again.__module__, again.__qualname__ = "portal.sites.ports", "desired_models"
    with pytest.raises(PortError, match="declared twice"):
        ports.port(again)


def test_every_port_and_every_job_of_the_portal_is_there():
    ports.check()
    jobs.check()


def test_a_module_that_misspells_a_job_cannot_be_imported_after_the_start():
    with pytest.raises(jobs.UnknownJob, match="retry_staled"):
        jobs.named("core.retry_staled")


def test_a_job_with_other_arguments_is_refused_where_it_is_deferred():
    with pytest.raises(TypeError, match="timestamp"):
        jobs.named("core.retry_stalled").defer(run=3)
