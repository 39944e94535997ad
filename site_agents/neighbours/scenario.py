"""A site to simulate: cameras on a plan, doors and paths between them, and people who walk them."""

from __future__ import annotations

import dataclasses
import heapq
import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from site_agents.errors import ScenarioError
from site_agents.neighbours.people import Population

MEAN_PASSES = 8  # cameras that one walk passes


@dataclasses.dataclass(frozen=True, slots=True)
class Scenario:
    """Everything a run depends on; the same scenario gives the same figures. Shares lie in 0..1, capacities are comparisons a second.

    `strong`: share of the cameras that keep the whole gallery. `strangers`: share of the walks. `missed`: passes without a usable face.
    `hurry`: everybody walks so many times faster (for the real processes). A dead one dies after a quarter of the run; only what comes later counts.
    """

    cameras: int = 6
    sightings: int = 3_000
    walkers: int = 12
    strong: float = 0.17
    strangers: float = 0.3
    missed: float = 0.1
    weak_capacity: float = 2_000.0
    strong_capacity: float = 20_000.0
    server_capacity: float = 200_000.0
    room: int = 64
    link_s: float = 0.005
    server_link_s: float = 0.03
    dead_server: bool = False
    dead_cameras: int = 0
    hurry: float = 1.0
    seed: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class SimulatedVisit:
    """One face before one camera: `t` and `until` in seconds from the start; `person` is a staff id or a stranger's."""

    key: str
    t: float
    until: float
    camera: str
    person: str
    probe: np.ndarray


def sized(cameras: int, **changes: object) -> Scenario:
    """The scenario of the documented figures at this size."""
    return check(Scenario(cameras, sightings=3_000 if cameras < 100 else 9_000, walkers=min(2 * cameras, 80), **changes))


def load(path: Path) -> Scenario:
    """A scenario from TOML. Raises ScenarioError that names the line of what is wrong."""
    try:
        text = path.read_text()
        found = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{path}: {error}") from error
    kinds = {field.name: type(field.default) for field in dataclasses.fields(Scenario)}
    for name, value in found.items():
        line = next((n for n, words in enumerate(text.splitlines(), 1) if re.match(rf"\s*\[*{re.escape(name)}\b", words)), 0)
        if name not in kinds:
            raise ScenarioError(f"{path}:{line}: there is no setting {name!r}; there are {', '.join(kinds)}")
        if not isinstance(value, (int, float) if kinds[name] is float else kinds[name]) or (isinstance(value, bool) and kinds[name] is not bool):
            raise ScenarioError(f"{path}:{line}: {name} must be of the kind {kinds[name].__name__}")
    return check(Scenario(**found))


def check(scenario: Scenario) -> Scenario:
    """The scenario when it makes sense. Raises ScenarioError."""
    if not 2 <= scenario.cameras <= 2_000 or not 10 <= scenario.sightings <= 1_000_000:
        raise ScenarioError("a site has 2 to 2,000 cameras and a run 10 to 1,000,000 sightings")
    if not all(0 <= share <= 1 for share in (scenario.strong, scenario.strangers, scenario.missed)) or scenario.missed > 0.9:
        raise ScenarioError("strong, strangers and missed are shares from 0 to 1 (missed to .9)")
    if min(scenario.weak_capacity, scenario.strong_capacity, scenario.server_capacity, scenario.hurry) <= 0 or min(scenario.link_s, scenario.server_link_s) < 0:
        raise ScenarioError("capacities and hurry are more than 0, delays not less")
    if not 1 <= scenario.walkers <= 100_000 or scenario.room < 1 or not 0 <= scenario.dead_cameras < scenario.cameras:
        raise ScenarioError("there must be walkers, room in the hot set, and at least one camera alive")
    return scenario


def names(scenario: Scenario) -> list[str]:
    """The cameras."""
    return [f"cam-{n}" for n in range(scenario.cameras)]


def strong(scenario: Scenario) -> set[str]:
    """The cameras that keep the whole gallery."""
    rng = np.random.default_rng([scenario.seed, 1])
    return {names(scenario)[n] for n in rng.permutation(scenario.cameras)[: round(scenario.strong * scenario.cameras)]}


def dead(scenario: Scenario) -> set[str]:
    """Who dies in this run."""
    rng = np.random.default_rng([scenario.seed, 2])
    cameras = {names(scenario)[n] for n in rng.permutation(scenario.cameras)[: scenario.dead_cameras]}
    return cameras | ({"server"} if scenario.dead_server else set())


def paths(scenario: Scenario) -> dict[str, dict[str, float]]:
    """Camera to its neighbours and the mean seconds to them: a plan in rows, everybody joined to the next one and to the one below."""
    rng, wide, cameras = np.random.default_rng([scenario.seed, 3]), math.ceil(math.sqrt(scenario.cameras)), names(scenario)
    found: dict[str, dict[str, float]] = {camera: {} for camera in cameras}
    for n in range(scenario.cameras):
        for m in ([n + 1] if (n + 1) % wide else []) + [n + wide]:
            if m < scenario.cameras:
                found[cameras[n]][cameras[m]] = found[cameras[m]][cameras[n]] = float(rng.uniform(8, 60)) / scenario.hurry
    return found


def visits(scenario: Scenario, crowd: Population) -> list[SimulatedVisit]:
    """Who is seen where and when, in order of time. Nobody of the staff is in two places at once."""
    rng, ways, walking = np.random.default_rng([scenario.seed, 4]), paths(scenario), set()
    habits = {camera: dict(zip(near, rng.gamma(0.7, size=len(near)) + 0.02, strict=True)) for camera, near in ways.items()}
    entrances = list(rng.permutation(names(scenario))[: max(2, scenario.cameras // 10)])
    staff, strangers = sorted(crowd.staff), sorted(crowd.strangers)
    slots: list[tuple[float, int, str]] = [(float(rng.uniform(0, 120)) / scenario.hurry, n, "") for n in range(scenario.walkers)]
    heapq.heapify(slots)
    found: list[SimulatedVisit] = []
    while len(found) < 1.3 * scenario.sightings:
        t, n, before = heapq.heappop(slots)
        walking.discard(before)
        free = [person for person in staff if person not in walking]
        person = str(rng.choice(strangers if rng.random() < scenario.strangers or not free else free))
        walking.add(person)
        found += _walk(scenario, rng, ways, habits, str(rng.choice(entrances)), person, (crowd.staff | crowd.strangers)[person], t, len(found))
        heapq.heappush(slots, (found[-1].until + float(rng.exponential(20)) / scenario.hurry if found else t + 1, n, person))
    return sorted(found, key=lambda visit: (visit.t, visit.key))[: scenario.sightings]


def _walk(
    scenario: Scenario, rng: np.random.Generator, ways: dict, habits: dict, camera: str, person: str, probes: np.ndarray, t: float, n: int
) -> Iterator[SimulatedVisit]:
    before, passes = "", int(min(rng.geometric(1 / MEAN_PASSES), 4 * MEAN_PASSES))
    for number in range(passes):
        until = t + float(rng.uniform(3, 12)) / scenario.hurry
        if rng.random() >= scenario.missed or number == 0:
            yield SimulatedVisit(f"v{n}-{number}", t, until, camera, person, probes[rng.integers(len(probes))])
        near = list(habits[camera])
        weights = np.array([habits[camera][each] * (0.2 if each == before else 1.0) for each in near])
        following = near[rng.choice(len(near), p=weights / weights.sum())]
        mean = ways[camera][following]
        t = until + float(max(rng.normal(mean, 0.15 * mean), 0.3 * mean))
        before, camera = camera, following
