"""What the stores of an installation keep of deleted rows, and how it is made to go: PostgreSQL's pages and log, Valkey, files."""

from __future__ import annotations

import os
import re
import time
import uuid
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from redis import Redis

AUDIT = "core_auditrow"
BY_TYPE = "('uuid', 'json', 'jsonb', 'text', 'character varying', 'ARRAY', 'bytea')"
COLUMNS = f"""SELECT c.table_name, c.column_name, c.data_type, c.is_nullable = 'YES' FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.table_name <> '{AUDIT}' AND c.data_type IN {BY_TYPE} ORDER BY 1, 2"""
TABLES = f"SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> '{AUDIT}'"
AUDIT_FILES = f"""SELECT pg_relation_filepath(c.oid) FROM pg_class c WHERE c.oid = '{AUDIT}'::regclass
    OR c.oid = (SELECT reltoastrelid FROM pg_class WHERE oid = '{AUDIT}'::regclass)
    OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = '{AUDIT}'::regclass)"""
GONE = "erased"
REWRITE_S = 60


def scrub_rows(uid: uuid.UUID) -> dict[str, int]:
    """Take the id out of every column of every table except the audit log's: a later table is not forgotten. Returns `table.column` -> rows.

    Text and JSON lose the id and keep the rest; a UUID becomes null, or its row goes when it may not be null.
    """
    pattern, touched = f"({uid}|{uid.hex})", {}
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        for table, column, kind, nullable in cursor.fetchall():
            name, place = connection.ops.quote_name(column), connection.ops.quote_name(table)
            if kind == "uuid":
                act = f"UPDATE {place} SET {name} = NULL" if nullable else f"DELETE FROM {place}"
                cursor.execute(f"{act} WHERE {name} = %s", [uid])
            elif kind in ("bytea", "ARRAY"):
                test = f"position(%s IN {name}) > 0" if kind == "bytea" else f"{name}::text ~* %s"
                cursor.execute(f"DELETE FROM {place} WHERE {test}", [uid.bytes if kind == "bytea" else pattern])
            else:
                cast = {"json": "::json", "jsonb": "::jsonb"}.get(kind, "")
                statement = f"UPDATE {place} SET {name} = regexp_replace({name}::text, %s, %s, 'gi'){cast} WHERE {name}::text ~* %s"
                cursor.execute(statement, [pattern, GONE, pattern])
            if cursor.rowcount:
                touched[f"{table}.{column}"] = cursor.rowcount
    return touched


def rewrite_database() -> None:
    """Write every table anew, so that deleted rows are in no page, index or statistics, and drop the old write-ahead log. Call it outside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {AUDIT} ALTER COLUMN subject SET STATISTICS 0, ALTER COLUMN data SET STATISTICS 0")
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = %s::regclass", [AUDIT])
        cursor.execute(TABLES)
        for (table,) in cursor.fetchall():
            cursor.execute(f"VACUUM (FULL, ANALYZE) {connection.ops.quote_name(table)}")
        cursor.execute("VACUUM FULL pg_statistic")
    drop_log()


def drop_log() -> None:
    """Move PostgreSQL's write-ahead log past every file that holds something old; the checkpoint removes those (wal_recycle is off)."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW wal_recycle")
        if cursor.fetchone()[0] == "on":
            cursor.execute("ALTER SYSTEM SET wal_recycle = off")
            cursor.execute("SELECT pg_reload_conf()")
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT count(*) FROM pg_ls_waldir() WHERE name > pg_walfile_name(pg_current_wal_lsn()) AND name ~ '^[0-9A-F]{24}$'")
        for _ in range(cursor.fetchone()[0] + 1):  # files kept for later use by an older setting still hold old bytes
            cursor.execute("SELECT pg_logical_emit_message(false, 'specola', 'erased'), pg_switch_wal()")
        cursor.execute("CHECKPOINT")


def audit_files(home: Path) -> list[str]:
    """The files of the audit table, its indexes and its long values, below `home`; none when PostgreSQL lies elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        data = Path(cursor.fetchone()[0])
        cursor.execute(AUDIT_FILES)
        paths = [data / row[0] for row in cursor.fetchall()]
    return [str(path.relative_to(home)) for path in paths if path.is_relative_to(home)]


def scrub_cache(uid: uuid.UUID) -> int:
    """Delete the keys of Valkey that name the person, and let it write its file anew. Returns how many keys went."""
    client, texts = Redis.from_url(settings.REDIS_URL), (str(uid).encode(), uid.hex.encode(), uid.bytes)
    gone = 0
    for key in client.scan_iter(count=1000):
        value = client.dump(key) or b""
        if any(text in key or text in value for text in texts):
            gone += client.delete(key)
    cache.close()
    if client.config_get("appendonly").get("appendonly") == "yes":
        _rewrite(client)
    return gone


def scrub_logs(uid: uuid.UUID, home: Path) -> int:
    """Write crosses over the id in every log, where it stands: programs go on appending to the same file. Returns how many places."""
    pattern = re.compile(f"{uid}|{uid.hex}".encode(), re.IGNORECASE)
    places = 0
    for path in home.rglob("*.log*"):
        if not path.is_file() or path.is_symlink():
            continue
        found = [match.span() for match in pattern.finditer(path.read_bytes())]
        with path.open("r+b") as file:
            for begin, end in found:
                os.pwrite(file.fileno(), b"x" * (end - begin), begin)
        places += len(found)
    return places


def _rewrite(client: Redis) -> None:
    """Valkey's append-only file from what it holds now, and wait until that is done."""
    until = time.monotonic() + REWRITE_S
    while client.info("persistence")["aof_rewrite_in_progress"] and time.monotonic() < until:
        time.sleep(0.05)
    client.bgrewriteaof()
    while any(client.info("persistence")[name] for name in ("aof_rewrite_in_progress", "aof_rewrite_scheduled")) and time.monotonic() < until:
        time.sleep(0.05)
