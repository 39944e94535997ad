"""36 desk jobs and five enrolment pictures at once over HTTP, again and again while the machine is kept busy: each answer must be the one it gets alone."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx

from tests.e2e.server import Portal, prepared_portal, serving, working
from tests.load.stand import conclude, own_services, parser, progress
from tests.portraits import drawing, face, wall

JOBS, THREADS, PATIENCE_S = 36, 12, 1800.0
WAITING = ("queued", "running")


class Person:
    """Somebody who is signed in at the portal."""

    def __init__(self, portal: Portal, role: str) -> None:
        self.http = httpx.Client(base_url=portal.address, timeout=300, headers={"Origin": portal.address})
        self.http.get("/sign-in/")
        form = {"username": f"{role}@specola.example", "password": portal.password, "csrfmiddlewaretoken": self.http.cookies["csrftoken"]}
        if (status := self.http.post("/sign-in/", data=form).status_code) != 302:
            raise RuntimeError(f"signing in as {role}: {status}")
        self.http.headers["X-CSRFToken"] = self.http.cookies["csrftoken"]

    def open_case(self, tool: str, pictures: tuple[bytes, ...]) -> int:
        """Put pictures on the desk; the case's number."""
        answer = self.http.post("/api/v1/cases", data={"tool": tool}, files=[("file", (f"{n}.png", content)) for n, content in enumerate(pictures)])
        answer.raise_for_status()
        return int(answer.json()["id"])

    def findings(self, cases: list[int]) -> list[Any]:
        """State, problem, verdict and parts of each case once all are over: one question a second, so that asking is not the load."""
        due = time.monotonic() + PATIENCE_S
        while waiting := set(cases) & {each["id"] for each in self.http.get("/api/v1/cases").raise_for_status().json() if each["status"] in WAITING}:
            if time.monotonic() > due:
                raise RuntimeError(f"cases {waiting} are not over after {PATIENCE_S:.0f} s")
            time.sleep(1)
        found = [self.http.get(f"/api/v1/cases/{case}").raise_for_status().json() for case in cases]
        reports = [each.get("report") or {} for each in found]
        return [(each["status"], each.get("problem"), report.get("verdict"), report.get("parts")) for each, report in zip(found, reports, strict=True)]

    def judgement(self, site: int, picture: bytes) -> Any:
        """What a picture for enrolment is worth."""
        answer = self.http.post("/people/enrol/judge", data={"site": site}, files={"picture": ("a.png", picture)})
        return answer.status_code, answer.json() if answer.status_code == 200 else answer.text[:200]


def main(arguments: list[str]) -> int:
    """Ask for each answer alone, then for all at once; count what differs."""
    options = parser("desk", __doc__ or "")
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--busy", type=int, default=3, help="loops that keep the machine busy meanwhile")
    chosen = options.parse_args(arguments)
    with own_services() as home, prepared_portal(home) as portal, serving(portal), working(portal):
        guard, manager = Person(portal, "operator"), Person(portal, "manager")
        site = int(portal.django(f"from portal.sites.models import Site; print(Site.objects.get(slug={portal.site!r}).pk)"))
        kinds = [("picture-check", (wall(),)), ("picture-check", (wall(1),)), ("picture-check", (wall(1, 2),))]
        kinds += [("face-compare", (face(1), face(2))), ("face-compare", (face(1), wall(1, 3))), ("face-compare", (wall(2), face(2)))]
        enrolled = [face(1), face(2), face(3), wall(1, 2), drawing()]
        cases_alone = [guard.findings([guard.open_case(*kind)])[0] for kind in kinds]
        answers_alone = [manager.judgement(site, picture) for picture in enrolled]
        if any(each[0] != "done" for each in cases_alone) or any(status != 200 for status, _answer in answers_alone):
            raise RuntimeError(f"alone already: {cases_alone} {answers_alone}")
        figures: dict[str, Any] = {"jobs": 0, "pictures": 0, "wrong_jobs": 0, "wrong_pictures": 0}
        seconds, loads = [], []
        with busy(chosen.busy), concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            for number in range(chosen.rounds):
                began = time.monotonic()
                wanted = [n % len(kinds) for n in range(JOBS)]
                opened = [pool.submit(guard.open_case, *kinds[n]) for n in wanted]
                pictures = [pool.submit(manager.judgement, site, picture) for picture in enrolled]
                found = guard.findings([each.result() for each in opened])
                answered = [each.result() for each in pictures]
                figures["jobs"] += JOBS
                figures["pictures"] += len(enrolled)
                figures["wrong_jobs"] += sum(each != cases_alone[n] for n, each in zip(wanted, found, strict=True))
                figures["wrong_pictures"] += sum(each != alone for each, alone in zip(answered, answers_alone, strict=True))
                seconds.append(time.monotonic() - began)
                loads.append(os.getloadavg()[0])
                progress(
                    chosen, f"round {number + 1}: {seconds[-1]:.1f} s, load {loads[-1]:.0f}, {figures['wrong_jobs'] + figures['wrong_pictures']} wrong so far"
                )
    figures |= {"rounds": chosen.rounds, "seconds_a_round": sum(seconds) / len(seconds), "load_least": min(loads), "load_most": max(loads)}
    return conclude(figures, passed=figures["wrong_jobs"] == figures["wrong_pictures"] == 0)


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many processes that do nothing but compute."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()
