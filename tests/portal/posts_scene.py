"""Posts of a made-up campaign, as somebody pastes them: for tests of the desk's text tools."""

from __future__ import annotations

import copy
from typing import Any

from django.test import Client

from portal.accounts.models import User
from portal.analysis import actions, tasks
from portal.analysis.models import Case, CaseState
from portal.analysis.sandbox import Findings
from portal.sites.models import Site

SAME = "Nobody says why the tower is closed since yesterday, ask @Giulia.Neri or hand_0 https://x.com/hand_1/status/42"
MARKUP, FORMULA = "<script>document.title='taken'</script> <b>bold</b>", "=HYPERLINK(1)"
NAMES = ("hand_0", "hand_1", "hand_2", "hand_3", "hand_4", "giulia.neri", "anna rossi")
_reports: dict[str, dict[str, Any]] = {}  # the campaign tool needs seconds, and the posts are the same in most tests


def pasted_posts(others: int = 40) -> str:
    """Five accounts write the same within seconds of each other eight times; one post is markup, one a formula that comes again."""
    rows = [f'{hour:02d}:30:{2 * n:02d},hand_{n},"{SAME}"' for hour in range(8, 16) for n in range(5)]
    rows += [f'09:0{n}:00,Anna Rossi,"{MARKUP} number {n}"' for n in range(2)] + [
        f"09:1{n}:00,bruno,{FORMULA} {'is what everybody says ' * 2}" for n in range(2)
    ]
    subjects = ["sun", "rain", "bread", "wine", "stone"]
    rows += [f"{8 + n % 9:02d}:{n % 60:02d}:11,person_{n % 40},Post number {n} about {subjects[n % 5]} and {n * 7919 % 997}" for n in range(others)]
    return "\n".join(["time,account,text", *(f"2026-09-01 {row}" for row in rows)])


def examined_posts(user: User, site: Site | None = None, tool: str = "campaign", text: str = "", **more: object) -> Case:
    """A case about pasted posts, examined: by the real tool, whose report on the same posts the next tests of this process get without waiting for it."""
    text = text or pasted_posts()
    case, asked = actions.open_case(user=user, site=site, tool=tool, text=text, **more), repr((tool, text, more))
    if asked in _reports:
        actions.begin_examination(case_id=case.pk)
        actions.keep_report(case_id=case.pk, findings=Findings(copy.deepcopy(_reports[asked]), {}))
    else:
        tasks.run_case(case_id=case.pk)
    case.refresh_from_db()
    if tool == "campaign" and case.state == CaseState.DONE and not case.evidence:  # what others find may depend on the facts in the database
        _reports[asked] = copy.deepcopy(case.report)
    return case


def body(client: Client, path: str) -> str:
    """What an address answers, as text."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.content[:300]
    return (answer.getvalue() if answer.streaming else answer.content).decode()
