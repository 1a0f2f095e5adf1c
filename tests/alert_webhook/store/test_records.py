"""Links, users, what is forgotten, what is counted."""

import pytest
import sqlalchemy as sa

from alert_webhook.capability import new_token, token_hash
from alert_webhook.delivery.channel import Reason
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.incidents.transitions import State
from alert_webhook.passwords import hash_password, verify
from alert_webhook.rights import Role
from alert_webhook.store import accounts, links, views
from alert_webhook.store.counts import counts
from alert_webhook.store.database import Store
from alert_webhook.store.probing import trouble
from alert_webhook.store.retention import prune
from alert_webhook.store.schema import METADATA, ack_link, alert, episode
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_stack import Random, Stack

DAY_S = 86_400.0


def token_of(stack: Stack) -> str:
    url = stack.phone("ana").expects().ack_url
    assert url.startswith("https://pager.example.org/a/")
    return url.rpartition("/")[2]


def test_a_page_carries_a_link_of_128_random_bits_that_is_stored_hashed(stack: Stack) -> None:
    stack.fire("LinkDown", severity="high")
    token = token_of(stack)
    assert len(token) == 22
    stored = stack.store.read(lambda tx: list(tx.execute(ack_link.select())))
    assert [row.token_hash for row in stored] == [token_hash(token)]
    assert token not in str(stored)


def test_a_link_is_bound_to_incident_person_and_contact(stack: Stack) -> None:
    stack.fire("LinkDown", severity="high")
    token = token_of(stack)
    found = stack.store.read(lambda tx: links.find(tx, token))
    assert found is not None
    assert (found.person, found.contact, found.expired, found.revoked) == ("ana", "sms", False, False)


def test_a_link_expires(stack: Stack, clock: FakeClock) -> None:
    stack.fire("LinkDown", severity="high")
    token = token_of(stack)
    clock.advance(DAY_S)
    found = stack.store.read(lambda tx: links.find(tx, token))
    assert found is not None
    assert found.expired


def test_a_link_is_revoked_when_the_incident_ends(stack: Stack) -> None:
    stack.fire("LinkDown", severity="high")
    token = token_of(stack)
    stack.resolve("LinkDown", severity="high", at=1)
    stack.phone("ana").expects(reason=Reason.RESOLVED)
    found = stack.store.read(lambda tx: links.find(tx, token))
    assert found is not None
    assert found.revoked


def test_a_link_that_was_never_given_out_is_none(store: Store) -> None:
    assert store.read(lambda tx: links.find(tx, new_token(Random()))) is None


def test_users_and_their_sign_ins(store: Store, clock: FakeClock) -> None:
    store.write(lambda tx: accounts.save_user(tx, "ana", "hash1"), "test")
    store.write(lambda tx: accounts.begin_session(tx, "ana", "token1", expires_at=clock.now() + 60), "test")
    assert store.read(accounts.users) == [accounts.Account("ana", Role.RESPONDER)]
    assert store.read(lambda tx: accounts.session_user(tx, "token1")) == accounts.Account("ana", Role.RESPONDER)
    assert store.read(lambda tx: accounts.session_user(tx, "token2")) is None
    clock.advance(60)
    assert store.read(lambda tx: accounts.session_user(tx, "token1")) is None


def test_a_new_password_ends_the_sign_ins(store: Store, clock: FakeClock) -> None:
    store.write(lambda tx: accounts.save_user(tx, "ana", "hash1"), "test")
    store.write(lambda tx: accounts.begin_session(tx, "ana", "token1", expires_at=clock.now() + 60), "test")
    store.write(lambda tx: accounts.save_user(tx, "ana", "hash2"), "test")
    assert store.read(lambda tx: accounts.password_hash(tx, "ana")) == "hash2"
    assert store.read(lambda tx: accounts.session_user(tx, "token1")) is None


@pytest.mark.parametrize(
    ("stored", "given", "right"),
    [("correct horse", "correct horse", True), ("correct horse", "battery staple", False), (None, "anything", False)],
)
def test_passwords(stored: str | None, given: str, right: bool) -> None:
    assert verify(hash_password(stored) if stored else None, given) is right


def test_passwords_are_argon2id() -> None:
    assert hash_password("correct horse").startswith("$argon2id$")


def test_what_is_old_is_forgotten_and_what_is_open_is_not(stack: Stack, clock: FakeClock) -> None:
    stack.fire("Old", severity="warning")
    stack.resolve("Old", severity="warning", at=1)
    stack.fire("Open", severity="warning", group="open")
    clock.advance(91 * DAY_S)
    cutoff = clock.now() - 90 * DAY_S
    while stack.store.write(lambda tx: prune(tx, cutoff), "test"):
        pass
    left = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    assert [incident.title for incident in left] == ["Open"]
    rows = stack.store.read(lambda tx: {t.name: len(list(tx.execute(t.select()))) for t in METADATA.sorted_tables})
    assert (rows["alert"], rows["episode"], rows["incident"], rows["alert_group"]) == (1, 1, 1, 1)


def test_a_forgotten_alert_takes_its_episodes_along_and_a_later_one_stays(stack: Stack, clock: FakeClock) -> None:
    for name in ("Rare", "Often"):  # only context: no incident takes their episodes along
        stack.fire(name, severity="info")
    stack.resolve("Rare", severity="info", at=1)
    clock.advance(91 * DAY_S)
    stack.fire("Late", severity="info")
    stack.resolve("Late", severity="info", at=1)
    stack.store.write(lambda tx: prune(tx, tx.now - 90 * DAY_S), "test")  # if the engine has not done so already
    left = sa.select(alert.c.name).join(episode, episode.c.alert_id == alert.c.id).order_by(alert.c.id)
    assert stack.store.read(lambda tx: tx.execute(left).scalars().all()) == ["Often", "Late"]
    episodes = sa.select(sa.func.count()).select_from(episode)
    assert stack.store.read(lambda tx: tx.execute(episodes).scalar_one()) == 2


def test_the_figures_of_the_metrics(stack: Stack, clock: FakeClock) -> None:
    stack.post(stack.alert("A", "high", 0, None, {}), group="a")
    clock.advance(5)
    found = stack.store.read(counts)
    assert (found.incidents["new"], found.timers_overdue_s, found.outbox_pending) == (1, 5.0, 0)
    stack.settle()
    stack.phone("ana").expects()
    incident = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))[0]
    acknowledge(stack.parts, incident.id, who="ana", via="test")
    found = stack.store.read(counts)
    assert found.incidents == {"acknowledged": 1, "critical": 0, "escalated": 0, "new": 0, "suppressed": 0}
    assert (found.timers_overdue_s, found.oldest_due_s) == (0.0, 0.0)


def test_a_database_that_works_has_no_trouble(store: Store) -> None:
    assert trouble(store) == ""
    store.write_trouble = "disk full"
    assert trouble(store) == ""
    assert store.write_trouble == ""
