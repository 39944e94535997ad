"""How many events a second one portal process takes: real signed batches over HTTP from several agents, PostgreSQL durable."""

from __future__ import annotations

import itertools
import json
import statistics
import threading
import time

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.e2e.server import Portal, running_portal
from tests.load.stand import conclude, own_services, parser, percentile, progress
from tests.portal.wire import event, signed_headers

TARGET = 300.0  # events a second
ZONES = ("altar", "lawn", "steps", "door")


def main(arguments: list[str]) -> int:
    """Send, count, print."""
    options = parser("ingest", __doc__ or "")
    options.add_argument("--events", type=int, default=6000)
    options.add_argument("--batch", type=int, default=50)
    chosen = options.parse_args(arguments)
    with own_services() as home, running_portal(home) as portal:
        progress(chosen, f"{chosen.events} events in batches of {chosen.batch} from {len(portal.agents)} agents ...")
        waits, seconds = send_all(portal, chosen.events, chosen.batch)
        stored = int(portal.django("from portal.alerts.models import Event; print(Event.objects.count())"))
    rate = stored / seconds
    figures = {"events": stored, "agents": len(portal.agents), "batch": chosen.batch, "seconds": seconds, "events_per_s": rate}
    return conclude(
        {**figures, "batch_p50_s": percentile(waits, 0.5), "batch_p95_s": percentile(waits, 0.95)}, passed=rate >= TARGET and stored == chosen.events
    )


def send_all(portal: Portal, events: int, batch: int) -> tuple[list[float], float]:
    """All agents at once; returns each call's seconds and the seconds in all."""
    waits: list[float] = []
    share = events // len(portal.agents)
    workers = [threading.Thread(target=_send, args=(portal, camera, share, batch, waits)) for camera in portal.agents]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(waits) == len(workers) * -(-share // batch), f"{len(waits)} calls succeeded; the portal's log is in {portal.home}"
    assert statistics.fmean(waits) > 0
    return waits, time.monotonic() - began


def _send(portal: Portal, camera: str, count: int, batch: int, waits: list[float]) -> None:
    agent = portal.agents[camera]
    key, url = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(agent["key"])), f"{portal.address}/api/v1/events"
    sequence = itertools.count(1)
    with httpx.Client(timeout=60) as client:
        while count > 0:
            events = [event(portal.site, camera, seq=next(sequence), data={"zone": ZONES[n % 4]}) for n in range(min(batch, count))]
            body = json.dumps({"events": events, "sent_t": time.time()}).encode()
            began = time.monotonic()
            answer = client.post(url, content=body, headers=signed_headers("POST", url, body, key, agent["id"]))
            assert len(answer.json()["accepted"]) == len(events), answer.text
            waits.append(time.monotonic() - began)
            count -= len(events)
