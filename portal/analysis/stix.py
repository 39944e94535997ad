"""A campaign case as a STIX 2.1 bundle, for OpenCTI and its like: what was found, by whom, how sure, and nothing that the report does not carry.

Every id is a UUIDv5 of this portal's key, the case and the thing's name, every time is the case's: the same report is the same bundle, whenever taken.
DISARM techniques: docs/cards/campaign.md has what each rests on.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import uuid
from collections.abc import Iterable
from typing import Any

from detectors import worded
from detectors.messages import Message
from detectors.reports import report_from_json
from detectors.types import Report, TableEvidence
from federated.trust import signing
from portal.analysis import names
from portal.analysis.models import Case
from portal.sites.config import portal_key

CONTENT_TYPE = "application/stix+json;version=2.1"
SPACE = uuid.UUID("6f3f6d1a-8c53-5f0e-9d0b-3f6a4f3f7c11")  # of this program; ids of two portals differ by their keys
SINCE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)  # of what belongs to no case
POSSIBLY, COUNTED = 50, 90  # confidence (Admiralty scale): judged on made-up campaigns only; counted in the posts themselves
FEWEST = 3  # accounts of a set that carry one text, from which it is copypasta
MOST_NARRATIVES = 10
COPYPASTA = {
    "source_name": "DISARM",
    "external_id": "T0084.001",
    "url": "https://github.com/DISARMFoundation/DISARMframeworks/blob/main/generated_pages/techniques/T0084.001.md",
}


def offered(case: Case) -> bool:
    """Whether there is something to export: the report of a campaign."""
    return case.tool == "campaign" and case.report is not None


def bundle(case: Case) -> bytes:
    """The bundle of a case as it leaves (portal/analysis/leaving.py), read back strictly before it is given out."""
    import stix2  # only this export needs it

    content = _Export(case, stix2).made()
    text = content.serialize(pretty=True, ensure_ascii=False)
    stix2.parse(text, allow_custom=False, version="2.1")
    return f"{text}\n".encode()


class _Export:
    """The objects of one bundle, in the order in which they are made."""

    def __init__(self, case: Case, stix2: Any) -> None:
        self.case, self.stix2 = case, stix2
        self.report: Report = report_from_json(case.report, case.evidence)
        self.at = case.ended.replace(microsecond=case.ended.microsecond // 1000 * 1000)
        self.key = signing.fingerprint(signing.public_text(portal_key()))
        self.marking = stix2.TLP_AMBER if case.pseudonymised or not names.holds_names(case) else stix2.TLP_RED
        house = {"id": f"identity--{uuid.uuid5(SPACE, self.key)}", "created": SINCE, "modified": SINCE}
        self.house = stix2.v21.Identity(name="Specola", identity_class="system", description=f"Portal {self.key}", **house)

    def made(self) -> Any:
        campaign, accounts = self._campaign(), self._accounts()
        found = [self.house, *([campaign] if campaign else []), *accounts, *self._sets(accounts)]
        about = campaign or self.house
        found += [self._link(account, "related-to", campaign, self._share(account)) for account in accounts] if campaign else []
        found += self._techniques(campaign) if campaign else []
        found += self._narratives(about)
        found.append(self._note("limits", "What this rests on", "\n".join(map(worded, self.report.verdict.reasons)), about, COUNTED))
        found.append(self._whole(found))
        made = self.stix2.v21.Bundle(objects=[self.marking, *found], id=self._id("bundle", "bundle"))
        return made

    def _campaign(self) -> Any:
        """The campaign, where the tool names coordinated accounts; else nothing claims that there is one."""
        if self.report.verdict.label.code != "campaign-found":
            return None
        begins, ends = (self._time(self._field("posts", name)) for name in ("first", "last"))
        seen = {"first_seen": begins, "last_seen": ends} if begins and ends else {}
        hashes = {"SHA-256": hashlib.sha256(json.dumps(self.case.report, sort_keys=True).encode()).hexdigest()}
        source = {"source_name": "Specola", "description": f"Report of case {self.case.pk}", "external_id": f"case {self.case.pk}"}
        inputs = [{"source_name": "Specola", "description": "Posts as they came in", "hashes": {"SHA-256": each}} for each in self.report.inputs]
        return self.stix2.v21.Campaign(
            name=self.case.title or f"Case {self.case.pk}",
            description=worded(self.report.verdict.label),
            external_references=[{**source, "hashes": hashes, "url": f"urn:sha256:{hashes['SHA-256']}"}, *inputs],
            **seen,
            **self._common("campaign", "campaign", POSSIBLY),
        )

    def _accounts(self) -> list[Any]:
        """The accounts of the sets; ids of cyber-observables are the library's, which come from the name."""
        return [self.stix2.v21.UserAccount(user_id=row["account"], object_marking_refs=[self.marking]) for row in self._rows("accounts")]

    def _sets(self, accounts: Iterable[Any]) -> list[Any]:
        """One observation for each set of accounts: how many posts with a time they wrote, in the time that the posts cover."""
        begins, ends = (self._time(self._field("posts", name)) for name in ("first", "last"))
        ids, found = {each.user_id: each.id for each in accounts}, []
        for number in sorted({row["set"] for row in self._rows("accounts")}):
            members = [row for row in self._rows("accounts") if row["set"] == number]
            seen = {"first_observed": begins, "last_observed": ends, "number_observed": max(1, sum(row["posts"] for row in members))}
            refs = [ids[row["account"]] for row in members]
            found.append(self.stix2.v21.ObservedData(object_refs=refs, **seen, **self._common("observed-data", f"set {number}", COUNTED)))
        return found

    def _techniques(self, campaign: Any) -> list[Any]:
        """DISARM: one text of several accounts of a set, posted in time with each other beyond chance, is copypasta; nothing else is claimed."""
        carried = [row for row in self._rows("groups") if row.get("of-found", 0) >= FEWEST and getattr(row.get("kind"), "code", "") == "campaign-kind-text"]
        if not carried:
            return []
        phase = [{"kill_chain_name": "disarm", "phase_name": "develop-content"}]
        common = self._common("attack-pattern", COPYPASTA["external_id"], COUNTED, shared=True)
        pattern = self.stix2.v21.AttackPattern(name="Use Copypasta", external_references=[COPYPASTA], kill_chain_phases=phase, **common)
        most = max(row["of-found"] for row in carried)
        why = f"{len(carried)} texts are carried by {FEWEST} or more accounts of a coordinated set, one by {most}."
        return [pattern, self._link(campaign, "uses", pattern, why)]

    def _narratives(self, about: Any) -> list[Any]:
        """What comes most often: its words, how many posts and accounts, who was first."""
        found = []
        for row in self._rows("groups")[:MOST_NARRATIVES]:
            facts = f"{row['posts']} posts by {row['accounts']} accounts"
            if "of-found" in row:  # reports of before it was counted say less
                spread = worded(row["spread"]) if isinstance(row["spread"], Message) else "no times"
                facts += f" ({row['of-found']} of a set), first by {row['first-poster'] or 'nobody named'}, {spread}"
            found.append(self._note(f"narrative {row['rank']}", facts, row["example"] or "-", about, COUNTED))
        return found

    def _note(self, name: str, abstract: str, content: str, about: Any, confidence: int) -> Any:
        return self.stix2.v21.Note(abstract=abstract, content=content, object_refs=[about.id], **self._common("note", name, confidence))

    def _link(self, source: Any, kind: str, target: Any, why: str) -> Any:
        name = f"{source.id} {kind} {target.id}"
        return self.stix2.v21.Relationship(source.id, kind, target.id, description=why, **self._common("relationship", name, POSSIBLY))

    def _whole(self, found: list[Any]) -> Any:
        name = f"{self.case.tool_name}: {self.case.title or self.case.pk}"
        words = {"description": worded(self.report.verdict.label), "report_types": ["campaign"], "published": self.at}
        return self.stix2.v21.Report(name=name, object_refs=[each.id for each in found], **words, **self._common("report", "report", POSSIBLY))

    def _share(self, account: Any) -> str:
        row = next(each for each in self._rows("accounts") if each["account"] == account.user_id)
        return f"{worded(row['share'])} of its {row['posts']} posts are in time with {row['partners']} accounts of its set beyond chance."

    def _common(self, kind: str, name: str, confidence: int, *, shared: bool = False) -> dict[str, Any]:
        """What every object has. `shared`: the same in every case of this portal."""
        at = SINCE if shared else self.at
        stamped = {"id": self._id(kind, name, shared=shared), "created": at, "modified": at, "confidence": confidence, "lang": "en"}
        return {**stamped, "created_by_ref": self.house.id, "object_marking_refs": [self.marking]}

    def _id(self, kind: str, name: str, *, shared: bool = False) -> str:
        content = json.dumps([self.key, None if shared else self.case.pk, kind, name, None if shared else self.case.pseudonymised])
        return f"{kind}--{uuid.uuid5(SPACE, content)}"

    def _rows(self, name: str) -> list[dict[str, Any]]:
        """A table's rows by the short names of its columns."""
        table = next((each for each in self.report.evidence if isinstance(each, TableEvidence) and each.name == name), None)
        columns = [each.code.removeprefix("campaign-") for each in table.columns] if table else []
        return [dict(zip(columns, row, strict=True)) for row in table.rows] if table else []

    def _field(self, part: str, key: str) -> Any:
        return next((field.value for each in self.report.parts if each.name == part for field in each.fields if field.key == key), None)

    @staticmethod
    def _time(text: Any) -> datetime.datetime | None:
        return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.UTC) if isinstance(text, str) else None
