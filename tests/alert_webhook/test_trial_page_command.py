"""`webhook test --to`: a real page, by an engine that is another process as far as the command can tell."""

from collections.abc import Callable
from pathlib import Path

import pytest

from alert_webhook.administration import Terminal
from alert_webhook.capability import token_hash
from alert_webhook.delivery.channel import Permanent
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.store.database import Store
from alert_webhook.trial_page_command import Asked, Waiting, _Test, trial_page
from tests.fakes.webhook_process import write_config
from tests.fakes.webhook_stack import Stack


class Trial:
    """The command beside a stack whose engine works while the command sleeps."""

    def __init__(self, stack: Stack, *, engine: bool = True, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._stack, self._engine, self._meanwhile = stack, engine, meanwhile
        self.said: list[str] = []

    def run(self, to: str, *, wait_s: float = 0.0) -> int:
        terminal = Terminal(say=self.said.append, warn=self.said.append)
        world = Waiting(monotonic=self._stack.clock.monotonic, sleep=self._sleep, random=self._stack.random)
        store: Store = self._stack.store
        return _Test(store, self._stack.settings, Asked(to=to, wait_s=wait_s), terminal, world).run()

    def _sleep(self, seconds: float) -> None:
        self._stack.clock.advance(max(seconds, 1.0))
        if self._engine:
            self._stack.settle()
            self._meanwhile()


def test_a_page_goes_the_real_way_and_its_incident_ends(stack: Stack) -> None:
    trial = Trial(stack)
    assert trial.run("ana") == 0
    page = stack.phone("ana").expects("Test page", reason="page")
    stack.mailbox("ana").expects("Test page")
    assert "Nothing is wrong" in page.incident.alerts[0].annotations["summary"]
    assert trial.said[0] == f"incident {page.incident.code} began"
    assert "page to ana/sms accepted by the provider" in trial.said
    stack.settle()
    with stack.store.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT state FROM incident").scalars().all() == ["resolved"]
        links = connection.exec_driver_sql("SELECT token_hash, revoked_at FROM ack_link").all()
    assert token_hash(page.ack_url.rpartition("/")[2]) in {hash_ for hash_, _revoked in links}
    assert all(revoked is not None for _hash, revoked in links)


def test_two_tests_are_two_incidents(stack: Stack) -> None:
    for _ in range(2):
        assert Trial(stack).run("ben") == 0
    assert stack.phone("ben").expects().incident.code != stack.phone("ben").expects().incident.code


def test_a_provider_that_refuses_is_told(stack: Stack) -> None:
    stack.channels["sms"].default = Permanent("no such number")
    trial = Trial(stack)
    assert trial.run("ben") == 1
    assert any("page to ben/sms failed: no such number" in line for line in trial.said)
    assert trial.said[-1] == "failed: no provider took it"


def test_without_an_engine_it_says_so(stack: Stack) -> None:
    trial = Trial(stack, engine=False)
    assert trial.run("ben") == 1
    assert trial.said[-1] == "failed: nothing was sent: does an engine run on this database?"
    stack.settle()  # its pages were cancelled


def test_an_acknowledgement_is_waited_for(stack: Stack) -> None:
    trial = Trial(stack, meanwhile=lambda: acknowledge(stack.parts, 1, who="ben", via="link to ben/sms") and None)
    assert trial.run("ben", wait_s=300) == 0
    stack.phone("ben").expects()
    assert trial.said[-1] == "acknowledged by ben, link to ben/sms"


def test_nobody_acknowledges(stack: Stack) -> None:
    trial = Trial(stack)
    assert trial.run("ben", wait_s=90) == 1
    stack.phone("ben").expects()
    assert trial.said[-1] == "failed: nobody acknowledged it"


def test_somebody_unknown_is_paged_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAKE_TOKEN", "0123456789abcdef0123456789abcdef")
    config, said = write_config(tmp_path, "http://127.0.0.1:9/"), []
    terminal = Terminal(say=said.append, warn=said.append)
    assert trial_page([str(config)], Asked(to="bena"), terminal, Waiting()) == 2
    assert said[0].startswith("nobody paged: 'bena' is not in people")
