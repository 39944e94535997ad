"""How the cameras of a site help each other (docs/protocol.md), by their last heartbeats: who answered whom, what was learned, what the server was spared."""

from __future__ import annotations

import dataclasses
import itertools
import math

from federated.contract.heartbeat import NeighboursStatus, WayLearned
from portal.sites.models import Camera, LegalMode, Site
from portal.sites.queries import Tile, tiles_of

SERVER = "server"  # what the protocol calls this portal
WIDTH, HEIGHT, EDGE = 1000, 560, 110
DOT, BEND = 36, 34  # room around a dot, and how far a way is bent aside
CLOSE = 0.05  # fractions of the plan: cameras nearer to each other than that are put on a circle
LEAST_WAY = 5  # people who walked a way before its time is shown as learned


@dataclasses.dataclass(frozen=True, slots=True)
class Post:
    """A camera in the graph: `x`, `y` in the drawing, how many faces it decided where, `share` of them decided without the server (0..1 or None)."""

    tile: Tile
    name: str
    x: float
    y: float
    keep: str
    sharing: bool
    hot: int
    decided: dict[str, int]
    p95_ms: float | None

    @property
    def total(self) -> int:
        """Faces decided since its agent began."""
        return sum(self.decided.values())

    @property
    def share(self) -> float | None:
        """Of those, the share that the server was not asked about."""
        return 1 - self.decided["server"] / self.total if self.total else None


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    """From one camera to another: how many people were recognised at both, and the learned seconds between (None: too few people yet)."""

    start: Post
    end: Post
    people: int
    mean_s: float | None
    spread_s: float

    @property
    def width(self) -> float:
        """Of the stroke."""
        return min(8.0, 1.5 + math.log2(1 + self.people) / 2)

    @property
    def middle(self) -> tuple[float, float]:
        """Where its words stand: beside the straight line, so that the way back has the other side."""
        return self._at(0.5, 1.0)

    @property
    def path(self) -> str:
        """An SVG arc from dot to dot, bent to the side of its words."""
        (ax, ay), (bx, by) = (self._at(share, bend) for share, bend in ((self._gap, 0.4), (1 - self._gap, 0.4)))
        x, y = self._at(0.5, 1.2)
        return f"M{ax:.0f} {ay:.0f} Q{x:.0f} {y:.0f} {bx:.0f} {by:.0f}"

    @property
    def _length(self) -> float:
        return max(1.0, math.hypot(self.end.x - self.start.x, self.end.y - self.start.y))

    @property
    def _gap(self) -> float:
        return min(0.4, DOT / self._length)

    def _at(self, share: float, bend: float) -> tuple[float, float]:
        dx, dy = self.end.x - self.start.x, self.end.y - self.start.y
        aside = BEND * bend / self._length
        return self.start.x + share * dx - dy * aside, self.start.y + share * dy + dx * aside


@dataclasses.dataclass(frozen=True, slots=True)
class Help:
    """How many faces `helper` named, or called unknown, for `asker`; helper None is the server."""

    helper: Post | None
    asker: Post
    faces: int


@dataclasses.dataclass(frozen=True, slots=True)
class Graph:
    """All of it; `saved` is the share of faces that the server was spared, None before the first."""

    posts: list[Post]
    ways: list[Way]
    helps: list[Help]

    @property
    def decided(self) -> dict[str, int]:
        """Faces by where they were decided."""
        return {where: sum(post.decided[where] for post in self.posts) for where in ("local", "neighbour", "server", "nobody")}

    @property
    def total(self) -> int:
        """All faces decided."""
        return sum(self.decided.values())

    @property
    def saved(self) -> float | None:
        """1 minus the server's share."""
        return 1 - self.decided["server"] / self.total if self.total else None


def graph(site: Site) -> Graph:
    """The cameras in mode M1, what they learned and who helped whom. Agents that sent no heartbeat about it count nothing."""
    tiles = tiles_of(Camera.objects.filter(site=site, legal_mode=LegalMode.M1).select_related("site"))
    spots = _spots([tile.camera for tile in tiles])
    posts = {_name(tile): _post(tile, *spots[tile.camera.pk]) for tile in tiles}
    reported = {name: _reported(post.tile) for name, post in posts.items()}
    ways = [_way(posts[start], posts[end], way) for end in posts for start, way in reported[end].ways.items() if start in posts]
    helpers = {**posts, SERVER: None}
    helps = [Help(helpers[helper], posts[asker], count) for asker in posts for helper, count in reported[asker].answered.items() if helper in helpers]
    return Graph(list(posts.values()), [way for way in ways if way.people], [each for each in helps if each.faces > 0])


def _post(tile: Tile, x: float, y: float) -> Post:
    reported = _reported(tile)
    p95 = reported.latency.p95_s
    return Post(
        tile,
        _name(tile),
        x,
        y,
        keep=reported.keep,
        sharing=reported.sharing and tile.state.name not in ("silent", "unknown", "none"),
        hot=reported.hot,
        decided={where: reported.decided.get(where, 0) for where in ("local", "neighbour", "server", "nobody")},
        p95_ms=None if p95 is None else 1000 * p95,
    )


def _way(start: Post, end: Post, way: WayLearned) -> Way:
    learned = way.mean_s is not None and way.spread_s is not None
    return Way(start, end, way.n, way.mean_s if learned and way.n >= LEAST_WAY else None, way.spread_s if learned else 0.0)


def _reported(tile: Tile) -> NeighboursStatus:
    heartbeat = tile.agent.heartbeat if tile.agent else None
    return (heartbeat.neighbours if heartbeat else None) or NeighboursStatus()


def _name(tile: Tile) -> str:
    return str(tile.agent.pk) if tile.agent else f"camera-{tile.camera.pk}"


def _spots(cameras: list[Camera]) -> dict[int, tuple[float, float]]:
    """Where each is drawn: as on the plan, or on a circle when the plan does not tell them apart."""
    near = any(math.hypot(a.plan_x - b.plan_x, a.plan_y - b.plan_y) < CLOSE for a, b in itertools.combinations(cameras, 2))
    if near:
        angles = [2 * math.pi * n / len(cameras) - math.pi / 2 for n in range(len(cameras))]
        places = [(0.5 + 0.42 * math.cos(angle), 0.5 + 0.42 * math.sin(angle)) for angle in angles]
    else:
        places = [(camera.plan_x, camera.plan_y) for camera in cameras]
    return {camera.pk: (EDGE + x * (WIDTH - 2 * EDGE), EDGE + y * (HEIGHT - 2 * EDGE)) for camera, (x, y) in zip(cameras, places, strict=True)}
