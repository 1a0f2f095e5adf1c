"""kill -9 at every fail point: no alert that was answered is lost, no due page is missing, every repeat says so.

    python -m benchmarks.webhook_crash --seeds 200
    python -m benchmarks.webhook_crash --seeds 40 --database postgresql

Each seed kills a real process once, at a named place or at a random moment, amid a random load: new alerts, repeats,
ends, bodies that cannot be read, acknowledgements. The next process makes good what the one before left behind.
"""

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from msgspec import Struct

from alert_webhook.config import Database, Postgresql
from alert_webhook.store.migrating import MIGRATIONS
from alert_webhook.store.opening import engine_for
from benchmarks import webhook_crash_ledger as ledger
from benchmarks.processes import stop_on_sigterm
from benchmarks.report import report
from benchmarks.webhook_crash_places import MOST_TIMES, OUTSIDE, PROVIDER_HAS_IT, RANDOM_MOMENT, at_start, rounds
from benchmarks.webhook_crash_push import CHANNEL, PushService, with_push
from tests.fakes.daemons import postgres
from tests.fakes.processes import wait_until
from tests.fakes.webhook_process import Sink, write_config
from tests.fakes.webhook_victim import Victim, victim

BUSY_S = 10.0  # a place that the load has not reached by then: killed at that moment, and counted as such
REST_S = 90.0
LIFT_S = 1_768_000_000  # when the first alert of this load began, Unix seconds


class Kill(Struct, frozen=True):
    """One kill: where it was meant and where it was."""

    meant: str
    place: str


class Outcome(Struct, frozen=True):
    """What became of one database: the kills it saw, and what is wrong with it."""

    kills: tuple[Kill, ...]
    verdict: ledger.Verdict


class Load:
    """Sends what Alertmanager and people send, drawn from `draw`; remembers what was answered."""

    def __init__(self, draw: random.Random, sink: Sink, push: PushService) -> None:
        self.answered: set[str] = set()
        self._draw = draw
        self._sink = sink
        self._push = push
        self._names: list[str] = []
        self._open: list[str] = []  # not answered yet, or to be said again
        self._acked = 0

    def one(self, process: Victim) -> None:
        """Do one thing."""
        kind = self._draw.random()
        if kind < 0.05:
            process.post({"version": "4", "alerts": "garbage"})
        elif kind < 0.2 and self._names:
            self._send(process, self._draw.choice(self._names), ends=True)
        elif kind < 0.35 and self._names:
            self._send(process, self._draw.choice(self._names), ends=False)
        elif kind < 0.45:
            self._push.call_back(process)
        elif kind < 0.6 and self._acked < len(self._sink.received):
            self._acknowledge(process)
        else:
            self._names.append(f"Alert{len(self._names)}x")
            self._send(process, self._names[-1], ends=False)

    def again(self, process: Victim) -> None:
        """Say once more what was not answered, as Alertmanager does."""
        for name in list(self._open):
            wait_until(partial(self._taken_or_dead, process, name), 30, f"{name} accepted")

    def _taken_or_dead(self, process: Victim, name: str) -> bool:
        return self._send(process, name, ends=False) or not process.alive

    def _send(self, process: Victim, name: str, *, ends: bool) -> bool:
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(LIFT_S))
        alert: dict[str, Any] = {
            "status": "resolved" if ends else "firing",
            "labels": {"alertname": name, "severity": "critical"},
            "startsAt": start,
            "endsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) if ends else "0001-01-01T00:00:00Z",
        }
        if process.post({"version": "4", "groupKey": name, "alerts": [alert]}) != 200:
            if name not in self._open:
                self._open.append(name)
            return False
        self.answered.add(name)
        self._open = [each for each in self._open if each != name]
        return True

    def _acknowledge(self, process: Victim) -> None:
        link = self._sink.received[self._acked].get("ack_url")
        self._acked += 1
        if link:
            process.acknowledge(link)


class Stand:
    """One database, the sink, and the processes that come and go on it."""

    def __init__(self, folder: Path, database: Database, draw: random.Random, *, sink: Sink, push: PushService) -> None:
        text = database_text(database)
        self.config = write_config(folder, sink.url, database=text)
        with_push(self.config, push)
        self.engine = engine_for(database)
        self.sink = sink
        self.push = push
        self.load = Load(draw, sink, push)
        self._armed = Path(f"{self.config}.armed")
        self._draw = draw

    def kill_at(self, place: str, *, start: bool) -> Kill:
        """Start a process that first makes good what is left, then works until it is killed at `place`."""
        times = 1 if start else self._draw.randint(1, MOST_TIMES)
        self._armed.touch() if start else self._armed.unlink(missing_ok=True)
        with victim(self.config, "" if place in OUTSIDE else f"{place}#{times}") as process:
            if start:
                return Kill(place, RANDOM_MOMENT if process.await_ready() else place)
            self._begin(process)
            self._armed.touch()
            if place == PROVIDER_HAS_IT:
                self.sink.on_page = process.kill
            moment_s = self._draw.uniform(0.05, 1.0) if place == RANDOM_MOMENT else BUSY_S
            self._work(process, moment_s)
            reached = place if not process.alive else RANDOM_MOMENT
            process.kill()
            process.reap()
        self.sink.on_page = lambda: None
        return Kill(place, reached)

    def finish(self) -> ledger.Verdict:
        """Let a last process make everything good; return what is wrong."""
        self._armed.unlink(missing_ok=True)
        with victim(self.config, "") as process:
            self._begin(process)
        stored = ledger.stored_alerts(self.engine)
        hooked = ledger.notices(self.engine, contact="hook")
        found = ledger.verdict(self.load.answered, stored, hooked, self.sink.received)
        pushed = ledger.pushed(ledger.references(self.engine, CHANNEL), self.push.receipts)
        self.engine.dispose()
        return ledger.both(found, pushed)

    def _begin(self, process: Victim) -> None:
        """Wait until everything that is due is done."""
        ready = process.await_ready()
        if ready:
            self.load.again(process)
            wait_until(lambda: self._rests() or not process.alive, REST_S, "everything to be sent")
        if not process.alive:
            raise RuntimeError(f"a process died on its own:\n{Path(f'{self.config}.log').read_text()[-3000:]}")

    def _rests(self) -> bool:
        return ledger.at_rest(self.engine, time.time())

    def _work(self, process: Victim, seconds: float) -> None:
        until = time.monotonic() + seconds
        while process.alive and time.monotonic() < until:
            self.load.one(process)
            time.sleep(self._draw.uniform(0.0, 0.03))


def database_text(database: Database) -> str:
    """Return the database as the configuration writes it, "" for the file beside it."""
    server = database.postgresql
    if server is None:
        return ""
    return f"{{postgresql: {{host: {server.host}, port: {server.port}, database: {server.database}}}}}"


def revisions() -> list[str]:
    """Return the migrations, the first one first."""
    return sorted(script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions())


def on_one_database(folder: Path, database: Database, places: Sequence[str], seed: int) -> Outcome:
    """Kill at each of these places in turn, the first amid the migration; then see what is there."""
    draw = random.Random(seed)
    with Sink() as sink, PushService(draw) as push:
        stand = Stand(folder, database, draw, sink=sink, push=push)
        kills = [stand.kill_at(place, start=place in at_start(revisions())) for place in places]
        return Outcome(tuple(kills), stand.finish())


@contextlib.contextmanager
def databases(kind: str, folder: Path) -> Iterator[Iterator[tuple[Path, Database]]]:
    """Give as many fresh databases of a kind as are asked for, each with a folder."""
    if kind == "sqlite":
        yield (_fresh(folder, number) for number in range(1_000_000))
        return
    with postgres(folder) as server:
        yield (_created(server.port, folder, number) for number in range(1_000_000))


def _fresh(folder: Path, number: int) -> tuple[Path, Database]:
    made = folder / f"database-{number}"
    made.mkdir()
    return made, Database(sqlite=made / "webhook.db")


def _created(port: int, folder: Path, number: int) -> tuple[Path, Database]:
    made, name = folder / f"database-{number}", f"crash{number}"
    made.mkdir()
    admin = engine_for(Database(postgresql=Postgresql(host="127.0.0.1", port=port, database="postgres")))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return made, Database(postgresql=Postgresql(host="127.0.0.1", port=port, database=name))


def run(kind: str, seeds: int, seed: int, folder: Path) -> list[Outcome]:
    """Kill `seeds` times on databases of one kind."""
    found = []
    with databases(kind, folder) as fresh:
        for number, places in enumerate(rounds(seeds, revisions(), seed=seed)):
            place, database = next(fresh)
            found.append(on_one_database(place, database, places, seed + number))
            _say_wrong(kind, found[-1], place)
    return found


def _say_wrong(kind: str, outcome: Outcome, place: Path) -> None:
    for line in (*outcome.verdict.lost, *outcome.verdict.unexplained):
        print(f"{kind}, {place.name}, kills at {', '.join(each.place for each in outcome.kills)}: {line}")


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return the figures over all databases."""
    kills = [each for outcome in outcomes for each in outcome.kills]
    due, sent = sum(o.verdict.due for o in outcomes), sum(o.verdict.sent for o in outcomes)
    return {
        "lost": sum(len(outcome.verdict.lost) for outcome in outcomes),
        "unexplained_pages": sum(len(outcome.verdict.unexplained) for outcome in outcomes),
        "kills": len(kills),
        "failpoints": len({each.place for each in kills}),
        "due": due,
        "pages": sent,
        "pages_above_due_and_kills": max(0, sent - due - len(kills)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; exit 1 where anything was lost or is unexplained."""
    parser = argparse.ArgumentParser(description="kill -9 of the webhook at every fail point")
    parser.add_argument("--seeds", type=int, default=50, metavar="N", help="kills on each kind of database")
    parser.add_argument("--seed", type=int, default=1, help="where randomness begins")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    options = parser.parse_args(arguments)
    stop_on_sigterm()
    kinds = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    by_kind: dict[str, list[Outcome]] = {}
    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="webhook-crash-") as folder:
            try:
                by_kind[kind] = run(kind, options.seeds, options.seed, Path(folder))
            except pytest.skip.Exception as reason:
                print(f"{kind} is left out: {reason}")
    everything = figures([outcome for outcomes in by_kind.values() for outcome in outcomes])
    rows = [[kind, *figures(outcomes).values()] for kind, outcomes in by_kind.items()]
    report("webhook_crash", ["database", *everything], rows, figures=everything, peers={})
    return int(bool(everything["lost"] or everything["unexplained_pages"] or everything["pages_above_due_and_kills"]))


if __name__ == "__main__":
    sys.exit(main())
