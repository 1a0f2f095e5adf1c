"""What is kept between scrapes, and when it is dropped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.snmp import ber, kept, oid
from exporters.snmp.config.catalogue import builtin_modules
from exporters.snmp.kept import Boot, boot_of, is_same_boot, is_unchanged, keepable, rows_of

IF_MIB = builtin_modules()["if_mib"].plan
ALIAS = oid.encode("1.3.6.1.2.1.31.1.1.1.18")


def reply(*values: bytes, status: int = 0) -> ber.Reply:
    return ber.Reply(1, status, list(kept.PROOF), list(values), False, 100, 1)


NONE = ber.tlv(ber.NO_SUCH_INSTANCE, b"")


def test_the_device_tells_its_up_time() -> None:
    ticks, change = ber.integer(12_345, ber.TIME_TICKS), ber.integer(7, ber.TIME_TICKS)
    assert boot_of(reply(ticks, change, NONE), 5.0) == Boot(5.0, 123.45, change, None)


@pytest.mark.parametrize("answer", [reply(NONE, NONE, NONE), reply(ber.integer(1), NONE, NONE, status=5)])
def test_without_an_up_time_there_is_no_proof(answer: ber.Reply) -> None:
    assert boot_of(answer, 5.0) is None


@given(up_s=st.floats(0, 1e7), passed=st.floats(0, 1e5), boot_took_s=st.floats(3.0, 1e4))
def test_a_reboot_is_always_seen(up_s: float, passed: float, boot_took_s: float) -> None:
    """The up-time after a reboot is at most the time that passed less the time that booting took."""
    now = max(0.0, passed - boot_took_s)
    if up_s + passed - now > kept.SLACK_S + passed * kept.SLACK_SHARE + 1e-6:
        assert not is_same_boot(Boot(0, up_s, None, None), Boot(passed, now, None, None))


@given(up_s=st.floats(0, 1e6), passed=st.floats(0, 1e5), drift=st.floats(-0.0009, 0.0009))
def test_a_clock_that_drifts_is_no_reboot(up_s: float, passed: float, drift: float) -> None:
    assert is_same_boot(Boot(0, up_s, None, None), Boot(passed, up_s + passed * (1 + drift), None, None))


def test_marks_count_too() -> None:
    one, two = ber.integer(1), ber.integer(2)
    assert not is_same_boot(Boot(0, 100, None, one), Boot(60, 160, None, two))
    assert not is_unchanged(Boot(0, 100, one, None), Boot(60, 160, two, None))
    assert is_unchanged(Boot(0, 100, one, None), Boot(60, 160, one, None))


def test_only_labels_and_static_tables_are_kept() -> None:
    assert ALIAS in keepable(IF_MIB, ())
    speed = oid.encode("1.3.6.1.2.1.2.2.1.5")
    assert speed not in keepable(IF_MIB, ())
    assert speed in keepable(IF_MIB, [oid.encode("1.3.6.1.2.1.2.2")])


def test_rows_are_those_of_the_columns_that_are_read() -> None:
    status, entry = oid.encode("1.3.6.1.2.1.2.2.1.8"), oid.encode("1.3.6.1.2.1.2.2.1")
    table = {status + b"\x01": ber.integer(1), status + b"\x07": ber.integer(1), ALIAS + b"\x09": b"\x04\x01a"}
    assert rows_of(table, IF_MIB, keepable(IF_MIB, ())) == {entry: frozenset({b"\x01", b"\x07"})}
