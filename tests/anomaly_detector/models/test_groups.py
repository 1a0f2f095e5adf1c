"""Group scores: means of members, calibrated, and the company that members usually keep."""

import numpy as np

from anomaly_detector.models.groups import GroupMean, fit_company, group_means


def test_one_loud_series_does_not_speak_for_its_host() -> None:
    scores = np.array([100.0] + [0.0] * 18, np.float32)
    assert group_means(scores, np.zeros(19, np.intp), 1)[0] < 0.2


def test_members_without_a_sample_are_left_out() -> None:
    scores = np.array([1.0, np.nan, np.nan], np.float32)
    assert group_means(scores, np.zeros(3, np.intp), 1).tolist() == [1.0]


def test_a_group_that_agrees_passes_1_and_is_not_learnt() -> None:
    means = np.abs(np.random.default_rng(1).normal(0.1, 0.03, (2000, 2))).astype(np.float32)
    model = GroupMean()
    state = model.fit(means)
    learn = np.ones(2, bool)
    quiet = np.stack([model.step(row, state, learn, 60.0) for row in means[:500]])
    assert (quiet <= 1).all()
    before = state["tail"].copy()
    loud = model.step(np.array([1.5, 0.1], np.float32), state, learn, 60.0)
    assert loud[0] > 1 > loud[1]
    assert state["tail"][0] == before[0]


def test_company_that_parts_is_found_where_every_member_is_in_its_range() -> None:
    random = np.random.default_rng(2)
    load = random.normal(0, 1, (3000, 1))
    values = load * np.array([1.0, 2.0, 0.5]) + random.normal(0, 0.05, (3000, 3))
    company = fit_company(values)
    usual = company.residual(values)
    parted = company.residual(np.array([[1.0, -2.0, 0.5]]))
    assert parted[0] > 3 * np.quantile(usual, 0.999)


def test_a_company_without_history_says_nothing_wild() -> None:
    assert np.isfinite(fit_company(np.zeros((0, 3))).residual(np.ones((2, 3)))).all()
