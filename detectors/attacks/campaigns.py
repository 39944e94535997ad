"""Make a set of posts with a campaign and a fan club hidden in it: `python -m detectors.attacks.campaigns TEXTS.csv OUT --seed 1`.

TEXTS.csv (column `text`, such as the TweepFake training file) gives real texts; accounts and times are made up, because the set has no times. The campaign:
40 accounts that one hand moves, which post varied messages within seconds of each other beside harmless posts. The fan club: 40 people who write the same
slogans on the same evenings, half of them in answer to what happens on the pitch. OUT/posts.csv has text, account, time; OUT/accounts.csv account and kind.
"""

from __future__ import annotations

import argparse
import csv
import datetime
from pathlib import Path

import numpy as np

from detectors import datasets

POSTS, PEOPLE, HIDDEN = 5000, 800, 40
DAYS, START = 30, datetime.datetime(2026, 9, 1, tzinfo=datetime.UTC).timestamp()
ACTIONS, SHARE, SPREAD = 12, 0.7, 20.0  # actions of the campaign, share of its accounts in each, seconds between them (deviation)
EVENINGS, SLOGANS_EACH, DELAY = 4, 7, 90.0  # matches, slogans each fan writes, seconds (median) from a goal to a slogan
MESSAGES = (
    "The museum is hiding the truth about the cracks in the tower and nobody in the council dares to answer",
    "Visitors were locked in for an hour and the director said nothing: ask for your money back",
    "They sold our square to a company from abroad, read the contract before it disappears",
    "The restoration was paid twice and the second bill has no signature on it",
    "La torre è chiusa da ieri e nessuno lo dice ai turisti, passate parola prima che cancellino",
    "Il biglietto costa il doppio per chi abita qui: il consiglio ha votato di notte, senza pubblico",
)
SLOGANS = (
    "Forza ragazzi, questa sera la curva canta fino alla fine",
    "Sempre con voi, in casa e in trasferta, mai soli",
    "What a night, what a team, we sing until the final whistle",
    "Goal! This is our year, the whole square is singing",
    "Una sola voce, un solo colore, avanti tutta fino al novantesimo",
    "Nobody leaves before the end, the north stand never sleeps",
)
ENDINGS = ("", "", "!", "!!", " 👏", " 🔥", " #ora", " #now", " …", " 🙌🙌")


def make(texts: list[str], seed: int, *, share: float = SHARE, spread: float = SPREAD) -> tuple[list[tuple[str, str, float]], dict[str, str]]:
    """Posts (text, account, seconds) in order of time, and the kind of every account: "person", "campaign" or "fan".

    `share` of the campaign's accounts take part in each action, within `spread` seconds (deviation).
    """
    rng = np.random.default_rng(seed)
    left = iter(rng.permutation(np.array(texts, dtype=object)).tolist())
    weights = rng.pareto(1.2, PEOPLE) + 0.2
    people = [f"person_{n:03d}" for n in range(PEOPLE)]
    posts = [(next(left), people[n], _any_time(rng)) for n in rng.choice(PEOPLE, POSTS, p=weights / weights.sum())]
    kinds = {account: "person" for _, account, _ in posts}
    hidden = {kind: [f"{kind}_{n:02d}" for n in range(HIDDEN)] for kind in ("campaign", "fan")}
    for kind, accounts in hidden.items():
        kinds |= dict.fromkeys(accounts, kind)
        posts += [(next(left), account, _any_time(rng)) for account in accounts for _ in range(int(rng.integers(4, 13)))]
    posts += _campaign(rng, hidden["campaign"], share, spread) + _fans(rng, hidden["fan"])
    return sorted(posts, key=lambda each: each[2]), kinds


def _campaign(rng: np.random.Generator, accounts: list[str], share: float, spread: float) -> list[tuple[str, str, float]]:
    posts = []
    for action in range(ACTIONS):
        begins = _any_time(rng)
        for account in accounts:
            if rng.random() < share:
                posts.append((_varied(rng, MESSAGES[action % len(MESSAGES)]), account, begins + float(rng.normal(0, spread))))
    return posts


def _fans(rng: np.random.Generator, accounts: list[str]) -> list[tuple[str, str, float]]:
    posts = []
    for day in rng.choice(DAYS, EVENINGS, replace=False):
        begins = START + 86400 * int(day) + 20 * 3600
        goals = begins + np.sort(rng.uniform(0, 6600, int(rng.integers(1, 5))))
        for account in accounts:
            for _ in range(rng.binomial(SLOGANS_EACH, 0.5)):
                reacts = rng.random() < 0.5
                t = float(rng.choice(goals) + DELAY * np.exp(rng.normal(0, 0.8))) if reacts else begins + float(rng.uniform(0, 7200))
                posts.append((_varied(rng, SLOGANS[int(rng.integers(len(SLOGANS)))]), account, t))
    return posts


def _any_time(rng: np.random.Generator) -> float:
    """A day and an hour of the day as people are awake."""
    return START + 86400 * int(rng.integers(DAYS)) + 3600 * float(np.clip(rng.normal(15, 4), 0, 23.99))


def _varied(rng: np.random.Generator, text: str) -> str:
    """The text with an ending, and now and then a word in capitals or left out."""
    words = text.split()
    at = int(rng.integers(len(words)))
    match rng.integers(4):
        case 0:
            words[at] = words[at].upper()
        case 1:
            del words[at]
        case _:
            pass
    return " ".join(words) + ENDINGS[int(rng.integers(len(ENDINGS)))]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=SHARE, help="of the campaign's accounts in each action")
    parser.add_argument("--spread", type=float, default=SPREAD, help="seconds between them (deviation)")
    asked = parser.parse_args()
    rows = datasets.read_table(asked.texts, {"text": str})
    posts, kinds = make(list(dict.fromkeys(row["text"] for row in rows)), asked.seed, share=asked.share, spread=asked.spread)
    asked.out.mkdir(parents=True, exist_ok=True)
    with (asked.out / "posts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("text", "account", "time"))
        table.writerows((text, account, datetime.datetime.fromtimestamp(t, datetime.UTC).isoformat(timespec="seconds")) for text, account, t in posts)
    with (asked.out / "accounts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("account", "kind"))
        table.writerows(sorted(kinds.items()))


if __name__ == "__main__":
    main()
