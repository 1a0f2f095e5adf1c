"""What is kept of keys and of who changed what: as long as everything else, and gone a piece at a time."""

import pytest

from alert_webhook.rights import Scope
from alert_webhook.store import api_keys, changes, retention
from alert_webhook.store.database import Store, Transaction
from tests.fakes.clock import FakeClock

DAY_S = 86_400.0
READ = frozenset({Scope.READ})


def add_key(store: Store, name: str, *, days: float) -> int:
    def write(tx: Transaction) -> int:
        ends = tx.now + days * DAY_S
        return api_keys.add(tx, f"key {name}", prefix=name, name=name, scopes=READ, who="x", expires_at=ends)

    return store.write(write, "test")


def names(store: Store) -> list[str]:
    return [key.name for key in store.read(api_keys.every)]


def test_keys_go_once_they_have_been_over_for_long(store: Store, clock: FakeClock) -> None:
    add_key(store, "expired", days=1)
    revoked = add_key(store, "revoked", days=400)
    add_key(store, "alive", days=400)
    store.write(lambda tx: api_keys.revoke(tx, revoked), "test")
    clock.advance(89 * DAY_S)
    store.write(lambda tx: retention.prune(tx, tx.now - 90 * DAY_S), "test")
    assert names(store) == ["expired", "revoked", "alive"]
    clock.advance(2.5 * DAY_S)
    store.write(lambda tx: retention.prune(tx, tx.now - 90 * DAY_S), "test")
    assert names(store) == ["alive"]


def test_changes_go_oldest_first_and_a_piece_at_a_time(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PIECE", 3)
    for number in range(8):
        store.write(lambda tx, what=str(number): changes.note(tx, "made", what, who="x", via="test"), "test")
        clock.advance(DAY_S)
    gone = [store.write(lambda tx: retention.prune(tx, tx.now - 2.5 * DAY_S), "test") for _ in range(3)]
    assert gone == [3, 3, 0]
    assert [each.what for each in store.read(lambda tx: changes.latest(tx, limit=9))] == ["7", "6"]
