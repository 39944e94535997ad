"""The embedded Valkey: a real server, killed for real."""

from __future__ import annotations

import os
import signal
import stat

import pytest
import redis

from infra import valkey
from infra.errors import HomeError, ServiceError
from tests.waiting import wait_for

pytestmark = pytest.mark.process


@pytest.fixture
def store(home):
    return valkey.store_in(home)


def client(store):
    return redis.Redis.from_url(store.url, decode_responses=True)


def test_it_starts_and_answers_a_real_client(store):
    valkey.start(store)
    assert client(store).ping()


def test_starting_twice_starts_once(store):
    valkey.start(store)
    assert valkey.start(store) is None


def test_it_listens_on_no_port_and_only_for_its_owner(store):
    valkey.start(store)
    assert client(store).config_get("port") == {"port": "0"}
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o700


def test_values_survive_a_stop(store):
    valkey.start(store)
    client(store).set("kept", "7")
    valkey.stop(store)
    assert not valkey.answers(store.url)
    valkey.start(store)
    assert client(store).get("kept") == "7"


def test_values_older_than_a_second_survive_a_hard_kill(store):
    process = valkey.start(store)
    client(store).set("kept", "7")
    wait_for(lambda: client(store).info("persistence")["aof_pending_bio_fsync"] == 0 and b"kept" in b"".join(f.read_bytes() for f in store.data.rglob("*.aof")))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    valkey.start(store)
    assert client(store).get("kept") == "7"


def test_a_torn_end_of_its_file_is_tolerated(store):
    valkey.start(store)
    client(store).set("kept", "7")
    valkey.stop(store)
    journal = next(store.data.rglob("*.incr.aof"))
    journal.write_bytes(journal.read_bytes() + b"*3\r\n$3\r\nSET\r\n$1\r\n")
    valkey.start(store)
    assert client(store).get("kept") == "7"


def test_a_long_home_path_gets_its_socket_elsewhere(home):
    store = valkey.store_in(home / ("a" * 60) / ("b" * 60))
    valkey.start(store)
    assert client(store).ping()
    valkey.stop(store)


def test_a_dead_servers_socket_does_not_count_as_an_answer(store):
    process = valkey.start(store)
    process.kill()
    process.wait()
    assert store.path.exists()
    assert not valkey.answers(store.url)


def test_a_read_only_disk_is_one_clear_sentence(mount):
    with pytest.raises(HomeError, match="choose another folder with --home"):
        valkey.start(valkey.store_in(mount("ro")))


def test_damaged_data_is_an_error_that_names_the_log(store):
    valkey.start(store)
    valkey.stop(store)
    next(store.data.rglob("*.manifest")).write_text("rubbish")
    with pytest.raises(ServiceError, match=r"valkey\.log"):
        valkey.start(store)


def test_a_redis_over_the_network_that_is_down_does_not_answer():
    assert not valkey.answers("redis://127.0.0.1:1/0")
