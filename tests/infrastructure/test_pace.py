"""How soon after a unit the next one begins."""

from infrastructure.read_models.lingering import Pace
from infrastructure.read_models.projector import Unit


def test_few_events_are_looked_for_often() -> None:
    assert _last_interval(events_per_second=500, unit_seconds=0.002) == 0.01


def test_many_events_are_taken_in_strides() -> None:
    assert _last_interval(events_per_second=5_000, unit_seconds=0.002) == 0.25


def test_a_read_model_in_no_hurry_keeps_its_own_pace() -> None:
    pace = Pace(0.0, 0.4)
    assert _run(pace, 0.0, events_per_second=10, unit_seconds=0.002)[1] == 0.4
    assert _run(pace, 100.0, events_per_second=5_000, unit_seconds=0.002)[1] == 0.4


def test_what_was_a_burst_is_over_when_few_come_again() -> None:
    pace = Pace(0.0, 0.01)
    now = _run(pace, 0.0, events_per_second=5_000, unit_seconds=0.002)[0]
    assert _run(pace, now, events_per_second=500, unit_seconds=0.002)[1] == 0.01


def test_units_that_take_long_leave_room_up_to_a_bound() -> None:
    assert _last_interval(events_per_second=500, unit_seconds=0.04) == 0.06
    assert _last_interval(events_per_second=500, unit_seconds=9.0) == 0.25


def test_a_unit_in_which_nothing_concerned_the_read_model_lets_the_others_go_first() -> None:
    assert _last_interval(events_per_second=500, unit_seconds=0.002, handled=False) == 0.05
    assert Pace(0.0, 0.01).interval(0.0, 0.002, Unit()) == 0.01


def _last_interval(*, events_per_second: float, unit_seconds: float, handled: bool = True) -> float:
    pace = Pace(0.0, 0.01)
    return _run(pace, 0.0, events_per_second=events_per_second, unit_seconds=unit_seconds, handled=handled)[1]


def _run(
    pace: Pace, began: float, *, events_per_second: float, unit_seconds: float, handled: bool = True
) -> tuple[float, float]:
    """Units for at least a second, each right when it may begin: when the next may, and the last interval."""
    interval = 0.01
    for _ in range(150):
        events = round(events_per_second * interval)
        interval = pace.interval(began, began + unit_seconds, Unit(events, events if handled else 0))
        began += interval
    return began, round(interval, 4)
