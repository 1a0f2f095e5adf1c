"""From verdicts to samples and to lines of the scores page."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_detector.instant import Judged
from anomaly_detector.models.model import Verdict
from anomaly_detector.series_table import SeriesTable
from anomaly_detector.sink.outputs import Outputs
from anomaly_detector.sink.scores_page import scores_text
from anomaly_detector.sink.series import Identity, PromqlIdentity
from anomaly_detector.sink.wire import STALE

TIME_S = 1_763_700_015.0
TIME_MS = 1_763_700_015_000
BANDS = ("anomaly_score", "yhat", "yhat_lower", "yhat_upper")


def judged(
    rows: list[int], *, confidence: float = 1.0, ended: tuple[int, ...] = (), warmed: tuple[int, ...] = ()
) -> Judged:
    """A verdict whose numbers tell what they are: score .r, expected 1r, band 1r-1 to 1r+1 for row r."""
    at = np.array(rows, float)
    verdict = Verdict(
        score=(at / 8).astype(np.float32),
        expected=10 + at,
        lower=9 + at,
        upper=11 + at,
        contribution=np.zeros((1, len(rows)), np.float32),
        confidence=np.full(len(rows), confidence, np.float32),
    )
    places = [np.array(one, np.intp) for one in (rows, ended, warmed)]
    return Judged(lane="m", time_s=TIME_S, rows=places[0], verdict=verdict, ended=places[1], warmed=places[2])


def outputs(wanted: tuple[str, ...] = ("anomaly_score",), *, series: int = 4) -> Outputs:
    made = Outputs(Identity("q", "m"), wanted)
    made.follow([(("n", str(number)),) for number in range(series)], 1)
    return made


def samples(made: Outputs, one: Judged) -> dict[str, tuple[float, int]]:
    """What a batch holds: name and n label → value and time; read by hand, as the wire has its own oracle."""
    batch, out = made.batch(one), {}
    for place in range(len(batch)):
        body = batch.part(place, place + 1).body
        name = body[body.index(b"\x12", 3) + 2 :].split(b"\n", 1)[0].decode()
        number = body[body.index(b"\x0a\x01n\x12") + 5 : body.index(b"\x0a\x01n\x12") + 6].decode()
        value = float(np.frombuffer(body[-15:-7], "<f8")[0])
        time_ms = sum((byte & 0x7F) << (7 * shift) for shift, byte in enumerate(body[-6:]))
        out[f"{name}:{number}"] = (value, time_ms)
    return out


def is_stale(value: float) -> bool:
    return np.float64(value).view(np.uint64) == STALE.view(np.uint64)


def test_scores_of_the_rows_that_have_a_sample() -> None:
    assert samples(outputs(), judged([1, 3])) == {
        "anomaly_score:1": (0.125, TIME_MS),
        "anomaly_score:3": (0.375, TIME_MS),
    }


def test_bands_where_a_query_asks() -> None:
    assert samples(outputs(BANDS), judged([2])) == {
        "anomaly_score:2": (0.25, TIME_MS),
        "yhat:2": (12.0, TIME_MS),
        "yhat_lower:2": (11.0, TIME_MS),
        "yhat_upper:2": (13.0, TIME_MS),
    }


def test_confidence_only_while_it_is_below_1() -> None:
    assert samples(outputs(), judged([1], confidence=0.5))["anomaly_confidence:1"] == (0.5, TIME_MS)
    assert "anomaly_confidence:1" not in samples(outputs(), judged([1]))


def test_what_ends_gets_a_stale_marker() -> None:
    written = samples(outputs(BANDS), judged([1], ended=(2,), warmed=(3,)))
    assert {name for name, (value, _) in written.items() if is_stale(value)} == {
        "anomaly_score:2",
        "yhat:2",
        "yhat_lower:2",
        "yhat_upper:2",
        "anomaly_confidence:3",
    }


def test_nothing_to_write_is_an_empty_batch() -> None:
    assert len(outputs().batch(judged([]))) == 0


def test_another_series_in_a_row_is_another_label() -> None:
    made = outputs()
    made.batch(judged([1]))
    made.follow([None, (("n", "9"),)], 2)
    assert list(samples(made, judged([1]))) == ["anomaly_score:9"]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["", "a", "b", "for", "page"])), max_size=12),
    st.sampled_from([Identity("q", "m"), Identity("q", "m", page=True)]),
)
def test_what_is_altered_is_what_would_be_encoded_anew(changes: list[tuple[int, str]], identity: Identity) -> None:
    """Series come and go in packed rows, also such with a label in our way; the score and the text follow."""
    table, made = SeriesTable(), Outputs(identity, ("anomaly_score",))
    for number, (row, name) in enumerate(changes):
        gone = np.arange(len(table)) == row
        table.forget(gone)
        if name:
            table.add((("n", str(number)), (name, "x")) if name > "n" else ((name, "x"), ("n", str(number))))
        made.follow(table.labels, table.version)
        fresh = Outputs(identity, ("anomaly_score",))
        fresh.follow(list(table.labels), 1)
        here = judged(np.flatnonzero(table.labels.taken()).tolist())
        assert made.batch(here).body == fresh.batch(here).body
        assert [page.lines for page in made.pages(here)] == [page.lines for page in fresh.pages(here)]


def test_scores_page() -> None:
    made = outputs(("anomaly_score", "yhat"))
    page = scores_text(made.pages(judged([0, 2])) + made.pages(judged([3], confidence=0.25)))
    assert page.decode() == (
        "# HELP anomaly_score How unusual the series is; above 1 is anomalous.\n"
        "# TYPE anomaly_score gauge\n"
        f'anomaly_score{{for="q",model_alias="m",n="0"}} 0.0 {TIME_MS}\n'
        f'anomaly_score{{for="q",model_alias="m",n="2"}} 0.25 {TIME_MS}\n'
        f'anomaly_score{{for="q",model_alias="m",n="3"}} 0.375 {TIME_MS}\n'
        "# HELP yhat Expected value of the series.\n"
        "# TYPE yhat gauge\n"
        f'yhat{{for="q",model_alias="m",n="0"}} 10.0 {TIME_MS}\n'
        f'yhat{{for="q",model_alias="m",n="2"}} 12.0 {TIME_MS}\n'
        f'yhat{{for="q",model_alias="m",n="3"}} 13.0 {TIME_MS}\n'
        "# HELP anomaly_confidence Share of the warm-up that is done; the score is 0 until it is 1.\n"
        "# TYPE anomaly_confidence gauge\n"
        f'anomaly_confidence{{for="q",model_alias="m",n="3"}} 0.25 {TIME_MS}\n'
    )


def test_an_empty_page() -> None:
    assert scores_text([]) == b""


def scored(*scores: tuple[int, float], ended: tuple[int, ...] = ()) -> Judged:
    """A verdict with scores of rows; their features contribute 1r and 2r."""
    one = judged([row for row, _ in scores], ended=ended)
    contribution = np.array([[10 + row, 20 + row] for row, _ in scores], np.float32).T.reshape(2, len(scores))
    score = np.array([score for _, score in scores], np.float32)
    verdict = msgspec.structs.replace(one.verdict, score=score, contribution=contribution)
    return msgspec.structs.replace(one, verdict=verdict)


def near(made: Outputs, *scores: tuple[int, float], ended: tuple[int, ...] = ()) -> dict[str, float]:
    """Contributions written when rows have these scores: feature and n label → value, -1 for a stale marker."""
    batch = made.batch(scored(*scores, ended=ended))
    out = {}
    for place in range(len(batch)):
        body = batch.part(place, place + 1).body
        if b"anomaly_contribution" in body:
            feature = next(word for word in ("level", "shift") if word.encode() in body)
            value = float(np.frombuffer(body[-15:-7], "<f8")[0])
            number = body[body.index(b"\x0a\x01n\x12") + 5 : body.index(b"\x0a\x01n\x12") + 6].decode()
            out[f"{feature}:{number}"] = -1.0 if is_stale(value) else value
    return out


def contributing() -> Outputs:
    made = Outputs(Identity("q", "m"), ("anomaly_score",), features=("level", "shift"))
    made.follow([(("n", str(number)),) for number in range(4)], 1)
    return made


def test_contributions_are_written_near_alarm_and_ended_when_that_is_over() -> None:
    made = contributing()
    assert near(made, (1, 0.5), (2, 0.89)) == {}
    assert near(made, (1, 0.5), (2, 0.95)) == {"level:2": 12.0, "shift:2": 22.0}
    assert near(made, (1, 1.5), (2, 0.75)) == {"level:1": 11, "shift:1": 21, "level:2": 12, "shift:2": 22}
    assert near(made, (1, 0.1), (2, 0.75)) == {"level:2": 12, "shift:2": 22, "level:1": -1, "shift:1": -1}
    assert near(made, (1, 0.1)) == {"level:2": -1, "shift:2": -1}
    assert near(made, (1, 0.1)) == {}


def test_contributions_of_a_row_that_holds_another_series_are_let_go() -> None:
    made = contributing()
    near(made, (1, 2.0), (2, 2.0))
    made.follow([(("n", "0"),), None, (("n", "2"),), (("n", "3"),)], 2)
    assert near(made, (2, 2.0)) == {"level:2": 12.0, "shift:2": 22.0}


def test_last_words_about_some_series_end_no_contributions_of_others() -> None:
    made = contributing()
    near(made, (1, 2.0), (2, 2.0))
    assert near(made, ended=(1,)) == {"level:1": -1, "shift:1": -1}
    assert near(made, (2, 0.75)) == {"level:2": 12.0, "shift:2": 22.0}


def test_contributions_are_those_of_the_highest_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomaly_detector.sink.near_alarm.MOST_SERIES", 2)
    found = near(contributing(), (0, 1.0), (1, 3.0), (2, 2.0))
    assert {name[-1] for name in found} == {"1", "2"}


def test_the_scores_page_shows_the_contributions_that_are_written() -> None:
    made, said = contributing(), scored((1, 0.5), (2, 0.95))
    assert b"anomaly_contribution" not in scores_text(made.pages(said))
    made.batch(said)
    page = scores_text(made.pages(said)).decode()
    assert page.endswith(
        "# HELP anomaly_contribution Score of one feature of a series that is near alarm.\n"
        "# TYPE anomaly_contribution gauge\n"
        f'anomaly_contribution{{feature="level",for="q",model_alias="m",n="2"}} 12.0 {TIME_MS}\n'
        f'anomaly_contribution{{feature="shift",for="q",model_alias="m",n="2"}} 22.0 {TIME_MS}\n'
    )


def test_promql_anomaly_detection_s_names() -> None:
    made = Outputs(Identity("q", "m"), ("anomaly_score",), promql=PromqlIdentity("q", "m", "latency"))
    made.follow([(("n", str(number)),) for number in range(4)], 1)
    one = judged([1, 2], ended=(3,))
    written = made.batch(one, np.array([7.0, 8.0])).body
    for words in (b"anomaly:level", b"anomaly:lower_band", b"anomaly:upper_band", b"anomaly_score"):
        assert written.count(words) == 3  # two values and a stale marker
    page = scores_text(made.pages(judged([1]), np.array([7.0]))).decode()
    labels = '{anomaly_name="q",anomaly_strategy="m",anomaly_type="latency",n="1"}'
    for name, value in (("level", 7.0), ("lower_band", 10.0), ("upper_band", 12.0)):
        assert f"anomaly:{name}{labels} {value} {TIME_MS}\n" in page


def test_what_a_model_says_about_the_future_ends_with_its_series() -> None:
    made = outputs()
    one = judged([1, 2])
    ahead = {
        ("forecast", "4h"): np.array([5.0, np.nan]),
        ("forecast", "1d"): np.array([6.0, 7.0]),
        ("forecast_time_to_threshold_seconds", ""): np.array([np.inf, 60.0]),
    }
    said = msgspec.structs.replace(one, verdict=msgspec.structs.replace(one.verdict, ahead=ahead))
    page = scores_text(made.pages(said)).decode()
    assert f'forecast{{for="q",horizon="4h",model_alias="m",n="1"}} 5.0 {TIME_MS}\n' in page
    assert page.count('horizon="4h"') == 1
    assert f'forecast_time_to_threshold_seconds{{for="q",model_alias="m",n="1"}} inf {TIME_MS}\n' in page
    written = made.batch(said).body
    assert (written.count(b"forecast_time_to"), written.count(b"\x08forecast"), written.count(b"horizon")) == (2, 3, 3)
    ended = made.batch(judged([], ended=(2,))).body
    assert ended.count(STALE.tobytes()) == 4  # the score, two forecasts and the time
