"""What a heartbeat and an open browser cost one portal process: signed calls over HTTP, rows in PostgreSQL, memory of each WebSocket."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import threading
import time
from typing import Any

import httpx
import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.e2e.server import Portal, prepared_portal, serving
from tests.load.stand import conclude, own_services, parser, percentile, progress
from tests.portal.wire import signed_headers

BEAT_S = 3.0  # an agent says so often how it is
BODY = {"versions": {"specola": "0.1.0"}, "mains": True, "legal_mode": "M0", "models": {}, "data": {"anomaly": 120}, "outbox": {"pending": 0, "oldest_t": None}}
CAMERA = {"state": "live", "fps": 10.0, "dropped": 0, "width": 1280, "height": 720, "stages_ms": {"people": 21.0, "anomaly": 5.1}}
SESSION = """
from django.contrib.auth import SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from portal.accounts.models import User
user, store = User.objects.get(email="operator@specola.example"), SessionStore()
store[SESSION_KEY], store[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
store.create()
print(store.session_key)
"""
ROWS = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("select pg_stat_force_next_flush()")
    cursor.execute("select coalesce(sum(n_tup_ins), 0), coalesce(sum(n_tup_upd), 0) from pg_stat_user_tables")
    print(*cursor.fetchone())
"""


def main(arguments: list[str]) -> int:
    """Beat, count, open sockets, weigh, print."""
    options = parser("heartbeats", __doc__ or "")
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--callers", type=int, default=4, help="threads that send as fast as they are answered")
    options.add_argument("--sockets", type=int, default=200)
    chosen = options.parse_args(arguments)
    with own_services() as home, prepared_portal(home) as portal, serving(portal) as server:
        progress(chosen, f"heartbeats for {chosen.seconds:.0f} s ...")
        process = psutil.Process(server.pid)
        figures = beats(portal, process, chosen)
        progress(chosen, f"{chosen.sockets} WebSockets ...")
        figures |= asyncio.run(weigh(portal, process, chosen.sockets))
    return conclude({**figures, "load_before": os.getloadavg()[1]}, passed=figures["beats"] > 0 and figures["sockets"] == chosen.sockets)


def beats(portal: Portal, process: psutil.Process, chosen: argparse.Namespace) -> dict[str, Any]:
    """Rate, processor seconds of the portal for each, rows written for each."""
    waits, stop = list[float](), threading.Event()
    _beat(portal, waits, threading.Event(), most=5)
    waits.clear()
    rows, busy, began = _rows(portal), _cpu_s(process), time.monotonic()
    workers = [threading.Thread(target=_beat, args=(portal, waits, stop)) for _ in range(chosen.callers)]
    for worker in workers:
        worker.start()
    stop.wait(chosen.seconds)
    stop.set()
    for worker in workers:
        worker.join()
    seconds, cost = time.monotonic() - began, (_cpu_s(process) - busy) / len(waits)
    inserted, updated = (after - before for after, before in zip(_rows(portal), rows, strict=True))
    figures = {"beats": len(waits), "seconds": seconds, "beats_per_s": len(waits) / seconds}
    figures |= {"cpu_ms_per_beat": 1000 * cost, "agents_per_core": int(BEAT_S / cost)}
    each = {"inserts_per_beat": inserted / len(waits), "updates_per_beat": updated / len(waits)}
    return {**figures, **each, "p50_s": percentile(waits, 0.5), "p95_s": percentile(waits, 0.95)}


async def weigh(portal: Portal, process: psutil.Process, count: int) -> dict[str, Any]:
    """Memory of the portal's process for each watch room that is open."""
    import websockets

    key = portal.django(SESSION).strip().splitlines()[-1]
    url, headers = portal.address.replace("http", "ws") + "/ws/alerts/", {"Cookie": f"sessionid={key}", "Origin": portal.address}

    async def opened() -> Any:
        socket = await websockets.connect(url, additional_headers=headers, open_timeout=60)
        await socket.send(json.dumps({"language": "en"}))
        await asyncio.wait_for(socket.recv(), 60)
        return socket

    sockets = [await opened() for _ in range(10)]  # what the first ones bring into memory stays
    before = process.memory_info().rss
    sockets += [await opened() for _ in range(count - len(sockets))]
    grown = process.memory_info().rss - before
    for socket in sockets:
        await socket.close()
    return {"sockets": len(sockets), "rss_mb_before": before / 1e6, "kb_per_socket": grown / (count - 10) / 1e3}


def _beat(portal: Portal, waits: list[float], stop: threading.Event, most: int = 100_000) -> None:
    agent = next(iter(portal.agents.values()))
    key, url = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(agent["key"])), f"{portal.address}/api/v1/heartbeat"
    with httpx.Client(timeout=60) as client:
        for _ in range(most):
            if stop.is_set():
                return
            now = time.time()
            body = json.dumps({**BODY, "t": now, "started": now - 60, "camera": {**CAMERA, "last_frame_t": now}, "config_version": 1}).encode()
            began = time.monotonic()
            answer = client.post(url, content=body, headers=signed_headers("POST", url, body, key, agent["id"]))
            assert answer.status_code == 200, answer.text
            waits.append(time.monotonic() - began)


def _rows(portal: Portal) -> tuple[int, int]:
    inserted, updated = portal.django(ROWS).split()[-2:]
    return int(inserted), int(updated)


def _cpu_s(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return spent.user + spent.system
