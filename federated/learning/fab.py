"""The bundle that a run sends to the nodes: 1 KB that only names components of the installed package, the same bytes for the same version."""

from __future__ import annotations

import functools
import hashlib
import io
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

from federated.contract.run_plan import RunPlan
from federated.learning.plan import to_run_config

EPOCH = (1980, 1, 1, 0, 0, 0)


@functools.cache
def version() -> str:
    """The version of the installed package, or of the source tree it runs from."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    if project.exists():
        return tomllib.loads(project.read_text())["project"]["version"]
    return metadata.version("specola")


@functools.cache
def build() -> bytes:
    """The bundle (a zip of pyproject.toml and its checksum): no code in it, so that what runs at a node is what the node installed."""
    return bundle(project())


def bundle(pyproject: str, **files: str) -> bytes:
    """Zip a pyproject.toml (and other text files) the way Flower expects a bundle: fixed dates and order, no compression that could vary."""
    contents = {"pyproject.toml": pyproject.encode(), **{name: text.encode() for name, text in files.items()}}
    listing = "\n".join(f"{name},{hashlib.sha256(body).hexdigest()},{len(body) * 8}" for name, body in contents.items())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, body in {**contents, ".info/CONTENT": listing.encode()}.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), body)
    return out.getvalue()


def digest() -> str:
    """sha256 of the bundle: what a node's allow-list holds."""
    return hashlib.sha256(build()).hexdigest()


def project() -> str:
    defaults = "\n".join(f"{name} = {_toml(value)}" for name, value in to_run_config(RunPlan(task="anomaly")).items())
    return f"""[project]
name = "federation"
version = "{version()}"
license = "Apache-2.0"
dependencies = []
[tool.flwr.app]
publisher = "specola"
[tool.flwr.app.components]
serverapp = "federated.learning.server_app:app"
clientapp = "federated.learning.client_app:app"
[tool.flwr.app.config]
{defaults}
"""


def _toml(value: str | int | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
