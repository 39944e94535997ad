"""What agent.toml says of the terms on which a site trains: read with its line, written down for the training, told to the portal."""

from __future__ import annotations

import pytest
from test_agent_config import GOOD, written

from federated.learning import terms
from federated.learning.terms import Terms
from site_agents import training
from site_agents.config import TrainingSettings, load
from site_agents.errors import ConfigError

FLEET = {"fleet": {"address": "127.0.0.1:1", "ca_pem": ""}}


def with_terms(folder, *lines: str):
    return load(written(folder, GOOD.replace("enabled = true", "\n".join(["enabled = true", *lines])))).training


def test_without_a_word_a_site_takes_part_in_everything(tmp_path):
    assert training.terms_of(with_terms(tmp_path)) == Terms()


def test_tasks_and_privacy_can_be_demanded(tmp_path):
    assert training.terms_of(with_terms(tmp_path, 'tasks = ["anomaly"]', "most_epsilon = 4")) == Terms(("anomaly",), 4.0)


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("tasks = []", "tasks must be a list of texts with at least one"),
        ('tasks = "anomaly"', "tasks must be a list of texts"),
        ("tasks = [3]", "tasks must be a list of texts"),
        ('tasks = ["anomoly"]', "there is no task 'anomoly'; there are anomaly"),
        ("most_epsilon = -1", "most_epsilon must be from 0"),
        ("most_epsilon = true", "most_epsilon must be a number"),
        ("least_epsilon = 1", "unknown key 'least_epsilon'"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, line, result):
    with pytest.raises(ConfigError) as error:
        with_terms(tmp_path, line)
    assert result in str(error.value)
    assert "13" in str(error.value)


def test_the_seat_writes_them_where_the_training_looks(tmp_path):
    training.SuperNodeSupervisor(tmp_path, TrainingSettings(enabled=True, tasks=("anomaly",), most_epsilon=2.0), FLEET)
    assert terms.read(tmp_path) == Terms(("anomaly",), 2.0)
    training.SuperNodeSupervisor(tmp_path, TrainingSettings(enabled=True), FLEET)
    assert terms.read(tmp_path) == Terms()


def test_a_site_that_does_not_train_writes_none(tmp_path):
    training.SuperNodeSupervisor(tmp_path, TrainingSettings(), FLEET)
    assert not (tmp_path / terms.FILE).exists()
