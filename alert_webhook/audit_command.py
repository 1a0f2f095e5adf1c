"""`heronwatch webhook audit verify`: whether every event of every timeline is as it was written."""

import re
from collections.abc import Sequence

from alert_webhook.administration import Terminal
from alert_webhook.config import Config
from alert_webhook.incidents.audit import Verdict, verify
from alert_webhook.incidents.audit_chain import Head
from alert_webhook.oncall.wall import utc
from alert_webhook.store.opening import open_existing
from heronwatch.clock import SystemClock
from heronwatch.commands import EXIT_FAULT, EXIT_OK, EXIT_USAGE
from heronwatch.config import load
from heronwatch.errors import HeronwatchError

_HEAD = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})", re.ASCII)


def audit_verify(files: Sequence[str], logged: str, terminal: Terminal) -> int:
    """Print what the chain says; exit 1 where something is wrong. `logged` is a head from the log, "" for none."""
    match = _HEAD.fullmatch(logged)
    if logged and match is None:
        terminal.warn("--head is written SEQ:HASH, as the log has it in `head`")
        return EXIT_USAGE
    known = Head(int(match[1]), match[2]) if match else None
    try:
        store = open_existing(load(files, Config).value.database, SystemClock())
        try:
            verdict = store.read(lambda tx: verify(tx, known=known))
        finally:
            store.close()
    except HeronwatchError as error:
        terminal.warn(str(error))
        return EXIT_FAULT
    return _tell(verdict, terminal)


def _tell(verdict: Verdict, terminal: Terminal) -> int:
    for fault in verdict.faults:
        terminal.warn(fault)
    if verdict.faults:
        return EXIT_FAULT
    since = f" since {utc(verdict.first_at):%Y-%m-%d %H:%M} UTC" if verdict.first else ""
    older = f"; what is before link {verdict.first} was forgotten by age" if verdict.first > 1 else ""
    terminal.say(f"ok: {verdict.head.seq} link(s){since}, head {verdict.head.seq}:{verdict.head.hash}{older}")
    return EXIT_OK
