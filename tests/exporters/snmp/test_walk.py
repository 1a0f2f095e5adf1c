"""What is asked next: the rules F1 to F4 against agents made of a list, well-behaved and hostile."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Reply, Request, Steps
from exporters.snmp.config.catalogue import parse
from exporters.snmp.errors import StatusError, WalkError
from exporters.snmp.fetched import MOST_BYTES, MOST_VALUES, Fetched
from exporters.snmp.pace import Pace
from exporters.snmp.plan import Plan
from exporters.snmp.security import Community
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent
from exporters.snmp.walk import subtree
from tests.fakes.snmp_walks import fetch

TABLE = [f"1.3.6.1.2.1.2.2.1.{column}.{row}|2|{row}" for column in (1, 2, 10) for row in (1, 2, 200, 70000)]
Answer = Callable[[Request], Reply]


def agent(lines: Iterable[str], version: int = ber.V2C) -> Answer:
    """Return how an agent with these values answers."""
    simulated = Agent(recording.parse(lines), started_at=0)
    security = Community(version, "public")

    def answer(request: Request) -> Reply:
        response = simulated.answer(security.wrap(ber.encode_request(request, 1)), 0)
        assert response is not None
        return ber.decode_response(*security.unwrap(response), len(response))

    return answer


def drive(steps: Steps, answer: Answer, *, most: int = 1000) -> list[Request]:
    """Answer until the steps end; return what was asked."""
    asked = []
    try:
        request = next(steps)
        while len(asked) < most:
            asked.append(request)
            request = steps.send(answer(request))
    except StopIteration:
        return asked
    raise AssertionError(f"no end after {most} requests")


def walked(
    root: str, answer: Answer, *, version: int = ber.V2C, repetitions: int = 3, loose: bool = False
) -> tuple[list[str], list[Request]]:
    fetched = Fetched(table={})
    steps = subtree(oid.encode(root), fetched, version=version, pace=Pace(repetitions), loose=loose)
    asked = drive(steps, answer)
    return list(map(oid.text, fetched.table)), asked


def names(lines: Iterable[str]) -> list[str]:
    return [line.partition("|")[0] for line in lines]


def reply(*varbinds: tuple[str, int], status: int = 0) -> Reply:
    elements = [ber.tlv(tag, b"\x01" if tag < 0x80 else b"") for _, tag in varbinds]
    exceptional = any(tag >= 0x80 for _, tag in varbinds)
    return Reply(1, status, [oid.encode(name) for name, _ in varbinds], elements, exceptional, 100)


@pytest.mark.parametrize("version", [ber.V1, ber.V2C])
@pytest.mark.parametrize("root", ["1.3.6.1.2.1.2", "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2.2.1.10"])
def test_a_subtree_is_walked_whole(version: int, root: str) -> None:
    found, asked = walked(root, agent(TABLE, version), version=version)
    assert found == [name for name in names(TABLE) if name.startswith(root + ".")]
    assert {request.kind for request in asked} == {Kind.GET_NEXT if version == ber.V1 else Kind.GET_BULK}


def test_an_arc_is_no_prefix_of_a_longer_one() -> None:
    assert walked("1.3.6.1.2.1.2.2.1.1", agent(TABLE))[0] == names(TABLE)[:4]


def test_an_instance_as_root_is_asked_for_itself() -> None:
    found, asked = walked("1.3.6.1.2.1.2.2.1.1.2", agent(TABLE))
    assert found == ["1.3.6.1.2.1.2.2.1.1.2"]
    assert [request.kind for request in asked] == [Kind.GET_BULK, Kind.GET]


def test_an_empty_subtree_is_empty() -> None:
    assert walked("1.3.6.1.2.1.2.2.1.5", agent(TABLE))[0] == []


def test_beyond_the_last_value_nothing_more_is_asked() -> None:
    found, asked = walked("1.3.6.1.2.1.99", agent(TABLE))
    assert (found, len(asked)) == ([], 1)


def test_a_device_that_repeats_itself_is_left() -> None:
    again = reply(("1.3.6.1.2.1.2.1", 2), ("1.3.6.1.2.1.2.2", 2))
    with pytest.raises(WalkError, match="OID not increasing"):
        walked("1.3.6.1.2.1.2", lambda _: again)


def test_where_order_is_loose_a_repetition_ends_the_walk() -> None:
    again = reply(("1.3.6.1.2.1.2.2", 2), ("1.3.6.1.2.1.2.1", 2))
    assert walked("1.3.6.1.2.1.2", lambda _: again, loose=True)[0] == ["1.3.6.1.2.1.2.2", "1.3.6.1.2.1.2.1"]


def test_a_circle_of_two_is_left() -> None:
    turns = iter([reply(("1.3.6.1.2.1.2.5", 2)), reply(("1.3.6.1.2.1.2.4", 2)), reply(("1.3.6.1.2.1.2.5", 2))])
    with pytest.raises(WalkError, match="OID not increasing"):
        walked("1.3.6.1.2.1.2", lambda _: next(turns))


def test_an_endless_device_is_bounded() -> None:
    counter = iter(range(10**9))

    def endless(_request: Request) -> Reply:
        found = [oid.encode(f"1.3.6.1.2.1.2.{next(counter)}") for _ in range(4000)]
        return Reply(1, 0, found, [b"\x02\x01\x01"] * len(found))

    with pytest.raises(WalkError, match=f"more than {MOST_VALUES} values"):
        walked("1.3.6.1.2.1.2", endless)


def test_a_device_that_fills_its_values_is_bounded() -> None:
    counter = iter(range(10**9))
    taken = 0

    def huge(_request: Request) -> Reply:
        nonlocal taken
        taken += 60_000
        return Reply(1, 0, [oid.encode(f"1.3.6.1.2.1.2.{next(counter)}")], [b"\x04\x01x"], size=60_000)

    with pytest.raises(WalkError, match=f"more than {MOST_BYTES >> 20} MiB"):
        walked("1.3.6.1.2.1.2", huge)
    assert taken <= MOST_BYTES + 60_000


def test_too_big_answers_are_asked_for_in_halves() -> None:
    whole = agent(TABLE)

    def small(request: Request) -> Reply:
        return whole(request) if request.repetitions <= 2 else reply(status=ber.TOO_BIG)

    found, asked = walked("1.3.6.1.2.1.2", small, repetitions=10)
    assert found == names(TABLE)
    assert [request.repetitions for request in asked[:4]] == [10, 5, 2, 2]


@pytest.mark.parametrize("status", [ber.NO_SUCH_NAME, 5, 16])
def test_an_error_ends_a_subtree(status: int) -> None:
    assert walked("1.3.6.1.2.1.2", lambda _: reply(("1.3.6.1.2.1.2.1", 2), status=status))[0] == []


def test_an_exception_in_the_middle_ends_a_subtree() -> None:
    cut = reply(("1.3.6.1.2.1.2.1", 2), ("1.3.6.1.2.1.2.2", 0x82), ("1.3.6.1.2.1.2.3", 2))
    assert walked("1.3.6.1.2.1.2", lambda _: cut)[0] == ["1.3.6.1.2.1.2.1"]


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from([2, 0x80, 0x82])), max_size=5), st.integers(0, 3))
def test_any_replies_come_to_an_end(found: list[tuple[int, int]], status: int) -> None:
    any_reply = reply(*((f"1.3.6.1.2.1.2.{arc}", tag) for arc, tag in found), status=status)
    try:
        walked("1.3.6.1.2.1.2", lambda _: any_reply)
    except WalkError:
        assert found


def test_full_packets_are_filled_where_the_file_leaves_it_to_us() -> None:
    rows = [f"1.3.6.1.2.1.2.2.1.1.{row}|2|{row}" for row in range(1, 400)]
    free, fixed = Pace(), Pace(25)
    for pace in (free, fixed):
        drive(subtree(oid.encode("1.3.6.1.2.1.2"), Fetched(table={}), version=ber.V2C, pace=pace), agent(rows))
    assert (free.repetitions, fixed.repetitions) == (60, 25)


def test_long_values_are_asked_for_in_smaller_numbers_again() -> None:
    pace = Pace()
    sizes = []
    for size in (600, 5000):
        names_ = [b""] * pace.repetitions
        pace.heard(Request(Kind.GET_BULK, (), pace.repetitions), Reply(1, 0, names_, names_, size=size))
        sizes.append(pace.repetitions)
    assert sizes == [58, 25]


def test_growth_ends_when_only_a_smaller_question_was_answered() -> None:
    pace = Pace()
    pace.repetitions = 60
    pace.heard(Request(Kind.GET_BULK, (), 60), Reply(1, 0, [], [], attempts=2))
    assert (pace.repetitions, pace.grows) == (25, False)


def plan_of(body: str) -> Plan:
    modules, _ = parse(f"modules:\n  m:\n{body}", "m.yml")
    plan: Plan = modules["m"].plan
    return plan


def fetched_by(plan: Plan, answer: Answer, version: int = ber.V2C) -> tuple[Fetched, list[Request]]:
    fetched = Fetched(table={})
    return fetched, drive(fetch(plan, fetched, version=version, pace=Pace(plan.repetitions)), answer)


def test_gets_come_in_chunks_and_missing_values_are_left_out() -> None:
    plan = plan_of(
        "    max_repetitions: 2\n    get: [1.3.6.1.2.1.2.2.1.1.1, 1.3.6.1.2.1.2.2.1.1.9, 1.3.6.1.2.1.2.2.1.1.2]\n"
    )
    fetched, asked = fetched_by(plan, agent(TABLE))
    assert list(map(oid.text, fetched.table)) == ["1.3.6.1.2.1.2.2.1.1.1", "1.3.6.1.2.1.2.2.1.1.2"]
    assert [(request.kind, len(request.oids)) for request in asked] == [(Kind.GET, 2), (Kind.GET, 1)]


def test_v1_asks_for_one_value_at_a_time() -> None:
    plan = plan_of("    get: [1.3.6.1.2.1.2.2.1.1.9, 1.3.6.1.2.1.2.2.1.1.2]\n")
    fetched, asked = fetched_by(plan, agent(TABLE, ber.V1), ber.V1)
    assert list(map(oid.text, fetched.table)) == ["1.3.6.1.2.1.2.2.1.1.2"]
    assert [len(request.oids) for request in asked] == [1, 1]


def test_an_error_of_get_is_an_error() -> None:
    with pytest.raises(StatusError, match="error-status 5"):
        fetched_by(plan_of("    get: [1.3.6.1.2.1.2.2.1.1.9]\n"), lambda _: reply(status=5))


PORTS = [f"1.3.6.1.2.1.2.2.1.2.{row}|4|{name}" for row, name in ((1, "lo"), (2, "eth0"), (300, "eth1"))]
OCTETS = [f"1.3.6.1.2.1.2.2.1.10.{row}|65|{row}" for row in (1, 2, 300)]
FILTERED = """\
    walk: [1.3.6.1.2.1.2.2.1.10, 1.3.6.1.2.1.2.2.1.2]
    get: [1.3.6.1.2.1.2.2.1.10.1]
    filters:
      - {oid: 1.3.6.1.2.1.2.2.1.2, targets: [1.3.6.1.2.1.2.2.1.10], values: ["th[0-9]"]}
"""


def test_a_filter_fetches_the_rows_that_match() -> None:
    fetched, asked = fetched_by(plan_of(FILTERED), agent([*PORTS, *OCTETS]))
    assert sorted(map(oid.text, fetched.table)) == sorted([*names(PORTS), *names(OCTETS)[1:]])
    assert [request.kind for request in asked] == [Kind.GET_BULK, Kind.GET, Kind.GET_BULK]


def test_later_values_of_an_oid_count() -> None:
    answers = iter([reply(("1.3.6.1.2.1.2.1", 2), ("1.3.6.1.2.1.2.1", 65)), reply(("1.3.6.1.2.1.3", 2))])
    fetched = Fetched(table={})
    drive(subtree(oid.encode("1.3.6.1.2.1.2"), fetched, version=ber.V2C, pace=Pace(2)), lambda _: next(answers))
    assert (fetched.table, fetched.returned) == ({oid.encode("1.3.6.1.2.1.2.1"): b"\x41\x01\x01"}, 2)
