"""What other apps put into an agent's configuration: looked up when it is needed, so that sites stands below them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from portal.core import media
from portal.sites.models import Agent, Camera


def gallery(camera: Camera, version: int, public: str, names: bool) -> dict[str, Any] | None:
    """What the camera's agent, which holds this version of the staff list, must know now: `{list, sealed}`, or None; `names`: it wants no faces."""
    return _call("portal.people.gallery", "news", camera, version, public, names)


def circle(agent: Agent, said: Any) -> dict[str, Any] | None:
    """The signed neighbours of an agent that said where it listens, when they are news to it."""
    return _call("portal.people.circle", "circle", agent, said)


def nobody(uids: set[str]) -> set[str]:
    """Those of these ids of people who stand on no staff list: erased, or never known."""
    return _call("portal.people.queries", "nobody", uids)


def recognised(events: list[Any]) -> None:
    """Fresh events of kind "recognised", for the face log; inside their transaction."""
    _call("portal.people.log", "record", events)


def verdicts(camera: Camera, held: Any) -> dict[str, Any] | None:
    """The signed verdicts of operators on this camera's alerts that its agent has not written down yet."""
    return _call("portal.alerts.verdicts", "news", camera, held)


def in_cases(names: set[str]) -> set[str]:
    """Those of these files (sha256) that a case of the analysis desk holds."""
    return (_call("portal.analysis.queries", "held", names) or set()) if names else set()


def desired_models(camera: Camera) -> list[dict[str, Any]]:
    """The signed documents of the models that the agent of this camera should run."""
    return _call("portal.training.rollout.queries", "desired_models", camera) or []


def model_file(camera: Camera, sha256: str) -> Path | None:
    """The file of a model that this camera's agent is asked to run; None for every other."""
    wanted = any(document["sha256"] == sha256 for document in desired_models(camera))
    return media.path(sha256) if wanted and media.exists(sha256) else None


def record_outcome(*, agent: Agent, **said: Any) -> None:
    """Hand on what an agent says of a model. Raises ValidationError."""
    module = import_module("portal.training.rollout.actions")
    module.record_outcome(agent=agent, **said)


def _call(module: str, name: str, *arguments: Any) -> Any:
    if find_spec(module) is None:
        return None
    function = getattr(import_module(module), name, None)
    return function(*arguments) if function else None
