"""The routes of the exporters: `/probe`, each protocol's own route, `/sd`, and the pause API."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from msgspec import structs

from exporters.errors import RefusedError, UnresolvedError, WorkerGoneError, WrongRequestError
from exporters.inventory.sd import PROBE_PATH, place_of, targets
from exporters.loading import Setup
from exporters.metric.samples import Fault, Reading
from exporters.probing import deadline as deadlines
from exporters.probing.answer import endpoint_answer, partial_answer, probe_answer
from exporters.probing.job import Job, Outcome, job_of
from exporters.probing.metrics import ScrapeMetrics
from exporters.probing.ownership import endpoint, owner
from exporters.probing.resolve import Resolver
from exporters.probing.scrape import Scraper
from exporters.probing.selection import Wanted, endpoint_wanted, probe_wanted, target_of
from exporters.probing.team import Ask, Team
from heronwatch.aio_routes import Route
from heronwatch.guards import is_address, lifecycle_allowed
from heronwatch.http_message import Query, Request, Response, json_response, text_response
from heronwatch.values import HostPort
from heronwatch.words import hint

SD_PATH, PAUSE_PATH, RESUME_PATH, PAUSES_PATH = "/sd", "/api/v1/pause", "/api/v1/resume", "/api/v1/pauses"
RETRY_AFTER_S = "1"
MOST_KEPT = 20_000
LONGEST_KEPT = 500


class _Understood:
    """Requests that were read, and jobs that the guard accepted, under one configuration; Prometheus repeats itself."""

    def __init__(self) -> None:
        self._setup: Setup | None = None
        self.wanted: dict[tuple[str, str], Wanted] = {}
        self.jobs: dict[tuple[Wanted, str], Job] = {}

    def of(self, setup: Setup) -> Self:
        """Return what is kept for this configuration, which is nothing after a reload or when there is too much."""
        if self._setup is not setup or len(self.wanted) > MOST_KEPT or len(self.jobs) > MOST_KEPT:
            self._setup = setup
            self.wanted.clear()
            self.jobs.clear()
        return self


class Answers:
    """Answers scrapes in this process."""

    def __init__(
        self,
        setup: Callable[[], Setup],
        team: Callable[[], Team],
        scraper: Scraper,
        resolver: Resolver,
        metrics: ScrapeMetrics,
    ) -> None:
        self._setup = setup
        self._team = team
        self._scraper = scraper
        self._resolver = resolver
        self._metrics = metrics
        self._understood = _Understood()

    async def answer(self, ask: Ask) -> Response:
        """Answer one scrape, here or, when another worker owns the target, there."""
        loop_time = asyncio.get_running_loop().time()
        try:
            wanted = self._wanted(ask)
            budget_s = min(ask.budget_s, wanted.timeout_s or ask.budget_s)
            return await self._scraped(ask, wanted, loop_time + budget_s)
        except WrongRequestError as error:
            return text_response(str(error), status=400)
        except RefusedError as error:
            self._metrics.refused(ask.path)
            return text_response(str(error), status=403)
        except WorkerGoneError as error:
            busy = text_response(str(error), status=503)
            return Response(status=503, body=busy.body, headers=(("Retry-After", RETRY_AFTER_S),))

    def _wanted(self, ask: Ask) -> Wanted:
        known = self._understood.of(self._setup())
        wanted = known.wanted.get((ask.path, ask.query_string))
        if wanted is None:
            wanted = self._read(ask)
            if len(ask.query_string) <= LONGEST_KEPT:
                known.wanted[ask.path, ask.query_string] = wanted
        return wanted

    def _read(self, ask: Ask) -> Wanted:
        setup = self._setup()
        try:
            query = Query(ask.query_string)
        except ValueError as error:
            raise WrongRequestError(str(error)) from error
        if ask.path == PROBE_PATH:
            return probe_wanted(setup, query)
        plugin = next(p for p in setup.plugins.values() if p.endpoint and p.endpoint.path == ask.path)
        return endpoint_wanted(setup, plugin, query)

    async def _scraped(self, ask: Ask, wanted: Wanted, deadline: float) -> Response:
        try:
            address = ask.address or await self._resolver.address(wanted.host, deadline)
        except UnresolvedError as error:
            return self._rendered(ask, wanted, self._unresolved(wanted, str(error)))
        job = self._job(wanted, address)
        team = self._team()
        owned_by = owner(endpoint(address, wanted.port), team.workers)
        if owned_by != team.index and not ask.address:
            left_s = deadline - asyncio.get_running_loop().time()
            return await team.forward(owned_by, structs.replace(ask, budget_s=left_s, address=address))
        return self._rendered(ask, wanted, await self._scraper.scrape(job, deadline))

    def _job(self, wanted: Wanted, address: str) -> Job:
        jobs = self._understood.of(self._setup()).jobs
        job = jobs.get((wanted, address))
        if job is None:
            job = jobs[wanted, address] = self._built(wanted, address)
        return job

    def _built(self, wanted: Wanted, address: str) -> Job:
        """Build the job; raises `RefusedError` when the guard says no to the very address that would be used."""
        device = wanted.device
        return job_of(
            wanted.plugin.protocol,
            target_of(self._setup(), wanted, address),
            wanted.modules,
            min_interval_s=device.min_interval_s if device else self._setup().config.pacing.min_interval,
            paused=device.paused if device else False,
        )

    def _unresolved(self, wanted: Wanted, detail: str) -> Outcome:
        reading = Reading([], tuple(Fault(module.name, "unreachable", detail) for module in wanted.modules))
        self._metrics.record(wanted.modules, reading, 0.0)
        return Outcome(reading)

    def _rendered(self, ask: Ask, wanted: Wanted, outcome: Outcome) -> Response:
        if ask.path == PROBE_PATH:
            return probe_answer(outcome, self._metrics.duplicates)
        if wanted.partial_results:
            return partial_answer(outcome, self._metrics.duplicates, protocol=wanted.plugin.protocol)
        return endpoint_answer(outcome, self._metrics.duplicates, strict=wanted.strict)


class Pages:
    """The handlers, as the web server calls them."""

    def __init__(
        self,
        answers: Answers,
        setup: Callable[[], Setup],
        team: Callable[[], Team],
        *,
        external_url: str,
        enable_lifecycle: bool,
        authenticates: Callable[[], bool],
        paused: Callable[[], Sequence[str]],
    ) -> None:
        self._answers = answers
        self._setup = setup
        self._team = team
        self._external_url = external_url
        self._enable_lifecycle = enable_lifecycle
        self._authenticates = authenticates
        self._paused = paused

    def routes(self, endpoints: Iterable[str]) -> list[Route]:
        """Return the routes; `endpoints` are the paths of the protocols' own ones."""
        scrapes = [Route("GET", path, self._scrape) for path in (PROBE_PATH, *endpoints)]
        return [
            *scrapes,
            Route("GET", SD_PATH, self._sd),
            Route("GET", PAUSES_PATH, self._pauses),
            Route("POST", PAUSE_PATH, self._pause),
            Route("POST", RESUME_PATH, self._resume),
        ]

    async def _scrape(self, request: Request) -> Response:
        budget_s = deadlines.budget_s(request.headers.get(deadlines.HEADER))
        ask = Ask(
            path=request.path,
            query_string=request.query_string,
            budget_s=budget_s,
            accept_encoding=request.headers.get("Accept-Encoding", ""),
        )
        return await self._answers.answer(ask)

    async def _sd(self, request: Request) -> Response:
        host = request.headers.get("Host", "")
        place = place_of(self._external_url, scheme=request.scheme, host=host)
        if place is None:
            return text_response("the Host header names no host; start with --web.external-url", status=400)
        filters = {name: request.query.getall(name) for name in request.query}
        return json_response(targets(self._setup().inventory.devices, place, filters))

    async def _pauses(self, _request: Request) -> Response:
        return json_response({"paused": list(self._paused())})

    async def _pause(self, request: Request) -> Response:
        return self._refusal(request) or json_response(
            {"paused": list(await self._team().pause(self._target(request)))}
        )

    async def _resume(self, request: Request) -> Response:
        return self._refusal(request) or json_response(
            {"paused": list(await self._team().resume(self._target(request)))}
        )

    def _target(self, request: Request) -> str:
        return request.query.get("target", "")

    def _refusal(self, request: Request) -> Response | None:
        decision = lifecycle_allowed(
            request.peer, enable_lifecycle=self._enable_lifecycle, authenticated=self._authenticates()
        )
        if not decision.allowed:
            return text_response(decision.reason, status=403)
        trouble = self._unknown(self._target(request))
        return text_response(trouble, status=400) if trouble else None

    def _unknown(self, target: str) -> str:
        if not target:
            return "parameter 'target' is missing"
        inventory = self._setup().inventory
        try:
            host = HostPort.parse(target).host
        except ValueError:
            host = ""
        if inventory.named(target) or host.lower() in inventory.hosts or is_address(host) or target in self._paused():
            return ""
        return f"{target!r} is neither a device nor an address{hint(target, inventory.names())}"
