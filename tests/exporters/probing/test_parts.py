"""The small parts: deadlines, owners, names, memory, pauses."""

import asyncio
import socket
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.errors import UnresolvedError
from exporters.probing.collector import Target
from exporters.probing.deadline import budget_s
from exporters.probing.memory import Memory
from exporters.probing.ownership import endpoint, owner
from exporters.probing.pauses import Pauses
from exporters.probing.resolve import KEPT_S, Resolver
from tests.fakes.clock import FakeClock


@pytest.mark.parametrize(
    ("header", "timeout_s", "expected"),
    [
        ("10", None, 9.5),
        ("3", None, 2.5),
        (None, None, 9.5),
        ("", None, 9.5),
        ("nonsense", None, 9.5),
        ("nan", None, 9.5),
        ("inf", None, 9.5),
        ("-5", None, 9.5),
        ("0.3", None, 0.1),
        ("100000", None, 299.5),
        ("10", 4.0, 4.0),
        ("3", 4.0, 2.5),
    ],
)
def test_budget_leaves_time_for_the_answer(header: str | None, timeout_s: float | None, expected: float) -> None:
    assert budget_s(header, timeout_s=timeout_s) == expected


@given(st.text(max_size=30))
def test_any_header_gives_a_bounded_budget(header: str) -> None:
    assert 0.1 <= budget_s(header) <= 300


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_every_worker_owns_its_share(workers: int) -> None:
    owners = Counter(owner(endpoint(f"10.0.{n // 256}.{n % 256}", 161), workers) for n in range(4000))
    assert set(owners) == set(range(workers))
    assert max(owners.values()) < 1.3 * 4000 / workers


def test_owner_is_the_same_in_every_process_and_release() -> None:
    assert [owner(f"10.0.0.{n}:161", 4) for n in range(8)] == [0, 1, 0, 3, 0, 1, 1, 2]


def test_memory_forgets_what_was_used_longest_ago() -> None:
    memory: Memory[list[int]] = Memory(list, most=2)
    memory.of("a").append(1)
    memory.of("b").append(2)
    memory.of("a")
    memory.of("c")
    assert (memory.of("a"), len(memory)) == ([1], 2)
    assert memory.of("b") == []


def test_memory_keeps_what_is_in_use() -> None:
    memory: Memory[list[int]] = Memory(list, most=1, in_use=bool)
    memory.of("a").append(1)
    memory.of("b")
    assert memory.of("a") == [1]


@pytest.mark.parametrize("name", ["dev", "sw.example", "10.0.0.1", "10.0.0.1:161", "sw.example:161"])
def test_target_is_paused_by_any_of_its_names(name: str) -> None:
    target = Target(name="dev", address="10.0.0.1", port=161, host="sw.example")
    assert target in Pauses([name])
    assert target not in Pauses(["10.0.0.2", "10.0.0.1:162", "other"])
    assert target not in Pauses()


async def soon() -> float:
    return asyncio.get_running_loop().time() + 2.0


async def test_literal_addresses_are_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    resolver = Resolver(now=FakeClock().monotonic)
    assert await resolver.address("10.0.0.1", await soon()) == "10.0.0.1"
    assert await resolver.address("2001:DB8::1", await soon()) == "2001:db8::1"
    resolver.close()


async def test_answers_are_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["10.0.0.1", "10.0.0.2"])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (next(answers), 0))])
    clock = FakeClock()
    resolver = Resolver(now=clock.monotonic)
    assert await resolver.address("sw", await soon()) == "10.0.0.1"
    clock.advance(KEPT_S - 1)
    assert await resolver.address("sw", await soon()) == "10.0.0.1"
    clock.advance(1)
    assert await resolver.address("sw", await soon()) == "10.0.0.2"
    resolver.close()


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".example"])
async def test_name_without_an_address_says_so(host: str) -> None:
    resolver = Resolver(now=FakeClock().monotonic)
    with pytest.raises(UnresolvedError, match="the name"):
        await resolver.address(host, await soon())
    resolver.close()


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::FFFF:0a00:0001", "10.0.0.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("2001:db8::1%7", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
async def test_an_address_written_in_two_ways_is_one_device(written: str, used: str) -> None:
    resolver = Resolver(now=FakeClock().monotonic)
    assert await resolver.address(written, deadline=0.0) == used
    resolver.close()
