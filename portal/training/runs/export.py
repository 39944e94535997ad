"""A run to take away: every round and site as CSV or JSON, and a few runs side by side."""

from __future__ import annotations

from typing import Any

from portal.accounts.models import User
from portal.core.spreadsheet import lines
from portal.training.runs import queries

ROUND = ("run", "number", "loss", "seconds")
SITE = ("name", "site", "node", "status", "reason", "samples", "loss", "update_norm", "cosine", "epsilon", "bytes_down", "bytes_up")
HELD_BACK = ("before", "alone", "after", "own")  # of the whole run, so the same on each line of a site
MOST = 4


def as_csv(state: dict[str, Any]) -> str:
    """One line a site and round; the three losses on its held-back footage are those of the whole run."""
    votes = {(row["site"], row["name"]): row for row in (state["three"] or {"rows": []})["rows"]}  # a node's number may be another by then
    rows = [
        (state["task"], *(row[name] for name in ROUND), *(site[name] for name in SITE), *_losses(votes, site))
        for row in state["rounds"]
        for site in row["sites"]
    ]
    return "".join(lines(["task", *(f"round_{name}" for name in ROUND), *SITE, *(f"held_back_{name}" for name in HELD_BACK)], rows))


def side_by_side(user: User, ids: list[str]) -> list[dict[str, Any]]:
    """Up to four runs with what can be compared: the plan, the rounds, what was moved, how the gate saw them."""
    found = [state for each in dict.fromkeys(ids) if (state := queries.run_state(user, each))]
    return [{**state, **_summary(state)} for state in found[:MOST]]


def differing(states: list[dict[str, Any]]) -> list[tuple[str, list[Any]]]:
    """The settings in which these runs differ, with each run's value."""
    names = sorted({name for state in states for name in state["plan"]})
    rows = [(name, [state["plan"].get(name) for state in states]) for name in names]
    return [(name, values) for name, values in rows if any(value != values[0] for value in values)]


def _summary(state: dict[str, Any]) -> dict[str, Any]:
    sites = [site for row in state["rounds"] for site in row["sites"]]
    votes = (state["gate"] or {}).get("votes") or []
    counts = {name: sum(site["status"] == name for site in sites) for name in ("accepted", "rejected", "late", "failed")}
    return {
        **counts,
        "done": len(state["rounds"]),
        "last_loss": next((row["loss"] for row in reversed(state["rounds"]) if row["loss"] is not None), None),
        "loss_before": _mean([vote.get("before") for vote in votes]),
        "loss_alone": _mean([vote.get("alone") for vote in votes]),
        "loss_after": _mean([vote.get("after") for vote in votes]),
        "up": sum(site["bytes_up"] for site in sites),
        "down": sum(site["bytes_down"] for site in sites),
        "seconds": sum(row["seconds"] for row in state["rounds"]),
    }


def _mean(values: list[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None


def _losses(votes: dict[tuple[Any, Any], dict[str, Any]], site: dict[str, Any]) -> list[Any]:
    return [votes.get((site["site"], site["name"]), {}).get(name) for name in HELD_BACK]
