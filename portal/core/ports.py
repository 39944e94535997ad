"""What one app asks of another, declared once where it is asked and filled by the app that answers: an empty, doubled or misfitting port stops the start.

The asking app declares a port in its `ports.py`, as a function without a body; the answering app fills it in `AppConfig.ready`:

    @port                                                   # portal/sites/ports.py
    def desired_models(camera: Camera) -> list[dict[str, Any]]:
        "The signed documents of the models that the agent of this camera should run."

    ports.desired_models.fill(queries.desired_models)       # portal/training/apps.py, in ready()

    ports.desired_models(camera)                            # anywhere in portal/sites
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_declared: dict[str, Port] = {}


class PortError(Exception):
    """A port is declared twice, empty, filled twice, or filled with a function that takes other arguments; str() names it."""


class Port(Generic[P, R]):
    """One question. Call it like the function that declares it."""

    def __init__(self, declaration: Callable[P, R]):
        self.name = f"{declaration.__module__}.{declaration.__qualname__}"
        self.__doc__ = declaration.__doc__
        self.signature = inspect.signature(declaration)
        self.answer: Callable[P, R] | None = None

    def fill(self, answer: Callable[P, R]) -> None:
        """Let this function answer. Raises PortError when another does already, or when its arguments are not those of the declaration."""
        if not callable(answer):
            raise PortError(f"{self.name} cannot be filled with {answer!r}: it is no function")
        if self.answer not in (None, answer):
            raise PortError(f"{self.name} is filled twice: by {_named(self.answer)} and by {_named(answer)}")
        found = inspect.signature(answer)
        if _shape(found) != _shape(self.signature) or _needed(found) - _needed(self.signature):
            raise PortError(f"{self.name}{self.signature} cannot be answered by {_named(answer)}{found}: other arguments")
        self.answer = answer

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.answer is None:
            raise PortError(f"{self.name} is empty: no app answers it")
        return self.answer(*args, **kwargs)


def port(declaration: Callable[P, R]) -> Port[P, R]:
    """Declare a question; its name, arguments and docstring are the function's. Raises PortError when it is declared twice."""
    made = Port(declaration)
    if made.name in _declared:
        raise PortError(f"{made.name} is declared twice")
    _declared[made.name] = made
    return made


def check() -> None:
    """Called when every app is ready (portal/house/apps.py). Raises PortError that names every empty port."""
    if empty := sorted(name for name, each in _declared.items() if each.answer is None):
        raise PortError(f"no app answers {', '.join(empty)}: fill them in AppConfig.ready")


def _shape(signature: inspect.Signature) -> list[tuple[str, object]]:
    return [(each.name, each.kind) for each in signature.parameters.values()]


def _needed(signature: inspect.Signature) -> set[str]:
    return {each.name for each in signature.parameters.values() if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}


def _named(function: Callable) -> str:
    return f"{function.__module__}.{function.__qualname__}"
