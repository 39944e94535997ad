"""The audit log in sentences: what a row's short names mean, and whom and what it is about."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.core.models import AuditRow
from portal.facts.models import Fact
from portal.people.models import Person
from portal.sites.models import Agent, Camera, Site

VERBS = {
    "account.closed": _("closed an account"),
    "account.invited": _("invited somebody"),
    "account.link_used": _("used the invitation"),
    "account.locked_out": _("was locked out after wrong passwords"),
    "account.made": _("made an account"),
    "account.opened": _("opened an account again"),
    "account.password_changed": _("changed the own password"),
    "account.password_renewed": _("gave a new one-time password"),
    "account.password_reset": _("reset a password"),
    "account.recovery_code_used": _("signed in with a recovery code"),
    "account.recovery_codes_made": _("made new recovery codes"),
    "account.renamed": _("renamed an account"),
    "account.role_given": _("gave a role"),
    "account.role_taken": _("took a role away"),
    "account.second_factor_added": _("added a second factor"),
    "account.second_factor_removed": _("removed a second factor"),
    "account.second_factor_reset": _("reset a second factor"),
    "account.sessions_ended": _("ended sessions"),
    "account.signed_in": _("signed in"),
    "account.signed_out": _("signed out"),
    "account.token_dropped": _("deleted an access token"),
    "account.token_made": _("made an access token"),
    "agent.code_made": _("made an enrolment code"),
    "agent.enrolled": _("enrolled an agent"),
    "agent.key_retired": _("retired an agent's former key"),
    "agent.node_refused": _("refused an agent in federated training"),
    "agent.node_registered": _("admitted an agent to federated training"),
    "agent.node_unregistered": _("took an agent out of federated training"),
    "agent.renewal_asked": _("asked an agent for a new key"),
    "agent.revoked": _("revoked an agent"),
    "agent.rotated": _("renewed its key"),
    "alert.acknowledged": _("acknowledged an alert"),
    "alert.assigned": _("assigned an alert"),
    "alert.ended": _("closed an alert whose cause had ended"),
    "alert.note": _("wrote a note on an alert"),
    "alert.raised": _("raised an alert"),
    "alert.reopened": _("opened an alert again"),
    "alert.resolved": _("resolved an alert"),
    "alert.sent": _("sent an alert's picture to the desk"),
    "alert.undone": _("took back a step on an alert"),
    "alerts.forgotten": _("deleted old alerts and their pictures"),
    "audit.changed": _("found the audit log changed"),
    "audit.settled": _("closed a finding about the audit log"),
    "camera.changed": _("changed a camera's settings"),
    "camera.deleted": _("deleted a camera"),
    "camera.made": _("added a camera"),
    "camera.mode_changed": _("changed a camera's legal mode"),
    "camera.note_changed": _("changed a camera's note"),
    "camera.source_changed": _("changed where a camera's pictures come from"),
    "camera.source_tested": _("tested a camera's address"),
    "camera.switched_off": _("switched a camera off"),
    "camera.switched_on": _("switched a camera on"),
    "camera.view_accepted": _("accepted what a camera sees now as its view"),
    "camera.zones_saved": _("saved zones and rules"),
    "canary.taken_back": _("took a trial model back"),
    "case.cancelled": _("cancelled an examination"),
    "case.asked_another": _("asked another tool about its files"),
    "case.closed": _("closed a case"),
    "case.concluded": _("concluded a case"),
    "case.done": _("finished an examination"),
    "case.end_changed": _("changed until when a case is kept"),
    "case.examined": _("gave a conclusion on a case"),
    "case.exported": _("exported an evidence pack"),
    "case.failed": _("could not finish an examination"),
    "case.file_added": _("added a file to a case"),
    "case.file_read": _("read a file of a case"),
    "case.forgotten": _("deleted a case at its end date"),
    "case.names_answered": _("answered whether a case may leave with names"),
    "case.names_concluded": _("concluded whether a case may leave with names"),
    "case.note": _("wrote a note on a case"),
    "case.opened": _("opened a case"),
    "case.person_added": _("let somebody work on a case"),
    "case.person_removed": _("took somebody off a case"),
    "case.priority": _("changed a case's priority"),
    "case.queued": _("queued an examination"),
    "case.reopened": _("opened a closed case again"),
    "case.running": _("began an examination"),
    "case.seen": _("looked at a case"),
    "case.tagged": _("changed a case's tags"),
    "case.text_corrected": _("corrected the text that was read in a picture"),
    "clock.jumped": _("deleted nothing by date tonight: for more than a week nothing had happened, or the clock was moved"),
    "demo.history_forgotten": _("took the demo's made-up history away"),
    "demo.history_made": _("made up a history for the demo"),
    "door.recalibrated": _("adjusted a door's threshold"),
    "events.recorded": _("reported events"),
    "fact.approved": _("approved a fact"),
    "fact.proposed": _("proposed a fact"),
    "fact.refused": _("did not approve a fact"),
    "fact.retired": _("took a fact out of use"),
    "fact.retirement_proposed": _("proposed to take a fact out of use"),
    "fact.withdrawn": _("withdrew a proposal for a fact"),
    "facts.imported": _("proposed facts out of a file"),
    "facts.shipped": _("took in the facts of a release"),
    "machine.refused": _("was refused as an agent"),
    "model.candidate": _("added a model to the registry"),
    "model.canary_rolled_back": _("took a trial model back"),
    "model.canary_started": _("started a trial of a model"),
    "model.installed": _("installed a model"),
    "model.published": _("published a model"),
    "model.refused": _("refused a model"),
    "model.rolled_back": _("rolled a model back"),
    "model.trial_pictures_forgotten": _("deleted pictures of trials"),
    "person.changed": _("changed an enrolled person"),
    "person.enrolled": _("enrolled a person"),
    "person.erased": _("erased a person"),
    "person.expired": _("ended a person's enrolment on its date"),
    "person.extended": _("extended a person's enrolment"),
    "person.revoked": _("revoked a person's enrolment"),
    "recognition.concluded": _("concluded a recognition"),
    "recognition.forgotten": _("deleted old recognitions"),
    "recognition.verified": _("verified a recognition"),
    "root_set.removed": _("removed the reference set"),
    "root_set.replaced": _("replaced the reference set"),
    "run.ended": _("ended a training run"),
    "run.night_skipped": _("skipped a training run of the night"),
    "run.resumed": _("resumed a training run"),
    "run.scheduled": _("changed the training schedule"),
    "run.site_left_out": _("left a site out of a training run"),
    "run.started": _("started a training run"),
    "site.biometrics_resumed": _("allowed biometrics again"),
    "site.biometrics_stopped": _("stopped biometrics"),
    "site.changed": _("changed a site's settings"),
    "site.deleted": _("deleted a site"),
    "site.kept_days_changed": _("changed how long pictures are kept"),
    "site.made": _("made a site"),
    "site.plan_changed": _("changed a site's plan"),
    "site.second_factor_optional": _("made the second factor optional"),
    "site.second_factor_required": _("required a second factor"),
}
THINGS = {
    "alert": gettext_lazy("Alert"),
    "agent": gettext_lazy("Agent"),
    "camera": gettext_lazy("Camera"),
    "case": gettext_lazy("Case"),
    "fact": gettext_lazy("Fact"),
    "finding": gettext_lazy("Finding"),
    "model": gettext_lazy("Model"),
    "person": gettext_lazy("Person"),
    "recognition": gettext_lazy("Recognition"),
    "root_set": gettext_lazy("Reference set"),
    "run": gettext_lazy("Training run"),
    "schedule": gettext_lazy("Schedule"),
    "site": gettext_lazy("Site"),
    "user": gettext_lazy("User"),
}
NAMED: dict[str, tuple[Any, str]] = {
    "user": (User, "pk"),
    "camera": (Camera, "pk"),
    "site": (Site, "pk"),
    "person": (Person, "uid"),
    "agent": (Agent, "pk"),
    "fact": (Fact, "pk"),
}


def verb_in_words(verb: str) -> str:
    """What was done; a verb of a plug-in in its own words without the technical signs."""
    words = VERBS.get(verb)
    return str(words) if words else verb.replace(".", ": ").replace("_", " ")


def add_words(rows: Iterable[AuditRow]) -> None:
    """Give each row `who`, `done`, `about` and `where` for a page; names are looked up once for all rows."""
    rows = list(rows)
    names = _names(each for row in rows for each in (row.actor, row.subject))
    sites = dict(Site.every.filter(slug__in={row.site for row in rows}).values_list("slug", "name"))
    for row in rows:
        row.who, row.done, row.about = _worded(row.actor, names, actor=True), verb_in_words(row.verb), _worded(row.subject, names)
        row.where = sites.get(row.site, row.site)


def _names(found: Iterable[str]) -> dict[str, str]:
    wanted: dict[str, set[str]] = defaultdict(set)
    for text in found:
        kind, colon, key = text.partition(":")
        if colon and kind in NAMED and _fits(kind, key):
            wanted[kind].add(key)
    return {f"{kind}:{getattr(row, NAMED[kind][1])}": _name(row) for kind, keys in wanted.items() for row in _rows(kind, keys)}


def _rows(kind: str, keys: set[str]) -> Iterable[Model]:
    model, field = NAMED[kind]
    manager = getattr(model, "every", model.objects)  # deleted cameras and sites keep their name
    rows = manager.filter(**{f"{field}__in": keys})
    related = {"agent": "camera__site", "fact": "current"}.get(kind)
    return rows.select_related(related) if related else rows


def _name(row: Any) -> str:
    return row.email if isinstance(row, User) else row.camera.name if isinstance(row, Agent) else row.name


def _fits(kind: str, key: str) -> bool:
    if kind not in ("person", "agent"):
        return key.isdecimal()
    try:
        return bool(uuid.UUID(key))
    except ValueError:
        return False


def _worded(text: str, names: dict[str, str], *, actor: bool = False) -> str:
    kind, colon, key = text.partition(":")
    if not colon:
        several = gettext("several")
        return (
            "Specola"
            if actor and text == "system"
            else {"recognitions": several, "trials": several, "demo": gettext("the demo"), "facts": several}.get(text, text)
        )
    if kind not in THINGS:
        return text
    name = names.get(text)
    if kind == "user":
        return name or (key if "@" in key else f"{THINGS[kind]} {key}")
    return f"{THINGS[kind]} {name or key[:8]}"
