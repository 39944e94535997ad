"""The evaluator of machine-written posts on a small made-up file: what it prints, and how it refuses another form."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from detectors.__main__ import main
from detectors.evaluators import tweepfake
from detectors.metrics import auc

PLACES = ("tower", "museum", "garden", "river", "bridge", "market", "church")
HUMAN = "went to the {} with my sister today, it was closed!! so annoying haha (we'll try again {})"
MACHINE = '"The {} of the {} is the way to the first of the the {} and the time to be the {}'


def rows(count: int = 12) -> list[dict[str, str]]:
    """Two people and two machines with so many posts each, in this file's own words."""
    made = []
    for n in range(count):
        one, two = PLACES[n % 7], PLACES[(n * 3 + 1) % 7]
        for account in ("anna", "bert"):
            made.append({"text": HUMAN.format(one, two) + account[0] * n, "label": "human", "account": account, "kind": "human"})
        for account, kind in (("anna_bot", "rnn"), ("bert2", "gpt2")):
            made.append({"text": MACHINE.format(one, two, one, two) + f" {n}", "label": "bot", "account": account, "kind": kind})
    return made


def written(path: Path, made: list[dict[str, str]], columns: tuple[str, ...] = tweepfake.COLUMNS) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(made)
    return path


def test_it_prints_what_it_is_judged_by(tmp_path, capsys):
    assert main(["evaluate", "tweepfake", str(written(tmp_path / "posts.csv", rows())), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"accuracy", "auc", "recall_human", "recall_gpt2", "recall_rnn", "recall_others", "auc_account_10"} == set(answer["metrics"])
    assert answer["n"] == 48
    assert answer["metrics"]["auc"]["value"] > 0.9
    assert answer["metrics"]["recall_others"]["value"] is None
    assert {"length_alone", "letters_alone"} <= set(answer["rivals"])
    assert answer["model_bytes"] < 25e6
    assert answer["ms_per_item"] > 0
    assert answer["model"]["name"] == "machine-text"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"label": "robot"}, "label cannot be 'robot'"),
        ({"kind": "gpt9", "label": "bot"}, "kind cannot be 'gpt9'"),
        ({"kind": "rnn", "label": "human"}, "kind cannot be 'rnn' where label is human"),
        ({"account": ""}, "account is empty"),
    ],
)
def test_a_wrong_row_is_refused_with_file_line_and_columns(tmp_path, capsys, change, why):
    path = written(tmp_path / "posts.csv", [rows(1)[0] | {"text": "two\nlines"}, rows(1)[1] | change])
    assert main(["evaluate", "tweepfake", str(path), "--json"]) == 2
    line = capsys.readouterr().err.strip()
    assert "\n" not in line
    assert f"posts.csv, line 4: {why}" in line
    assert line.endswith("expected columns text,label,account,kind")


def test_a_missing_column_an_empty_file_and_other_bytes_are_refused(tmp_path, capsys):
    files = {
        "columns.csv": (b"text,label,kind\na,human,human\n", "line 1: column account is missing"),
        "empty.csv": (b"text,label,account,kind\n", "line 2: there are no rows"),
        "latin.csv": ("text,label,account,kind\nperchè,human,a,human\n".encode("latin-1"), "line 1: this is no CSV text in UTF-8"),
        "short.csv": (b"text,label,account,kind\na,human\n", "line 2: account is missing in this row"),
    }
    for name, (content, why) in files.items():
        (tmp_path / name).write_bytes(content)
        assert main(["evaluate", "tweepfake", str(tmp_path / name)]) == 2
        assert f"{name}, {why}" in capsys.readouterr().err
    assert main(["evaluate", "tweepfake", str(tmp_path), "--json"]) == 2


def made_rows(machine: list[bool], accounts: list[str]) -> tweepfake.TweetRows:
    return tweepfake.TweetRows([""] * len(machine), np.array(machine), np.array(accounts), np.array(["gpt2" if each else "human" for each in machine]))


def test_the_figures_are_those_by_hand():
    found = tweepfake.metrics(np.array([1.0, -1, 2, -3]), made_rows([True, True, False, False], ["b", "b", "a", "a"]))
    assert found["accuracy"]["value"] == 0.5
    assert (found["recall_gpt2"]["value"], found["recall_human"]["value"]) == (0.5, 0.5)
    assert found["auc"]["value"] == auc([1, -1, 2, -3], [1, 1, 0, 0]) == 0.5
    assert found["auc_account_10"]["value"] is None


def test_ten_posts_of_an_account_say_more_than_one():
    rng = np.random.default_rng(0)
    accounts = np.repeat(np.arange(20), 30)
    machine = accounts % 2 == 1
    scores = rng.normal(0, 1, 600) + machine * 0.8
    found = tweepfake.metrics(scores, made_rows(machine.tolist(), [str(each) for each in accounts]))
    assert found["auc_account_10"]["value"] > 0.95 > 0.8 > found["auc"]["value"]
    assert found["auc"]["low"] < found["auc"]["value"] < found["auc"]["high"]


def test_accounts_weigh_alike_in_groups():
    means, machine, weight = tweepfake.grouped(np.arange(9.0), made_rows([True] * 6 + [False] * 3, ["a"] * 6 + ["b"] * 3), 3)
    assert len(means) == 3
    assert machine.tolist() == [True, True, False]
    assert weight.tolist() == [0.5, 0.5, 1.0]
