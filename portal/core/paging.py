"""Lists of the API come in pages."""

from __future__ import annotations

from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request

MOST = 500  # rows of one answer
FARTHEST = 2**31  # PostgreSQL's offset is a bigint; nobody turns that many pages


class Pages(LimitOffsetPagination):
    """`?limit=` and `?offset=`; what makes no sense is brought into its limits."""

    max_limit = MOST

    def get_offset(self, request: Request) -> int:
        return min(super().get_offset(request), FARTHEST)
