"""Groups that begin together in one place are one incident, and one page."""

import pytest
from msgspec.structs import replace

from alert_webhook.config import Integration
from alert_webhook.delivery.channel import IncidentView, Reason
from alert_webhook.incidents.blocks import CorrelationBlock
from alert_webhook.incidents.transitions import State
from alert_webhook.store import views
from heronwatch.secrets import Secret
from heronwatch.values import Duration
from tests.fakes.webhook_stack import TOKEN, Stack, config

TOGETHER = (CorrelationBlock(labels=("site",), window=Duration(300)),)


def listed(stack: Stack) -> list[IncidentView]:
    return stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))[::-1]


@pytest.fixture
def site(stack: Stack) -> Stack:
    stack.settings = config(correlation=TOGETHER)
    return stack


def test_groups_of_one_site_within_the_window_are_one_incident(site: Stack) -> None:
    site.fire("LinkDown", severity="high", group="a", site="north")
    site.fast_forward(minutes=4)
    site.fire("BgpDown", severity="high", group="b", site="north")
    site.phone("ana").expects("LinkDown")
    (incident,) = listed(site)
    assert (incident.firing, incident.total) == (2, 2)


def test_the_group_that_joined_stays_after_the_window(site: Stack) -> None:
    site.fire("LinkDown", severity="high", group="a", site="north")
    site.fire("BgpDown", severity="high", group="b", site="north", instance="r1")
    site.phone("ana").expects("LinkDown")
    site.fast_forward(minutes=6)
    site.fire("BgpDown", severity="high", group="b", site="north", instance="r2")
    assert [each.firing for each in listed(site)] == [3]


def test_after_the_window_a_new_incident_begins(site: Stack) -> None:
    site.fire("LinkDown", severity="high", group="a", site="north")
    site.fast_forward(minutes=6)
    site.fire("BgpDown", severity="high", group="b", site="north")
    site.phone("ana").expects("LinkDown")
    site.phone("ana").expects("BgpDown")


def test_other_sites_and_alerts_without_a_site_are_their_own(site: Stack) -> None:
    site.fire("LinkDown", severity="high", group="a", site="north")
    site.fire("LinkDown", severity="high", group="b", site="south")
    site.fire("LinkDown", severity="high", group="c")
    assert len(listed(site)) == 3
    for _ in range(3):
        site.phone("ana").expects("LinkDown")


def test_only_what_a_rule_means(stack: Stack) -> None:
    stack.settings = config(correlation=(CorrelationBlock(labels=("site",), match={"domain": "network"}),))
    stack.fire("LinkDown", severity="high", group="a", site="north", domain="network")
    stack.fire("Fan", severity="high", group="b", site="north", domain="plant")
    assert len(listed(stack)) == 2
    stack.phone("ana").expects("LinkDown")
    stack.phone("ana").expects("Fan")


def test_an_incident_of_several_groups_ends_with_the_last_of_them(site: Stack) -> None:
    site.fire("LinkDown", severity="high", group="a", site="north")
    site.phone("ana").expects()
    site.fire("BgpDown", severity="high", group="b", site="north")
    site.resolve("LinkDown", severity="high", group="a", site="north", at=1)
    assert listed(site)[0].state == "new"
    site.resolve("BgpDown", severity="high", group="b", site="north", at=1)
    site.phone("ana").expects(reason=Reason.RESOLVED)
    site.fire("BgpDown", severity="high", group="b", site="north", at=2)
    site.phone("ana").expects("BgpDown", reason=Reason.PAGE)
    assert [each.state for each in listed(site)] == ["resolved", "new"]


def test_one_delivery_with_many_groups_is_one_incident(stack: Stack) -> None:
    own_groups = Integration(tokens=(Secret(TOKEN),), policy="default", group_by=("instance",))
    stack.settings = config(correlation=TOGETHER, integrations={"am": own_groups})
    alerts = [stack.alert("LinkDown", "high", 0, None, {"site": "north", "instance": f"sw{n}"}) for n in range(50)]
    assert stack.post(*alerts).status == 200
    stack.settle()
    message = stack.phone("ana").expects("LinkDown")
    assert message.incident.firing == 50
    stack.fire("LinkDown", severity="high", site="north", instance="sw7", at=0)
    assert len(listed(stack)) == 1


def test_what_pages_never_joins_what_is_only_tried_out(stack: Stack) -> None:
    main = stack.settings.integrations["am"]
    trial = replace(main, mode="shadow")
    stack.settings = config(correlation=TOGETHER, integrations={"am": main, "trial": trial, "more": main})
    down = stack.alert("LinkDown", "warning", 0, None, {"site": "north"})
    for name in ("trial", "am", "more"):
        assert stack.post(down, name=name).status == 200
    assert [each.integration for each in listed(stack)] == ["trial", "am"]


@pytest.mark.long
def test_an_outage_of_ten_thousand_alerts_is_one_page_with_their_number(stack: Stack) -> None:
    own_groups = Integration(tokens=(Secret(TOKEN),), policy="default", group_by=("instance",))
    stack.settings = config(correlation=TOGETHER, integrations={"am": own_groups})
    for start in range(0, 10_000, 2_500):
        numbers = range(start, start + 2_500)
        alerts = [stack.alert("Down", "high", 0, None, {"site": "north", "instance": f"d{n}"}) for n in numbers]
        assert stack.post(*alerts).status == 200
    stack.settle()
    assert stack.phone("ana").expects("Down").incident.firing == 10_000
    stack.fast_forward(minutes=9)
    assert len(listed(stack)) == 1
