"""The embedded PostgreSQL: real servers, killed for real."""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from infra import postgres, services
from infra.errors import HomeError, ServiceError
from infra.owner import Owner, owner_of
from tests.waiting import wait_for

pytestmark = pytest.mark.process


@pytest.fixture
def cluster(home):
    return postgres.cluster_in(home)


def query(cluster, statement):
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        done = connection.execute(statement)
        return done.fetchall() if done.description else None


def kill(cluster):
    pid = postgres.running_pid(cluster)
    os.kill(pid, signal.SIGKILL)
    postgres.reap(pid)
    wait_for(lambda: postgres.running_pid(cluster) is None)


def test_a_fresh_server_has_the_database_and_vectors(cluster):
    postgres.start(cluster)
    assert query(cluster, "SELECT '[1,2]'::vector <-> '[4,6]'::vector") == [(5.0,)]


def test_starting_twice_starts_once(cluster):
    first = postgres.start(cluster)
    assert postgres.start(cluster) is None
    assert postgres.running_pid(cluster) == first.pid


def test_rows_survive_a_hard_kill(cluster):
    postgres.start(cluster)
    query(cluster, "CREATE TABLE kept AS SELECT 7 AS n")
    kill(cluster)
    postgres.start(cluster)
    assert query(cluster, "SELECT n FROM kept") == [(7,)]


def test_rows_survive_a_stop(cluster):
    postgres.start(cluster)
    query(cluster, "CREATE TABLE kept AS SELECT 7 AS n")
    postgres.stop(cluster)
    assert postgres.running_pid(cluster) is None
    postgres.start(cluster)
    assert query(cluster, "SELECT n FROM kept") == [(7,)]


def test_a_stale_pid_file_of_another_program_does_not_stop_it(cluster):
    postgres.initialise(cluster)
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster.data}\n1\n5432\n{cluster.sockets}\n\n")
    postgres.start(cluster)
    assert query(cluster, "SELECT 1") == [(1,)]


def test_a_pid_file_full_of_rubbish_counts_as_not_running(cluster):
    postgres.initialise(cluster)
    (cluster.data / "postmaster.pid").write_text("rubbish")
    assert postgres.running_pid(cluster) is None


def test_an_interrupted_initdb_is_begun_again(cluster):
    postgres.make_folders(cluster)
    half = cluster.data.with_name("data.new")
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    postgres.start(cluster)
    assert query(cluster, "SELECT 1") == [(1,)]


def test_no_network_port_is_opened(cluster):
    postgres.start(cluster)
    assert query(cluster, "SHOW listen_addresses") == [("",)]
    assert query(cluster, "SELECT inet_server_addr()") == [(None,)]


def test_only_the_owner_may_use_the_socket(cluster):
    postgres.start(cluster)
    assert cluster.sockets.stat().st_mode & 0o077 == 0


def test_a_long_home_path_gets_its_socket_elsewhere(home):
    deep = home / ("a" * 60) / ("b" * 60)
    cluster = postgres.cluster_in(deep)
    assert not cluster.sockets.is_relative_to(deep)
    postgres.start(cluster)
    assert query(cluster, "SELECT 1") == [(1,)]
    postgres.stop(cluster)


def test_a_path_with_spaces_and_umlauts_works(home):
    cluster = postgres.cluster_in(home / "my hòme & co")
    postgres.start(cluster)
    assert query(cluster, "SELECT 1") == [(1,)]
    postgres.stop(cluster)


def test_two_homes_run_side_by_side(home):
    here, there = postgres.cluster_in(home / "a"), postgres.cluster_in(home / "b")
    postgres.start(here)
    postgres.start(there)
    query(here, "CREATE TABLE only_here (n int)")
    assert query(there, "SELECT to_regclass('only_here')") == [(None,)]
    postgres.stop(here)
    postgres.stop(there)


@pytest.fixture
def open_home():
    """A home that everybody may enter, also when the temporary files of these tests lie in a closed folder."""
    folder = Path(tempfile.mkdtemp(prefix="specola-infra-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    services.stop_services(folder)
    shutil.rmtree(folder, ignore_errors=True)


def copied(binaries, home):
    """The server's programs and their libraries where everybody may run them: the clone may lie in a closed folder."""
    install, package = binaries.parent, binaries.parent.parent
    shutil.copytree(package.with_name(f"{package.name}.libs"), home / f"{package.name}.libs")
    return Path(shutil.copytree(install, home / package.name / install.name, symlinks=True)) / binaries.name


def test_a_socket_lock_of_a_reused_process_id_does_not_keep_it_from_starting(cluster):
    postgres.start(cluster)
    kill(cluster)
    (cluster.sockets / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n{cluster.data}\n0\n5432\n{cluster.sockets}\n")
    postgres.start(cluster)
    assert query(cluster, "SELECT 1") == [(1,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")
def test_as_root_the_real_user_nobody_works_too(open_home, monkeypatch):
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(postgres, "owner_of", lambda *_: Owner(uid=nobody.pw_uid, gid=nobody.pw_gid))
    cluster = postgres.cluster_in(open_home)
    cluster = dataclasses.replace(cluster, binaries=copied(cluster.binaries, open_home))
    postgres.start(cluster)
    assert query(cluster, "SELECT 1") == [(1,)]
    assert cluster.data.stat().st_uid == nobody.pw_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")
def test_as_root_without_namespaces_a_closed_folder_is_named(home, monkeypatch):
    monkeypatch.setattr("infra.owner._namespaces_work", lambda: False)
    home.chmod(0o700)
    with pytest.raises(HomeError, match="ordinary user"):
        owner_of(home / "postgres" / "data", Path("/usr/bin"))


def test_a_server_dies_with_the_program_that_started_it(home, cluster):
    code = f"import os, signal; from infra import postgres; postgres.start(postgres.cluster_in({str(home)!r} and __import__('pathlib').Path({str(home)!r})));"
    subprocess.run([sys.executable, "-c", code + "os.kill(os.getpid(), signal.SIGKILL)"], check=False)
    wait_for(lambda: postgres.running_pid(cluster) is None)


def test_a_detached_server_outlives_the_program_that_started_it(home, cluster):
    code = f"from pathlib import Path; from infra import postgres; postgres.start(postgres.cluster_in(Path({str(home)!r})), detached=True)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert query(cluster, "SELECT 1") == [(1,)]


def test_a_full_disk_is_one_clear_sentence(mount):
    with pytest.raises(ServiceError, match="the disk is full"):
        postgres.start(postgres.cluster_in(mount(size="4m")))


def test_a_read_only_disk_is_one_clear_sentence(mount):
    with pytest.raises(HomeError, match="choose another folder with --home"):
        postgres.start(postgres.cluster_in(mount("ro")))


def test_data_of_another_major_version_is_refused_and_left_alone(cluster):
    cluster.data.mkdir(parents=True)
    (cluster.data / "PG_VERSION").write_text("11\n")
    with pytest.raises(ServiceError, match="made by PostgreSQL 11"):
        postgres.cluster_in(cluster.data.parent.parent)
    (cluster.data / "PG_VERSION").unlink()


def test_damaged_data_is_an_error_with_the_servers_own_words(cluster):
    postgres.initialise(cluster)
    (cluster.data / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(ServiceError, match=r"did not start: .*FATAL|PANIC"):
        postgres.start(cluster)


def test_an_external_server_that_is_down_is_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(ServiceError, match="unset DATABASE_URL"):
            postgres.check_external(f"postgresql://nobody@127.0.0.1:{free.getsockname()[1]}/x")


@pytest.mark.parametrize("url", ["postgrs://u:geheim@db/x", "postgresql://u:geheim%zz@db/x"], ids=["kind", "escape"])
def test_an_address_that_is_none_is_refused_without_its_password(url):
    with pytest.raises(ServiceError, match="DATABASE_URL is no address") as caught:
        postgres.check_external(url)
    assert "geheim" not in str(caught.value)


def test_an_external_server_that_is_fine_is_accepted(cluster):
    postgres.start(cluster)
    postgres.check_external(cluster.url)


def test_an_external_server_that_is_too_old_is_refused(cluster, monkeypatch):
    postgres.start(cluster)
    monkeypatch.setattr(postgres, "OLDEST", 99)
    with pytest.raises(ServiceError, match="at least 99"):
        postgres.check_external(cluster.url)


@pytest.mark.parametrize(
    ("log", "meant"),
    [("LOG: x\nFATAL:  no\nLOG: y", "FATAL:  no"), ("", "it said nothing"), ("one\ntwo", "two"), ("x: No space left on device\nremoved", "the disk is full")],
)
def test_a_servers_words_are_cut_to_what_matters(log, meant):
    assert meant in postgres.explain(log)
