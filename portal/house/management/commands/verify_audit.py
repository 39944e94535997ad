"""`manage.py verify-audit [--witness FILE ...]`: is the audit log what it was? Exit status 1 when it is not."""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

from cryptography import x509
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from federated.trust import witness
from federated.trust.signing import public_text
from portal.core import audit_check, audit_witness
from portal.core.audit_check import AuditReport, ChainBreak, Statement
from portal.house import anchors
from portal.sites.config import portal_key
from portal.sites.models import Agent, FormerKeys

BREAKS = {
    audit_check.MISSING: "row {row} is missing",
    audit_check.CHANGED: "row {row} was changed",
    audit_check.CUT_OFF: "row {row} does not follow the row before it: that one was changed, or rows between the two were taken out",
}
SHOWN = 20  # witnesses named; the others are counted


class Command(BaseCommand):
    help = "Walks the audit log and compares it with what agents and anchors have stated; names the first row missing or changed, and who proves it."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--witness", type=Path, nargs="+", default=[], metavar="FILE", help="files that agents exported (`site_agents witness`)")
        parser.add_argument("--anchors", type=Path, nargs="+", default=[], metavar="FOLDER", help="more folders with anchors, such as the operator's mount")
        parser.add_argument("--tsa-root", type=Path, help="root certificate (PEM) of the time-stamp authority, to verify the anchors' time stamps")

    def handle(self, **options: Any) -> None:
        roots = x509.load_pem_x509_certificates(options["tsa_root"].read_bytes()) if options["tsa_root"] else []
        folders = [anchors.folder(), *filter(None, [settings.AUDIT_FOLDER and Path(settings.AUDIT_FOLDER)]), *options["anchors"]]
        kept = audit_witness.stored(public_text(portal_key()))
        anchored, problems = anchors.statements(folders, roots)
        exported = [each for file in options["witness"] for each in _exported(file)]
        for problem in problems:
            self.stderr.write(problem)
        report = audit_check.check([*kept, *anchored, *exported])
        for line in _lines(report):
            self.stdout.write(line)
        if not report.holds or problems:
            raise SystemExit(1)


def _exported(file: Path) -> list[Statement]:
    """What a witness's file states. Raises CommandError when it is no such file or was changed."""
    try:
        if file.stat().st_size > witness.LARGEST_FILE:
            raise CommandError(f"{file}: too large for a witness's file")
        found = witness.read_export(json.loads(file.read_text()))
    except (OSError, ValueError, RecursionError, witness.WitnessRejected) as error:
        raise CommandError(f"{file}: {error}") from error
    own, keys = public_text(portal_key()), _registered(found.agent)
    statements = [audit_witness.statement(receipt, key, own, registered=key in keys) for receipt, key in found.receipts]
    return [each for each in statements if each is not None]


def _registered(agent: str) -> set[str]:
    """Every public key that the database lists for this agent, its former ones too."""
    return {
        *Agent.objects.filter(pk=agent).values_list("public_key", flat=True),
        *FormerKeys.objects.filter(agent=agent).values_list("public_key", flat=True),
    }


def _lines(report: AuditReport) -> list[str]:
    """The report, for a person."""
    witnesses = len({each.by for each in (*report.contradictions, *report.confirmed)})
    counted = f"{report.rows} rows, compared with {len(report.contradictions) + len(report.confirmed)} statements of {witnesses} witnesses"
    if report.holds:
        reach = max((each.seq for each in report.confirmed), default=0)
        return [f"The audit log holds: {counted}; witnesses vouch for the rows up to {reach}."]
    lines = [f"THE AUDIT LOG WAS CHANGED: {counted}.", f"First row that is missing or changed: {_first(report)}."]
    if report.broken:
        lines.append(f"The chain itself breaks: {_break(report.broken)}.")
    if report.contradictions:
        lines.append(
            f"Rows 1 to {report.vouched} are vouched for. Against the log as it is now stand:" if report.vouched else "Against the log as it is now stand:"
        )
        lines += [_proof(each, report.last) for each in report.contradictions[:SHOWN]]
        if (more := len(report.contradictions) - SHOWN) > 0:
            lines.append(f"  and {more} more statements")
        by = sorted({each.by for each in report.contradictions if each.proven})
        lines.append(
            f"Proven by {len(by)} witness(es): {', '.join(by)}."
            if by
            else "None of their keys is listed here: compare each fingerprint with the witness's own."
        )
    return lines


def _first(report: AuditReport) -> str:
    first, last = report.first or (0, 0)
    return f"row {first}" if first == last else f"one of the rows {first} to {last}"


def _break(found: ChainBreak) -> str:
    return BREAKS[found.kind].format(row=found.seq)


def _proof(each: Statement, last: int) -> str:
    when = datetime.datetime.fromtimestamp(each.t, datetime.UTC)
    now = "there is no such row now" if each.seq > last else "it has another now"
    return f"  {each.by}: on {when:%Y-%m-%d %H:%M:%S} UTC row {each.seq} had the hash {each.hash[:16]}..., {now} ({each.proof})"
