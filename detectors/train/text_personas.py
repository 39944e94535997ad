"""Whom a machine's account imitates, found from the data: by what the posts are about, and by the accounts' names."""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.evaluators.tweepfake import TweetRows

ALIKE = 0.7  # share of the letter triples of a name that are in the imitator's name too


def personas(rows: TweetRows, counts: Any) -> np.ndarray:
    """A number (N,) for each row: accounts that imitate one another, or the same person, have the same one.

    Each machine's account is joined with the person whose words are most like its own, and with a person whose name is in its name.
    """
    names = sorted(set(rows.accounts))
    profiles = _profiles(rows.accounts, names, counts)
    is_machine = {name: bool(rows.machine[rows.accounts == name].all()) for name in names}
    people = [name for name in names if not is_machine[name]]
    group = {name: name for name in names}
    for name in (each for each in names if is_machine[each]):
        alike = [float(profiles[names.index(name)] @ profiles[names.index(person)]) for person in people]
        share, namesake = max((_share(person, name), person) for person in people)
        for person in {people[int(np.argmax(alike))], *([namesake] if share >= ALIKE else [])}:
            _join(group, name, person)
    heads = sorted(set(group.values()))
    return np.array([heads.index(group[name]) for name in rows.accounts])


def _join(group: dict[str, str], one: str, other: str) -> None:
    old, new = group[one], group[other]
    group.update({name: new for name, head in group.items() if head == old})


def _profiles(accounts: np.ndarray, names: list[str], counts: Any) -> np.ndarray:
    """Root of the mean squared weight of each place for each account, as vectors of length 1."""
    having = np.bincount(counts.indices, minlength=counts.shape[1])
    squared = counts.multiply(np.where(having >= 3, np.log((1 + counts.shape[0]) / (1 + having)), 0) ** 2).tocsr()
    means = np.sqrt(np.stack([np.asarray(squared[accounts == name].mean(0)).ravel() for name in names]))
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def _share(person: str, machine: str) -> float:
    triples = {person.lower()[n : n + 3] for n in range(max(1, len(person) - 2))}
    return sum(each in machine.lower() for each in triples) / len(triples)
