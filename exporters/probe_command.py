"""`heronwatch exporter probe`: one scrape from the command line, without a server."""

import asyncio
from urllib.parse import urlencode

from msgspec import Struct, structs
from prometheus_client import CollectorRegistry

from exporters.errors import RefusedError, UnresolvedError
from exporters.loading import Setup, load_setup
from exporters.metric.samples import Fault, Reading
from exporters.options import ServeOptions
from exporters.probe_output import FORMS, Probed
from exporters.probing.collector import CollectorContext, Target
from exporters.probing.collectors import Collectors
from exporters.probing.registry import installed
from exporters.probing.resolve import Resolver
from exporters.probing.scrape import GRACE_S
from exporters.probing.selection import Wanted, endpoint_wanted, permitted, probe_wanted
from heronwatch.commands import EXIT_FAULT, EXIT_OK
from heronwatch.http_message import Query


class Question(Struct, frozen=True, kw_only=True):
    """What a person wants to know."""

    target: str
    modules: tuple[str, ...] = ()
    credential: str = ""
    params: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 10.0


async def probe(options: ServeOptions, question: Question, form: str) -> tuple[int, str]:
    """Read the device; returns the exit status and what to print."""
    setup = load_setup(options.sources(), installed()[0])
    wanted = wanted_by(setup, question)
    context = CollectorContext(registry=CollectorRegistry(), options=options.plugin_options)
    collectors = Collectors(lambda: setup.plugins, context)
    resolver = Resolver(now=asyncio.get_running_loop().time)
    try:
        probed = await _read(setup, wanted, collectors, resolver, question.timeout_s)
    finally:
        await collectors.close()
        resolver.close()
    return EXIT_FAULT if probed.reading.faults else EXIT_OK, FORMS[form](probed)


def wanted_by(setup: Setup, question: Question) -> Wanted:
    """Read the question as the routes do; a person at a terminal may aim unbound credentials anywhere."""
    pairs = [("target", question.target), *(("module", name) for name in question.modules), *question.params]
    plugin = next((p for p in setup.plugins.values() if p.endpoint and _speaks(setup, p.protocol, question)), None)
    if plugin is not None and plugin.endpoint is not None:
        chosen = [(plugin.endpoint.credential_param, question.credential)] if question.credential else []
        wanted = endpoint_wanted(setup, plugin, Query(urlencode([*pairs, *chosen])))
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


def _with_credential(setup: Setup, wanted: Wanted, name: str) -> Wanted:
    known = setup.credentials[wanted.plugin.protocol]
    if name not in known:
        raise RefusedError(f"{name!r} is not a credential of {wanted.plugin.protocol}")
    return structs.replace(wanted, credential=known[name], choose_credential=False)


async def _read(setup: Setup, wanted: Wanted, collectors: Collectors, resolver: Resolver, timeout_s: float) -> Probed:
    loop = asyncio.get_running_loop()
    started = loop.time()
    deadline = started + timeout_s
    try:
        address = await resolver.address(wanted.host, deadline)
    except UnresolvedError as error:
        faults = tuple(Fault(module.name, "unreachable", str(error)) for module in wanted.modules)
        return Probed(wanted, "", Reading([], faults), loop.time() - started)
    credential, decision = permitted(setup, wanted, address)
    if not decision.allowed:
        raise RefusedError(decision.reason)
    target = Target(
        name=wanted.name,
        address=address,
        port=wanted.port,
        host=wanted.host,
        transport=wanted.transport,
        credential=credential,
        params=wanted.params,
    )
    collector = collectors.of(wanted.plugin.protocol)
    try:
        async with asyncio.timeout_at(deadline + GRACE_S):
            reading = await collector.collect(target, wanted.modules, deadline)
    except TimeoutError:
        faults = tuple(Fault(module.name, "timeout", "no complete answer in time") for module in wanted.modules)
        reading = Reading([], faults)
    return Probed(wanted, address, reading, loop.time() - started)
