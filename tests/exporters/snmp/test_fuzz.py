"""Any bytes: from a device, from a file. Nothing leaves but a result or the package's own error, in bounded time.

The targets are those of tests/fuzz/targets.py. Here hypothesis chooses bytes, and changes well-formed ones; the long
tests run atheris, which watches what they reach.
"""

import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.snmp import ber, oid
from exporters.snmp.errors import SnmpError
from tests.fuzz.targets import COMMUNITY, SEEDS, TARGETS

MOST_CPU_S = 1.0
"""For one input; most take less than a thousandth."""

ROOT = Path(__file__).parents[3]
LONGEST_S = 20
EDITS = st.lists(
    st.tuples(st.integers(0, 70_000), st.sampled_from(["set", "cut", "insert", "repeat"]), st.binary(max_size=6)),
    max_size=6,
)


def edited(seed: bytes, edits: list[tuple[int, str, bytes]]) -> bytes:
    """Return a seed changed here and there."""
    for place, kind, content in edits:
        at = place % (len(seed) + 1)
        if kind == "cut":
            seed = seed[:at] + seed[at + len(content) :]
        elif kind == "repeat":
            seed = seed[:at] + seed[at : at + 40] * (1 + len(content) * 10) + seed[at:]
        else:
            seed = seed[:at] + content + seed[at + (len(content) if kind == "set" else 0) :]
    return seed


def run(name: str, data: bytes) -> None:
    started = time.process_time()
    TARGETS[name](data)
    assert time.process_time() - started < MOST_CPU_S, f"{len(data)} bytes took too long"


def test_every_target_has_a_seed() -> None:
    assert set(SEEDS) == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_well_formed_input_is_taken(name: str) -> None:
    for seed in SEEDS[name]:
        run(name, seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=20, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_borne(name: str, data: bytes) -> None:
    run(name, data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_change_of_good_input_is_borne(name: str, data: st.DataObject) -> None:
    run(name, edited(data.draw(st.sampled_from(SEEDS[name])), data.draw(EDITS)))


def response_of(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """Return a whole message with these names and values."""
    listed = b"".join([ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, name) + value) for name, value in pairs])
    body = ber.integer(1) + ber.integer(0) + ber.integer(0) + ber.tlv(ber.SEQUENCE, listed)
    return COMMUNITY.wrap(ber.tlv(ber.RESPONSE, body), 1)


NAME = oid.encode("1.3.6.1.4.1.99999.1")
WORST = {
    "an arc of thousands of digits": response_of([(NAME + b"\xff" * 3000 + b"\x01", b"\x02\x01\x01")]),
    "an arc as long as a datagram": response_of([(NAME + b"\xff" * 60_000 + b"\x01", b"\x02\x01\x01")]),
    "an OID as value with such an arc": response_of([(NAME, ber.tlv(6, b"\x2b" + b"\xff" * 60_000 + b"\x01"))]),
    "an OID of sixty thousand arcs": response_of([(NAME + b"\x01" * 60_000, b"\x02\x01\x01")]),
    "a text as long as a datagram": response_of([(NAME, ber.tlv(4, b"\xc3" * 60_000))]),
    "nine thousand empty values": response_of([(b"\x2b", b"\x05\x00")] * 7000),
    "an integer of sixty thousand bytes": response_of([(NAME, ber.tlv(2, b"\x7f" * 60_000))]),
}


@pytest.mark.parametrize("name", WORST)
def test_the_worst_that_fits_a_datagram_is_read_quickly(name: str) -> None:
    run("message", WORST[name])


@pytest.mark.parametrize("name", WORST)
def test_the_worst_that_fits_a_datagram_takes_little_memory(name: str) -> None:
    tracemalloc.start()
    try:
        ber.decode_response(*COMMUNITY.unwrap(WORST[name]), len(WORST[name]))
        peak = tracemalloc.get_traced_memory()[1]
    except SnmpError:
        peak = 0
    finally:
        tracemalloc.stop()
    assert peak < 40 * 65_535


PATTERN_S = 40.0
"""For a whole process, imports included."""

EXTRACTED = """
import sys, time
from exporters.snmp import ber, oid
from exporters.snmp.config.catalogue import parse
from exporters.snmp.decoding.decode import samples
from exporters.snmp.decoding.labels import LabelCache
metric = "{name: m, oid: 1.3.6.1.9, type: DisplayString, regex_extracts: {A: [{regex: '%s', value: $1}]}}"
plan = parse(f"modules: {{m: {{walk: [1.3.6.1.9], metrics: [{metric % sys.argv[1]}]}}}}", "m.yml")[0]["m"].plan
text = bytes.fromhex(sys.argv[2]) * int(sys.argv[3])
started = time.process_time()
list(samples({oid.encode("1.3.6.1.9.0"): ber.tlv(ber.OCTET_STRING, text)}, plan, LabelCache()))
print(time.process_time() - started)
"""
FILTERED = """
import contextlib, sys, time
from exporters.snmp import ber, oid
from exporters.snmp.config.catalogue import parse
from exporters.snmp.fetched import Fetched
from exporters.snmp.pace import Pace
from tests.fakes.snmp_walks import fetch
rows = "{oid: 1.3.6.1.9.1, targets: [1.3.6.1.9.2], values: ['%s']}"
plan = parse(f"modules: {{m: {{walk: [1.3.6.1.9.2], filters: [{rows % sys.argv[1]}]}}}}", "m.yml")[0]["m"].plan
text = ber.tlv(ber.OCTET_STRING, bytes.fromhex(sys.argv[2]) * int(sys.argv[3]))
steps = fetch(plan, Fetched(table={}), version=ber.V2C, pace=Pace(2))
next(steps)
started = time.process_time()
with contextlib.suppress(StopIteration):
    steps.send(ber.Reply(1, 0, [oid.encode("1.3.6.1.9.1.7"), oid.encode("1.3.6.1.9.3")], [text, b"\\x05\\0"]))
print(time.process_time() - started)
"""
CUBIC = ("(.*) (.*) (.*)x", "20", 8000)
HARD = [
    (EXTRACTED, *CUBIC),
    (FILTERED, *CUBIC),
    (FILTERED, ".*?(-?[0-9]+) F", "31", 60_000),
    (FILTERED, "a.*b", "61", 60_000),
]


@pytest.mark.parametrize(("place", "pattern", "text", "times"), HARD, ids=["extracts", "filters", "lazy", "search"])
def test_a_long_text_holds_up_no_pattern(place: str, pattern: str, text: str, times: int) -> None:
    """Patterns are a person's, texts a device's. RE2, for which they were written, is done in time for the deadline."""
    command = [sys.executable, "-c", place, pattern, text, str(times)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PATTERN_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{pattern} is not done with {times} letters in {PATTERN_S:g} s")
    assert done.returncode == 0, done.stderr.decode()
    assert float(done.stdout) < MOST_CPU_S


@pytest.mark.long
@pytest.mark.timeout(LONGEST_S + 160)
@pytest.mark.parametrize("name", TARGETS)
def test_atheris_finds_nothing(name: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed{number}").write_bytes(seed)
    limits = ["-max_len=70000", f"-max_total_time={LONGEST_S}", "-timeout=10", "-rss_limit_mb=1024"]
    command = [sys.executable, "-m", "tests.fuzz", name, *limits, f"-artifact_prefix={tmp_path}/", str(corpus)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=LONGEST_S + 150, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
