"""The picture of an event: drawn once a frame, whatever number of events the frame has."""

from __future__ import annotations

import numpy as np

from detectors.types import Box, Frame
from site_agents.evidence import Evidence


class Finder:
    """Finds one face everywhere and counts how often it was asked."""

    asked = 0

    def __call__(self, image):
        self.asked += 1
        return [Box(20, 20, 16, 16)]


def frame(n):
    return Frame(np.random.default_rng(n).integers(0, 255, (64, 64, 3), np.uint8), "square", float(n), n)


def test_events_of_one_frame_share_its_picture():
    finder, seen = Finder(), frame(1)
    evidence = Evidence(lambda: finder, print)
    assert evidence.picture(seen, hide_faces=True) == evidence.picture(seen, hide_faces=True)
    assert finder.asked == 1


def test_the_next_frame_has_a_picture_of_its_own():
    evidence = Evidence(Finder, print)
    assert evidence.picture(frame(1), hide_faces=True) != evidence.picture(frame(2), hide_faces=True)


def test_a_picture_with_faces_is_never_given_where_they_must_be_hidden():
    finder, seen = Finder(), frame(1)
    evidence = Evidence(lambda: finder, print)
    open_picture = evidence.picture(seen, hide_faces=False)
    assert evidence.picture(seen, hide_faces=True) != open_picture
    assert finder.asked == 1
