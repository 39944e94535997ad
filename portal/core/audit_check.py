"""Is the audit log what it was: the chain walked row by row, and compared with what others have stated about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from portal.core.audit import GENESIS, digest
from portal.core.models import AuditRow

MISSING, CHANGED, CUT_OFF = "missing", "changed", "not linked"


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """Somebody's statement that row `seq` had this hash at `t` (Unix seconds). `by` names the witness, `proof` says whose signatures it carries.

    `proven`: the portal itself or an agent that this database lists has signed it; else the keys have to be compared with the witness's own.
    """

    seq: int
    hash: str
    t: float
    by: str
    proof: str
    proven: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first row at which the chain itself breaks: `kind` is MISSING, CHANGED, or CUT_OFF (it stands on another row than the one before it)."""

    seq: int
    kind: str


@dataclasses.dataclass(frozen=True, slots=True)
class AuditReport:
    """What a check has found. `contradictions` are in the order of their rows; `vouched` is the last row before the first of them that a witness confirms."""

    rows: int
    last: int
    broken: ChainBreak | None
    contradictions: tuple[Statement, ...]
    confirmed: tuple[Statement, ...]
    vouched: int

    @property
    def holds(self) -> bool:
        """Whether the log is what it was, as far as chain and witnesses reach."""
        return self.broken is None and not self.contradictions

    @property
    def first(self) -> tuple[int, int] | None:
        """Between which two rows (both included) the first lies that is missing or changed; the same number twice: exactly that one."""
        exact = [self.broken.seq] if self.broken else []
        if not self.contradictions:
            return (exact[0], exact[0]) if exact else None
        latest = min(self.contradictions[0].seq, self.last + 1)
        if exact and exact[0] <= latest:
            return exact[0], exact[0]
        return min(self.vouched + 1, latest), latest


def check(statements: Iterable[Statement] = ()) -> AuditReport:
    """Walk the whole log, in one pass."""
    asked = sorted(statements, key=lambda each: (each.seq, each.t))
    wanted, found = {each.seq for each in asked}, {0: GENESIS}
    broken, previous, rows, last = None, GENESIS, 0, 0
    for row in AuditRow.objects.order_by("seq").iterator():
        broken = broken or _break(row, last, previous)
        rows, last, previous = rows + 1, row.seq, row.hash
        if row.seq in wanted:
            found[row.seq] = row.hash
    contradictions = tuple(each for each in asked if found.get(each.seq) != each.hash)
    first = contradictions[0].seq if contradictions else last + 1
    confirmed = tuple(each for each in asked if found.get(each.seq) == each.hash)
    vouched = max((each.seq for each in confirmed if each.seq < first), default=0)
    return AuditReport(rows, last, broken, contradictions, confirmed, vouched)


def first_broken() -> AuditRow | None:
    """The first row whose number, hash or predecessor is wrong; None when the chain itself holds."""
    previous, last = GENESIS, 0
    for row in AuditRow.objects.order_by("seq").iterator():
        if _break(row, last, previous):
            return row
        previous, last = row.hash, row.seq
    return None


def _break(row: AuditRow, last: int, previous: str) -> ChainBreak | None:
    if row.seq != last + 1:
        return ChainBreak(last + 1, MISSING)
    if row.hash != digest(row):
        return ChainBreak(row.seq, CHANGED)
    return ChainBreak(row.seq, CUT_OFF) if row.previous != previous else None
