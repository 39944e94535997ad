"""The nearest templates of a site's staff list, in PostgreSQL (pgvector's HNSW index, Malkov and Yashunin 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from pgvector.django import CosineDistance

from portal.people.models import Person, Template
from portal.sites.models import Site

EXACT = 4_000  # valid people of a site up to whom all templates are compared: about as quick as the index, and nothing can be missed
EF_SEARCH = 400  # candidates the index keeps while it looks; pgvector's own 40 misses more
SCANNED = 1_000_000  # templates looked at before the search gives up filling its answer; pgvector's own 20,000 would lose a small site among large ones


def nearest(site: Site, vector: Sequence[float] | np.ndarray, k: int) -> list[tuple[Template, float]]:
    """The `k` templates of the site's valid people with the highest cosine to `vector` (128,), best first, and that cosine.

    Up to 4,000 people the answer is exact. Above, the index is asked and goes on asking until `k` of this site are found (iterative scan, pgvector >= 0.8),
    so that templates of other sites and of revoked people cost time and never an answer. Raises ValueError for a vector that is none.
    """
    wanted = np.asarray(vector, np.float32)
    if wanted.shape != (Template._meta.get_field("vector").dimensions,) or not np.isfinite(wanted).all() or not wanted.any() or k < 1:
        raise ValueError("a search needs 128 finite numbers, not all zero, and at least one answer to give")
    staff = Person.objects.filter(site=site, revoked=None, expires__gt=timezone.now())
    valid = Template.objects.filter(person__in=staff).annotate(distance=CosineDistance("vector", wanted)).select_related("person")
    with transaction.atomic():
        if staff.order_by()[EXACT : EXACT + 1].exists():
            prepare_index_scan()
            found = list(valid.order_by("distance")[:k])
        else:
            found = list(valid.order_by(F("distance") + 0.0)[:k])  # an order that no index knows
    return [(template, 1 - float(template.distance)) for template in found]


def prepare_index_scan() -> None:
    """Settings of the index for this transaction only."""
    with connection.cursor() as cursor:
        for name, value in (("hnsw.ef_search", EF_SEARCH), ("hnsw.iterative_scan", "strict_order"), ("hnsw.max_scan_tuples", SCANNED)):
            cursor.execute("SELECT set_config(%s, %s, true)", [name, str(value)])
