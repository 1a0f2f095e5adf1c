"""Who hangs from whom, read from a real Prometheus."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alert_webhook.incidents.blocks import SuppressionBlock, TopologyBlock
from alert_webhook.incidents.topology import TopologyReader, links_in
from alert_webhook.store import topology
from alert_webhook.web.blocks import PrometheusBlock
from heronwatch.values import Duration, HttpUrl
from tests.fakes.daemons import Daemon, free_port, prometheus, wait_until
from tests.fakes.webhook_stack import Stack, config

RULES = """
groups:
  - name: topology
    interval: 1s
    rules:
      - {record: heronwatch_device_parent_info, expr: vector(1), labels: {instance: sw2, parent: core}}
      - {record: heronwatch_device_parent_info, expr: vector(1), labels: {instance: sw3, parent: sw2}}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    (folder / "rules.yml").write_text(RULES)
    with prometheus(folder, f"rule_files: ['{folder}/rules.yml']\n") as running:
        yield running


def read_from(stack: Stack, url: str) -> None:
    stack.settings = config(
        suppression=SuppressionBlock(topology=TopologyBlock(every=Duration(60), stale_after=Duration(300))),
        prometheus=PrometheusBlock(url=HttpUrl.parse(url)),
    )


def parents(stack: Stack, *, within_s: float = 300.0) -> dict[str, list[str]]:
    return stack.store.read(lambda tx: topology.parents(tx, tx.now - within_s))


def test_links_are_read_and_grow_old_while_prometheus_is_away(stack: Stack, daemon: Daemon) -> None:
    read_from(stack, daemon.url)
    reader = TopologyReader(stack.parts)

    def known() -> bool:
        stack.clock.advance(60)
        reader.turn()
        return len(parents(stack)) == 2

    wait_until(known, timeout_s=20)
    assert parents(stack) == {"sw2": ["core"], "sw3": ["sw2"]}
    read_from(stack, f"http://127.0.0.1:{free_port()}")
    stack.clock.advance(200)
    reader.turn()
    assert len(parents(stack)) == 2
    stack.clock.advance(101)
    reader.turn()
    assert parents(stack) == {}


@pytest.mark.parametrize(
    ("answer", "links"),
    [
        (b'{"data":{"result":[]}}', []),
        (b'{"data":{"result":[{"metric":{"instance":"a","parent":"a"}}]}}', []),
        (b'{"data":{"result":[{"metric":{"instance":"a"}}]}}', []),
    ],
)
def test_what_is_no_link_is_left_out(answer: bytes, links: list[tuple[str, str]]) -> None:
    assert links_in(answer, TopologyBlock()) == links


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"status":"error"}'])
def test_an_answer_that_is_none_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match="not an answer of Prometheus"):
        links_in(answer, TopologyBlock())
