"""How an agent's signature is named in the API's description; drf-spectacular finds it by being imported."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class SignatureScheme(OpenApiAuthenticationExtension):
    target_class = "portal.sites.authentication.AgentAuthentication"
    name = "agentSignature"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """OpenAPI has no word of its own for RFC 9421."""
        said = "RFC 9421 HTTP message signature (Ed25519) over method, path, query and Content-Digest; key id is the agent's id, see docs/architecture.md"
        return {"type": "apiKey", "in": "header", "name": "Signature", "description": said}
