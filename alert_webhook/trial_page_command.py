"""`heronwatch webhook test --to ana`: a real page the real way, and what became of it.

An alert named "Test page" is recorded like any other, with a policy whose one step names the person; whatever engine
runs on the database pages them. Its incident is ended when the command ends.
"""

import secrets
import time
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.administration import Terminal, with_store
from alert_webhook.config import Config
from alert_webhook.config_checks import unknown_target
from alert_webhook.delivery.wording import TRIAL_INTEGRATION as INTEGRATION
from alert_webhook.delivery.wording import TRIAL_NAME as NAME
from alert_webhook.escalation.policy import Policy, Step
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.ingest import ingest
from alert_webhook.incidents.rules import Rules
from alert_webhook.incidents.timeline import Kind
from alert_webhook.incidents.transitions import State
from alert_webhook.incidents.urgency import Severities, Urgency
from alert_webhook.intake.fingerprint import fingerprint
from alert_webhook.intake.timestamp import NANOSECONDS
from alert_webhook.intake.update import AlertUpdate, Delivery, Status
from alert_webhook.store import incidents, progress
from alert_webhook.store.database import Store, Transaction
from heronwatch.commands import EXIT_FAULT, EXIT_OK, EXIT_USAGE
from heronwatch.config import load
from heronwatch.errors import HeronwatchError

WITHIN_S = 60.0  # for the providers' answers
LOOK_EVERY_S = 0.25
SHOWN = {Kind.STEP, Kind.NOBODY, Kind.SENT, Kind.RETRY, Kind.UNKNOWN, Kind.FAILED, Kind.FALLBACK, Kind.ACKNOWLEDGED}


class Asked(Struct, frozen=True, kw_only=True):
    """The arguments: whom to page, and for how many seconds to wait for an acknowledgement (0: not at all)."""

    to: str
    wait_s: float = 0.0


class Waiting(Struct, frozen=True):
    """What of the world the command uses."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[int], bytes] = secrets.token_bytes


def trial_page(files: Sequence[str], asked: Asked, terminal: Terminal, world: Waiting) -> int:
    """Page somebody for a test; exit status 0 when a provider took it (and, where asked, somebody acknowledged)."""
    try:
        config = load(files, Config).value
    except HeronwatchError as error:
        terminal.warn(str(error))
        return EXIT_FAULT
    if fault := unknown_target(asked.to, config):
        terminal.warn(f"nobody paged: {fault}")
        return EXIT_USAGE
    return with_store(files, terminal, lambda store: _Test(store, config, asked, terminal, world).run())


class _Test:
    """One test page, from its alert to its end."""

    def __init__(self, store: Store, config: Config, asked: Asked, terminal: Terminal, world: Waiting) -> None:
        self._store, self._asked, self._terminal, self._world = store, asked, terminal, world
        self._rules = rules_of_test(config, asked.to)
        self._labels = labels_of_test(config, world.random(8).hex())
        self._told = 0

    def run(self) -> int:
        """Begin the incident, follow it, end it."""
        code = self._post(Status.FIRING)
        self._terminal.say(f"incident {code} began")
        try:
            status = self._follow(code)
        finally:
            self._post(Status.RESOLVED)
        return status

    def _post(self, status: Status) -> str:
        def work(tx: Transaction) -> str:
            update = update_of_test(self._labels, status, tx.now)
            group = self._labels["test"]
            ingest(tx, Delivery(group=group, updates=(update,)), self._rules, self._world.random)
            return progress.code_of_group(tx, INTEGRATION, group)

        return self._store.write(work, "test_page")

    def _follow(self, code: str) -> int:
        ends = self._world.monotonic() + max(WITHIN_S, self._asked.wait_s)
        while self._world.monotonic() < ends:
            incident, state = self._store.read(lambda tx: self._look(tx, code))
            if incident.state is State.ACKNOWLEDGED:
                return EXIT_OK
            if state.settled and not (self._asked.wait_s and state.sent):
                return EXIT_OK if state.sent else self._failed("no provider took it")
            self._world.sleep(LOOK_EVERY_S)
        if not state.tried:
            return self._failed("nothing was sent: does an engine run on this database?")
        return self._failed("nobody acknowledged it" if self._asked.wait_s and state.sent else "no answer came in time")

    def _look(self, tx: Transaction, code: str) -> tuple[Incident, progress.PageProgress]:
        incident = incidents.find(tx, code)
        assert incident is not None  # noqa: S101  # it was begun above, and retention spares what is open
        events = [event for event in incidents.timeline(tx, incident.id) if event.kind in SHOWN]
        for event in events[self._told :]:
            self._terminal.say(event.text)
        self._told = len(events)
        return incident, progress.of_pages(tx, incident.id)

    def _failed(self, why: str) -> int:
        self._terminal.warn(f"failed: {why}")
        return EXIT_FAULT


def rules_of_test(config: Config, to: str) -> Rules:
    """Return rules under which the alert pages exactly whom it is for, at once, with the most severe severity."""
    severities = config.ranked()
    worst = min(severities.known.values(), key=lambda severity: severity.rank)
    paging = replace(worst, urgency=Urgency.PAGE, delay_s=0.0)
    return Rules(
        integration=INTEGRATION,
        group_by=(),
        stale_grace_s=0.0,
        severities=Severities({worst.name: paging}, paging),
        context_labels=(),
        routes=(),
        default_policy=Policy("test", (Step(0.0, (to,)),), 0, 86_400.0),
        tell_resolved=False,
    )


def labels_of_test(config: Config, number: str) -> dict[str, str]:
    """Return the labels of the alert; `test` makes each one another alert."""
    worst = min(config.ranked().known.values(), key=lambda severity: severity.rank)
    return {"alertname": NAME, "severity": worst.name, "test": number}


def update_of_test(labels: dict[str, str], status: Status, now: float) -> AlertUpdate:
    """Return what a sender would say of the alert."""
    now_ns = int(now * NANOSECONDS)
    return AlertUpdate(
        fingerprint=fingerprint(labels),
        status=status,
        labels=labels,
        annotations={"summary": f"{NAME}: somebody tries whether pages arrive. Nothing is wrong."},
        starts_at_ns=None,
        ends_at_ns=now_ns if status is Status.RESOLVED else None,
        generator_url="",
    )
