"""Asking two exporters about the same devices in turn: the only I/O of a comparison. One request at a time."""

import gzip
import re
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPException
from statistics import mean
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from msgspec import Struct

from exporters.compare import Difference, NotExpositionError, Scrape, differences, lasting, parsed
from exporters.compare_targets import Asked
from exporters.control import Login, basic_authorization
from exporters.errors import ExporterError, WrongRequestError
from exporters.probing.deadline import HEADER

MOST_BYTES = 256 * 1024 * 1024
LONGEST_REASON = 300
_DURATION = re.compile(r"^snmp_scrape_duration_seconds(?:\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)
PATIENCE_S = 2.0
"""How much longer than the scrape may take we wait for its answer."""


class SideUnreachableError(ExporterError):
    """One of the two exporters cannot be asked at all; the message says which and why."""


class Answer(Struct, frozen=True, kw_only=True):
    """What came back: a scrape, or a status with its reason."""

    status: int
    seconds: float
    scrape: Scrape = Scrape({})
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a scrape."""
        return self.status == 200 and not self.reason


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of comparing one target with one module."""

    asked: Asked
    series: int = 0
    differences: tuple[Difference, ...] = ()
    old_seconds: float = 0.0
    new_seconds: float = 0.0
    old_failure: str = ""
    new_failure: str = ""
    rounds: int = 0

    @property
    def compared(self) -> bool:
        """Whether both sides answered with samples."""
        return not self.old_failure and not self.new_failure

    @property
    def same(self) -> bool:
        """Whether nothing differs; two failures are no difference."""
        return not self.differences and bool(self.old_failure) == bool(self.new_failure)


class Side:
    """One of the two exporters."""

    def __init__(self, name: str, url: str, login: Login, *, timeout_s: float) -> None:
        if not url.startswith(("http://", "https://")):
            raise WrongRequestError(f"--{name} {url!r} is no http or https URL")
        self.name = name
        self.url = url.rstrip("/").removesuffix("/snmp")
        self._timeout_s = timeout_s
        self._authorization = basic_authorization(login)
        self._opener = _opener(login)

    def check(self) -> None:
        """Raise SideUnreachableError unless something answers there and lets us in."""
        status, body = self._get("/metrics")
        if status in {401, 403}:
            raise SideUnreachableError(f"--{self.name} {self.url} does not let us in ({status}): {_short(body)}")

    def scrape(self, asked: Asked, skip: Callable[[str], object]) -> Answer:
        """Ask for one target; raises SideUnreachableError."""
        params = {"target": asked.target, "module": asked.module, "auth": asked.auth, "snmp_context": asked.context}
        started = time.perf_counter()
        status, body = self._get("/snmp?" + urlencode({key: value for key, value in params.items() if value}))
        seconds = time.perf_counter() - started
        if status != 200:
            return Answer(status=status, seconds=seconds, reason=f"{status}: {_short(body)}")
        try:
            return Answer(status=status, seconds=own_seconds(body, seconds), scrape=parsed(body, skip=skip))
        except NotExpositionError as error:
            return Answer(status=status, seconds=seconds, reason=f"{status}, but no metrics: {error}")

    def _get(self, path: str) -> tuple[int, str]:
        headers = {"Accept-Encoding": "gzip", HEADER: f"{self._timeout_s:g}", **self._authorization}
        request = Request(self.url + path, headers=headers)  # noqa: S310  # the scheme was checked
        try:
            with self._opener.open(request, timeout=self._timeout_s + PATIENCE_S) as answer:
                return answer.status, _text(answer.read(MOST_BYTES), answer.headers.get("Content-Encoding", ""))
        except HTTPError as error:
            return error.code, _text(error.read(MOST_BYTES), error.headers.get("Content-Encoding", ""))
        except TimeoutError:
            return 0, f"no answer within {self._timeout_s + PATIENCE_S:g} s"
        except URLError as error:
            if isinstance(error.reason, TimeoutError):
                return 0, f"no answer within {self._timeout_s + PATIENCE_S:g} s"
            raise SideUnreachableError(f"--{self.name} {self.url} does not answer: {error.reason}") from error
        except (OSError, HTTPException) as error:
            raise SideUnreachableError(f"--{self.name} {self.url} broke off: {error}") from error


def own_seconds(body: str, otherwise: float) -> float:
    """Return how long a scrape took as the exporter itself says: what it waited before it asked is no part of it.

    >>> own_seconds('snmp_scrape_duration_seconds{module="m"} 0.5', 4.0), own_seconds("up 1", 4.0)
    (0.5, 4.0)
    """
    own = [float(text) for text in _DURATION.findall(body)]
    return sum(own) if own else otherwise


def _opener(login: Login) -> OpenerDirector:
    context = ssl.create_default_context(cafile=login.ca_file or None)
    return build_opener(ProxyHandler({}), HTTPSHandler(context=context))


def _text(body: bytes, encoding: str) -> str:
    return (gzip.decompress(body) if encoding == "gzip" else body).decode(errors="replace")


def _short(body: str) -> str:
    """Return the last line of an error page that says something: Go's client library puts the cause there."""
    lines = [" ".join(line.split()) for line in body.splitlines() if line.strip()]
    text = lines[-1].rpartition("}}: ")[2] if lines else "no reason given"
    return text if len(text) <= LONGEST_REASON else "…" + text[-LONGEST_REASON:]


def compared(
    asked: Iterable[Asked], old: Side, new: Side, *, skip: Callable[[str], object], most_rounds: int
) -> Iterator[Outcome]:
    """Compare one scrape after the other; raises SideUnreachableError when a side goes away."""
    for one in asked:
        yield _compared(one, old, new, skip, most_rounds)


def _compared(asked: Asked, old: Side, new: Side, skip: Callable[[str], object], most_rounds: int) -> Outcome:
    """Ask the old, the new and the old again, and once more as long as anything differs."""
    turns = [_Turn(old.scrape(asked, skip), new.scrape(asked, skip))]
    while not turns[-1].settled:
        turns[-1].after = old.scrape(asked, skip)
        if len(turns) >= most_rounds or not lasting([turn.found for turn in turns if turn.complete] or [[ANY]]):
            break
        turns.append(_Turn(turns[-1].after, new.scrape(asked, skip)))
    last = turns[-1]
    return Outcome(
        asked=asked,
        series=len(last.before.scrape.samples),
        differences=tuple(lasting([turn.found for turn in turns if turn.complete])) if last.complete else (),
        old_seconds=mean(turn.before.seconds for turn in turns),
        new_seconds=mean(turn.new.seconds for turn in turns),
        old_failure=last.before.reason,
        new_failure=last.new.reason,
        rounds=len(turns),
    )


ANY = Difference(kind="value", series="")
"""Stands for what a failure may hide."""


class _Turn:
    """One question to the new exporter, between two to the old one."""

    def __init__(self, before: Answer, new: Answer) -> None:
        self.before = before
        self.new = new
        self.after: Answer = before

    @property
    def complete(self) -> bool:
        """Whether all three were answered with samples."""
        return self.before.ok and self.new.ok and self.after.ok

    @property
    def found(self) -> list[Difference]:
        """What differs."""
        return differences(self.before.scrape, self.new.scrape, self.after.scrape)

    @property
    def settled(self) -> bool:
        """Whether there is nothing to look at again: no difference, or a failure on both sides."""
        if self.before.ok and self.new.ok:
            return not self.found
        return not self.before.ok and not self.new.ok
