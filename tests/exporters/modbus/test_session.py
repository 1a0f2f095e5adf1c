"""The session against a real socket that misbehaves on demand."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporters.modbus.address import Place, Table
from exporters.modbus.errors import BadAnswerError, ModbusError, NoAnswerError, RefusedReadError, UnreachableError
from exporters.modbus.frame import READ_FUNCTIONS, ReadRequest
from exporters.modbus.image import Image
from exporters.modbus.server import PROPER, Behaviour, ModbusServer, Received
from exporters.modbus.session import Gateway, Timing
from heronwatch.retry import Backoff
from tests.fakes.daemons import free_port

IMAGE = Image(
    {Place(table, i): (i % 2 if table.is_bits else i) for table in Table for i in range(64)},
)
PATIENT = Timing(connect_timeout_s=20.0, response_timeout_s=20.0, idle_close_s=60.0)
HASTY = Timing(response_timeout_s=0.2)
NO_WAIT = Backoff(first_s=1e-6, factor=1.0, cap_s=1e-6, jitter=0.0)
LONG_WAIT = Backoff(first_s=100.0, factor=1.0, cap_s=100.0, jitter=0.0)


@asynccontextmanager
async def device(behave: Callable[[Received], Behaviour] = lambda _: PROPER) -> AsyncIterator[ModbusServer]:
    server = ModbusServer(lambda unit: IMAGE if unit < 100 else None, behave=behave)
    await server.start("127.0.0.1")
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def session(port: int, backoff: Backoff = NO_WAIT) -> AsyncIterator[Gateway]:
    gateway = Gateway("127.0.0.1", port, backoff=backoff, chance=lambda: 0.0)
    try:
        yield gateway
    finally:
        gateway.close()


async def read(
    gateway: Gateway, address: int = 0, count: int = 2, *, function: int = 3, unit: int = 1, timing: Timing = PATIENT,
    within_s: float = 30.0,
) -> tuple[int, ...]:  # fmt: skip
    request = ReadRequest(unit=unit, function=function, address=address, count=count)
    return await gateway.read(request, timing, deadline=asyncio.get_running_loop().time() + within_s)


async def settle(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not predicate():  # noqa: ASYNC110  what is watched sets no event
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(("function", "expected"), [(1, (1, 0, 1)), (2, (1, 0, 1)), (3, (5, 6, 7)), (4, (5, 6, 7))])
async def test_each_table_is_read(function: int, expected: tuple[int, ...]) -> None:
    async with device() as server, session(server.port) as gateway:
        assert await read(gateway, 5, 3, function=function) == expected


async def test_all_units_and_scrapes_share_one_connection_one_request_at_a_time() -> None:
    in_flight = 0
    most = 0

    def watch(request: Received) -> Behaviour:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        asyncio.get_running_loop().call_later(0.004, done)
        return Behaviour(delay_s=0.005)

    def done() -> None:
        nonlocal in_flight
        in_flight -= 1

    async with device(watch) as server, session(server.port) as gateway, asyncio.TaskGroup() as group:
        for unit in range(1, 21):
            group.create_task(read(gateway, unit=unit))
    assert (server.connections_made, server.most_connections, most) == (1, 1, 1)
    assert [request.unit for request in server.received] == list(range(1, 21))  # first come, first served


async def test_exception_costs_the_request_only() -> None:
    async with device() as server, session(server.port) as gateway:
        with pytest.raises(RefusedReadError, match=r"^exception 2 \(illegal data address\)$"):
            await read(gateway, 63, 2)
        assert await read(gateway, 62, 2) == (62, 63)
        assert server.connections_made == 1


async def test_absent_unit_behind_a_gateway_is_named() -> None:
    async with device() as server, session(server.port) as gateway:
        with pytest.raises(RefusedReadError, match="gateway target did not respond") as caught:
            await read(gateway, unit=200)
        assert caught.value.ends_unit


async def test_refused_connection_says_so_and_is_not_tried_again_at_once() -> None:
    port = free_port()
    async with session(port, LONG_WAIT) as gateway:
        with pytest.raises(UnreachableError, match=r"^no connection: "):
            await read(gateway)
        async with device() as server:  # it is elsewhere; ours still waits
            with pytest.raises(UnreachableError, match=r"tried again in \d+\.\d s, as before: no connection"):
                await read(gateway)
            assert server.received == []


async def test_short_deadline_is_not_held_against_the_gateway() -> None:
    async with device() as server, session(server.port, LONG_WAIT) as gateway:
        with pytest.raises((UnreachableError, NoAnswerError)):
            await read(gateway, within_s=-1.0)
        assert await read(gateway) == (0, 1)


async def test_connection_comes_back_after_the_backoff() -> None:
    server = ModbusServer(lambda _: IMAGE)
    await server.start("127.0.0.1")
    port = server.port
    async with session(port) as gateway:
        await read(gateway)
        await server.stop()
        with pytest.raises(UnreachableError):
            await read(gateway)
        again = ModbusServer(lambda _: IMAGE)
        await again.start("127.0.0.1", port)
        assert await read(gateway) == (0, 1)
        await again.stop()


async def test_late_answer_is_never_taken_for_a_later_one() -> None:
    slow_first = iter([Behaviour(delay_s=1.5)])
    async with device(lambda _: next(slow_first, PROPER)) as server, session(server.port) as gateway:
        with pytest.raises(NoAnswerError, match=r"^no answer within 0\.2 s$"):
            await read(gateway, 10, 2, timing=HASTY)
        assert await read(gateway, 20, 2) == (20, 21)
        assert server.connections_made == 2


async def test_no_request_is_sent_twice() -> None:
    async with device(lambda _: Behaviour(silent=True)) as server, session(server.port) as gateway:
        with pytest.raises(NoAnswerError):
            await read(gateway, timing=HASTY)
        assert len(server.received) == 1


async def test_silent_unit_costs_its_neighbours_nothing() -> None:
    def behave(request: Received) -> Behaviour:
        return Behaviour(silent=request.unit == 7)

    async with device(behave) as server, session(server.port, LONG_WAIT) as gateway:
        with pytest.raises(NoAnswerError):
            await read(gateway, unit=7, timing=HASTY)
        assert await read(gateway, unit=8) == (0, 1)
        assert [request.unit for request in server.received] == [7, 8]


async def test_answer_of_another_transaction_is_skipped_and_named() -> None:
    async with device(lambda _: Behaviour(transaction_shift=5)) as server, session(server.port) as gateway:
        with pytest.raises(NoAnswerError, match="answers to other transactions were skipped"):
            await read(gateway, timing=HASTY)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not Modbus TCP: protocol"),
        (b"\0\1\0\0\xff\xff\1\3\4\0\0\0\0", "not Modbus TCP: length 65535"),
        (b"\0\1\0\0\0\7\1\4\4\0\0\0\0", "an answer of function 4 to a request of function 3"),
        (b"\0\1\0\0\0\5\1\3\2\0\0", "an answer of 2 data bytes, expected 4"),
        (b"\0\1\0\0\0\7\1\3\2\0\0\0\0", "counts 2 data bytes"),
    ],
)
async def test_garbage_is_named_at_once_and_the_connection_dropped(raw: bytes, message: str) -> None:
    once = iter([Behaviour(raw=raw)])
    async with device(lambda _: next(once, PROPER)) as server, session(server.port) as gateway:
        with pytest.raises(BadAnswerError, match=message):
            await read(gateway)
        assert await read(gateway) == (0, 1)
        assert server.connections_made == 2


async def test_hang_up_is_told_at_once() -> None:
    async with device(lambda _: Behaviour(hang_up=True)) as server, session(server.port) as gateway:
        with pytest.raises(UnreachableError, match="the device closed the connection"):
            await read(gateway, timing=Timing(response_timeout_s=30.0))


async def test_noise_behind_an_answer_does_not_reach_the_next_one() -> None:
    chatty = iter([Behaviour(raw=b"\0\1\0\0\0\7\1\3\4\0\1\0\2" + b"noise")])
    async with device(lambda _: next(chatty, PROPER)) as server, session(server.port) as gateway:
        assert await read(gateway) == (1, 2)
        assert await read(gateway, 9, 1) == (9,)


async def test_words_nobody_asked_for_end_the_connection() -> None:
    async with device() as server, session(server.port) as gateway:
        assert await read(gateway) == (0, 1)
        server.say(b"\0\2\0\0\0\5\1\3\2\0\7")
        await settle(lambda: server.connections == 0)
        assert await read(gateway, 9, 1) == (9,)


async def test_deadline_ends_the_wait_for_an_answer() -> None:
    async with device(lambda _: Behaviour(silent=True)) as server, session(server.port) as gateway:
        with pytest.raises(NoAnswerError):
            await read(gateway, timing=Timing(response_timeout_s=60.0), within_s=0.1)


async def test_deadline_ends_the_wait_in_the_queue() -> None:
    async with device(lambda _: Behaviour(delay_s=2.0)) as server, session(server.port) as gateway:
        slow = asyncio.create_task(read(gateway))
        await settle(lambda: len(server.received) == 1)
        with pytest.raises(NoAnswerError, match="still waiting for other requests"):
            await read(gateway, within_s=0.05)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert len(server.received) == 1


async def test_cancelled_scrape_leaves_no_answer_behind() -> None:
    slow_first = iter([Behaviour(delay_s=1.5)])
    async with device(lambda _: next(slow_first, PROPER)) as server, session(server.port) as gateway:
        task = asyncio.create_task(read(gateway, 30, 2))
        await settle(lambda: len(server.received) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await read(gateway, 40, 2) == (40, 41)
        assert server.connections_made == 2


async def test_idle_connection_is_closed_and_opened_again() -> None:
    async with device() as server, session(server.port) as gateway:
        await read(gateway, timing=Timing(idle_close_s=0.02))
        await settle(lambda: server.connections == 0)
        assert gateway.at_rest
        assert await read(gateway) == (0, 1)
        assert server.connections_made == 2
        assert not gateway.at_rest


async def test_pause_between_requests_is_kept() -> None:
    async with device() as server, session(server.port) as gateway:
        for _ in range(3):
            await read(gateway, timing=Timing(pause_between_requests_s=0.03))
    times = [request.at for request in server.received]
    assert all(later - earlier >= 0.029 for earlier, later in itertools.pairwise(times))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4))
async def test_any_bytes_give_values_or_an_error_of_ours(answers: list[bytes]) -> None:
    replies = iter(answers)

    def behave(_: Received) -> Behaviour:
        raw = next(replies, None)
        return Behaviour(raw=raw) if raw is not None else PROPER

    async with device(behave) as server, session(server.port) as gateway:
        for _ in answers:
            with contextlib.suppress(ModbusError):
                await read(gateway, timing=Timing(response_timeout_s=0.02))
        assert await read(gateway, 3, 2) == (3, 4)
    assert {request.function for request in server.received} <= READ_FUNCTIONS
