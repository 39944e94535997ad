"""`manage.py lock`: write requirements/*.lock from pyproject.toml, with hashes, for every platform, without torch.

torch stays out because its CPU wheel and its CUDA wheel have one version and two hashes; its own dependencies are in, so that the separate step
(requirements/torch.txt) finds everything there. The locks constrain one another: a camera and the portal run the same versions.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import requires
from pathlib import Path

from infra.errors import InfraError

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {"portal.lock": ["agent", "train", "portal"], "train.lock": ["agent", "train"], "agent.lock": ["agent"], "test.lock": ["test"]}
OPTIONS = [
    "--universal",
    "--generate-hashes",
    "--only-binary",
    ":all:",
    "--python-version",
    "3.11",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
]
HEADER = "# Written by `python3 manage.py lock` from pyproject.toml; do not edit. torch is in torch.txt.\n"
CUDA = ("nvidia", "triton", "cuda")
MARKER = "python_full_version < '3.12' and platform_python_implementation == 'CPython'"
PROJECT = """[project]
name = "specola-lock"
version = "0"
requires-python = ">=3.11,<3.12"
dependencies = {wanted}
[tool.uv]
environments = ["{marker}"]
required-environments = ["sys_platform == 'linux' and platform_machine == 'x86_64'", "sys_platform == 'linux' and platform_machine == 'aarch64'"]
"""


def main(arguments: list[str]) -> int:
    """Write every lock. Arguments (for example `--upgrade`) go to `uv pip compile`."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if not uv:
        raise InfraError("`manage.py lock` needs uv: run `.venv/bin/pip install uv` first.")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, extras in FLOORS.items():
        _compile(uv, name, requirements_of(project, extras), arguments)
        print(f"requirements/{name}: {sum('==' in line for line in (ROOT / 'requirements' / name).read_text().splitlines())} packages")
    return 0


def requirements_of(project: dict, extras: list[str]) -> list[str]:
    """What these extras ask for, without our own name and without torch, but with what torch itself needs."""
    wanted = [] if extras == ["test"] else list(project["dependencies"])
    wanted += [line for extra in extras for line in project["optional-dependencies"][extra]]
    ours = ("specola[", "torch==")
    needs = [line for line in requires("torch") or [] if "extra ==" not in line and not line.startswith(CUDA)] if "train" in extras else []
    return [line for line in wanted if not line.startswith(ours)] + needs


def _compile(uv: str, name: str, wanted: list[str], arguments: list[str]) -> None:
    target = ROOT / "requirements" / name
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "pyproject.toml"
        source.write_text(PROJECT.format(wanted=json.dumps(wanted), marker=MARKER))
        constraint = [] if name == "portal.lock" else ["--constraint", str(ROOT / "requirements" / "portal.lock")]
        command = [uv, "pip", "compile", *OPTIONS, *constraint, *arguments, "-o", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise InfraError(f"uv could not resolve {name}: {done.stderr.strip()}")
    target.write_text(HEADER + target.read_text().replace(f"{MARKER} and ", "").replace(f" ; {MARKER}", ""))
