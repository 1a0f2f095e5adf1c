"""Logs: one line an event, whoever wrote it; secrets masked, control characters escaped."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from heronwatch import logs
from heronwatch.log_lines import MOST_CHARS, json_line, logfmt_line, masked
from heronwatch.logs import LogFormatter, get_logger
from heronwatch.secrets import Secret

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


class Log(io.StringIO):
    def lines(self) -> list[str]:
        return self.getvalue().splitlines()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


@pytest.fixture
def logfmt() -> Iterator[Log]:
    stream = Log()
    logs.configure(level="debug", stream=stream)
    yield stream
    logs.configure(stream=io.StringIO())
    logging.captureWarnings(capture=False)


@pytest.fixture
def as_json() -> Iterator[Log]:
    stream = Log()
    logs.configure(fmt="json", stream=stream)
    yield stream
    logs.configure(stream=io.StringIO())
    logging.captureWarnings(capture=False)


# --- what a line looks like


def test_logfmt(logfmt: Log) -> None:
    get_logger("test").info("two words", target="ups 1", samples=12, ok=True, none=None, ratio=0.5)
    assert re.fullmatch(
        r'ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info logger=test msg="two words" '
        r'target="ups 1" samples=12 ok=true none=null ratio=0\.5',
        logfmt.lines()[0],
    )


def test_json(as_json: Log) -> None:
    get_logger("test").warning("odd", target="ups 1", samples=12, extra={"a": [1, 2]})
    event = as_json.events()[0]
    assert event.pop("ts").endswith("Z")
    assert event == {
        "level": "warning", "logger": "test", "msg": "odd", "target": "ups 1", "samples": 12, "extra": {"a": [1, 2]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("a b", '"a b"'),
        ('say "x"', '"say \\"x\\""'),
        ("a=b", '"a=b"'),
        ("a\nb\r\tc", '"a\\nb\\r\\tc"'),
        ("\x1b[31mred", '"\\x1b[31mred"'),
        ("\u2028\u202e", '"\\u2028\\u202e"'),
        ("back\\slash", '"back\\\\slash"'),
        ("Zürich", "Zürich"),
        (b"\x00\xff", "\"b'\\\\x00\\\\xff'\""),
        ([1, "a b"], '"[1, \\"a b\\"]"'),
        (float("nan"), "nan"),
    ],
)
def test_a_logfmt_value(value: object, text: str) -> None:
    assert logfmt_line({"k": value}) == f"k={text}"


def test_a_logfmt_key_cannot_break_the_line() -> None:
    assert logfmt_line({'a b="c\n': 1, "": 2}) == "a_b__c_=1 _=2"


def test_own_keys_are_not_overwritten(as_json: Log) -> None:
    get_logger("test").info("x", level="fatal", ts="never", msg="other")
    event = as_json.events()[0]
    assert (event["level"], event["level_"], event["msg"], event["msg_"]) == ("info", "fatal", "x", "other")


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_any_event_is_one_line(event: dict[str, Any]) -> None:
    for line in (logfmt_line(event), json_line(event)):
        assert len(line.splitlines()) <= 1
        assert "\x1b" not in line


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_any_event_is_valid_json(event: dict[str, Any]) -> None:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    assert isinstance(json.loads(json_line(event), parse_constant=refuse), dict)


def test_a_long_value_is_cut() -> None:
    assert len(logfmt_line({"k": "x" * 1_000_000})) < MOST_CHARS + 10


def test_a_value_that_cannot_be_written_is_still_an_event(as_json: Log) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    get_logger("test").info("x", value=Broken())
    assert as_json.events()[0]["value"] == "<Broken: RuntimeError>"


def test_a_value_that_holds_itself(as_json: Log) -> None:
    knot: list[Any] = []
    knot.append(knot)
    get_logger("test").info("x", value=knot)
    assert "…" in json.dumps(as_json.events()[0], ensure_ascii=False)


# --- secrets


@pytest.mark.parametrize(
    "value",
    [
        Secret("hunter2"),
        [Secret("hunter2")],
        {"a": {"b": (Secret("hunter2"), {Secret: [Secret("hunter2")]})}},
        {"password": "hunter2"},
        {"auth": [{"Authorization": "hunter2"}]},
        {"db_password": "hunter2", "bot_token": "hunter2", "priv_passphrase": "hunter2"},
        {"community": "hunter2"},
    ],
    ids=str,
)
@pytest.mark.parametrize("fmt", ["logfmt", "json"])
def test_a_secret_is_masked_wherever_it_is(value: Any, fmt: logs.Format) -> None:
    stream = Log()
    logs.configure(fmt=fmt, stream=stream)
    get_logger("test").info("x", value=value)
    logs.configure(stream=io.StringIO())
    assert "hunter2" not in stream.getvalue()
    assert "***" in stream.getvalue()


def test_a_secret_in_the_message_prints_masked(logfmt: Log) -> None:
    logging.getLogger("other").warning("password is %s", Secret("hunter2"))
    assert 'msg="password is ***"' in logfmt.getvalue()


def test_telling_keys_without_a_value_stay(logfmt: Log) -> None:
    assert masked("password", None) is None


# --- exceptions


def test_an_exception_is_one_field_of_one_line(as_json: Log) -> None:
    try:
        int("two\nlines", base=1_000)
    except ValueError:
        get_logger("test").exception("failed", target="x")
    event = as_json.events()[0]
    assert (event["msg"], event["target"], event["level"]) == ("failed", "x", "error")
    assert event["exception"].startswith("Traceback (most recent call last)")
    assert event["exception"].endswith("ValueError: int() base must be >= 2 and <= 36, or 0")


def test_an_exception_in_logfmt_is_one_line(logfmt: Log) -> None:
    try:
        int("x", base=1_000)
    except ValueError:
        get_logger("test").exception("failed")
    assert len(logfmt.lines()) == 1
    assert "\\nValueError: int()" in logfmt.lines()[0]


def test_exception_outside_of_a_handler_is_still_a_line(logfmt: Log) -> None:
    get_logger("test").exception("nothing was caught")
    assert "exception=" not in logfmt.getvalue()
    assert "nothing was caught" in logfmt.getvalue()


# --- where logs come from


@pytest.mark.parametrize("name", ["aiohttp.server", "heronwatch.httpd", "cheroot", "werkzeug", "py.warnings"])
def test_what_libraries_log_takes_the_same_form(as_json: Log, name: str) -> None:
    logging.getLogger(name).warning("odd %d", 3)
    event = as_json.events()[0]
    assert (event["logger"], event["msg"], event["level"]) == (name, "odd 3", "warning")


def test_a_wrong_format_string_does_not_lose_the_event() -> None:
    record = logging.LogRecord("other", logging.WARNING, "x.py", 1, "%d things", ("many",), None)
    assert 'msg="%d things (TypeError in its arguments)"' in LogFormatter("logfmt").format(record)


def test_python_warnings_are_logged(logfmt: Log) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "DeprecationWarning: old" in logfmt.getvalue()


def test_context_is_added(as_json: Log) -> None:
    with structlog.contextvars.bound_contextvars(request="r1"):
        get_logger("test").info("x")
    get_logger("test").info("y")
    assert [event.get("request") for event in as_json.events()] == ["r1", None]


def test_a_bound_logger_keeps_its_fields(as_json: Log) -> None:
    get_logger("test").bind(target="ups1").info("x", n=1)
    assert (as_json.events()[0]["target"], as_json.events()[0]["n"]) == ("ups1", 1)


# --- configuration


def test_levels(as_json: Log) -> None:
    get_logger("test").debug("quiet")
    assert as_json.lines() == []


def test_chatty_libraries_are_quiet_but_for_warnings(as_json: Log) -> None:
    logging.getLogger("asyncssh").info("connected")
    logging.getLogger("asyncssh").warning("odd")
    assert [event["msg"] for event in as_json.events()] == ["odd"]


def test_configuring_twice_replaces(logfmt: Log) -> None:
    second = Log()
    logs.configure(stream=second)
    get_logger("test").info("once")
    assert (logfmt.lines(), len(second.lines())) == ([], 1)


def test_importing_configures_nothing() -> None:
    import subprocess
    import sys

    code = "import logging, heronwatch.logs; print(logging.getLogger().handlers, logging.getLogger().level)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout == "[] 30\n"
