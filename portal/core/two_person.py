"""The two-person rule: two different people conclude, each alone, and nobody reads either conclusion before both are in.

Sealed means everywhere: page, API, PDF and table ask `may_read`, and the audit log holds a sha256 over the conclusion and a random nonce until the second is
in; then it holds both in the clear, so that anybody can compute the seals again and see that the first was not changed after the second came.

To put something under the rule (a further user needs nothing else):
1. a model with a foreign key to the person, the fields that stay sealed, `nonce = CharField(max_length=64)` and `made`, unique for (subject, person);
2. one `RULE = TwoPersonRule(person=..., sealed=(...), repeated=..., complete=...)` beside it, with its two sentences for people;
3. the action: lock the subject's row, read what was `given`, raise `RULE.refusal(given, user)` as a ValidationError, create the row with
   `nonce=new_nonce()`, and call `RULE.record(...)`, all in one transaction;
4. whatever shows a conclusion asks `RULE.may_read(row, given, reader)` for each of them.
Users today: the examiners of a face comparison (portal/analysis/examiners.py), the verifiers of a recognition (portal/people/verifiers.py),
and who lets a case leave the house with the names of accounts in it (portal/analysis/names.py).
"""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from portal.core import audit

NEEDED = 2


def new_nonce() -> str:
    """What makes a seal impossible to guess from the few words that a conclusion may have."""
    return secrets.token_hex(16)


@dataclasses.dataclass(frozen=True, slots=True)
class TwoPersonRule:
    """How one kind of conclusion is sealed. A "row" is one person's conclusion, `given` are the rows of one subject so far.

    `person`: the row's foreign key to who concluded. `sealed`: its fields that nobody else reads before both are in.
    `repeated`, `complete`: what somebody is told who has concluded already, or who comes third (lazy translations).
    """

    person: str
    sealed: tuple[str, ...]
    repeated: Any
    complete: Any

    def refusal(self, given: Sequence[Any], user: Any) -> str:
        """Why this user cannot conclude now, as a sentence; empty when the rule does not stand in the way."""
        if any(getattr(row, f"{self.person}_id") == user.pk for row in given):
            return str(self.repeated)
        return str(self.complete) if self.is_open(given) else ""

    def is_open(self, given: Sequence[Any]) -> bool:
        """Whether both are in."""
        return len(given) >= NEEDED

    def may_read(self, row: Any, given: Sequence[Any], reader: Any | None) -> bool:
        """Whether the reader (None: a stranger, a printed report) may see what this row concludes: their own always, another's when both are in."""
        return self.is_open(given) or (reader is not None and getattr(row, f"{self.person}_id") == reader.pk)

    def seal(self, row: Any) -> str:
        """The sha256 (hex) that stands in the audit log while the row is closed: over the nonce and the sealed fields, one a line."""
        return hashlib.sha256("\n".join((row.nonce, *(str(getattr(row, name)) for name in self.sealed))).encode()).hexdigest()

    def record(self, *, row: Any, given: Sequence[Any], subject: str, site: str, verb: str, concluded: str, result: dict[str, Any] | None = None) -> None:
        """Write the audit rows of a conclusion that was just kept; call it inside its transaction. `given`: those before it.

        Its own row (`verb`) holds the number and the seal; with the second one comes a row (`concluded`) with `result` and both in the clear.
        """
        both = [*given, row]
        audit.record(actor=getattr(row, self.person), verb=verb, subject=subject, site=site, data={"conclusion": len(both), "sealed": self.seal(row)})
        if len(both) == NEEDED:
            data = {**(result or {}), "conclusions": [self._in_the_clear(each) for each in both]}
            audit.record(actor="system", verb=concluded, subject=subject, site=site, data=data)

    def _in_the_clear(self, row: Any) -> dict[str, Any]:
        fields = {name: getattr(row, name) for name in self.sealed}
        return {self.person: getattr(row, f"{self.person}_id"), **fields, "nonce": row.nonce, "sealed": self.seal(row)}
