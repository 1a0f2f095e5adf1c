"""A storm of alerts on the webhook: 100 bodies a second of 100 alerts each, on a real PostgreSQL; SQLite's ceiling.

    python -m benchmarks.webhook_intake              # 10,000 alerts/s for 60 s, then SQLite, then a group of 40,000
    python -m benchmarks.webhook_intake --groups 100 --part postgresql    # the same for 6 s
    python -m benchmarks.webhook_intake --part postgresql --processes 1   # `all`, in place of two `serve`

Amid the storm critical alerts come, whose pages must reach the provider. What the database holds afterwards is counted.
"""

import argparse
import asyncio
import contextlib
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.alert_bodies import ALERTS, ROUNDS, bodies, critical, expected, one_group
from benchmarks.alert_sender import Sender, Sent
from benchmarks.postgresql import Server, postgresql
from benchmarks.processes import Watched, answers, free_ports, running, stop_on_sigterm
from benchmarks.report import report

TOKEN = "0123456789abcdef0123456789abcdef"
CRITICALS = 5
GROUP_ALERTS = 40_000
BEYOND_CONNECTIONS = 160  # more than are let wait
PROCESSES = 2  # `serve`, beside an `engine`: how docs/webhook/intake.md says such a load is carried
PROCESSES_HELP = f"processes that accept, of the part postgresql; 1: `all` ({PROCESSES})"
ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}  # as the systemd unit and the image set it
CONFIG = """
version: 1
database: {database}
integrations: {{am: {{tokens: [{token}], policy: default}}}}
people: {{ana: {{contacts: [{{channel: hook}}]}}}}
policies: {{default: {{steps: [{{notify: [ana]}}]}}}}
channels: {{hook: {{type: webhook, url: "http://127.0.0.1:{sink}/", allowed_networks: [127.0.0.0/8], timeout: 5s}}}}
severities: {{critical: {{urgency: page}}, warning: {{urgency: record}}}}
default_severity: warning
"""
COUNTS = (
    "SELECT (SELECT count(*) FROM alert), (SELECT count(*) FROM episode),"
    " (SELECT count(*) FROM alert WHERE firing), (SELECT count(*) FROM incident)"
)


@dataclass
class Sink:
    """A provider: every page with the time at which it arrived."""

    pages: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    port: int = 0

    async def arrived(self, word: str, *, since: float, within_s: float = 60.0) -> float:
        """Return after how many seconds the first page about `word` was here; infinity where none came."""
        while time.monotonic() - since < within_s:
            times = [at for at, page in self.pages if word in page["incident"]["title"]]
            if times:
                return min(times) - since
            await asyncio.sleep(0.02)
        return float("inf")


@contextlib.asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """A server that takes every page."""
    made = Sink()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            head = await reader.readuntil(b"\r\n\r\n")
            at = time.monotonic()
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            made.pages.append((at, json.loads(await reader.readexactly(length))))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


@dataclass(frozen=True)
class Webhook:
    """The webhook's processes, and the ports of those that accept."""

    processes: tuple[Watched, ...]
    ports: tuple[int, ...]

    def cpu_s(self) -> float:
        """Return the CPU seconds of all so far."""
        return sum(each.cpu_s() for each in self.processes)

    def peak_bytes(self) -> int:
        """Return the largest resident sizes so far, added up."""
        return sum(each.peak_bytes() for each in self.processes)


@contextlib.contextmanager
def webhook(database: str, folder: Path, sink_port: int) -> Iterator[tuple[Watched, int]]:
    """`heronwatch webhook all`, ready, and its port."""
    with webhooks(database, folder, sink_port) as made:
        yield made.processes[0], made.ports[0]


@contextlib.contextmanager
def webhooks(database: str, folder: Path, sink_port: int, *, processes: int = 1) -> Iterator[Webhook]:
    """`heronwatch webhook all`, ready; of several processes, an `engine` and so many `serve`."""
    config = folder / "webhook.yml"
    config.write_text(CONFIG.format(database=database, token=TOKEN, sink=sink_port))
    roles = ["all"] if processes == 1 else ["engine", *["serve"] * processes]
    started: list[tuple[Watched, int]] = []
    with contextlib.ExitStack() as stack:
        for port, role in zip(free_ports(len(roles)), roles, strict=True):
            flags = ["--config.file", str(config), "--web.listen-address", f"127.0.0.1:{port}", "--log.level", "error"]
            command = [sys.executable, "-m", "heronwatch", "webhook", role, *flags]
            ready = partial(answers, port, "/-/ready")
            log = folder / f"webhook-{port}.log"
            watched = stack.enter_context(running(command, log=log, ready=ready, environment=ENVIRONMENT))
            started.append((watched, port))
        accepting = [port for (_, port), role in zip(started, roles, strict=True) if role != "engine"]
        yield Webhook(tuple(watched for watched, _ in started), tuple(accepting))


def on_postgresql(groups: int, processes: int) -> dict[str, float]:
    """Hold the rate for as long as `groups` groups last."""
    with postgresql() as server, tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_on_postgresql(server, Path(folder), groups, processes))
        return {**figures, **_differences(_counts_of(server), groups)}


async def _on_postgresql(server: Server, folder: Path, groups: int, processes: int) -> dict[str, float]:
    async with sink() as provider:
        with webhooks(server.block(), folder, provider.port, processes=processes) as process:
            before = process.cpu_s(), server.watched.cpu_s()
            sender, now = Sender(process.ports, TOKEN), time.time()
            storm = asyncio.create_task(sender.steadily(bodies(groups, now=now), per_s=100.0))
            critical_s = [await _critical(sender, provider, number, groups) for number in range(CRITICALS)]
            sent = await storm
            alerts = sent.accepted or 1
            ours, theirs = process.cpu_s() - before[0], server.watched.cpu_s() - before[1]
            return {
                "accepted": sent.accepted,
                "non_2xx": sent.refused(),
                "alerts_per_s_postgresql": round(sent.accepted / sent.seconds),
                "p99_s_postgresql": round(sent.p99_s(), 3),
                "rss_mb_postgresql": round(process.peak_bytes() / 1e6),
                "critical_s": round(max(critical_s), 2),
                "cpu_us_per_alert_webhook": round(ours / alerts * 1e6, 1),
                "cpu_us_per_alert_postgresql": round(theirs / alerts * 1e6, 1),
            }


async def _critical(sender: Sender, provider: Sink, number: int, groups: int) -> float:
    """Send a critical alert at its time in the storm; return the seconds until its page arrived."""
    lasts_s = groups * ROUNDS / 100
    await asyncio.sleep(lasts_s / (CRITICALS + 1))
    began = time.monotonic()
    await sender.post(critical(number, now=time.time()))
    return await provider.arrived(f"PlantPowerLost{number}", since=began)


def _counts_of(server: Server) -> tuple[int, ...]:
    import psycopg

    with psycopg.connect(server.url()) as connection:
        return tuple(connection.execute(COUNTS).fetchone() or ())


def _differences(found: tuple[int, ...], groups: int, *, criticals: int = CRITICALS) -> dict[str, float]:
    want = expected(groups)
    wanted = (want.alerts, want.episodes, want.firing, want.incidents)
    apart = [here - there - criticals for here, there in zip(found, wanted, strict=True)]
    lost = abs(apart[0]) + abs(apart[2])  # alerts, and whether each fires: right in whatever order bodies were taken
    return {"distinct": found[0] - criticals, "counts_apart": sum(map(abs, apart)), "lost": lost}


def on_sqlite(groups: int) -> dict[str, float]:
    """Measure what one file takes, then send twice that and wait until everything refused was taken."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_on_sqlite(Path(folder), groups))


async def _on_sqlite(folder: Path, groups: int) -> dict[str, float]:
    async with sink() as provider:
        with webhook(f"{{sqlite: {folder}/webhook.db}}", folder, provider.port) as (process, port):
            sender, story = Sender([port], TOKEN), bodies(groups, now=time.time())
            half = groups * ROUNDS // 2
            ceiling = await sender.flatly(islice(story, half), connections=8)
            per_s = ceiling.accepted / ceiling.seconds
            beyond: Sent = await sender.steadily(story, per_s=2 * per_s / ALERTS, connections=BEYOND_CONNECTIONS)
            peak = process.peak_bytes()
        with contextlib.closing(sqlite3.connect(folder / "webhook.db")) as connection:
            found = connection.execute(COUNTS).fetchone()
    want = expected(groups)  # bodies sent again come late: how many episodes that makes is another matter
    lost = abs(found[0] - want.alerts) + abs(found[2] - want.firing)
    return {
        "ceiling_alerts_per_s_sqlite": round(per_s),
        "refused_beyond_sqlite": beyond.refused(),
        "lost_sqlite": lost,
        "rss_mb_sqlite": round(peak / 1e6),
    }


def one_large_group() -> dict[str, float]:
    """Send one group of 40,000 critical alerts in one body, on PostgreSQL."""
    with postgresql() as server, tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_one_large_group(server, Path(folder)))
        return {**figures, "group_present": _counts_of(server)[0]}


async def _one_large_group(server: Server, folder: Path) -> dict[str, float]:
    async with sink() as provider:
        with webhook(server.block(), folder, provider.port) as (process, port):
            began = time.monotonic()
            status = await Sender([port], TOKEN).post(one_group(GROUP_ALERTS, now=time.time()))
            answered_s = time.monotonic() - began
            first_s = await provider.arrived("FeederTripped", since=began)
            await asyncio.sleep(5.0)  # more pages would come now
            return {
                "group_status": status,
                "group_answered_s": round(answered_s, 1),
                "group_first_page_s": round(first_s, 2),
                "group_pages": len(provider.pages),
                "group_rss_mb": round(process.peak_bytes() / 1e6),
            }


PARTS: dict[str, Callable[[int, int], dict[str, float]]] = {
    "postgresql": on_postgresql,
    "sqlite": lambda groups, _processes: on_sqlite(groups),
    "group": lambda _groups, _processes: one_large_group(),
}
LIMITS: dict[str, Callable[[float], bool]] = {  # what is promised; the rest is measured
    "non_2xx": lambda value: value == 0,
    "counts_apart": lambda value: value == 0,
    "lost": lambda value: value == 0,
    "p99_s_postgresql": lambda value: value < 1,
    "rss_mb_postgresql": lambda value: value < 512,
    "critical_s": lambda value: value < 5,
    "lost_sqlite": lambda value: value == 0,
    "group_present": lambda value: value == GROUP_ALERTS,
    "group_pages": lambda value: 1 <= value <= 3,
    "group_first_page_s": lambda value: value < 30,
}


def main() -> int:
    """Measure and print; 0 when everything holds, 1 when something promised does not, 2 without PostgreSQL."""
    stop_on_sigterm()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=1000, help="groups of 100 alerts, each sent 6 times (1000)")
    parser.add_argument("--part", choices=sorted(PARTS), action="append", help="only this part; repeatable")
    parser.add_argument("--processes", type=int, default=PROCESSES, help=PROCESSES_HELP)
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    try:
        for part in arguments.part or PARTS:
            print(f"{part} …", file=sys.stderr)
            figures |= PARTS[part](arguments.groups, arguments.processes)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    broken = [name for name, holds in LIMITS.items() if name in figures and not holds(figures[name])]
    held = {name: "no" if name in broken else "yes" for name in LIMITS}
    rows = [[name, float(value), held.get(name, "")] for name, value in figures.items()]
    report("webhook_intake", ["figure", "value", "as promised"], rows, figures=figures, peers={})
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
