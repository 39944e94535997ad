"""Following a run through a SuperLink that stutters: only the wire is made up here, the live tests use a real one."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace

import pytest

from federated.contract.run_plan import RunPlan
from federated.learning import control
from federated.learning.errors import PlanError
from federated.trust import pki

LINK = control.ControlLink("127.0.0.1:1", None, "token")


def line(seq: int, **fields) -> str:
    return control.METRIC + json.dumps({"kind": "gate", "seq": seq, "passed": False, **fields}) + "\n"


class Wire:
    """Answers `streams` one after the other (a list of chunks, or an error) and the run's `states` likewise; the last ones repeat."""

    def __init__(self, monkeypatch, streams, states):
        self.streams, self.states, self.stopped = list(streams), list(states), []
        monkeypatch.setattr(control, "_client", self.open)
        monkeypatch.setattr(control, "status", self.status)
        monkeypatch.setattr(control, "stop_run", lambda run_id, **_: self.stopped.append(run_id))
        monkeypatch.setattr(control.time, "sleep", lambda seconds: None)

    @contextlib.contextmanager
    def open(self, link):
        yield self

    def StreamLogs(self, request):
        chunks = self.streams.pop(0) if len(self.streams) > 1 else self.streams[0]
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield SimpleNamespace(log_output=chunk)

    def status(self, run_id, **_):
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        return control.FlowerRunState(run_id, state, f"because {state}", 1, 2)


def follow(**options) -> list:
    return [(event.kind, event.seq) for event in control.events("1", link=LINK, **options)]


def test_events_end_with_the_runs_end(monkeypatch):
    Wire(monkeypatch, [[line(1) + line(2)]], ["completed"])
    assert follow() == [("gate", 1), ("gate", 2), ("ended", 3)]


def test_the_end_says_how_and_why(monkeypatch):
    Wire(monkeypatch, [[]], ["failed"])
    (ended,) = control.events("1", link=LINK)
    assert (ended.status, ended.reason, ended.bytes_sent, ended.bytes_received) == ("failed", "because failed", 1, 2)


def test_a_line_cut_anywhere_is_put_together(monkeypatch):
    text = "noise\n" + line(1, reasons=["è"]) + "INFO more noise\n" + line(2)
    Wire(monkeypatch, [list(text)], ["completed"])
    assert follow() == [("gate", 1), ("gate", 2), ("ended", 3)]


GARBAGE = ["", "{", "5", "[]", '{"kind": 5}', '{"kind": "gate"}', '{"kind": "gate", "passed": NaN}', '{"kind": "round", "seq": 1, "sites": 5}', "[" * 50_000]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_line_that_is_no_event_is_left_out_with_a_warning_and_the_run_is_followed_on(monkeypatch, caplog, garbage):
    Wire(monkeypatch, [[line(1) + control.METRIC + garbage + "\n" + line(2)]], ["completed"])
    assert follow() == [("gate", 1), ("gate", 2), ("ended", 3)]
    assert "run 1: an event is not what the contract says" in caplog.text


def test_a_completed_run_whose_result_cannot_be_read_has_failed(monkeypatch):
    Wire(monkeypatch, [[line(1) + control.METRIC + '{"kind": "result", "seq": 2, "path": 5}\n']], ["completed"])
    *_, ended = control.events("1", link=LINK)
    assert (ended.status, "result could not be read: path" in ended.reason) == ("failed", True)


def test_an_event_of_an_unknown_kind_is_ignored(monkeypatch):
    Wire(monkeypatch, [[line(1) + control.METRIC + '{"kind": "celebration", "seq": 2}\n' + line(3)]], ["completed"])
    assert follow() == [("gate", 1), ("gate", 3), ("ended", 4)]


def test_a_half_line_at_the_end_of_a_stream_is_not_an_event(monkeypatch):
    Wire(monkeypatch, [[line(1) + line(2)[:-9]], [line(1) + line(2)]], ["running", "completed"])
    assert follow() == [("gate", 1), ("gate", 2), ("ended", 3)]


def test_lines_that_arrive_after_the_stream_has_ended_are_not_lost(monkeypatch):
    Wire(monkeypatch, [[line(1)], [line(1) + line(2)]], ["running", "completed"])
    assert follow() == [("gate", 1), ("gate", 2), ("ended", 3)]


def test_a_broken_stream_is_taken_up_again_without_repeating_anything(monkeypatch):
    Wire(monkeypatch, [[line(1), control.Unreachable("gone")], [line(1), line(2)]], ["running", "completed"])
    assert follow() == [("gate", 1), ("gate", 2), ("ended", 3)]


@pytest.mark.parametrize(("after", "first"), [(0, 1), (1, 2), (2, 3)])
def test_a_reader_goes_on_from_where_it_was(monkeypatch, after, first):
    Wire(monkeypatch, [[line(1) + line(2)]], ["completed"])
    assert follow(after=after)[0][1] == first


def test_a_superlink_that_stays_away_ends_the_waiting(monkeypatch):
    Wire(monkeypatch, [[]], [control.Unreachable("nobody there")])
    (ended,) = control.events("1", link=LINK, patience_s=0)
    assert ended.status == "failed"
    assert "nobody there" in ended.reason


def test_a_run_that_nobody_begins_is_stopped_with_the_reason(monkeypatch):
    wire = Wire(monkeypatch, [[]], ["pending"])
    monkeypatch.setattr(control, "PENDING_S", -1.0)
    (ended,) = control.events("1", link=LINK)
    assert wire.stopped == ["1"]
    assert (ended.status, "nobody began" in ended.reason) == ("failed", True)


def test_a_plan_that_cannot_work_is_not_sent():
    with pytest.raises(PlanError):
        control.start_run(RunPlan("anomaly", strategy="median", min_sites=2), link=LINK)


def test_a_key_of_another_kind_is_not_sent():
    with pytest.raises(pki.PkiError):
        control.register_node("ssh-ed25519 AAAA", link=LINK)


def test_a_home_without_a_superlink_says_so(tmp_path):
    with pytest.raises(control.Unreachable, match="no SuperLink has been started"):
        control.ControlLink.of(tmp_path)


def test_the_link_comes_from_the_home_folder_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("SPECOLA_SUPERLINK", raising=False)
    (tmp_path / "superlink").mkdir()
    (tmp_path / "superlink" / "control.token").write_text("secret")
    (tmp_path / "superlink" / "control.address").write_text("127.0.0.1:4000")
    monkeypatch.setenv("SPECOLA_HOME", str(tmp_path))
    assert control.ControlLink.of() == control.ControlLink("127.0.0.1:4000", tmp_path / "pki" / "ca.crt", "secret")
    monkeypatch.setenv("SPECOLA_SUPERLINK", "127.0.0.1:5000")
    assert control.ControlLink.of().address == "127.0.0.1:5000"
