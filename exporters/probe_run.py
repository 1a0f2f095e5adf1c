"""One scrape from the command line, without a server: module by module, so that each tells what it cost."""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlencode

from msgspec import Struct, structs
from prometheus_client import CollectorRegistry

from exporters.errors import RefusedError, UnresolvedError, WrongRequestError
from exporters.inventory.credentials import narrowest
from exporters.loading import Setup, load_setup
from exporters.metric.samples import Fault, Reading
from exporters.options import ServeOptions
from exporters.packet_logs import packet_logs
from exporters.probe_output import ModuleResult, Probed
from exporters.probing.collector import Collector, CollectorContext, Credential, Explainer, Module, Target
from exporters.probing.collectors import Collectors
from exporters.probing.registry import installed
from exporters.probing.resolve import Resolver
from exporters.probing.scrape import GRACE_S
from exporters.probing.selection import Wanted, check_params, endpoint_wanted, probe_wanted, target_of
from heronwatch.guards import is_address
from heronwatch.http_message import Query
from heronwatch.words import printable

HOPELESS = frozenset({"timeout", "unreachable", "refused", "auth"})
"""Reasons after which no other module is asked for."""


class Question(Struct, frozen=True, kw_only=True):
    """What a person wants to know."""

    target: str
    modules: tuple[str, ...] = ()
    credential: str = ""
    params: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 10.0
    trace: bool = False


async def probe(options: ServeOptions, question: Question) -> Probed:
    """Read the device; raises RefusedError or WrongRequestError for what cannot be asked."""
    setup = load_setup(options.sources(), installed()[0])
    wanted = wanted_by(setup, question)
    trace = _Trace(wanted, traced=question.trace)
    given = {**options.plugin_options, **packet_logs([wanted.plugin], options.plugin_options), **trace.options()}
    context = CollectorContext(registry=CollectorRegistry(), options=given)
    collectors = Collectors(lambda: setup.plugins, context)
    resolver = Resolver(now=asyncio.get_running_loop().time)
    try:
        return await _read(setup, wanted, collectors, resolver, trace, question.timeout_s)
    finally:
        await collectors.close()
        resolver.close()


class _Trace:
    """What went over the wire, in words, where that is wanted."""

    def __init__(self, wanted: Wanted, *, traced: bool) -> None:
        self.lines: list[str] = []
        self._protocol = wanted.plugin.protocol
        self.explainer: Explainer | None = wanted.plugin.explain() if wanted.plugin.explain else None
        self._traced = traced
        if traced and self.explainer is None:
            raise WrongRequestError(f"--trace is not known for {self._protocol}")

    def options(self) -> dict[str, object]:
        """Return what the collector is to be told."""
        return {f"{self._protocol}_trace": self._heard} if self._traced else {}

    def _heard(self, direction: str, packet: bytes) -> None:
        if self.explainer is not None:
            self.lines += map(printable, self.explainer.packet(direction, packet))

    def values(self, module: Module) -> None:
        """Add what the module made of the values that came."""
        if self._traced and self.explainer is not None:
            self.lines += map(printable, self.explainer.values(module))

    def advice(self, fault: Fault, target: Target) -> str:
        """Return what to check, or ""."""
        return self.explainer.advice(fault.reason, target) if self.explainer is not None else ""


def wanted_by(setup: Setup, question: Question) -> Wanted:
    """Read the question as the routes do; a person at a terminal may aim unbound credentials anywhere."""
    pairs = [("target", question.target), *(("module", name) for name in question.modules), *question.params]
    plugin = next((p for p in setup.plugins.values() if p.endpoint and _speaks(setup, p.protocol, question)), None)
    if plugin is not None and plugin.endpoint is not None:
        check_params((key for key, _ in question.params), plugin)
        chosen = [(plugin.endpoint.credential_param, question.credential)] if question.credential else []
        wanted = endpoint_wanted(setup, plugin, Query(urlencode([*pairs, *chosen])))
        if not question.credential and wanted.device is None:
            wanted = structs.replace(wanted, credential=_bound(setup, wanted) or wanted.credential)
    else:
        wanted = probe_wanted(setup, Query(urlencode(pairs)))
        if question.credential:
            wanted = _with_credential(setup, wanted, question.credential)
    return structs.replace(wanted, circumstances=structs.replace(wanted.circumstances, any_target=True))


def _speaks(setup: Setup, protocol: str, question: Question) -> bool:
    """Whether all that was named, modules and device, is of this protocol."""
    names = [name for value in question.modules for name in value.split(",") if name]
    devices = setup.inventory.named(question.target)
    if any(name not in setup.modules[protocol] for name in names):
        return False
    return bool(names) if not devices else any(device.protocol == protocol for device in devices)


def _bound(setup: Setup, wanted: Wanted) -> Credential | None:
    """Return the credential that is bound to an address: the listed device's, else the narrowest network's."""
    credentials = setup.credentials[wanted.plugin.protocol]
    listed = setup.inventory.at(wanted.plugin.protocol, wanted.host, wanted.port)
    if listed is not None and listed.credential:
        return credentials.get(listed.credential)
    return narrowest(credentials.values(), wanted.host) if is_address(wanted.host) else None


def _with_credential(setup: Setup, wanted: Wanted, name: str) -> Wanted:
    known = setup.credentials[wanted.plugin.protocol]
    if name not in known:
        raise RefusedError(f"{name!r} is not a credential of {wanted.plugin.protocol}")
    return structs.replace(wanted, credential=known[name], choose_credential=False)


async def _read(
    setup: Setup, wanted: Wanted, collectors: Collectors, resolver: Resolver, trace: _Trace, timeout_s: float
) -> Probed:
    loop = asyncio.get_running_loop()
    started = loop.time()
    deadline = started + timeout_s
    try:
        address = await resolver.address(wanted.host, deadline)
    except UnresolvedError as error:
        faults = tuple(Fault(module.name, "unreachable", str(error)) for module in wanted.modules)
        return Probed(wanted, "", Reading([], faults), loop.time() - started)
    target = target_of(setup, wanted, address)
    collector = collectors.of(wanted.plugin.protocol)
    found: list[tuple[Module, Reading, float]] = []
    for module in wanted.modules:
        before = loop.time()
        hopeless = bool(found) and any(fault.reason in HOPELESS for fault in found[-1][1].faults)
        reading = _skipped(module, found[-1][1]) if hopeless else await _collected(collector, target, module, deadline)
        found.append((module, reading, loop.time() - before))
        if not hopeless:
            trace.values(module)
    return _probed(wanted, address, found, loop.time() - started, trace, target)


async def _collected(collector: Collector, target: Target, module: Module, deadline: float) -> Reading:
    try:
        async with asyncio.timeout_at(deadline + GRACE_S):
            return await collector.collect(target, [module], deadline)
    except TimeoutError:
        return Reading([], (Fault(module.name, "timeout", "no complete answer in time"),))


def _skipped(module: Module, last: Reading) -> Reading:
    fault = last.faults[0]
    return Reading([], (Fault(module.name, fault.reason, f"not asked for after this of {fault.module}"),))


def _probed(
    wanted: Wanted,
    address: str,
    found: Sequence[tuple[Module, Reading, float]],
    duration_s: float,
    trace: _Trace,
    target: Target,
) -> Probed:
    samples = [sample for _, reading, _ in found for sample in reading.samples]
    faults = tuple(fault for _, reading, _ in found for fault in reading.faults)
    stats = {name: one for _, reading, _ in found for name, one in reading.modules.items()}
    advice = {fault.reason: text for fault in faults if (text := trace.advice(fault, target))}
    return Probed(
        structs.replace(wanted, credential=target.credential),
        address,
        Reading(samples, faults, stats),
        duration_s,
        tuple(ModuleResult.of(module.name, reading, seconds, wanted.plugin) for module, reading, seconds in found),
        tuple(trace.lines),
        advice,
    )
