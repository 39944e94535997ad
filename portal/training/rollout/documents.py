"""Model documents: what the portal signs and an agent verifies before it opens a model."""

from __future__ import annotations

from typing import Any

from federated.contract.documents import ModelDocument
from federated.trust.signing import sign_document
from portal.core import media
from portal.sites.config import portal_key


def sign(*, detector: str, version: str, content: bytes, card: dict[str, Any]) -> dict[str, Any]:
    """Put the file into the media store and return its signed document."""
    document = ModelDocument(detector=detector, version=version, sha256=media.put(content), size=len(content), card=card)
    return sign_document(document.to_json(), portal_key())


def of(model: Any) -> dict[str, Any]:
    """The signed document of a stored version; the card is part of what is signed."""
    return {**_typed(model).to_json(), "signature": model.signature}


def of_canary(model: Any) -> dict[str, Any]:
    """The same, signed anew with the field `trial`, by which an agent lets the version before watch the same frames. Older agents ignore the field."""
    return sign_document(_typed(model, trial=True).to_json(), portal_key())


def _typed(model: Any, *, trial: bool | None = None) -> ModelDocument:
    return ModelDocument(detector=model.detector, version=model.version, sha256=model.sha256, size=model.size, card=model.card, trial=trial)
