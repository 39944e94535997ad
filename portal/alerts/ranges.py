"""Answer with a file's content or the part of it that a video player asks for (RFC 9110, one range)."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def ranged(request: HttpRequest, content: bytes, content_type: str, *, etag: str) -> HttpResponse:
    """200 with everything, 206 with the part asked for, 304 when the browser has it, 416 when the part does not exist."""
    if request.headers.get("If-None-Match") == f'"{etag}"':
        return _dressed(HttpResponse(status=304), etag)
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if not asked or asked.groups() == ("", "") or request.headers.get("If-Range", f'"{etag}"') != f'"{etag}"':
        return _dressed(HttpResponse(content, content_type=content_type), etag)
    size = len(content)
    first, last = _bounds(*asked.groups(), size)
    if first > last or first >= size:
        return _dressed(HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"}), etag)
    answer = HttpResponse(content[first : last + 1], content_type=content_type, status=206)
    answer["Content-Range"] = f"bytes {first}-{last}/{size}"
    return _dressed(answer, etag)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """The first and last byte asked for; "-500" means the last 500."""
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


def _dressed(answer: HttpResponse, etag: str) -> HttpResponse:
    """Kept by the browser but asked for again each time, because rights can be taken away."""
    answer["ETag"], answer["Accept-Ranges"], answer["Cache-Control"] = f'"{etag}"', "bytes", "private, no-cache"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
