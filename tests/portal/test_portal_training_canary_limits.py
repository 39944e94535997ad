"""Bands of a trial: what chance explains stays, what it does not goes."""

from __future__ import annotations

import pytest

from portal.training.rollout.canary_limits import Figures, limits, reasons

DAY = Figures(hours=24, alerts=24, restarts=0, latency_ms=40.0, samples=100)


def limits_of(before=DAY, **during):
    return limits(before, Figures(**{"hours": 1.0, "samples": 10, "latency_ms": 40.0, "alerts": 1, **during}))


def test_the_same_as_before_stays_in_every_band():
    assert reasons(limits_of()) == []


@pytest.mark.parametrize(("alerts", "left"), [(0, False), (7, False), (8, True), (60, True)])
def test_with_one_alert_an_hour_before_seven_in_an_hour_are_chance_and_eight_are_not(alerts, left):
    assert limits_of(alerts=alerts)["alerts"].exceeded is left


def test_a_version_that_sees_nothing_any_more_leaves_the_band_too():
    busy = Figures(hours=24, alerts=24 * 60)
    assert limits_of(busy, alerts=20)["alerts"].exceeded
    assert not limits_of(busy, alerts=40)["alerts"].exceeded


def test_a_quiet_camera_is_never_taken_back_for_staying_quiet():
    assert not limits_of(Figures(hours=24), alerts=0)["alerts"].exceeded


def test_without_a_past_nothing_is_expected_and_nothing_judged():
    band = limits_of(Figures(), alerts=500)["alerts"]
    assert (band.value, band.exceeded) == (None, False)


@pytest.mark.parametrize(("ms", "left"), [(40, False), (60, False), (61, True)])
def test_a_frame_may_take_half_as_long_again(ms, left):
    assert limits_of(latency_ms=ms)["latency"].exceeded is left


def test_a_fast_camera_has_five_milliseconds_of_leave():
    fast = Figures(hours=24, latency_ms=2.0, samples=50)
    assert not limits_of(fast, latency_ms=6.9)["latency"].exceeded
    assert limits_of(fast, latency_ms=7.1)["latency"].exceeded


def test_two_minutes_are_too_few_for_a_median():
    assert limits_of(samples=2, latency_ms=900)["latency"].value is None


@pytest.mark.parametrize(("restarts", "left"), [(1, False), (2, True)])
def test_one_restart_happens_two_in_an_hour_do_not(restarts, left):
    assert limits_of(restarts=restarts)["restarts"].exceeded is left


def test_one_refusal_is_enough():
    assert limits_of(failures=1)["failures"].exceeded


def test_reasons_are_sentences_with_the_numbers():
    assert reasons(limits_of(alerts=60, failures=2)) == ["60 alerts, where 0 to 7 were to be expected", "refused or given back by 2 cameras"]


@pytest.mark.parametrize("name", ["only_new", "only_old"])
@pytest.mark.parametrize(("frames", "compared", "left"), [(599, 599, False), (60, 600, False), (61, 600, True), (100, 2000, False), (101, 2000, True)])
def test_one_frame_in_twenty_may_be_a_lonely_alarm_and_sixty_in_any_case(name, frames, compared, left):
    assert limits_of(compared=compared, **{name: frames})[name].exceeded is left


def test_before_six_hundred_frames_are_compared_lonely_alarms_are_not_judged():
    assert limits_of(compared=599, only_new=599)["only_new"].value is None
