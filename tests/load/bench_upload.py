"""A large file on its way to the desk: the session ends in the middle, portal and worker are killed once; the portal's peak memory and the rate."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from subprocess import Popen

from tests.e2e.server import Portal, prepared_portal, serving, working
from tests.load.stand import conclude, own_services, parser, progress
from tests.portal.tus_client import PIECE, TusClient

MB = 2**20
FLAT = 64 * MB  # more than this on top of what the portal took before the upload is not flat
SIGN_OUT = "from django.contrib.sessions.models import Session; Session.objects.all().delete()"
STORED = """
from portal.analysis.models import Upload
from portal.core import media
upload = Upload.objects.get()
print(upload.sha256, media.path(upload.sha256).stat().st_size)
"""


def main(arguments: list[str]) -> int:
    """Send, interrupt, compare, print."""
    options = parser("upload", __doc__ or "")
    options.add_argument("--megabytes", type=int, default=1536)
    chosen = options.parse_args(arguments)
    with own_services() as home, prepared_portal(home) as portal:
        progress(chosen, f"{chosen.megabytes} MB in pieces of {PIECE // MB} MB ...")
        figures, passed = _measure(portal, chosen.megabytes * MB)
    return conclude(figures, passed=passed)


def _measure(portal: Portal, size: int) -> tuple[dict[str, object], bool]:
    third = size // PIECE // 3
    with contextlib.ExitStack() as running:
        programs = {"portal": running.enter_context(serving(portal)), "worker": running.enter_context(working(portal))}
        person = TusClient(portal.address, "operator@specola.example", portal.password)
        address = person.begin(size)
        before, peaks = peak(programs["portal"]), []

        def kill() -> None:
            peaks.append(peak(programs["portal"]))
            for program in programs.values():
                program.kill()
                program.wait()
            programs["portal"] = running.enter_context(serving(portal))
            programs["worker"] = running.enter_context(working(portal))

        began = time.monotonic()
        sent = person.send(address, size, {third: lambda: portal.django(SIGN_OUT), 2 * third: kill})
        seconds = time.monotonic() - began
        peaks.append(peak(programs["portal"]))
    stored, bytes_stored = portal.django(STORED).split()
    right = stored == sent and int(bytes_stored) == size
    grown = max(peaks) - before
    figures = {
        "megabytes": size // MB,
        "seconds": seconds,
        "mb_per_s": size / MB / seconds,
        "portal_before_mb": before / MB,
        "portal_peak_mb": max(peaks) / MB,
        "sign_ins": person.sign_ins,
        "kills": 1,
        "sha256_right": right,
    }
    return figures, right and grown < FLAT and person.sign_ins == 2


def peak(program: Popen[bytes]) -> int:
    """The most memory a process has had so far, in bytes."""
    rows = Path(f"/proc/{program.pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("VmHWM:"))
