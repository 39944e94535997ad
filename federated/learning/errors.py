"""What can be wrong with a plan before anything has started.

Exceptions::

    PlanError       this plan cannot work; the message is a sentence for the person who made it
"""

from __future__ import annotations


class PlanError(ValueError):
    """The plan of a run cannot work."""
