"""Bodies larger than `max_body`: Alertmanager's API says what they said, or the answer makes Alertmanager try again."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import requests

from alert_webhook.config import Integration
from alert_webhook.incidents.transitions import State
from alert_webhook.intake.accepting import NO_RECEIVER, Reply
from alert_webhook.intake.blocks import AlertmanagerApi
from alert_webhook.store import views
from heronwatch.secrets import Secret
from heronwatch.values import ByteSize, Duration, HttpUrl
from heronwatch.wsgi_ends import ends_of
from tests.fakes.daemons import Daemon, alertmanager, free_port, wait_until
from tests.fakes.webhook_stack import TOKEN, Stack, config

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # what no database changes
CONFIG = "route: {receiver: pager, group_by: [alertname]}\nreceivers: [{name: pager}]\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One Alertmanager that knows a group of 1,200 alerts and another alert."""
    with alertmanager(tmp_path_factory.mktemp("am"), CONFIG) as daemon:
        group = [{"labels": {"alertname": "Down", "severity": "high", "port": str(n)}} for n in range(1200)]
        alerts = [*group, {"labels": {"alertname": "Other", "severity": "high"}}]
        url = f"{daemon.url}/api/v2/alerts"
        requests.post(url, json=alerts, timeout=20).raise_for_status()
        processed = {"unprocessed": "false"}
        wait_until(lambda: len(requests.get(url, params=processed, timeout=20).json()) == 1201, what="all alerts")
        yield daemon


def use(stack: Stack, *urls: str, receiver: str = "") -> None:
    api = AlertmanagerApi(urls=tuple(map(HttpUrl.parse, urls)), receiver=receiver, timeout=Duration(20))
    stack.settings = config(
        integrations={
            "am": Integration(
                tokens=(Secret(TOKEN),),
                policy="default",
                alertmanager=api if urls else None,
                max_body=ByteSize(1000),
            )
        }
    )


def send(stack: Stack, **changes: Any) -> Reply:
    outside = {"groupLabels": {"alertname": "Down"}, "commonLabels": {"alertname": "Down"}, "version": "4"}
    body = {"receiver": "pager", "alerts": [], **outside, "groupKey": '{}:{alertname="Down"}', **changes}
    return stack.intake.accept_ends("am", stack.settings.integrations["am"], ends_of(msgspec.json.encode(body)))


def counted(stack: Stack, outcome: str) -> float:
    labels = {"integration": "am", "outcome": outcome}
    return stack.registry.get_sample_value("heronwatch_webhook_intake_oversized_total", labels) or 0.0


def totals(stack: Stack) -> dict[str, int]:
    found = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    return {incident.title: incident.total for incident in found}


def test_the_group_is_taken_from_the_api_before_it_is_answered(stack: Stack, server: Daemon) -> None:
    use(stack, server.url)
    assert send(stack) == Reply(200, "completed by Alertmanager's API", 1200)
    assert totals(stack) == {"Down": 1200}  # one incident of all pieces, and nothing of the other group
    assert counted(stack, "completed") == 1
    assert send(stack).status == 200  # sent again: nothing new
    assert totals(stack) == {"Down": 1200}
    stack.settle()
    stack.phone("ana").expects("Down")


def test_where_the_group_is_unknown_everything_for_the_receiver_is_taken(stack: Stack, server: Daemon) -> None:
    use(stack, server.url, receiver="pager")
    reply = stack.intake.accept_ends("am", stack.settings.integrations["am"], ends_of(b"x" * 2000))
    assert (reply.status, reply.accepted) == (200, 1201)
    stack.settle()
    stack.collect()
    assert {message.incident.title for message in stack.phone("ana").waiting()} == {"Down", "Other"}
    stack.unexpected.clear()


def test_while_the_api_is_away_it_is_503_and_nothing_is_answered_for(stack: Stack) -> None:
    use(stack, f"http://127.0.0.1:{free_port()}")
    reply = send(stack)
    assert (reply.status, reply.accepted) == (503, 0)
    assert "Alertmanager's API is away: http://127.0.0.1" in reply.reason
    assert counted(stack, "again") == 1


def test_while_one_node_is_away_it_is_503_and_what_the_others_know_is_here(stack: Stack, server: Daemon) -> None:
    use(stack, f"http://127.0.0.1:{free_port()}", server.url)
    assert send(stack).status == 503
    assert totals(stack) == {"Down": 1200}
    stack.settle()
    stack.phone("ana").expects("Down")


LARGE = "the body is larger than 1000B"
REFUSED = [
    ((), f"{LARGE}: raise max_body, or configure `alertmanager`, whose API completes it"),
    (("http://127.0.0.1:9",), f"{LARGE}, and {NO_RECEIVER}"),
]


@pytest.mark.parametrize(("urls", "reason"), REFUSED)
def test_where_there_is_nobody_to_ask_it_is_413(stack: Stack, urls: tuple[str, ...], reason: str) -> None:
    use(stack, *urls)
    assert send(stack, receiver="") == Reply(413, reason)
    assert counted(stack, "refused") == 1
