"""`/api/v1/feedback` over HTTP: take a verdict, list them, take one back. The token is checked before anything else.

POST   /api/v1/feedback        a verdict, see verdicts.Said: 200 and what it changes
GET    /api/v1/feedback        all verdicts, newest first
DELETE /api/v1/feedback/ID     takes one back
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import msgspec

from anomaly_detector.config import Config
from anomaly_detector.explain.lookup import told
from anomaly_detector.feedback.alarmed import claim_of, without_alarm
from anomaly_detector.feedback.effects import RAISE, SAME_S, about, expires_at, said_before, spanned
from anomaly_detector.feedback.journal import JournalError
from anomaly_detector.feedback.listing import as_builtins
from anomaly_detector.feedback.record import Feedback, RefusedError, Taken
from anomaly_detector.feedback.verdicts import ACCEPTED, FALSE_ALARM, Entry, Scope, entry_of, forced, moment
from anomaly_detector.grouping.blocks import Groups
from anomaly_detector.plan import plans
from anomaly_detector.scoring.learning import Labels
from anomaly_detector.sink.series import Identity
from anomaly_detector.source.reading import Source
from heronwatch import pages
from heronwatch.http_message import JSON, Request, Response
from heronwatch.logs import get_logger
from heronwatch.rate_limit import TokenBucket
from heronwatch.secrets import Secret

PATH = "/api/v1/feedback"
MOST_BODY_BYTES = 16 * 1024
BURST, INTERVAL_S = 30, 2.0  # verdicts at once, and then one every so often
log = get_logger(__name__)


class FeedbackApi:
    """`series` returns the series of a query, None before it was first read; `identities` names a fresh verdict.

    `source` opens a reader by which a false alarm is looked up: what did not alarm is refused. None asks nobody.
    """

    def __init__(
        self,
        feedback: Feedback,
        *,
        series: Callable[[str], Sequence[Labels | None] | None],
        now: Callable[[], float],
        monotonic: Callable[[], float],
        identities: Callable[[], str] = lambda: secrets.token_hex(4),
        source: Callable[[Config], Source] | None = None,
    ) -> None:
        self._feedback, self._series = feedback, series
        self._now, self._monotonic, self._identities, self._source = now, monotonic, identities, source
        self._bucket = TokenBucket(INTERVAL_S, BURST)

    def answer(self, request: Request, body: Callable[[], bytes]) -> Response:
        """Answer a request below PATH; `body` reads what was sent, and is asked only of those who may."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            return _json(200, self._done(request, body))
        except RefusedError as exc:
            return _trouble(exc.status, str(exc))
        except JournalError as exc:
            log.warning("a verdict was not kept", detail=str(exc))
            return _trouble(503, "the journal cannot be used: nothing was kept; the log says why")

    def _refusal(self, request: Request) -> Response | None:
        block = self._feedback.config.feedback
        if block is None:
            return _trouble(404, "no feedback is taken: feedback.bearer_token is not configured")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or Secret(token.strip()) != block.bearer_token:
            unauthorized = _trouble(401, "a bearer token is wanted")
            return msgspec.structs.replace(unauthorized, headers=(("WWW-Authenticate", 'Bearer realm="heronwatch"'),))
        if request.method not in _allowed(request.path):
            return pages.method_not_allowed(_allowed(request.path)) if _allowed(request.path) else _nowhere(request)
        if request.method != "GET" and not self._bucket.take(self._monotonic()):
            return pages.too_many_requests("verdicts come one by one from people")
        return None

    def _done(self, request: Request, body: Callable[[], bytes]) -> Any:
        if request.method == "POST":
            return self._taken(body())
        if request.method == "DELETE":
            entry = self._feedback.undo(
                request.path.removeprefix(PATH + "/"), who=request.headers.get("X-Who", "")[:200]
            )
            return {"id": entry.id, "undone": True}
        listed = sorted(self._feedback.entries(), key=lambda one: -one[0].at)
        return {"feedback": [as_builtins(entry, counts, self._protected()) for entry, counts in listed]}

    def _taken(self, body: bytes) -> Taken:
        if len(body) > MOST_BODY_BYTES:
            raise RefusedError(413, f"the body is above {MOST_BODY_BYTES} bytes")
        try:
            entry = entry_of(body, identity=self._identities(), now=self._now())
        except ValueError as exc:
            raise RefusedError(400, str(exc)) from exc
        entry, meant = self._meant(entry)
        if entry.verdict == FALSE_ALARM and meant and not forced(body):
            self._demand_alarm(entry)
        before = said_before(self._feedback.marks(), entry)
        self._feedback.add(entry)
        return taken(entry, protected=self._protected(), series=meant, before=before)

    def _meant(self, entry: Entry) -> tuple[Entry, int | None]:
        """Return the verdict with its scope, and how many series it is about, None where that is not known.

        RefusedError for a query or a series that does not exist.
        """
        queries = self._feedback.config.reader.queries
        if entry.query and entry.query not in queries:
            raise RefusedError(422, f"no query has the alias '{entry.query[:100]}'")
        known = self._series(entry.query) if entry.query else None
        if known is None:
            return entry, None
        if entry.verdict not in {FALSE_ALARM, ACCEPTED}:
            count = sum(spanned(entry, labels) for labels in known if labels is not None)
            if not count and any(labels is not None for labels in known):
                raise RefusedError(422, f"no series of '{entry.query}' has these labels")
            return entry, count
        model, page = entry.labels.get("model_alias", ""), queries[entry.query].page
        identity = Identity(entry.query, model, page)
        for scope, by in self._scopes(entry):
            scoped = msgspec.structs.replace(entry, scope=scope, by=by)
            count = sum(about(scoped, labels, identity) for labels in known if labels is not None)
            if count:
                return scoped, count
        raise RefusedError(422, f"no series of '{entry.query}' has these labels")

    def _demand_alarm(self, entry: Entry) -> None:
        """Raise RefusedError where what a false alarm is about did not alarm, as far as the server knows."""
        config = self._feedback.config
        plan = next((one for one in plans(config) if one.alias == entry.query), None)
        if self._source is None or plan is None:
            return
        identity = Identity(entry.query, entry.labels.get("model_alias", ""), plan.query.page)
        known = (labels for labels in self._series(entry.query) or () if labels is not None)
        what = claim_of(entry, plan, [labels for labels in known if about(entry, labels, identity)])
        from_s, to_s = entry.start - SAME_S, min(entry.end, self._now())
        with closing(self._source(config)) as source:
            highest = without_alarm(source, what, from_s=from_s, to_s=to_s)
        if highest is not None:
            words = (
                f"{what.name} scored {highest:.2f} at the most from {told(from_s)} to {told(to_s)}: it did not alarm"
            )
            raise RefusedError(409, f'{words}, and nothing was kept ("force": true, or --force, keeps it all the same)')

    def _scopes(self, entry: Entry) -> Iterator[tuple[Scope, str]]:
        """Yield what a verdict may be about: one series, else its device, else, where it names none, its site."""
        groups = self._feedback.config.groups or Groups()
        yield "series", groups.device
        if groups.device in entry.labels:
            yield "device", groups.device
        elif groups.site in entry.labels:
            yield "device", groups.site

    def _protected(self) -> frozenset[str]:
        return protected(self._feedback)


def protected(feedback: Feedback) -> frozenset[str]:
    """Return the aliases of the queries that no false alarm touches."""
    return frozenset(alias for alias, query in feedback.config.reader.queries.items() if query.protected)


def taken(entry: Entry, *, protected: frozenset[str], series: int | None, before: Entry | None = None) -> Taken:
    """Return what a new verdict changes; `before` said the same of the same alarm."""
    if entry.verdict not in {FALSE_ALARM, ACCEPTED}:
        words = "nothing is learnt from this span from now on; what was learnt before stays"
        return Taken(id=entry.id, effect="not_learnt", words=words, series=series)
    if entry.query in protected:
        return Taken(id=entry.id, effect="none", words="kept, but the query is protected", series=series)
    what = "this series" if entry.scope == "series" else f"each series with this {entry.by}"
    if entry.verdict == ACCEPTED:
        words = f"the level of {what} since {moment(entry.start)[:16]}Z is normal from the next step on"
        return Taken(id=entry.id, effect="accepted", words=words, series=series)
    until = moment(expires_at(entry))[:10]
    if before is not None:
        who = f" by {before.who}" if before.who else ""
        words = f"said before{who} ({before.id}): the threshold of {what} stays raised, now until {until}"
        return Taken(id=entry.id, effect="none", words=words, series=series)
    words = f"the threshold of {what} is raised by {RAISE - 1:.0%} until {until}"
    return Taken(id=entry.id, effect="raised", words=words, series=series)


def _allowed(path: str) -> tuple[str, ...]:
    if path == PATH:
        return ("GET", "POST")
    return ("DELETE",) if path.removeprefix(PATH + "/").isalnum() else ()


def _nowhere(request: Request) -> Response:
    return pages.not_found(request.path)


def _json(status: int, value: Any) -> Response:
    return Response(status=status, body=msgspec.json.encode(value) + b"\n", content_type=JSON)


def _trouble(status: int, words: str) -> Response:
    return _json(status, {"error": words})
