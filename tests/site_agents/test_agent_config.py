"""agent.toml: every mistake is named with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from site_agents import sources
from site_agents.config import load
from site_agents.errors import ConfigError

GOOD = """name = "square"
portal = "http://127.0.0.1:8000"

[source]
kind = "file"
path = "clip.webm"
loop = true
pace = "fast"
fps = 5

[training]
enabled = true
"""


def written(folder: Path, text: str) -> Path:
    (folder / "agent.toml").write_text(text)
    return folder / "agent.toml"


def problem(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text))
    return caught.value


def test_the_file_of_the_architecture_is_read(tmp_path):
    config = load(written(tmp_path, GOOD))
    assert (config.name, config.source.kind, config.source.fps, config.training.enabled) == ("square", "file", 5.0, True)
    assert config.folder == tmp_path.resolve()


def test_what_is_left_out_has_a_default(tmp_path):
    config = load(written(tmp_path, 'name = "a"\nportal = "https://p"\n[source]\nkind = "webcam"\npath = "0"\n'))
    assert (config.source.loop, config.source.pace, config.training.enabled, config.outbox.media_mb) == (False, "real-time", False, 200)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('kind = "file"', 'knid = "file"', 5, "unknown key 'knid'"),
        ('kind = "file"', 'kind = "telepathy"', 5, "kind must be one of drone, file, folder, stream, webcam"),
        ('kind = "file"', "kind = 3", 5, "kind must be a text in quotes"),
        ('kind = "file"', "", 4, "the key 'kind' is missing"),
        ('path = "clip.webm"', 'path = ""', 6, "path must not be empty"),
        ("loop = true", 'loop = "yes"', 7, "loop must be true or false"),
        ('pace = "fast"', 'pace = "slow"', 8, "pace must be one of real-time, fast"),
        ("fps = 5", "fps = 0", 9, "fps must be from 0.1 to 60, not 0"),
        ("fps = 5", "fps = true", 9, "fps must be a number"),
        ("fps = 5", 'fps = "5"', 9, "fps must be a number"),
        ("fps = 5", "fps = nan", 9, "fps must be from 0.1 to 60"),
        ("enabled = true", "enabled = 1", 12, "enabled must be true or false"),
        ("enabled = true", "keep_mb = -1", 12, "keep_mb must be from 1"),
        ("[training]", "[trainign]", 11, "unknown key 'trainign'"),
        ('name = "square"', 'name = "the square!"', 1, "name must be letters"),
        ('name = "square"', "", 0, "the key 'name' is missing"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", 2, "portal must be an address"),
        ("http://127.0.0.1:8000", "ftp://portal", 2, "portal must be an address"),
        ("\n[source]", 'log = "loud"\n[source]', 3, "log must be one of debug"),
        ("loop = true", "loop = true\nloop = true", 8, "overwrite"),
        ("loop = true", "loop = ", 7, "Invalid value"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, old, new, line, words):
    error = problem(tmp_path, GOOD.replace(old, new))
    assert (error.line, words in str(error)) == (line, True), str(error)
    assert str(error).startswith(str(tmp_path / "agent.toml"))


def test_a_table_written_as_a_value_is_explained(tmp_path):
    assert "write [source]" in str(problem(tmp_path, 'name = "a"\nportal = "http://p"\nsource = "file"\n'))


def test_a_missing_source_is_named(tmp_path):
    assert "the key 'source' is missing" in str(problem(tmp_path, 'name = "a"\nportal = "http://p"\n'))


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"):
        load(tmp_path / "nowhere.toml")


def test_an_empty_file_is_one_sentence(tmp_path):
    assert "is missing" in str(problem(tmp_path, ""))


def test_a_binary_file_is_one_sentence(tmp_path):
    (tmp_path / "agent.toml").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "agent.toml")


def test_a_folder_instead_of_a_file_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_a_key_of_another_table_is_not_mistaken_for_it(tmp_path):
    """Both tables could have a `path`: the line is that of the table which is wrong."""
    text = GOOD.replace("[training]", "[outbox]\nmedia_mb = 0\n[training]")
    assert problem(tmp_path, text).line == 12


def test_every_source_of_the_folder_is_offered():
    assert sources.kinds() == ["drone", "file", "folder", "stream", "webcam"]
