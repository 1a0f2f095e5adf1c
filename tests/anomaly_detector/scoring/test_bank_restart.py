"""A level that lasted: however far it is, it is normal after `accept_after`, in a band of what is seen there."""

import numpy as np

from anomaly_detector.models.bank import Bank, BankOptions
from anomaly_detector.models.model import DAY_S, F64, Grid, History
from heronwatch.values import Duration

STEP_S = 300.0
HOUR = int(3600 / STEP_S)
PAST = int(7 * DAY_S / STEP_S)
ACCEPTED, WARM = 7 * HOUR, 13 * HOUR  # after 6 h, and 6 h more until the level may score
OLD, OLD_NOISE = np.array([0.0, 0, 100, 100, 100]), np.array([0.0, 0, 1, 1, 1])
NEW, NEW_NOISE = np.array([5.0, 1e6, 1000, 120, 1e14]), np.array([0.5, 1e5, 1, 1, 1e12])


def values(count: int, level: F64, noise: F64) -> F64:
    return np.asarray(level + noise * np.random.default_rng(count).normal(0, 1, (count, len(level))))


def test_a_level_however_far_is_accepted_with_the_band_of_what_is_seen_there() -> None:
    every, past = np.ones(len(OLD), bool), values(PAST, OLD, OLD_NOISE)
    bank = Bank(BankOptions(accept_after=Duration(6 * 3600), hold=0))
    day_s = np.mod(np.arange(PAST) * STEP_S, DAY_S)
    state = bank.fit(History(values=past, day_s=day_s, step_s=STEP_S, target_step_s=STEP_S), np.ones(past.shape, bool))
    lived = values(20 * HOUR, NEW, NEW_NOISE)
    lived[-1] += 60 * NEW_NOISE
    verdicts = []
    for place, row in enumerate(lived, PAST):
        at = Grid(time_s=place * STEP_S, step_s=STEP_S, day_s=place * STEP_S % DAY_S)
        verdicts.append(bank.step(row, state, every, at))
    score, confidence = (np.stack([getattr(one, name) for one in verdicts]) for name in ("score", "confidence"))
    assert (score[: 6 * HOUR] > 1).all()
    assert not (score[ACCEPTED:-1] > 1).any()
    assert (confidence[ACCEPTED : 11 * HOUR] < 1).all()
    assert (confidence[WARM:] == 1).all()
    assert (score[-1] > 1).all()
    last = verdicts[-1]
    assert (np.abs(last.expected - NEW) < 3 * NEW_NOISE).all()
    half = (last.upper - last.lower) / 2
    assert (half > 4 * NEW_NOISE).all()
    assert (half < 20 * NEW_NOISE).all()
