"""The webhook while 100,000 alerts are open: an acknowledgement, the list, /metrics; on PostgreSQL and on SQLite.

    python -m benchmarks.webhook_open_alerts
    python -m benchmarks.webhook_open_alerts --alerts 10000 --part sqlite

60 of 100 alerts are alone in their incident, 40 share one. A real process answers on real sockets, its engine at work.
"""

import argparse
import contextlib
import http.client
import math
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa

from alert_webhook.capability import new_api_key, new_token
from alert_webhook.config import Database, Postgresql
from alert_webhook.rights import Role, Scope
from alert_webhook.service import Seams, open_database
from alert_webhook.store import accounts, api_keys
from alert_webhook.store.database import Store, Transaction
from benchmarks.open_alerts import Open, code_of, fill
from benchmarks.postgresql import Server, postgresql
from benchmarks.processes import stop_on_sigterm
from benchmarks.report import report
from benchmarks.webhook_intake import webhook
from heronwatch.clock import SystemClock

ACKS = 400
ASKED = 20
HOUR_S = 3600.0
LISTS = {  # what is asked → with which right
    "list_page_ms": ("/incidents", "cookie"),
    "list_unanswered_ms": ("/incidents?state=unanswered", "cookie"),
    "list_deep_ms": ("/incidents?state=open&before={middle}", "cookie"),
    "list_api_ms": ("/api/v1/incidents?limit=200", "key"),
    "large_incident_ms": ("/api/v1/incidents/{large}", "key"),
    "large_incident_page_ms": ("/incidents/{large}", "cookie"),
    "metrics_ms": ("/metrics", "key"),
}


class Asker:
    """One client on one connection; `cookie` and `key` are its rights."""

    def __init__(self, port: int, cookie: str, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {
            "cookie": {"Cookie": f"heronwatch_session={cookie}"},
            "key": {"Authorization": f"Bearer {key}"},
        }

    def ms(self, method: str, path: str, right: str) -> float:
        """Ask, and return after how many milliseconds the whole answer was here; RuntimeError for any but 200."""
        begin = time.perf_counter()
        self._connection.request(method, path, headers=self._headers[right])
        answer = self._connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - begin) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return took


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile by the nearest rank.

    >>> p99(range(1, 101)), p99([3.0])
    (99, 3.0)
    """
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]


def measured(port: int, size: Open, cookie: str, key: str) -> dict[str, float]:
    """Ask for everything, then acknowledge: each figure is the slowest answer, of acknowledgements the 99th of 100."""
    asker = Asker(port, cookie, key)
    names = {"middle": size.incidents // 2, "large": code_of(size.incidents)}
    figures: dict[str, float] = {}
    for figure, (path, right) in LISTS.items():
        figures[figure] = max(asker.ms("GET", path.format(**names), right) for _ in range(ASKED))
    step = max(1, size.alone // ACKS)
    acks = [asker.ms("POST", _ack(id_), "key") for id_ in range(1, size.alone + 1, step)]
    large = asker.ms("POST", _ack(size.incidents), "key")
    return {**figures, "ack_p99_ms": p99(acks), "ack_median_ms": sorted(acks)[len(acks) // 2], "ack_large_ms": large}


def _ack(incident_id: int) -> str:
    return f"/api/v1/incidents/{code_of(incident_id)}/ack"


def prepared(database: Database, size: Open) -> tuple[str, str]:
    """Fill the database; return a session and a key that may read and acknowledge."""
    store = open_database(database, Seams(clock=SystemClock()))
    with contextlib.closing(store):
        store.write(lambda tx: fill(tx, size), "fill")
        _statistics(store)
        cookie, (key, prefix) = new_token(secrets.token_bytes), new_api_key(secrets.token_bytes)

        def write(tx: Transaction) -> None:
            ends, scopes = tx.now + HOUR_S, frozenset({Scope.READ, Scope.ACT})
            accounts.save_user(tx, "maria", "no password", role=Role.RESPONDER)
            accounts.begin_session(tx, "maria", cookie, expires_at=ends)
            api_keys.add(tx, key, prefix=prefix, name="benchmark", scopes=scopes, who="benchmark", expires_at=ends)

        store.write(write, "accounts")
    return cookie, key


def _statistics(store: Store) -> None:
    """What autovacuum does within a minute, done at once."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))


@contextlib.contextmanager
def on_sqlite() -> Iterator[tuple[Database, str, Path]]:
    """A SQLite file: for us, and as the configuration has it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "webhook.db"
        yield Database(sqlite=path), f"{{sqlite: {path}}}", Path(folder)


@contextlib.contextmanager
def on_postgresql() -> Iterator[tuple[Database, str, Path]]:
    """A server of its own, for us and as the configuration has it."""
    with postgresql() as server, tempfile.TemporaryDirectory() as folder:
        yield Database(postgresql=_postgresql(server)), server.block(), Path(folder)


def _postgresql(server: Server) -> Postgresql:
    return Postgresql(host="127.0.0.1", port=server.port, database="postgres", user="heronwatch")


PARTS = {"postgresql": on_postgresql, "sqlite": on_sqlite}


def run(part: str, size: Open) -> Mapping[str, float]:
    """Return the figures of one database."""
    with PARTS[part]() as (database, block, folder):
        cookie, key = prepared(database, size)
        with webhook(block, folder, 9) as (_process, port):
            return measured(port, size, cookie, key)


def main() -> int:
    """Measure, and print the table and the last line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--alerts", type=int, default=100_000, help="how many are open (100000)")
    parser.add_argument("--part", choices=[*PARTS, "both"], default="both")
    arguments = parser.parse_args()
    stop_on_sigterm()
    size = Open(alone=arguments.alerts * 6 // 10, together=arguments.alerts - arguments.alerts * 6 // 10)
    parts = [*PARTS] if arguments.part == "both" else [arguments.part]
    found = {part: run(part, size) for part in parts}
    rows = [[figure, *(round(found[part][figure], 1) for part in parts)] for figure in found[parts[0]]]
    figures = {f"{figure}_{part}": round(value, 1) for part in parts for figure, value in found[part].items()}
    report(
        "webhook_open_alerts", ["milliseconds", *parts], rows, figures={"alerts": arguments.alerts, **figures}, peers={}
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
