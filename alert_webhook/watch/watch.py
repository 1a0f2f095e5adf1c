"""The webhook's eye on itself: is anything late, has an integration gone silent, does a provider refuse us, who is new.

One turn looks at everything; replicas may all do so, the database keeps them from telling anything twice.
"""

from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct

from alert_webhook.config import Config
from alert_webhook.oncall.current import current_schedules
from alert_webhook.oncall.schedule import on_call
from alert_webhook.parts import Parts
from alert_webhook.store import watching
from alert_webhook.store.database import Transaction
from alert_webhook.watch import telling
from alert_webhook.watch.blocks import WatchdogBlock
from alert_webhook.watch.handover import handover
from alert_webhook.watch.lateness import troubles
from alert_webhook.watch.trouble import OWN, Name, Trouble, around, tested
from heronwatch.logs import get_logger

Refusals = Callable[[], Mapping[str, str]]  # channel → why it refuses us, "" where it lets us in again


class Seen(Struct, frozen=True):
    """What one look found wrong, in words; nothing: everything is on time."""

    troubles: tuple[str, ...]


class Watch:
    """`turn` looks once. `refusals` tells what the channels' providers said of us since this process began."""

    def __init__(self, parts: Parts, refusals: Refusals) -> None:
        self._parts = parts
        self._refusals = refusals
        self._since: float | None = None
        self._ids: dict[tuple[str, str], list[int]] = {}
        self._log = get_logger("heronwatch.webhook.watch")

    def turn(self) -> Seen:
        """Look at everything; StoreUnavailableError when the database is away."""
        config = self._parts.settings()
        late = troubles(self._parts.store.read(watching.lateness))
        for words in late:
            self._log.error("the webhook is late", what=words)
        if config.health.operator:
            self._watch_integrations(config)
            self._watch_providers(config)
        self._watch_shifts(config)
        return Seen(late)

    def _watch_integrations(self, config: Config) -> None:
        now = self._parts.store.read(lambda tx: tx.now)
        self._since = now if self._since is None else self._since
        for name, block in config.health.watchdogs.items():
            heard_at = self._heard_at(name, block)
            silent_s = now - (self._since if heard_at is None else max(heard_at, 0.0))
            minutes = f"{float(block.silent_after) / 60:.0f} min"
            summary = f"no {block.alertname} from {name} for {minutes}: alerts may not reach us"
            trouble = Trouble(Name.SILENT, {"integration": name}, summary)
            self._set(config, trouble, wrong=silent_s > float(block.silent_after))

    def _heard_at(self, name: str, block: WatchdogBlock) -> float | None:
        """Return when the watchdog was heard; which rows are its own is looked up where they have nothing new."""
        key, store = (name, block.alertname), self._parts.store
        heard_at = store.read(lambda tx: watching.last_seen(tx, self._ids.get(key, [])))
        fresh = heard_at is not None and store.read(lambda tx: tx.now) - heard_at <= float(block.silent_after)
        if not fresh:
            self._ids[key] = store.read(lambda tx: watching.alert_ids(tx, *key))
            heard_at = store.read(lambda tx: watching.last_seen(tx, self._ids[key]))
        return heard_at

    def _watch_providers(self, config: Config) -> None:
        for channel, why in self._refusals().items():
            if channel in config.channels:
                summary = f"{channel} refuses us ({why}): nothing goes out through it until somebody sees to it"
                self._set(config, Trouble(Name.REFUSED, {"channel": channel}, summary), wrong=bool(why))

    def _set(self, config: Config, trouble: Trouble, *, wrong: bool) -> None:
        """Page about a trouble, or end it, where that is news."""
        mine = {"alertname": trouble.name.value, **trouble.labels}
        firing = self._parts.store.read(lambda tx: watching.own_firing(tx, OWN))
        known = any(mine.items() <= labels.items() for labels, _state in firing)
        if wrong == known:
            return
        random = self._parts.random
        if wrong:
            policy = config.policies[config.health.operator].snapshot(config.health.operator)
            policy = around(policy, trouble.labels.get("channel", ""), config.persons())
            self._parts.store.write(lambda tx: telling.begins(tx, config, trouble, policy, random), "trouble")
            self._parts.wake()
        else:
            self._parts.store.write(lambda tx: telling.ends(tx, config, trouble, random), "trouble")

    def _watch_shifts(self, config: Config) -> None:
        wanted = {name for name, block in config.schedules.items() if block.handover or block.shift_test}
        changed = bool(wanted) and self._parts.store.read(partial(_changed, config=config, wanted=wanted))
        if changed:
            self._parts.store.write(lambda tx: _hand_over(tx, config, wanted, self._parts.random), "handover")
            self._parts.wake()
        answered = self._parts.store.read(_answered_tests)
        for labels in answered:
            trouble = Trouble(Name.SHIFT_TEST, {k: v for k, v in labels.items() if k in TEST_LABELS}, "")
            self._parts.store.write(partial(_end, config=config, trouble=trouble, random=self._parts.random), "trouble")


def _end(tx: Transaction, *, config: Config, trouble: Trouble, random: Callable[[int], bytes]) -> None:
    telling.ends(tx, config, trouble, random)


TEST_LABELS = {"schedule", "person"}


def _answered_tests(tx: Transaction) -> list[dict[str, str]]:
    """Return the labels of the test pages that somebody acknowledged: with that they are over."""
    firing = watching.own_firing(tx, OWN)
    is_test = Name.SHIFT_TEST.value
    return [labels for labels, state in firing if labels["alertname"] == is_test and state == watching.ACKNOWLEDGED]


def _changed(tx: Transaction, config: Config, wanted: set[str]) -> bool:
    known, schedules = watching.on_call_before(tx), current_schedules(tx, config)
    people = config.persons()
    return any(
        name not in known or handover(schedules[name], known[name], people, tx.now) is not None
        for name in sorted(wanted)
    )


def _hand_over(tx: Transaction, config: Config, wanted: set[str], random: Callable[[int], bytes]) -> None:
    """Write down who is on call now, and tell of every change that no other replica has told of."""
    known, schedules, people = watching.on_call_before(tx), current_schedules(tx, config), config.persons()
    for name in sorted(wanted):
        change = handover(schedules[name], known.get(name), people, tx.now)
        if change is None:
            if name not in known:
                watching.take_over(tx, name, None, on_call(schedules[name], tx.now).person)
            continue
        if not watching.take_over(tx, name, change.before, change.after):
            continue
        block = config.schedules[name]
        if block.handover:
            telling.hand_over(tx, config, change, random)
        if block.shift_test is not None and change.after:
            alarm = config.policies[block.shift_test.alarm].snapshot(block.shift_test.alarm)
            policy = tested(alarm, change.after, float(block.shift_test.answer_within))
            summary = f"a test: acknowledge it, else {block.shift_test.alarm} is paged. {change.text}"
            labels = {"schedule": name, "person": change.after}
            telling.begins(tx, config, Trouble(Name.SHIFT_TEST, labels, summary), policy, random)
