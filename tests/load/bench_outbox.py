"""Events produced while the portal is down, then up again (and killed in the middle): all there once, in order per camera, and how long it took."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detectors.types import uuid7
from federated.contract.events import AgentEvent
from site_agents.clock import Clock
from site_agents.link import PortalLink
from site_agents.outbox import Outbox
from site_agents.signed_config import Identity
from site_agents.store import Medium
from site_agents.uplink import Sender
from tests.e2e.server import Portal, prepared_portal, serving
from tests.load.stand import conclude, own_services, parser, progress

DEADLINE_S = 600
SPACING_S = 0.2  # between two frames
KINDS = ("person_in_zone", "line_crossed", "loitering", "anomaly")
OUT_OF_ORDER = """
SELECT count(*) FROM (SELECT seq, lag(seq, 1, 0::bigint) OVER (PARTITION BY camera_id ORDER BY received, seq) AS before FROM alerts_event) AS rows
WHERE seq <> before + 1"""


def main(arguments: list[str]) -> int:
    """Fill the agents' outboxes, bring the portal up, wait until they are empty, look into PostgreSQL."""
    options = parser("outbox", __doc__ or "")
    options.add_argument("--events", type=int, default=10_000)
    options.add_argument("--pictures", type=int, default=200, help="events that have a picture")
    options.add_argument("--kill", action="store_true", help="kill -9 the portal when half is stored, and start it again")
    chosen = options.parse_args(arguments)
    with own_services() as home, prepared_portal(home) as portal, outboxes(portal) as boxes:
        share = chosen.events // len(boxes)
        began = time.monotonic()
        for camera, box in boxes.items():
            fill(box, portal.site, camera, share, chosen.pictures // len(boxes))
        produced_s = time.monotonic() - began
        progress(chosen, f"{share * len(boxes)} events wait ({produced_s:.1f} s); starting the portal ...")
        seconds, ready_s = deliver(portal, boxes, half=share * len(boxes) // 2 if chosen.kill else 0)
        rows, ids, disorder = look(portal)
        dead = sum(box.stats()["dead"] for box in boxes.values())
    figures = {"events": share * len(boxes), "stored": rows, "stored_once": ids == rows, "out_of_order": disorder, "refused": dead, "killed": chosen.kill}
    times = {
        "produced_s": round(produced_s, 2),
        "portal_ready_s": round(ready_s, 2),
        "delivered_s": round(seconds, 2),
        "events_per_s": round(rows / seconds, 1),
    }
    return conclude({**figures, **times}, passed=rows == ids == share * len(boxes) and not disorder and not dead)


@contextlib.contextmanager
def outboxes(portal: Portal) -> Iterator[dict[str, Outbox]]:
    """The real outbox of each agent, in a folder of its own."""
    boxes = {camera: Outbox(portal.home / "agents" / camera) for camera in portal.agents}
    yield boxes
    for box in boxes.values():
        box.close()


def fill(box: Outbox, site: str, camera: str, count: int, pictures: int) -> None:
    """What an agent does when it sees something: event and picture into the outbox, one transaction each."""
    start = time.time() - count * SPACING_S
    for n in range(count):
        t = start + n * SPACING_S
        seen = pictures and n % max(1, count // pictures) == 0
        picture = Medium(b"\xff\xd8\xff\xe0" + f"{camera} {n}".encode() * 4000, 0.8, t) if seen else None
        name = picture.sha256 if picture else None
        named = {"id": uuid7(t), "site": site, "camera": camera, "kind": KINDS[n % len(KINDS)], "legal_mode": "M0", "snapshot": name}
        box.add(AgentEvent(**named, t=t, seq=0, score=0.8, data={"zone": "altar"}), [picture] if picture else [])


def deliver(portal: Portal, boxes: dict[str, Outbox], half: int) -> tuple[float, float]:
    """Real senders against the real portal until nothing waits; returns seconds of delivery and seconds until the portal answered."""
    began = time.monotonic()
    senders = senders_of(portal, boxes)
    try:
        if half:
            with serving(portal) as server:
                ready_s = time.monotonic() - began
                _start(senders)
                wait_until(boxes, half)
                server.kill()
        with serving(portal):
            ready_s = ready_s if half else time.monotonic() - began
            if not half:
                _start(senders)
            wait_until(boxes, 0)
            return time.monotonic() - began - ready_s, ready_s
    finally:
        for sender in senders:
            sender.stop(1.0)


def look(portal: Portal) -> tuple[int, int, int]:
    """Rows, different ids, and rows that do not follow the one before them in their camera."""
    with psycopg.connect(portal.environment["DATABASE_URL"]) as connection:
        rows, ids = connection.execute("SELECT count(*), count(DISTINCT id) FROM alerts_event").fetchone() or (0, 0)
        (disorder,) = connection.execute(OUT_OF_ORDER).fetchone() or (0,)
    return rows, ids, disorder


def senders_of(portal: Portal, boxes: dict[str, Outbox]) -> list[Sender]:
    """The real agent's sender for each outbox, not started."""
    return [Sender(box, _link(portal, camera), Identity(portal.site, camera, "")) for camera, box in boxes.items()]


def wait_until(boxes: dict[str, Outbox], left: int) -> None:
    """Wait until at most `left` events wait in all outboxes together. Raises TimeoutError."""
    until = time.monotonic() + DEADLINE_S
    while (waiting := sum(box.stats()["pending"] for box in boxes.values())) > left:
        if time.monotonic() > until:
            raise TimeoutError(f"{waiting} events still wait after {DEADLINE_S} s")
        time.sleep(0.02)


def _link(portal: Portal, camera: str) -> PortalLink:
    agent = portal.agents[camera]
    return PortalLink(portal.address, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(agent["key"])), agent["id"], Clock())


def _start(senders: list[Sender]) -> None:
    for sender in senders:
        sender.start()
