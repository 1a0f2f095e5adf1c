"""The SNMP collector: modules to walks, answers to samples, device trouble to faults."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter

from exporters.metric.samples import Fault, ModuleStats, Reading, Sample
from exporters.probing.collector import CollectorContext, Module, Target
from exporters.snmp import values
from exporters.snmp.credential import PUBLIC, security_of
from exporters.snmp.decode import samples
from exporters.snmp.errors import CredentialError, DeviceError, NoAnswerError, RefusedByDeviceError, UnreachableError
from exporters.snmp.labels import LabelCache
from exporters.snmp.plan import Plan
from exporters.snmp.scrape_stats import stats_samples
from exporters.snmp.security import SecurityModel
from exporters.snmp.session import Attempts, Endpoint, Session
from exporters.snmp.walk import Fetched, Pace, fetch

BEFORE_DEADLINE_S = 0.02
"""What was read is handed over before the engine would cancel."""

MOST_DEVICES = 20_000
"""Devices remembered by one process; the longest unused is forgotten first."""

MOST_LABELS = 2_000_000
"""Label texts remembered by one process, some 200 bytes each."""

MOST_SOCKETS = 500
"""Above so many devices a socket is closed after each scrape: half of the usual limit of file descriptors (1024)."""

SILENT = (NoAnswerError, RefusedByDeviceError, UnreachableError, CredentialError)
"""Errors after which no further module is asked for in the same scrape."""


class Traffic:
    """The plug-in's own metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.packets = Counter(
            "heronwatch_exporter_snmp_packets_total", "SNMP packets sent, repeated ones too.", registry=registry
        )
        self.retries = Counter(
            "heronwatch_exporter_snmp_packet_retries_total", "SNMP packets sent again.", registry=registry
        )


class Device:
    """What is kept for one endpoint between scrapes: its socket, how much it answers at once, its labels."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.paces: dict[str, Pace] = {}
        self.labels: dict[str, LabelCache] = {}
        self.used_at = 0.0

    def pace(self, module: Module) -> Pace:
        """Return how much to ask at once for a module; a module whose limit was changed starts anew."""
        plan: Plan = module.plan
        pace = self.paces.get(module.name)
        if pace is None or pace.configured != plan.repetitions:
            pace = self.paces[module.name] = Pace(plan.repetitions)
        return pace

    def cache(self, module: Module) -> LabelCache:
        """Return the labels remembered for a module."""
        return self.labels.setdefault(module.name, LabelCache())

    def remembered(self) -> int:
        """Count the label texts."""
        return sum(map(len, self.labels.values()))

    def close(self) -> None:
        """Close the socket."""
        if self.session is not None:
            self.session.close()
            self.session = None


class SnmpCollector:
    """Reads SNMP devices: one socket and one request in flight for each endpoint."""

    def __init__(self, context: CollectorContext, *, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._devices: OrderedDict[tuple[str, int], Device] = OrderedDict()
        self._traffic = Traffic(context.registry)
        self._idle_timeout_s = context.idle_timeout_s
        self._wrap = values.WRAP if context.options.get("snmp_wrap_large_counters", True) else 0
        self._random_bits = random_bits
        self._sweeper: asyncio.TimerHandle | None = None

    async def collect(self, target: Target, modules: Sequence[Module], deadline: float) -> Reading:
        """Read modules one after the other; see `exporters.probing.collector.Collector`."""
        device = self._device(target)
        found: list[Sample] = []
        faults: list[Fault] = []
        stats: dict[str, ModuleStats] = {}
        silence: DeviceError | None = None
        for module in modules:
            run = _Run(self, device, target, module, deadline - BEFORE_DEADLINE_S)
            error = silence or await run.read()
            stats[module.name] = run.stats(success=error is None)
            if error is None:
                found += run.samples
                found += stats_samples(module.name, stats[module.name])
            else:
                faults.append(Fault(module.name, error.reason, str(error)))
                silence = error if isinstance(error, SILENT) else None
        self._count(stats)
        if len(self._devices) > MOST_SOCKETS:
            device.close()
        return Reading(found, tuple(faults), stats)

    async def release(self, target: Target) -> None:
        """Forget a device and close its socket."""
        device = self._devices.pop((target.address, target.port), None)
        if device is not None:
            device.close()

    async def close(self) -> None:
        """Close every socket."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        while self._devices:
            self._devices.popitem()[1].close()

    def session(self, device: Device, target: Target, plan: Plan) -> Session:
        """Return the device's socket, opened when there is none that fits."""
        endpoint = Endpoint(target.address, target.port, plan.any_source)
        if device.session is not None and device.session.endpoint != endpoint:
            device.close()
        if device.session is None:
            device.session = Session(endpoint, request_id=lambda: self._random_bits(30))
        return device.session

    @property
    def wrap(self) -> int:
        """The modulus of Counter64 values, or 0."""
        return self._wrap

    def _device(self, target: Target) -> Device:
        key = (target.address, target.port)
        device = self._devices.get(key)
        if device is None:
            device = self._devices[key] = Device()
        self._devices.move_to_end(key)
        device.used_at = asyncio.get_running_loop().time()
        if self._sweeper is None:
            self._sweep()
        return device

    def _sweep(self) -> None:
        """Close idle sockets and forget devices beyond the bounds; runs again while anything is kept."""
        loop = asyncio.get_running_loop()
        for device in self._devices.values():
            if device.used_at < loop.time() - self._idle_timeout_s:
                device.close()
        _forget_beyond(self._devices)
        self._sweeper = loop.call_later(max(1.0, self._idle_timeout_s / 10), self._sweep) if self._devices else None

    def _count(self, stats: dict[str, ModuleStats]) -> None:
        self._traffic.packets.inc(sum(module.packets_sent for module in stats.values()))
        self._traffic.retries.inc(sum(module.packets_retried for module in stats.values()))


def _forget_beyond(devices: OrderedDict[tuple[str, int], Device]) -> None:
    labels = sum(device.remembered() for device in devices.values())
    while len(devices) > 1 and (labels > MOST_LABELS or len(devices) > MOST_DEVICES):
        _, oldest = devices.popitem(last=False)
        labels -= oldest.remembered()
        oldest.close()


class _Run:
    """One module of one scrape."""

    def __init__(
        self, collector: SnmpCollector, device: Device, target: Target, module: Module, deadline: float
    ) -> None:
        plan: Plan = module.plan
        self.samples: list[Sample] = []
        self._collector = collector
        self._device = device
        self._target = target
        self._module = module
        self._plan = plan
        self._attempts = Attempts(plan.timeout_s, plan.retries, deadline)
        self._fetched = Fetched(table={})
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._walked_s = 0.0
        self._packets = (0, 0)

    async def read(self) -> DeviceError | None:
        """Walk and decode; an error is a value, and then there are no samples."""
        try:
            security = _security(self._target, self._plan)
            await self._walk(self._collector.session(self._device, self._target, self._plan), security)
            cache = self._device.cache(self._module)
            self.samples = samples(self._fetched.table, self._plan, cache, wrap=self._collector.wrap)
        except DeviceError as error:
            return error
        return None

    def stats(self, *, success: bool) -> ModuleStats:
        """Return what the module cost."""
        return ModuleStats(
            success=success,
            duration_s=self._loop.time() - self._started,
            walk_duration_s=self._walked_s,
            packets_sent=self._packets[0],
            packets_retried=self._packets[1],
            pdus_returned=self._fetched.returned,
        )

    async def _walk(self, session: Session, security: SecurityModel) -> None:
        before = (session.sent, session.retried)
        steps = fetch(self._plan, self._fetched, version=security.version, pace=self._device.pace(self._module))
        try:
            await session.run(steps, security, self._attempts)
        finally:
            self._packets = (session.sent - before[0], session.retried - before[1])
            self._walked_s = self._loop.time() - self._started


def _security(target: Target, plan: Plan) -> SecurityModel:
    """Return how to talk to a device: what its own credential says, else its module's (old files), else public."""
    if target.transport != "udp":
        raise CredentialError("SNMP over TCP is not supported")
    if plan.auth is not None and (target.credential is None or not target.credential.bound):
        return security_of(plan.auth)
    return security_of(target.credential.value if target.credential is not None else PUBLIC)
