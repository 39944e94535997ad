"""Every change of the memory for facts: somebody proposes, somebody else approves."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role
from portal.core import audit
from portal.core.secrets import refuse_secret
from portal.facts import content, index
from portal.facts.content import FactText
from portal.facts.models import Decision, Fact, FactVersion, ProposalOutcome

PROPOSERS = (Role.OPERATOR, Role.MANAGER, Role.ADMINISTRATOR)  # at any site: the memory belongs to the whole portal
APPROVERS = (Role.MANAGER, Role.ADMINISTRATOR)
LONGEST_NOTE = 500  # characters


def propose(*, user: User, text: FactText, fact_id: int | None = None, base: int | None = None, note: str = "", key: str = "") -> FactVersion:
    """Write a new fact (no `fact_id`; `key` if it must have one), or another version of one; nothing is in use before somebody else approves.

    `base` is the version (its id) that the author had before them. Raises Fact.DoesNotExist, PermissionDenied, or ValidationError with a sentence for each
    field, also when another version came into use in the meantime.
    """
    require_role(user, None, *PROPOSERS)
    text, note = content.check(text), _note(note)
    with transaction.atomic():
        fact = Fact.objects.create(key=_free_key(key or text.name_en)) if fact_id is None else _locked(fact_id)
        _check_base(fact, base)
        if fact.current and fact.retired is None and content.of_version(fact.current) == text:
            raise ValidationError(_("Nothing is different from the version in use."))
        version = write(fact, text, author=user, note=note)
        _record(user, "fact.proposed", fact, {"version": version.number, "sha256": text.sha256()})
    return version


def propose_retirement(*, user: User, fact_id: int, base: int | None, note: str) -> FactVersion:
    """Propose that a fact is no longer used. Raises Fact.DoesNotExist, PermissionDenied, or ValidationError with a sentence."""
    require_role(user, None, *PROPOSERS)
    note = _note(note)
    if not note:
        raise ValidationError({"note": [_("Give a reason: it stands in the fact's history.")]})
    with transaction.atomic():
        fact = _locked(fact_id)
        _check_base(fact, base)
        if fact.current is None or fact.retired is not None:
            raise ValidationError(_("This fact is not in use."))
        version = write(fact, content.of_version(fact.current), author=user, note=note, retires=True)
        _record(user, "fact.retirement_proposed", fact, {"version": version.number})
    return version


def approve(*, user: User, version_id: int) -> Fact:
    """Bring a proposal into use (or take its fact out of use). Raises FactVersion.DoesNotExist, PermissionDenied, or ValidationError: its author cannot,
    nobody can twice, and not where another version came into use since it was written.
    """
    require_role(user, None, *APPROVERS)
    with transaction.atomic():
        version, fact = _open(version_id)
        if version.author_id == user.pk:
            raise ValidationError(_("You wrote this: somebody else must approve it."))
        if version.base_id != fact.current_id:
            raise ValidationError(_("Another version came into use since this was written: it has to be written anew."))
        _decide(version, user, ProposalOutcome.APPROVED, "")
        bring_into_use(fact, version)
        _record(user, "fact.retired" if version.retires else "fact.approved", fact, {"version": version.number, "sha256": content.of_version(version).sha256()})
    return fact


def refuse(*, user: User, version_id: int, reason: str) -> FactVersion:
    """Say no to a proposal; its author withdraws it with this. Raises FactVersion.DoesNotExist, PermissionDenied, or ValidationError with a sentence."""
    require_role(user, None, *PROPOSERS)
    reason = _note(reason)
    with transaction.atomic():
        version, fact = _open(version_id)
        own = version.author_id == user.pk
        if not own:
            require_role(user, None, *APPROVERS)
        if not own and not reason:
            raise ValidationError(_("Give a reason: its author reads it."))
        _decide(version, user, ProposalOutcome.WITHDRAWN if own else ProposalOutcome.REFUSED, reason)
        _record(user, "fact.withdrawn" if own else "fact.refused", fact, {"version": version.number})
    return version


def write(fact: Fact, text: FactText, *, author: User | None, note: str = "", retires: bool = False) -> FactVersion:
    """Add a version to a fact that is locked; the one way in which a version comes to be."""
    last = fact.versions.order_by("-number").values_list("number", flat=True).first() or 0
    fields: dict[str, Any] = {"number": last + 1, "base": fact.current, "author": author, "note": note, "retires": retires}
    return FactVersion.objects.create(fact=fact, **fields, **text.columns())


def bring_into_use(fact: Fact, version: FactVersion) -> None:
    """Let this version be the one in use, and the searches find it; call it in the transaction that decides it."""
    fact.current, fact.retired = version, timezone.now() if version.retires else None
    fact.save(update_fields=["current", "retired"])
    index.rebuild(fact)


def _locked(fact_id: int) -> Fact:
    return Fact.objects.select_for_update(no_key=True, of=("self",)).select_related("current").get(pk=fact_id)


def _open(version_id: int) -> tuple[FactVersion, Fact]:
    """A proposal that waits, its fact locked: two who decide at once come one after the other. Raises FactVersion.DoesNotExist, ValidationError."""
    fact = _locked(FactVersion.objects.values_list("fact_id", flat=True).get(pk=version_id))
    version = FactVersion.objects.select_related("author").get(pk=version_id)
    if version.shipped or Decision.objects.filter(version=version).exists():
        raise ValidationError(_("This has been decided already."))
    return version, fact


def _check_base(fact: Fact, base: int | None) -> None:
    if base != fact.current_id:
        raise ValidationError(_("Somebody else changed this fact while you wrote: look at the version in use now, and write yours anew."))


def _decide(version: FactVersion, user: User, outcome: str, reason: str) -> None:
    try:
        with transaction.atomic():
            Decision.objects.create(version=version, person=user, outcome=outcome, reason=reason)
    except IntegrityError as error:
        raise ValidationError(_("This has been decided already.")) from error


def _free_key(name: str) -> str:
    """A key for a new fact, made from a name; a number is added where it is taken."""
    wanted = slugify(name)[:100].replace("_", "-").strip("-") or "fact"
    taken = set(Fact.objects.filter(key__startswith=wanted).values_list("key", flat=True))
    return next(key for key in (wanted, *(f"{wanted}-{n}" for n in range(2, len(taken) + 3))) if key not in taken)


def _note(text: str) -> str:
    text = refuse_secret(text.strip())
    if len(text) > LONGEST_NOTE:
        raise ValidationError(_("At most %(n)d characters.") % {"n": LONGEST_NOTE})
    return text


def _record(user: User, verb: str, fact: Fact, data: dict[str, Any]) -> None:
    audit.record(actor=user, verb=verb, subject=f"fact:{fact.pk}", data=data)
