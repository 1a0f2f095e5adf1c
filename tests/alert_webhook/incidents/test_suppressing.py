"""Maintenance and parents as sentences: what fires, what is silent meanwhile, and what pages afterwards."""

from typing import Any

import pytest
from msgspec.structs import replace

from alert_webhook.delivery.channel import IncidentView, Reason
from alert_webhook.delivery.render import sms
from alert_webhook.incidents.actions import acknowledge, reassign
from alert_webhook.incidents.blocks import MaintenanceBlock, SuppressionBlock, TopologyBlock
from alert_webhook.incidents.labels import LabelMatch
from alert_webhook.incidents.maintenance import create_window, end_window, list_windows
from alert_webhook.incidents.transitions import State
from alert_webhook.incidents.windows import MaintenanceWindow
from alert_webhook.oncall.wall import WallTime, Zone
from alert_webhook.store import incidents, maintenance, topology, views
from heronwatch.values import Duration
from tests.fakes.webhook_stack import Stack, config

NORTH = LabelMatch({"site": "north"})


def listed(stack: Stack) -> list[IncidentView]:
    return stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))[::-1]


def states(stack: Stack) -> list[str]:
    return [each.state for each in listed(stack)]


def told(stack: Stack, number: int, kind: str) -> list[str]:
    incident_id = listed(stack)[number].id
    events = stack.store.read(lambda tx: incidents.timeline(tx, incident_id))
    return [event.text for event in events if event.kind.value == kind]


def window(stack: Stack, *, minutes: float = 10.0, match: LabelMatch = NORTH) -> MaintenanceWindow:
    now = stack.clock.now()
    wanted = MaintenanceWindow(id=0, title="new switch", match=match, start_at=now, end_at=now + minutes * 60)
    return create_window(stack.parts, wanted, who="maria")


def tree(**changes: Any) -> SuppressionBlock:
    return SuppressionBlock(**{"parents": {"sw2": ("core",), "sw3": ("sw2",), "twin": ("core", "other")}, **changes})


@pytest.fixture
def network(stack: Stack) -> Stack:
    stack.settings = config(suppression=tree())
    return stack


def test_nobody_is_paged_in_maintenance_and_what_still_fires_pages_at_its_end(stack: Stack) -> None:
    window(stack, minutes=10)
    stack.fire("LinkDown", site="north")
    assert states(stack) == ["suppressed"]
    stack.fast_forward(minutes=9)
    stack.nothing_else()
    stack.fast_forward(minutes=2)
    stack.phone("ana").expects("LinkDown")
    stack.mailbox("ana").expects("LinkDown")
    assert told(stack, 0, "suppressed") == ["pages nobody: maintenance new switch"]
    assert told(stack, 0, "released") == ["still fires and is suppressed no longer by: maintenance new switch"]


def test_what_ends_in_maintenance_pages_nobody(stack: Stack) -> None:
    window(stack)
    stack.fire("LinkDown", site="north")
    stack.resolve("LinkDown", site="north", at=1)
    stack.fast_forward(minutes=11)
    assert states(stack) == ["resolved"]


def test_maintenance_stops_an_escalation_that_runs(stack: Stack) -> None:
    stack.fire("LinkDown", severity="high", site="north")
    stack.phone("ana").expects()
    window(stack, minutes=8)
    stack.fast_forward(minutes=7)
    stack.nothing_else()
    stack.fast_forward(minutes=2)
    stack.phone("ana").expects(step=1)


def test_other_places_page_as_ever(stack: Stack) -> None:
    window(stack)
    stack.fire("LinkDown", severity="high", site="south")
    stack.phone("ana").expects()


def test_one_alert_outside_the_window_makes_the_incident_page(stack: Stack) -> None:
    window(stack)
    stack.fire("LinkDown", severity="high", group="g", site="north")
    stack.fast_forward(seconds=30)
    stack.nothing_else()
    stack.fire("LinkDown", severity="high", group="g", site="south")
    stack.fast_forward(seconds=10)
    stack.phone("ana").expects()


def test_ending_a_window_pages_what_still_fires(stack: Stack) -> None:
    made = window(stack)
    stack.fire("LinkDown", severity="high", site="north")
    ended = end_window(stack.parts, made.id, who="ben")
    assert ended is not None
    assert (ended.ended_by, list_windows(stack.parts)) == ("ben", [])
    assert end_window(stack.parts, made.id, who="ben") is None
    stack.fast_forward(seconds=10)
    stack.phone("ana").expects()


def test_who_has_an_incident_keeps_it_in_maintenance(stack: Stack) -> None:
    stack.fire("LinkDown", severity="high", site="north")
    stack.phone("ana").expects()
    acknowledge(stack.parts, listed(stack)[0].id, who="ana", via="test")
    window(stack)
    stack.fast_forward(minutes=1)
    assert states(stack) == ["acknowledged"]


def test_a_suppressed_incident_can_be_given_to_somebody(stack: Stack) -> None:
    window(stack)
    stack.fire("LinkDown", severity="high", site="south")
    stack.phone("ana").expects()
    stack.fire("Other", severity="warning", site="north")
    reassign(stack.parts, listed(stack)[1].id, to="ben", who="ana", via="test")
    stack.settle()
    assert states(stack)[1] == "suppressed"  # the window still stands: whoever wants pages ends it


def test_windows_of_the_configuration(stack: Stack) -> None:
    zone = Zone("UTC")
    now = zone.wall(stack.clock.now()).replace(second=0, microsecond=0)
    hour = WallTime(now.year, now.month, now.day, now.hour, now.minute)
    later = zone.wall(stack.clock.now() + 600)
    block = MaintenanceBlock(
        match_re={"site": "no.*"},
        time_zone=zone,
        begins=hour,
        to=WallTime(later.year, later.month, later.day, later.hour, later.minute),
    )
    stack.settings = config(maintenance={"yearly": block})
    stack.fire("LinkDown", severity="high", site="north")
    assert told(stack, 0, "suppressed") == ["pages nobody: maintenance yearly"]
    (shown,) = list_windows(stack.parts)
    assert (shown.active, shown.window.title, shown.window.id) == (True, "yearly", 0)
    stack.fast_forward(minutes=11)
    stack.phone("ana").expects()


def test_a_stored_window_whose_pattern_cannot_be_read_matches_nothing(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    """An older release took what Python's engine knows: the engine goes on, and says so once."""
    now, match = stack.clock.now(), LabelMatch({}, {"site": "(?=n).*"})
    old = MaintenanceWindow(id=0, title="old", match=match, start_at=now, end_at=now + 600)
    stack.store.write(lambda tx: maintenance.add(tx, old), "maintenance")
    stack.fire("LinkDown", site="north")
    stack.phone("ana").expects("LinkDown")
    stack.mailbox("ana").expects("LinkDown")
    stack.fast_forward(minutes=1)
    told = [str(vars(record)) for record in caplog.records if "matches nothing" in str(vars(record))]
    assert len(told) == 1
    assert "is not a regular expression" in told[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": " "}, "title: expected 1 to 200 characters"),
        ({"match": LabelMatch()}, "match: name at least one label"),
        ({"match": LabelMatch({}, {"site": "("})}, "match_re: site: .* is not a regular expression"),
        ({"end_at": 0.0}, "it ends before it begins"),
        ({"end_at": 1e12}, "at most 366 days"),
    ],
)
def test_a_bad_window_is_refused(stack: Stack, changes: dict[str, Any], words: str) -> None:
    now = stack.clock.now()
    values = {"id": 0, "title": "t", "match": NORTH, "start_at": now, "end_at": now + 60, **changes}
    with pytest.raises(ValueError, match=words):
        create_window(stack.parts, MaintenanceWindow(**values), who="maria")


def test_a_child_of_what_is_down_is_folded_into_its_incident(network: Stack) -> None:
    network.fire("DeviceDown", severity="high", instance="core")
    network.phone("ana").expects("DeviceDown")
    network.fire("LinkDown", severity="high", instance="sw2")
    network.fire("LinkDown", severity="high", group="g3", instance="sw3")
    parent, *children = listed(network)
    assert [each.state for each in children] == ["suppressed", "suppressed"]
    assert [text.split()[0] for text in told(network, 0, "folded")] == [each.code for each in children]
    assert told(network, 1, "suppressed") == [f"pages nobody: core is down, part of {parent.code}"]
    acknowledge(network.parts, parent.id, who="ana", via="test")
    network.fast_forward(minutes=10)


def test_a_child_that_came_first_is_folded_when_its_parent_comes(network: Stack) -> None:
    network.fire("LinkDown", severity="high", instance="sw2")
    network.phone("ana").expects("LinkDown")
    network.fire("DeviceDown", severity="high", instance="core")
    network.phone("ana").expects("DeviceDown")
    network.fast_forward(seconds=10)
    assert states(network) == ["suppressed", "new"]


def test_what_still_fires_after_the_parent_pages_by_itself(network: Stack) -> None:
    network.fire("DeviceDown", severity="high", instance="core")
    network.phone("ana").expects()
    network.fire("LinkDown", severity="high", instance="sw2")
    network.fast_forward(seconds=20)
    network.resolve("DeviceDown", severity="high", instance="core")
    network.phone("ana").expects("DeviceDown", reason=Reason.RESOLVED)
    network.fast_forward(seconds=50)
    network.nothing_else()
    network.fast_forward(seconds=20)
    network.phone("ana").expects("LinkDown", reason=Reason.PAGE)


def test_a_second_way_that_is_up_keeps_the_child_paging(network: Stack) -> None:
    network.fire("DeviceDown", severity="high", instance="core")
    network.fire("LinkDown", severity="high", instance="twin")
    network.phone("ana").expects("DeviceDown")
    network.phone("ana").expects("LinkDown")


def test_what_is_never_suppressed_pages(stack: Stack) -> None:
    stack.settings = config(suppression=tree(never_suppress=({"team": "fire"},)))
    stack.fire("DeviceDown", severity="high", instance="core")
    stack.phone("ana").expects()
    stack.fire("Smoke", severity="high", instance="sw2", team="fire")
    stack.phone("ana").expects("Smoke")


def test_a_loop_of_links_silences_nobody(stack: Stack) -> None:
    stack.settings = config(suppression=tree(parents={"a": ("b",), "b": ("a",)}))
    stack.fire("DeviceDown", severity="high", group="a", instance="a")
    stack.phone("ana").expects()
    stack.fire("DeviceDown", severity="high", group="b", instance="b")
    stack.fast_forward(seconds=30)
    assert states(stack) == ["new", "suppressed"]  # one of the two pages, whichever came first


def test_a_link_of_the_topology_counts_while_it_is_fresh(stack: Stack) -> None:
    stack.settings = config(
        suppression=SuppressionBlock(topology=TopologyBlock(every=Duration(60), stale_after=Duration(300)))
    )
    stack.store.write(lambda tx: topology.saw(tx, [("sw9", "core")]), "test")
    stack.fire("DeviceDown", severity="high", instance="core")
    stack.phone("ana").expects("DeviceDown")
    stack.fire("LinkDown", severity="high", instance="sw9")
    stack.fast_forward(minutes=4)
    assert states(stack) == ["new", "suppressed"]
    stack.fast_forward(minutes=2)
    stack.phone("ana").expects("LinkDown")


def test_what_is_only_tried_out_suppresses_nothing_that_pages(stack: Stack) -> None:
    main = stack.settings.integrations["am"]
    stack.settings = config(suppression=tree(), integrations={"am": main, "trial": replace(main, mode="shadow")})
    down = stack.alert("DeviceDown", "high", 0, None, {"instance": "core"})
    assert stack.post(down, name="trial").status == 200
    stack.settle()
    stack.phone("ana").expects("DeviceDown")  # what the shadow's own channels would keep back
    stack.fire("LinkDown", severity="high", instance="sw2")
    stack.phone("ana").expects("LinkDown")


def test_the_parent_that_pages_nobody_suppresses_nobody(network: Stack) -> None:
    network.fire("DeviceDown", severity="warning", instance="core")
    network.fire("LinkDown", severity="high", instance="sw2")
    network.phone("ana").expects("LinkDown")


def cut_off(network: Stack, children: int) -> IncidentView:
    """The core is down, and so many devices behind it; return the core's incident."""
    parents = {f"sw{number}": ("core",) for number in range(children)}
    network.settings = config(suppression=tree(parents=parents))
    network.fire("DeviceDown", severity="high", instance="core")
    network.phone("ana").expects("DeviceDown", step=1)
    for number in range(children):
        severity = "critical" if number == children - 1 else "high"
        network.fire("LinkDown", severity=severity, group=f"g{number}", instance=f"sw{number}")
    parent = listed(network)[0]
    return network.store.read(lambda tx: views.incident_view(tx, incidents.find(tx, parent.code)))  # type: ignore[arg-type]


def test_the_parent_shows_what_is_folded_into_it_the_most_severe_first(network: Stack) -> None:
    parent = cut_off(network, 3)
    assert parent.folded_total == 3
    assert [(each.severity, each.title, each.firing) for each in parent.folded] == [
        ("critical", "LinkDown · sw2", 1),
        ("high", "LinkDown · sw0", 1),
        ("high", "LinkDown · sw1", 1),
    ]
    assert [each.folded_total for each in listed(network)] == [3, 0, 0, 0]
    assert not [each for each in listed(network) if each.folded]


def test_what_is_shown_of_them_is_bounded_and_their_number_is_not(network: Stack) -> None:
    parent = cut_off(network, views.SHOWN_FOLDED + 3)
    assert (len(parent.folded), parent.folded_total) == (views.SHOWN_FOLDED, views.SHOWN_FOLDED + 3)


def test_the_parents_later_pages_say_how_many_are_behind_it(network: Stack) -> None:
    cut_off(network, 2)
    network.fast_forward(minutes=10)
    later = network.phone("ben").expects("DeviceDown", step=2)
    assert "2 incidents suppressed behind it" in sms(later, links=True)


def test_a_child_that_is_over_is_behind_it_no_more(network: Stack) -> None:
    parent = cut_off(network, 2)
    network.resolve("LinkDown", severity="high", group="g0", instance="sw0")
    again = network.store.read(lambda tx: views.incident_view(tx, incidents.find(tx, parent.code)))  # type: ignore[arg-type]
    assert (again.folded_total, [each.title for each in again.folded]) == (1, ["LinkDown · sw1"])
