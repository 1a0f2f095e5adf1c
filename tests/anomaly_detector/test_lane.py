"""One model over many series: judged block by block, as one."""

from anomaly_detector.instant import judge
from anomaly_detector.lane import BLOCK
from tests.fakes.detector_plans import plan
from tests.fakes.watched_query import START_S, Watched, matrix

STEP_S = 60.0


def test_many_blocks_are_judged_as_one() -> None:
    watched = Watched(plan())
    names = {f"s{number}": float(number) for number in range(BLOCK + 5)}
    answer = matrix(names, START_S + 60)
    rows = watched.state.rows(answer, max_series=2 * BLOCK)
    (judged,) = judge(watched.state, watched.plan, rows, answer.values[0], START_S + 60)
    assert judged.verdict.expected.tolist() == list(names.values())
    assert watched.state.bytes > 200 * BLOCK
