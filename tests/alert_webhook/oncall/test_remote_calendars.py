"""Calendars from a URL, on a real server: what it says counts, and whatever it does otherwise changes nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from alert_webhook.config import Config, Database, PolicyBlock, StepBlock
from alert_webhook.errors import CalendarError
from alert_webhook.oncall.blocks import CalendarBlock, LayerBlock, ScheduleBlock
from alert_webhook.oncall.configured import from_calendars
from alert_webhook.oncall.gauges import OnCallGauges
from alert_webhook.oncall.remote_calendars import RemoteCalendars, fetch
from alert_webhook.oncall.wall import Day, Zone
from alert_webhook.store import calendar_copies, overrides
from alert_webhook.store.backup import dump, restore
from heronwatch.clock import SystemClock
from heronwatch.secrets import Secret
from heronwatch.values import Duration, Network
from tests.alert_webhook.web import conftest as web
from tests.fakes import raw_server as raw
from tests.fakes.http_provider import Requests, after_request, answering, http
from tests.fakes.raw_server import LOOPBACK, Behaviour, raw_server
from tests.fakes.webhook_stack import Stack, config

both_databases, engine = web.both_databases, web.engine  # SQLite, but for some
HOUR_S = 3600.0
EVERY_S = 900.0
SECRET = "private-0123456789abcdef"  # in the path, as calendar programs write it


def calendar_of(person: str, *, day: str = "20270115") -> bytes:
    """A calendar in which this person is on call every week's day."""
    event = f"BEGIN:VEVENT\nUID:1\nSUMMARY:{person}\nDTSTART;VALUE=DATE:{day}\nRRULE:FREQ=DAILY\nEND:VEVENT\n"
    return f"BEGIN:VCALENDAR\n{event}END:VCALENDAR\n".encode()


def says(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Behaviour:
    return answering(lambda _request: http(status, content, {"Content-Type": "text/calendar", **(headers or {})}))


class Source:
    """A server of calendars whose behaviour a test changes."""

    def __init__(self) -> None:
        self.behave: Behaviour = says(calendar_of("Ben"))
        self.asked = 0
        self.port = 0

    def __call__(self, sock: Any) -> None:
        self.asked += 1
        self.behave(sock)


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    with raw_server(made) as server:
        made.port = server.port
        yield made


def block(port: int, **changes: Any) -> CalendarBlock:
    networks = (Network.parse("127.0.0.0/8"),)
    url = Secret(f"http://{LOOPBACK}:{port}/{SECRET}/basic.ics")
    return CalendarBlock(**{"url": url, "allowed_networks": networks, "timeout": Duration(1), **changes})


def settings(calendar: CalendarBlock, **changes: Any) -> Config:
    layer = LayerBlock(people=("ana",), start=Day(2027, 1, 1))
    schedule = ScheduleBlock(time_zone=Zone("UTC"), layers=(layer,), calendars={"holidays": calendar})
    policies = {"default": PolicyBlock(steps=(StepBlock(notify=("schedule:network",)),))}
    return config(schedules={"network": schedule}, policies=policies, **changes)


@pytest.fixture
def calendars(stack: Stack, source: Source) -> RemoteCalendars:
    stack.settings = settings(block(source.port))
    made = RemoteCalendars(stack.parts)
    made.turn()
    return made


def people_of(stack: Stack) -> set[str]:
    """Who stands in for somebody from some hours ahead on, by calendars."""
    kept = stack.store.read(lambda tx: overrides.not_over(tx, tx.now))
    return {each.override.person for each in kept if each.calendar}


def copy_of(stack: Stack) -> calendar_copies.Copy:
    return stack.store.read(calendar_copies.known)[("network", "holidays")]


@both_databases
def test_an_event_puts_its_person_on_call(stack: Stack, calendars: RemoteCalendars) -> None:
    stack.fire("LinkDown", severity="high")
    stack.phone("ben").expects("LinkDown")


def test_it_is_asked_for_again_at_its_interval_and_not_before(
    stack: Stack, source: Source, calendars: RemoteCalendars
) -> None:
    source.behave = says(calendar_of("ana"))
    stack.clock.advance(EVERY_S - 1)
    calendars.turn()
    assert (source.asked, people_of(stack)) == (1, {"ben"})
    stack.clock.advance(1)
    calendars.turn()
    assert (source.asked, people_of(stack)) == (2, {"ana"})


@both_databases
def test_replicas_share_the_copy_and_the_asking(stack: Stack, source: Source, calendars: RemoteCalendars) -> None:
    other = RemoteCalendars(stack.parts)
    other.turn()
    stack.clock.advance(EVERY_S)
    for each in (other, calendars, other):
        each.turn()
    assert source.asked == 2


TROUBLE: dict[str, tuple[Behaviour, str]] = {
    "gone": (says(b"", 410), "HTTP 410"),
    "not found": (says(calendar_of("ana"), 404), "HTTP 404"),
    "error": (says(b"oops", 500), "HTTP 500"),
    "redirect": (says(b"", 302, {"Location": "http://169.254.169.254/"}), "redirects are not followed"),
    "a page": (says(b"<html>Sign in</html>"), "not a line of iCalendar"),
    "empty": (says(b""), "it is empty"),
    "not text": (says(bytes(range(256)) * 4), "not UTF-8"),
    "cut off": (says(calendar_of("ana")[:-20]), "END"),
    "body that ends early": (answering(lambda _r: http(200, calendar_of("ana")[:40], length=9999)), ""),
    "silence": (raw.silent, "no answer in time"),
    "drops": (after_request(raw.drip(b"HTTP/1.1 200 OK\r\nX: y")), "no answer in time"),
    "huge": (after_request(raw.flood(b"HTTP/1.1 200 OK\r\n\r\nBEGIN:VCALENDAR\r\n", b"X:y\r\n" * 4000)), "4 MiB"),
    "reset": (after_request(raw.reset), ""),
    "bomb": (says(b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nEND:VEVENT\n" * 10_001 + b"END:VCALENDAR\n"), "10000 events"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_whatever_the_source_does_the_last_good_copy_stays(
    stack: Stack, source: Source, calendars: RemoteCalendars, name: str
) -> None:
    source.behave, why = TROUBLE[name]
    stack.clock.advance(EVERY_S)
    calendars.turn()
    assert people_of(stack) == {"ben"}
    assert why in copy_of(stack).trouble
    assert copy_of(stack).trouble
    assert SECRET not in copy_of(stack).trouble
    source.behave = says(calendar_of("ana"))
    stack.clock.advance(EVERY_S)
    calendars.turn()
    assert (people_of(stack), copy_of(stack).trouble) == ({"ana"}, "")


def test_a_source_that_was_never_there_keeps_nobody_from_being_on_call(stack: Stack, source: Source) -> None:
    source.behave = says(b"", 500)
    stack.settings = settings(block(source.port))
    RemoteCalendars(stack.parts).turn()
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects("LinkDown")


def test_repetitions_come_into_view_while_the_source_is_away(
    stack: Stack, source: Source, calendars: RemoteCalendars
) -> None:
    def last() -> float:
        return max(each.override.end for each in stack.store.read(lambda tx: overrides.not_over(tx, 0.0)))

    before = last()
    source.behave = says(b"", 500)
    stack.clock.advance(30 * 24 * HOUR_S)
    calendars.turn()
    assert last() >= before + 29 * 24 * HOUR_S


@both_databases
def test_a_calendar_that_is_no_longer_configured_is_forgotten(stack: Stack, calendars: RemoteCalendars) -> None:
    bare = replace(stack.settings.schedules["network"], calendars={})
    stack.settings = replace(stack.settings, schedules={"network": bare})
    calendars.turn()
    stack.clock.advance(31)
    stack.settle()
    assert stack.store.read(calendar_copies.known) == {}
    assert people_of(stack) == set()


@both_databases
def test_a_copy_with_odd_characters_is_kept_and_outlives_a_backup(
    stack: Stack, source: Source, calendars: RemoteCalendars
) -> None:
    odd = b"\xef\xbb\xbf" + calendar_of("ana").replace(b"UID:1", "UID:\0é😀".encode())
    source.behave = says(odd)
    stack.clock.advance(EVERY_S)
    calendars.turn()
    assert people_of(stack) == {"ana"}
    before = stack.store.read(lambda tx: calendar_copies.content(tx, ("network", "holidays")))
    saved: list[bytes] = []
    dump(stack.store, saved.append)
    restore(stack.store, lambda: saved)
    assert stack.store.read(lambda tx: calendar_copies.content(tx, ("network", "holidays"))) == before
    assert before == odd.replace(b"\0", b"")


def test_how_old_the_copies_are_is_a_metric(stack: Stack, source: Source, calendars: RemoteCalendars) -> None:
    registry = CollectorRegistry()
    registry.register(OnCallGauges(stack.store, lambda: stack.settings, stack.clock.now))

    def seen() -> tuple[float | None, float | None]:
        labels = {"schedule": "network", "calendar": "holidays"}
        age = registry.get_sample_value("heronwatch_webhook_calendar_age_seconds", labels)
        return age, registry.get_sample_value("heronwatch_webhook_calendars_stale")

    assert seen() == (0.0, 0.0)
    source.behave = says(b"", 500)
    stack.clock.advance(25 * HOUR_S)
    calendars.turn()
    assert seen() == (25 * HOUR_S, 1.0)


@pytest.fixture
def on_disk(tmp_path: Path, source: Source) -> Callable[[], list[str]]:
    """What `check` says of a configuration whose database is a file."""
    from alert_webhook.store.migrating import migrate
    from alert_webhook.store.opening import sqlite_engine

    path = tmp_path / "check.db"
    made = sqlite_engine(path)
    migrate(made)
    made.dispose()
    wanted = settings(block(source.port), database=Database(sqlite=path))

    def check() -> list[str]:
        told: list[str] = []
        from_calendars(wanted, SystemClock().now(), told.append)
        return told

    return check


def test_check_tells_of_a_calendar_that_was_never_read_and_asks_nobody(
    on_disk: Callable[[], list[str]], source: Source
) -> None:
    assert on_disk() == [
        "warning: schedules.network.calendars.holidays: it was never read",
        "warning: schedules.network.calendars.holidays: nothing is known of it yet; the engine reads its URL",
    ]
    assert source.asked == 0


@pytest.mark.parametrize("port", [0, 1])
def test_a_private_address_is_refused_unless_its_network_is_named(source: Source, port: int) -> None:
    with pytest.raises(CalendarError, match="allowed_networks"):
        fetch(block(source.port + port, allowed_networks=()))
    assert source.asked == 0


def test_a_source_is_asked_once_without_anything_that_is_ours(source: Source) -> None:
    kept = Requests()
    source.behave = answering(lambda _request: http(200, calendar_of("ana")), kept=kept)
    assert fetch(block(source.port)) == calendar_of("ana")
    (request,) = kept.all
    assert (request.method, request.path) == ("GET", f"/{SECRET}/basic.ics")
    assert not {"authorization", "cookie"} & set(request.headers)


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"url": None}, "give either file or url"),
    ({"file": Path("x.ics")}, "give either file or url"),
    ({"url": Secret("ftp://a.org/x")}, "expected a URL that begins with https://"),
    ({"url": Secret("http://a.org/x"), "allowed_networks": ()}, "without TLS"),
    ({"url": Secret("https://10.0.0.1/x"), "allowed_networks": ()}, "the address is inside"),
    ({"every": Duration(1)}, "expected 1m or more"),
    ({"timeout": Duration(600)}, "expected 1s to 2m"),
    ({"stale_after": Duration(60)}, "expected every (15m) or more"),
]


@pytest.mark.parametrize(("changes", "words"), FAULTS)
def test_a_source_that_cannot_be_is_told_when_the_configuration_loads(changes: dict[str, Any], words: str) -> None:
    found = [text for _path, text in block(9, **changes).config_faults()]
    assert [text for text in found if words in text], found
    assert not [text for text in found if "a.org/x" in text]


def test_an_address_is_shown_nowhere() -> None:
    assert SECRET not in repr(block(9))
