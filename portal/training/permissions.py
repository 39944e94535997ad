"""Who may read runs and models, and who may act on them; neither is of one site, so a role at any site will do."""

from __future__ import annotations

from portal.accounts.models import Role, User
from portal.accounts.permissions import role_required

READERS = (Role.ADMINISTRATOR, Role.MANAGER)
seen = role_required(*READERS)
acted_on = role_required(Role.ADMINISTRATOR)


def may_read(user: User) -> bool:
    """Whether the user may look at runs and models."""
    return user.is_authenticated and any(user.has_role(role) for role in READERS)
