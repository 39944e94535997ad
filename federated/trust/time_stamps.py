"""Time stamps of RFC 3161: asking an authority for one, and verifying one at the time that it states."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence

import httpx
import rfc3161_client
from cryptography import x509

TSA_S = 15.0
LARGEST_STAMP = 2**20


class StampRefused(Exception):
    """There is no time stamp, or one that does not belong to what it stands beside; str() says why."""


class OtherContent(StampRefused):
    """A time stamp over other bytes."""


def time_stamp(content: bytes, address: str) -> bytes:
    """A time-stamp response (DER) of the authority at `address` over these bytes. Raises StampRefused."""
    request = rfc3161_client.TimestampRequestBuilder().data(content).nonce(nonce=True).build()
    try:
        answer = httpx.post(address, content=request.as_bytes(), headers={"Content-Type": "application/timestamp-query"}, timeout=TSA_S)
        answer.raise_for_status()
        if len(answer.content) > LARGEST_STAMP:
            raise StampRefused("the answer of the time-stamp authority is too large")
        response = rfc3161_client.decode_timestamp_response(answer.content)
        granted = response.status in (0, 1)  # granted, granted with changes
        fits = granted and response.tst_info.nonce == request.nonce and response.tst_info.message_imprint.message == request.message_imprint.message
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise StampRefused(f"the time-stamp authority does not answer as it should: {error or type(error).__name__}") from error
    if not fits:
        raise StampRefused("the time-stamp authority refused, or stamped something else")
    return answer.content


def verify_stamp(content: bytes, stamp: bytes, roots: Sequence[x509.Certificate]) -> datetime.datetime:
    """When the authority saw these bytes; its certificates are judged at that time, not today. Raises StampRefused when the stamp is not over these bytes
    (OtherContent), or not of an authority below these roots."""
    stated = stated_time(content, stamp)
    try:
        builder = rfc3161_client.VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(rfc3161_client.decode_timestamp_response(stamp), content)
    except (rfc3161_client.VerificationError, ValueError) as error:
        raise StampRefused(str(error) or "it cannot be read") from error
    return stated


def stated_time(content: bytes, stamp: bytes) -> datetime.datetime:
    """The time that a stamp over these bytes states; whose word it is, is not looked at. Raises StampRefused, OtherContent."""
    try:
        response = rfc3161_client.decode_timestamp_response(stamp)
        imprint, hashed = (
            response.tst_info.message_imprint,
            {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"},
        )
        name = hashed.get(imprint.hash_algorithm.dotted_string)
        if response.status not in (0, 1) or name is None:
            raise StampRefused("it was not granted, or uses a hash that is not accepted")
        if imprint.message != hashlib.new(name, content).digest():
            raise OtherContent("it was made over something else")
        return response.tst_info.gen_time
    except ValueError as error:
        raise StampRefused(str(error) or "it cannot be read") from error
