"""Structured logs, as logfmt or JSON, one line an event.

Importing this changes nothing. `configure()` is called once by a command; from then on everything that goes through
`logging`, aiohttp's and cheroot's messages included, is written the same way.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from heronwatch.log_lines import LINES, timestamp

Format = Literal["logfmt", "json"]
Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")
FORMATS: tuple[Format, ...] = ("logfmt", "json")
CHATTY = ("asyncio", "aiohttp.access", "asyncssh", "pymodbus", "urllib3")  # their INFO is our DEBUG
FIELDS = "heronwatch_fields"  # the attribute of a LogRecord that carries keys and values
OWN_KEYS = ("ts", "level", "logger", "msg")
Event = MutableMapping[str, Any]


class LogHandler(logging.StreamHandler[TextIO]):
    """The one handler that `configure` puts on the root logger, so that a second call replaces it."""


class LogFormatter(logging.Formatter):
    """A record as one line: ts, level, logger, msg, then keys and values, an exception as one field."""

    def __init__(self, fmt: Format) -> None:
        super().__init__()
        self._line = LINES[fmt]

    def format(self, record: logging.LogRecord) -> str:
        """Never raises: a broken event is still a line."""
        event: dict[str, Any] = {
            "ts": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": _message(record),
        }
        for key, value in getattr(record, FIELDS, {}).items():
            event[key if key not in OWN_KEYS else f"{key}_"] = value
        if record.exc_info and record.exc_info[0] is not None:
            event["exception"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        if record.stack_info:
            event["stack"] = record.stack_info
        return self._line(event)


def configure(*, level: Level = "info", fmt: Format = "logfmt", stream: TextIO | None = None) -> None:
    """Write the logs of this process to `stream` (stderr), from `level` on, as `fmt`."""
    handler = LogHandler(stream or sys.stderr)
    handler.setFormatter(LogFormatter(fmt))
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, LogHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.captureWarnings(capture=True)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose events carry keys and values: `log.info("scraped", target="ups1", samples=12)`."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, _to_record],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return logger


def _to_record(_logger: Any, _method: str, event: Event) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Turn an event into the arguments of a `logging` call."""
    args = (str(event.pop("event", "")), *event.pop("positional_args", ()))
    options = {key: event.pop(key) for key in ("exc_info", "stack_info") if key in event}
    return args, {"extra": {FIELDS: event}, **options}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001  # a wrong format string must not lose the event
        return f"{record.msg} ({type(error).__name__} in its arguments)"
