"""How soon the webhook answers on an ordinary bad day: 50 bodies a second on SQLite, synchronous=FULL.

    python -m benchmarks.webhook_latency                # 60 s of new critical alerts, then 60 s of the same again
    python -m benchmarks.webhook_latency --seconds 10

Each body holds one critical alert, at first an incident of its own that pages: the first fifteen at once, the others in
bundles. An answer counts from when its body was due to its last byte, so what waits behind a slow one counts, too.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.alert_bodies import critical
from benchmarks.alert_sender import Sender, Sent
from benchmarks.processes import stop_on_sigterm
from benchmarks.report import report
from benchmarks.webhook_intake import TOKEN, sink, webhook

PER_S = 50.0


async def measured(number: int) -> tuple[dict[str, Sent], int]:
    """Send so many alerts, and all of them again; return what came of it, and how many pages went out."""
    now = time.time()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with sink() as provider:
            with webhook(f"{{sqlite: {folder}/webhook.db}}", folder, provider.port) as (_process, port):
                sender, sent = Sender([port], TOKEN), {}
                for kind in ("new", "again"):
                    bodies = (critical(each, now=now) for each in range(number))
                    sent[kind] = await sender.steadily(bodies, per_s=PER_S)
                return sent, len(provider.pages)


def main() -> int:
    """Measure, and print the table and the last line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60, help="of each of the two (60)")
    arguments = parser.parse_args()
    stop_on_sigterm()
    sent, pages = asyncio.run(measured(round(PER_S * arguments.seconds)))
    figures: dict[str, float] = {"per_s": PER_S, "pages": pages}
    rows: list[list[object]] = []
    for kind, each in sent.items():
        ordered = sorted(each.latencies)
        median_ms, p99_ms, most_ms = (1000 * s for s in (ordered[len(ordered) // 2], each.p99_s(), ordered[-1]))
        rows.append([kind, len(ordered), each.refused(), *(round(ms, 1) for ms in (median_ms, p99_ms, most_ms))])
        figures |= {f"p99_ms_{kind}": round(p99_ms, 1), f"non_2xx_{kind}": each.refused()}
    header = ["alerts", "bodies", "not 2xx", "median ms", "p99 ms", "most ms"]
    report("webhook_latency", header, rows, figures=figures, peers={})
    return 0


if __name__ == "__main__":
    sys.exit(main())
