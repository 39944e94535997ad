"""Why the desk refuses something that is sent in pieces, and why a tool gave no report.

ToolFailure              a code with parameters; `portal.analysis.words` words it
UploadError
├── UploadGone           there is no such upload of this person: another's, finished with, or expired
├── UploadBusy           somebody else writes the same upload at this moment
├── WrongOffset          the piece begins elsewhere than the last one ended
├── WrongChecksum        the piece arrived damaged
├── WrongLength          no size, more than was announced, or a piece cut short
├── UploadTooLarge       a file or a piece past the limit
├── QuotaReached         the person has sent as much as one may in a day
├── DiskFull             the portal has no room for it
└── UnreadableKind       by its content it is nothing that a tool reads
"""

from __future__ import annotations

from typing import Any


class ToolFailure(Exception):
    """No report. `params` are the numbers and names of the sentence.

    `code`: "refused" (the tool cannot read the file), "memory", "time", "crash", "broke", "disk" (full), "missing" (a file of the case) or "gone" (the tool).
    """

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code, self.params = code, params


class UploadError(Exception):
    """The sentence is for the person who uploads; `status` is the HTTP status of the tus protocol."""

    status = 400


class UploadGone(UploadError):
    status = 404


class UploadBusy(UploadError):
    status = 423


class WrongOffset(UploadError):
    """`offset`: where the next piece must begin."""

    status = 409

    def __init__(self, sentence: str, offset: int) -> None:
        super().__init__(sentence)
        self.offset = offset


class WrongChecksum(UploadError):
    status = 460


class WrongLength(UploadError):
    status = 400


class UploadTooLarge(UploadError):
    status = 413


class QuotaReached(UploadError):
    status = 429


class DiskFull(UploadError):
    status = 507


class UnreadableKind(UploadError):
    status = 415
