"""The engine on a toy collector: sharing, turns, deadlines, pacing, pause."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from exporters.metric.samples import Fault, Reading
from exporters.probing.collector import Credential, Module, Target
from exporters.probing.job import Job, job_of
from exporters.probing.metrics import ScrapeMetrics
from exporters.probing.pacing import Pacing
from exporters.probing.scrape import Scraper
from heronwatch.values import Duration
from tests.fakes.clock import FakeClock
from tests.fakes.toy import ToyCollector, ToyModule, fails

NO_SPREAD = Pacing(spread=Duration(0.0))
PLAIN = Module(name="plain", plan=ToyModule())
SLOW = Module(name="slow", plan=ToyModule(delay_s=0.1))
FOREVER = Module(name="forever", plan=ToyModule(delay_s=3600))


class Bench:
    """A scraper with its collector, clock and metrics."""

    def __init__(self, pacing: Pacing = NO_SPREAD) -> None:
        self.clock = FakeClock()
        self.collector = ToyCollector()
        self.registry = CollectorRegistry()
        self.scraper = Scraper(
            lambda _protocol: self.collector,
            ScrapeMetrics(self.registry),
            pacing=lambda: pacing,
            now=self.clock.monotonic,
            random=lambda: 1.0,
        )

    async def scrape(self, job: Job, budget_s: float = 5.0) -> Reading:
        return (await self.scraper.scrape(job, asyncio.get_running_loop().time() + budget_s)).reading

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    async with made.scraper:
        yield made


def job(*modules: Module, address: str = "10.0.0.1", name: str = "dev", **more: object) -> Job:
    target = Target(name=name, address=address, port=1, host=address)
    return job_of("toy", target, modules or (PLAIN,), **more)  # type: ignore[arg-type]


def reasons(reading: Reading) -> list[str]:
    return [fault.reason for fault in reading.faults]


async def test_two_requests_for_the_same_share_one_scrape(bench: Bench) -> None:
    async with asyncio.TaskGroup() as group:
        first = group.create_task(bench.scrape(job(SLOW)))
        second = group.create_task(bench.scrape(job(SLOW)))
    assert len(bench.collector.asked) == 1
    assert first.result() is second.result()
    assert bench.counted("heronwatch_exporter_shared_scrapes_total") == 1


async def test_different_modules_of_one_device_wait_for_their_turn(bench: Bench) -> None:
    async with asyncio.TaskGroup() as group:
        for module in (SLOW, PLAIN, Module(name="third", plan=ToyModule(delay_s=0.05))):
            group.create_task(bench.scrape(job(module)))
    assert (len(bench.collector.asked), bench.collector.most_running) == (3, 1)


async def test_different_devices_are_read_at_once(bench: Bench) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(bench.scrape(job(SLOW, address=f"10.0.0.{number}")))
    assert sum(bench.collector.running.values()) == 0
    assert len(bench.collector.asked) == 5


async def test_scrape_ends_at_its_deadline_and_says_so(bench: Bench) -> None:
    started = asyncio.get_running_loop().time()
    reading = await bench.scrape(job(FOREVER), budget_s=0.05)
    assert asyncio.get_running_loop().time() - started < 1.0
    assert reasons(reading) == ["timeout"]
    assert bench.counted("heronwatch_exporter_scrape_failures_total", module="forever", reason="timeout") == 1


async def test_waiting_for_a_turn_ends_at_the_deadline_too(bench: Bench) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.scrape(job(FOREVER), budget_s=0.5))
        await asyncio.sleep(0)
        reading = await bench.scrape(job(PLAIN), budget_s=0.05)
    assert reasons(reading) == ["busy"]


async def test_mistake_of_a_collector_is_a_fault_of_its_own_scrape(bench: Bench) -> None:
    def broken(*_: object) -> Reading:
        raise KeyError("oops")

    bench.collector.behaviour = broken
    assert reasons(await bench.scrape(job())) == ["internal"]


async def test_silent_device_is_left_alone_and_asked_again_later(bench: Bench) -> None:
    bench.collector.behaviour = fails("timeout")
    for _ in range(2):
        await bench.scrape(job())
    reading = await bench.scrape(job())
    assert reasons(reading) == ["backoff"]
    assert "asked again in 10 s" in reading.faults[0].detail
    assert len(bench.collector.asked) == 2
    bench.clock.advance(10)
    await bench.scrape(job())
    assert len(bench.collector.asked) == 3


async def test_refused_logins_stop_until_resumed_or_the_credential_changes(bench: Bench) -> None:
    bench.collector.behaviour = fails("auth")
    with_first = job()
    for _ in range(3):
        await bench.scrape(with_first)
    assert reasons(await bench.scrape(with_first)) == ["stopped"]
    other = Target(name="dev", address="10.0.0.1", port=1, credential=Credential(name="c", value=None))
    assert reasons(await bench.scrape(job_of("toy", other, (PLAIN,)))) == ["auth"]
    bench.scraper.forget("dev")
    assert reasons(await bench.scrape(with_first)) == ["auth"]


async def test_repeated_question_within_the_interval_gets_the_last_answer(bench: Bench) -> None:
    first = await bench.scrape(job(min_interval_s=30.0))
    bench.clock.advance(29)
    assert await bench.scrape(job(min_interval_s=30.0)) is first
    bench.clock.advance(1)
    assert await bench.scrape(job(min_interval_s=30.0)) is not first
    assert len(bench.collector.asked) == 2


async def test_another_question_within_the_interval_is_refused(bench: Bench) -> None:
    await bench.scrape(job(min_interval_s=30.0))
    assert reasons(await bench.scrape(job(SLOW, min_interval_s=30.0), budget_s=1)) == ["interval"]


async def test_paused_target_is_not_asked(bench: Bench) -> None:
    await bench.scraper.pause(["dev"])
    assert reasons(await bench.scrape(job())) == ["paused"]
    assert bench.collector.asked == []
    await bench.scraper.pause([])
    assert reasons(await bench.scrape(job())) == []


@pytest.mark.parametrize("name", ["dev", "10.0.0.1", "10.0.0.1:1"])
async def test_pause_cuts_off_what_is_under_way_and_closes_the_session(bench: Bench, name: str) -> None:
    async with asyncio.TaskGroup() as group:
        scrape = group.create_task(bench.scrape(job(FOREVER)))
        while not bench.collector.asked:  # noqa: ASYNC110  # state of another task
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await bench.scraper.pause([name])
    assert reasons(scrape.result()) == ["paused"]
    assert bench.collector.released == ["dev"]


async def test_changed_device_lets_its_session_go_and_others_keep_theirs(bench: Bench) -> None:
    await bench.scrape(job(name="a", address="10.0.0.1"))
    await bench.scrape(job(name="b", address="10.0.0.2"))
    await bench.scraper.release(["a"])
    assert bench.collector.released == ["a"]


async def test_first_scrapes_are_spread_within_their_deadline() -> None:
    bench = Bench(Pacing(spread=Duration(3600.0)))
    async with bench.scraper:
        started = asyncio.get_running_loop().time()
        assert reasons(await bench.scrape(job(), budget_s=0.4)) == []
        assert 0.15 < asyncio.get_running_loop().time() - started < 0.4


async def test_scrapes_are_counted_by_module(bench: Bench) -> None:
    bench.collector.behaviour = lambda *_: Reading([], (Fault("slow", "decode", ""), Fault("slow", "decode", "2")))
    await bench.scrape(job(PLAIN, SLOW))
    assert bench.counted("heronwatch_exporter_scrapes_total", module="plain") == 1
    assert bench.counted("heronwatch_exporter_scrapes_total", module="slow") == 1
    assert bench.counted("heronwatch_exporter_scrape_failures_total", module="slow", reason="decode") == 1
