"""Value types: what they accept, what they say, and that they print what they read."""

import pickle
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from heronwatch.go_regex import AnchoredRegex
from heronwatch.values import ByteSize, Duration, HostPort, HttpUrl, Network, Regex

TYPES = (Duration, ByteSize, Regex, AnchoredRegex, HostPort, Network, HttpUrl)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("500ms", 0.5),
        ("5s", 5),
        ("1m", 60),
        ("4h", 14_400),
        ("7d", 604_800),
        ("1w", 604_800),
        ("1y", 31_536_000),
        ("1h30m", 5_400),
        ("1d12h", 129_600),
        ("090s", 90),
    ],
)
def test_duration_in_seconds(text: str, seconds: float) -> None:
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize(
    ("cls", "text", "message"),
    [
        (Duration, "", "'' is not a duration (500ms, 5s, 1h30m, 7d)"),
        (Duration, "5 s", "'5 s' is not a duration (500ms, 5s, 1h30m, 7d)"),
        (Duration, "-5s", "'-5s' is not a duration (500ms, 5s, 1h30m, 7d)"),
        (Duration, "30m1h", "'30m1h' is not a duration (500ms, 5s, 1h30m, 7d)"),
        (Duration, "\u0665s", "'\u0665s' is not a duration (500ms, 5s, 1h30m, 7d)"),
        (Duration, "15", "'15' is not a duration: a unit is missing, as in 15s"),
        (Duration, "300y", "'300y' is longer than 292 years"),
        (ByteSize, "64", "'64' is not a size: a unit is missing, as in 64B or 64MiB"),
        (ByteSize, "64M", "'64M' is not a size: write 64MiB (1024-based)"),
        (ByteSize, "64kb", "'64kb' is not a size: write 64KiB (1024-based)"),
        (ByteSize, "64X", "'64X' is not a size: units are B, KiB, MiB, GiB, TiB"),
        (ByteSize, "1.5GiB", "'1.5GiB' is not a size (512B, 64KiB, 8MiB, 1GiB)"),
        (Regex, "(", "'(' is not a regular expression: missing ), unterminated subpattern at position 0"),
        (Regex, "a{4294967296}", "'a{4294967296}' is not a regular expression: the repetition number is too large"),
        (HostPort, "", "'' is not an address (host or host:port)"),
        (HostPort, "h:", "'h:' is not an address: '' is no port (0 to 65535)"),
        (HostPort, "h:http", "'h:http' is not an address: 'http' is no port (0 to 65535)"),
        (HostPort, "10.0.0.256", "'10.0.0.256' is not an address: '10.0.0.256' is no host name and no IP address"),
        (HostPort, "a b:1", "'a b:1' is not an address: 'a b' is no host name and no IP address"),
        (HostPort, "http://h", "'http://h' is not an address: write host or host:port, without '://'"),
        (HostPort, "[::1]161", "'[::1]161' is not an address ([IPv6] or [IPv6]:port)"),
        (HostPort, "[h]:1", "'[h]:1' is not an address ([IPv6] or [IPv6]:port)"),
        (Network, "10.0.0.0/33", "'10.0.0.0/33' is not a network (10.0.0.0/8, fd00::/8)"),
        (HttpUrl, "prom:9090", "'prom:9090' is not a URL (http://host:port/path)"),
        (HttpUrl, "http://", "'http://' is not a URL (http://host:port/path)"),
        (HttpUrl, "ftp://ana:hunter2@h/", "'ftp://…@h/' is not a URL (http://host:port/path)"),
        (HttpUrl, "http://h/a b", "'http://h/a b' is not a URL: it holds a fragment or a character to be escaped"),
        (HttpUrl, "http://h:99999", "'http://h:99999' is not a URL (http://host:port/path)"),
    ],
)
def test_what_is_wrong_says_so(cls: Any, text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        cls.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.9:502", "10.0.0.9", 502),
        ("plc-1.example", "plc-1.example", None),
        ("_snmp.host.", "_snmp.host.", None),
        (":9810", "", 9810),
        ("[::1]:161", "::1", 161),
        ("[::1]", "::1", None),
        ("fe80::1%eth0", "fe80::1%eth0", None),
    ],
)
def test_address_is_host_and_port(text: str, host: str, port: int | None) -> None:
    assert HostPort.parse(text) == HostPort(host, port)


@pytest.mark.parametrize("text", ["10.0.0.9:502", "h", "[::1]:161", "::1", ":80"])
def test_address_prints_as_it_was_read(text: str) -> None:
    assert str(HostPort.parse(text)) == text


@pytest.mark.parametrize("mapped", ["::ffff:10.1.2.3", "10.1.2.3"])
def test_network_holds_an_ipv4_address_in_both_spellings(mapped: str) -> None:
    assert mapped in Network.parse("10.0.0.0/8")


@pytest.mark.parametrize("address", ["11.0.0.1", "::1", "host", "", None, 3.5])
def test_network_holds_nothing_else(address: object) -> None:
    assert address not in Network.parse("10.0.0.0/8")


def test_url_has_host_and_port() -> None:
    assert [(u.host, u.port) for u in map(HttpUrl.parse, ["https://[::1]/x", "http://h", "http://h:9090"])] == [
        ("::1", 443),
        ("h", 80),
        ("h", 9090),
    ]


def test_regex_is_anchored_by_choice() -> None:
    assert (bool(Regex("b").match("abc")), bool(AnchoredRegex("b").match("abc"))) == (True, False)
    assert Regex("b") != AnchoredRegex("b")
    assert pickle.loads(pickle.dumps(Regex("b"))) == Regex("b")
    assert pickle.loads(pickle.dumps(AnchoredRegex("b"))) == AnchoredRegex("b")


@pytest.mark.timeout(10)
def test_no_anchored_regex_holds_the_process_up() -> None:
    assert not AnchoredRegex("(a+)+").match("a" * 5000 + "!")


def test_regex_that_python_means_to_change_is_no_warning() -> None:
    assert Regex.parse("[[a-z]").match("[")


@given(st.integers(0, 292 * 31_536_000 * 1000))
def test_duration_prints_what_it_reads(milliseconds: int) -> None:
    duration = Duration(milliseconds / 1000)
    assert round(Duration.parse(str(duration)) * 1000) == milliseconds


@given(st.integers(0, 2**45))
def test_size_prints_what_it_reads(size: int) -> None:
    assert ByteSize.parse(str(ByteSize(size))) == size


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.__name__)
@settings(deadline=None)
@example(text="[\ud7fc-0")
@given(text=st.text() | st.text("0123456789.:[]/@%-smhdwyKMGTiB", max_size=30) | st.from_regex(r"https?://\S*"))
def test_any_text_is_a_value_or_a_value_error(cls: Any, text: str) -> None:
    result = outcome(cls, text)
    assert str(result).isprintable() if isinstance(result, ValueError) else result == outcome(cls, text)


def outcome(cls: Any, text: str) -> Any:
    try:
        return cls.parse(text)
    except ValueError as error:
        return error
