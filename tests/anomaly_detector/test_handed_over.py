"""Which instants are written when a run begins, goes on, and finds the server's clock back where it was."""

from anomaly_detector.handed_over import WRITE_REACH_S, HandedOver

NOW_S = 1_763_700_000.0


def written(handed_over: HandedOver, *times_s: float, now_s: float = NOW_S) -> list[float]:
    """What is written of these instants, one after the other, as minutes from now."""
    out = []
    for time_s in times_s:
        if handed_over.wants(time_s, now_s):
            handed_over.note(time_s)
            out.append((time_s - NOW_S) / 60)
    return out


def minutes(*offsets: float) -> list[float]:
    return [NOW_S + 60 * offset for offset in offsets]


def test_what_another_run_wrote_is_not_written_again() -> None:
    run = HandedOver()
    run.begin(NOW_S, NOW_S - 120)
    assert written(run, *minutes(-3, -2, -1, 0)) == [-1, 0]


def test_what_is_too_old_for_a_new_series_is_not_written() -> None:
    run = HandedOver()
    run.begin(NOW_S, 0.0)
    assert written(run, NOW_S - WRITE_REACH_S - 60, NOW_S - WRITE_REACH_S + 60) == [-WRITE_REACH_S / 60 + 1]


def test_scores_from_a_clock_that_was_ahead_hold_nothing_back_and_are_not_repeated() -> None:
    run = HandedOver()
    run.begin(NOW_S, 0.0)
    assert written(run, *minutes(-1, 0)) == [-1, 0]
    assert written(run, *minutes(3, 4), now_s=NOW_S + 240) == [3, 4]
    run.begin(NOW_S + 60, 0.0)
    assert written(run, *minutes(0, 1, 2, 3, 4, 5), now_s=NOW_S + 300) == [1, 2, 5]


def test_a_clock_that_goes_back_twice_repeats_nothing_either() -> None:
    run = HandedOver()
    run.begin(NOW_S, 0.0)
    written(run, *minutes(10), now_s=NOW_S + 600)
    run.begin(NOW_S, 0.0)
    written(run, *minutes(1), now_s=NOW_S + 60)
    run.begin(NOW_S, 0.0)
    assert written(run, *minutes(1, 2, 10, 11), now_s=NOW_S + 700) == [2, 11]


def test_a_score_that_the_server_knows_from_its_future_holds_nothing_back() -> None:
    run = HandedOver()
    run.begin(NOW_S, NOW_S + 3600)
    assert written(run, *minutes(1)) == [1]
