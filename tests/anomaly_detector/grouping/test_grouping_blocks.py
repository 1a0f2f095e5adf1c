"""The blocks `groups` and `budget`: who has which part of the budget."""

import pytest

from anomaly_detector.grouping.blocks import Budget, Share, Team, share_of
from anomaly_detector.plan import plans
from heronwatch.errors import ConfigError
from tests.fakes.detector_plans import NOWHERE, config

READER = (
    f"reader: {{datasource_url: '{NOWHERE}', queries: {{cpu: {{expr: a}}, power: {{expr: b}}, fan: {{expr: c}}}}}}\n"
)


def test_five_a_week_for_each_1000_devices_is_the_default_shared_by_all_queries() -> None:
    plan = plans(config(READER))[0].groups
    assert plan is not None
    assert plan.share == Share(team="everyone", per_week=5.0, queries=3)
    assert (plan.groups.device, plan.groups.site) == ("instance", "site")


def test_a_team_has_a_budget_of_its_own() -> None:
    budget = Budget(per_week=4.0, teams={"facility": Team(queries=("power", "fan"), per_week=1.0)})
    shares = [share_of(budget, one, ["cpu", "power", "fan"]) for one in ("cpu", "power")]
    assert shares == [
        Share(team="everyone", per_week=4.0, queries=1),
        Share(team="facility", per_week=1.0, queries=2),
    ]


def test_groups_can_be_left_out() -> None:
    assert plans(config(READER + "groups: null\n"))[0].groups is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("budget: {teams: {a: {queries: [cpv]}}}", "'cpv' is no query (did you mean 'cpu'?)"),
        ("budget: {teams: {a: {queries: [cpu]}, b: {queries: [cpu]}}}", "'cpu' is a's already"),
        ("groups: {device: site}", "'site' is the label of a device as well"),
    ],
)
def test_faults_say_what_is_wrong(text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(READER + text + "\n")
    assert fault in str(caught.value)
