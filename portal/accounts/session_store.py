"""Where sessions are kept: Django's table, asked only for what can be a session's key."""

from __future__ import annotations

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Sessions in the database. A cookie with anything but letters and digits was not set by us: it is no key, and no column takes a NUL."""

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(super()._validate_session_key(key)) and key is not None and key.isascii() and key.isalnum()
