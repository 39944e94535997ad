"""Uploads in pieces under /api/v1/uploads: the tus protocol, version 1.0.0 (https://tus.io/protocols/resumable-upload), for tus-js-client and any other client.

Core, creation, expiration, termination and checksum. Written here because the tus packages for Django read whole bodies and files into memory and let two
writers at one upload. A piece has at most `settings.UPLOAD_PIECE` bytes: `portal.asgi` refuses a larger one before it is read.
"""

from __future__ import annotations

import base64
import uuid
from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from django.urls import path, reverse
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.permissions import HasRole
from portal.analysis import errors, uploads
from portal.analysis.models import Upload

VERSION = "1.0.0"
PIECE = "application/offset+octet-stream"
HEADERS = [
    OpenApiParameter("Tus-Resumable", str, OpenApiParameter.HEADER, required=True, enum=[VERSION]),
    OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, description="PATCH: the byte at which the piece begins"),
    OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, description="POST: the size of the whole file"),
    OpenApiParameter("Upload-Metadata", str, OpenApiParameter.HEADER, description="POST: `filename <base64>`"),
    OpenApiParameter("Upload-Checksum", str, OpenApiParameter.HEADER, description="PATCH: `sha256 <base64>` of the piece"),
]


class _AnyAnswer(DefaultContentNegotiation):
    """tus clients name no type that they accept, or one of their own: JSON it is."""

    def select_renderer(self, request: Request, renderers: list[Any], format_suffix: str | None = None) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


class _Tus(APIView):
    content_negotiation_class = _AnyAnswer

    def get_permissions(self) -> list[BasePermission]:
        return [HasRole(*uploads.WRITERS)()]

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
            raise _WrongVersion

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, _WrongVersion):
            return Response({"error": [f"this portal speaks tus {VERSION}"]}, status=412, headers={"Tus-Version": VERSION})
        if isinstance(exc, errors.UploadError):
            where = {"Upload-Offset": str(exc.offset)} if isinstance(exc, errors.WrongOffset) else {}
            return Response({"error": [str(exc)]}, status=exc.status, headers=where)
        return super().handle_exception(exc)

    @extend_schema(responses={204: None}, parameters=HEADERS[:0])
    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What this portal takes."""
        return Response(
            status=204,
            headers={
                "Tus-Version": VERSION,
                "Tus-Extension": "creation,expiration,termination,checksum",
                "Tus-Max-Size": str(settings.UPLOAD_LARGEST),
                "Tus-Checksum-Algorithm": ",".join(uploads.ALGORITHMS),
            },
        )


class Uploads(_Tus):
    @extend_schema(operation_id="uploads_begin", request=None, responses={201: None}, parameters=HEADERS)
    def post(self, request: Request) -> Response:
        """Announce a file; the answer's Location takes its pieces. 413 too large, 429 too much in a day, 507 no room."""
        upload = uploads.begin(user=request.user, name=_name(request.headers.get("Upload-Metadata", "")), size=_whole(request, "Upload-Length"))
        address = reverse("api:upload", args=[upload.pk])
        return Response({"id": str(upload.pk)}, status=201, headers={"Location": address, "Upload-Offset": "0", **_expires(upload)})


class OneUpload(_Tus):
    @extend_schema(responses={200: None}, parameters=HEADERS[:1])
    def head(self, request: Request, pk: uuid.UUID) -> Response:
        """How far the upload is: the header Upload-Offset."""
        if (upload := uploads.uploads(request.user).filter(pk=pk).first()) is None:
            raise errors.UploadGone("there is no such upload")
        return Response(headers={"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.size), **_expires(upload)})

    @extend_schema(request={PIECE: OpenApiTypes.BINARY}, responses={204: None}, parameters=HEADERS)
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """The next piece. 409 wrong offset, 415 nothing that a tool reads, 423 another writer at this moment, 460 damaged on its way."""
        if request.content_type != PIECE:
            return Response({"error": [f"a piece is sent as {PIECE}"]}, status=415)
        length, checksum = _whole(request, "Content-Length"), request.headers.get("Upload-Checksum", "")
        try:
            upload = uploads.append(
                user=request.user, upload_id=pk, offset=_whole(request, "Upload-Offset"), stream=request.stream, length=length, checksum=checksum
            )
        except errors.UnreadableKind:
            uploads.discard(user=request.user, upload_id=pk)
            raise
        return Response(status=204, headers={"Upload-Offset": str(upload.offset), **_expires(upload)})

    @extend_schema(responses={204: None}, parameters=HEADERS[:1])
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """The upload is not wanted any more."""
        uploads.discard(user=request.user, upload_id=pk)
        return Response(status=204)


class _WrongVersion(Exception):
    """The client speaks another version of tus."""


def _whole(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise errors.WrongLength(f"the header {header} must be a whole number of bytes")
    return int(text)


def _name(metadata: str) -> str:
    """The file's name out of `key base64,key base64`; a name that cannot be read is none."""
    pairs = dict(pair.strip().partition(" ")[::2] for pair in metadata.split(","))
    try:
        return base64.b64decode(pairs.get("filename", ""), validate=True).decode()
    except ValueError:
        return ""


def _expires(upload: Upload) -> dict[str, str]:
    return {"Upload-Expires": http_date(upload.expires.timestamp())}


urlpatterns = [
    path("uploads", Uploads.as_view(), name="uploads"),
    path("uploads/<uuid:pk>", OneUpload.as_view(), name="upload"),
]
