"""An engine's clock as we remember it: RFC 3414 section 3.2 (7), with time moved by hand."""

import pytest

from exporters.snmp.usm.engine import LARGEST, Engine


def engine(*, boots: int = 3, time_s: int = 1_000, now: float = 50.0) -> Engine:
    made = Engine(b"engine", boots, time_s, now=now)
    assert made.hear(boots, time_s, now=now)
    return made


def test_time_goes_on_with_our_clock() -> None:
    assert [engine().time_s(now) for now in (50.0, 50.9, 51.0, 200.5)] == [1_000, 1_000, 1_001, 1_150]


def test_time_ends_at_its_largest() -> None:
    assert engine(time_s=LARGEST - 1).time_s(60.0) == LARGEST


def test_a_clock_of_ours_that_went_back_does_not_take_the_engine_along() -> None:
    assert engine().time_s(0.0) == 1_000


@pytest.mark.parametrize(
    ("boots", "time_s", "is_believed"),
    [
        (3, 1_100, True),  # as expected
        (3, 950, True),  # 150 s old
        (3, 949, False),
        (3, 5_000, True),  # its clock is faster: RFC 3414 section 3.2 (7b) updates before it compares
        (2, 1_100, False),
        (4, 0, True),  # it has booted
    ],
)
def test_what_is_believed_a_hundred_seconds_later(boots: int, time_s: int, is_believed: bool) -> None:
    assert engine().hear(boots, time_s, now=150.0) == is_believed


def test_after_a_boot_older_messages_are_refused() -> None:
    known = engine()
    assert known.hear(4, 5, now=60.0)
    assert (known.boots, known.time_s(70.0)) == (4, 15)
    assert not known.hear(3, 1_010, now=60.0)


def test_a_late_message_does_not_set_the_clock_back() -> None:
    known = engine()
    assert known.hear(3, 1_100, now=150.0)
    assert known.hear(3, 1_050, now=151.0)
    assert known.time_s(160.0) == 1_110


def test_an_engine_at_its_last_boot_is_never_believed() -> None:
    assert not Engine(b"engine", LARGEST, 5, now=0.0).hear(LARGEST, 5, now=0.0)


def test_a_first_guess_gives_way_to_any_proof() -> None:
    guessed = Engine(b"engine", 900, 5_000, now=0.0)
    assert not guessed.trusted
    assert guessed.hear(2, 10, now=0.0)
    assert (guessed.trusted, guessed.boots, guessed.time_s(1.0)) == (True, 2, 11)


def test_agreeing_needs_trust_and_the_same_boot() -> None:
    assert not Engine(b"engine", 3, 1_000, now=50.0).agrees(3, 1_000, now=50.0)
    assert engine().agrees(3, 1_150, now=50.0)
    assert not engine().agrees(3, 1_151, now=50.0)
    assert not engine().agrees(4, 1_000, now=50.0)
