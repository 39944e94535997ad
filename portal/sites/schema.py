"""How agents' signatures and the contract's messages stand in the API's description; drf-spectacular finds these by their being imported."""

from __future__ import annotations

from typing import Any

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.plumbing import ResolvedComponent


class SignatureScheme(OpenApiAuthenticationExtension):
    target_class = "portal.sites.authentication.AgentAuthentication"
    name = "agentSignature"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """OpenAPI has no word of its own for RFC 9421."""
        words = "RFC 9421 HTTP message signature (Ed25519) over method, path, query and Content-Digest; key id is the agent's id, see docs/architecture.md"
        return {"type": "apiKey", "in": "header", "name": "Signature", "description": words}


class MessageSchema(OpenApiSerializerExtension):
    """A message of the contract, described by its own JSON schema."""

    target_class = "federated.contract.message.ContractMessage"
    match_subclasses = True

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        """The message's name in the contract."""
        return self.target.__name__

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Its schema; what it is made of is registered beside it."""
        _refs, components = msgspec.json.schema_components([self.target], ref_template="#/components/schemas/{name}")
        own = _typed(components.pop(self.target.__name__))
        for name, schema in components.items():
            _typed(schema)
            auto_schema.registry.register_on_missing(ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, object=name, schema=schema))
        return own


def _typed(schema: Any) -> Any:
    """Give every list of texts to choose from its type, in place: drf-spectacular looks for it."""
    if isinstance(schema, dict):
        if "enum" in schema:
            schema.setdefault("type", "string")
        for each in schema.values():
            _typed(each)
    elif isinstance(schema, list):
        for each in schema:
            _typed(each)
    return schema
