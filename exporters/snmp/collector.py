"""The SNMP collector: modules to walks, answers to samples, device trouble to faults."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence

from exporters.metric.blocks import SampleBlocks
from exporters.metric.samples import Family, Fault, ModuleStats, Reading, label_text
from exporters.probing.collector import CollectorContext, Module, Target
from exporters.snmp.ber import Kind, Request
from exporters.snmp.config.options import Options, options_of
from exporters.snmp.config.profile import SYS_OBJECT_ID, TRUST_S, Kinds, Profile, profile_of
from exporters.snmp.conversation import Attempts
from exporters.snmp.decoding.columns import Arrangements
from exporters.snmp.device import Device
from exporters.snmp.errors import CredentialError, DeviceError, NoAnswerError, RefusedByDeviceError, UnreachableError
from exporters.snmp.module_read import ModuleRead
from exporters.snmp.scrape_stats import stats_samples
from exporters.snmp.session import Session
from exporters.snmp.traffic import Traffic
from exporters.snmp.transport import Endpoint
from exporters.snmp.window import Window

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

WHO_TIMEOUT_S, WHO_RETRIES = 5.0, 3
"""How a device is asked who it is: as a module that names neither."""

PROFILE = Family("snmp_device_profile_info", "gauge", "What module 'auto' took the device for, by its sysObjectID.")


class SnmpCollector:
    """Reads SNMP devices: one way to each endpoint, and one request in flight unless a person allows more."""

    def __init__(self, context: CollectorContext, *, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._devices: OrderedDict[tuple[str, int, str], Device] = OrderedDict()
        self._arrangements = Arrangements()
        self._traffic = Traffic(context.registry)
        self._idle_timeout_s = context.idle_timeout_s
        self._options = options_of(context.options)
        self._random_bits = random_bits
        self._sweeper: asyncio.TimerHandle | None = None

    async def collect(self, target: Target, modules: Sequence[Module], deadline: float) -> Reading:
        """Read modules one after the other; see `exporters.probing.collector.Collector`."""
        device = self._device(target)
        scrape = _Scrape(self, device, target, self._options.for_device(target.params), deadline - BEFORE_DEADLINE_S)
        self._traffic.begun()
        try:
            await scrape.read(modules)
        finally:
            self._traffic.ended(scrape.stats)
            if len(self._devices) > MOST_SOCKETS:
                device.close()
        return Reading(scrape.found, tuple(scrape.faults), scrape.stats)

    async def release(self, target: Target) -> None:
        """Forget a device and close its socket."""
        device = self._devices.pop(_key(target), None)
        if device is not None:
            device.close()

    async def close(self) -> None:
        """Close every socket."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        while self._devices:
            self._devices.popitem()[1].close()

    def random_bits(self, count: int) -> int:
        """Return so many random bits."""
        return self._random_bits(count)

    @property
    def traffic(self) -> Traffic:
        """The plug-in's own metrics."""
        return self._traffic

    def _device(self, target: Target) -> Device:
        key = _key(target)
        device = self._devices.get(key)
        if device is None:
            device = self._devices[key] = Device(self._arrangements)
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


def _key(target: Target) -> tuple[str, int, str]:
    return target.address, target.port, target.transport


def _forget_beyond(devices: OrderedDict[tuple[str, int, str], Device]) -> None:
    labels = sum(device.remembered() for device in devices.values())
    while len(devices) > 1 and (labels > MOST_LABELS or len(devices) > MOST_DEVICES):
        _, oldest = devices.popitem(last=False)
        labels -= oldest.remembered()
        oldest.close()


class _Scrape:
    """One scrape of one device: what was found, and what went wrong."""

    def __init__(
        self, collector: SnmpCollector, device: Device, target: Target, options: Options, deadline: float
    ) -> None:
        self.found = SampleBlocks()
        self.faults: list[Fault] = []
        self.stats: dict[str, ModuleStats] = {}
        self._collector = collector
        self._device = device
        self._target = target
        self._options = options
        self._deadline = deadline
        self._silence: DeviceError | None = None

    async def read(self, modules: Sequence[Module]) -> None:
        """Read modules one after the other; after a silence the others are not asked for."""
        for module in modules:
            if isinstance(module.plan, Kinds):
                for chosen in await self._chosen(module, module.plan):
                    await self._read_one(chosen)
            else:
                await self._read_one(module)

    async def _read_one(self, module: Module) -> None:
        if module.name in self.stats:
            return
        read = ModuleRead(self._device, self._target, module, self._options, self._deadline)
        error = self._silence
        if error is None:
            try:
                error = await read.run(self._session(module.plan.any_source), self._window())
            except DeviceError as trouble:  # no socket could be had
                error = trouble
        stats = self.stats[module.name] = read.stats(success=error is None)
        if read.mean_answer_s is not None:
            self._collector.traffic.answered(read.mean_answer_s)
        if error is None:
            self.found += read.found
            self.found += stats_samples(module.name, stats)
        else:
            self._failed(module, error)

    def _failed(self, module: Module, error: DeviceError) -> None:
        self.faults.append(Fault(module.name, error.reason, str(error)))
        self._silence = error if isinstance(error, SILENT) else None

    def _window(self) -> Window:
        profile = self._device.profile
        alone = profile is not None and profile.quirks.one_at_a_time
        return self._device.allow(1 if alone else self._options.window, asyncio.get_running_loop().time())

    def _session(self, any_source: bool) -> Session:
        target = self._target
        endpoint = Endpoint(target.address, target.port, any_source, target.transport, self._options.source)
        return self._device.connected(endpoint, lambda: self._collector.random_bits(30), self._options.trace)

    async def _chosen(self, module: Module, kinds: Kinds) -> Sequence[Module]:
        """Return the modules that fit the device."""
        try:
            profile = await self._profile(kinds)
        except DeviceError as error:
            self.stats[module.name] = ModuleStats(success=False)
            self._failed(module, error)
            return ()
        labels = {"sysObjectID": profile.object_id, "vendor": profile.vendor}
        labels["modules"] = ",".join(chosen.name for chosen in profile.modules)
        self.found += [(PROFILE, label_text(labels.items()), 1)]
        return profile.modules

    async def _profile(self, kinds: Kinds) -> Profile:
        now = asyncio.get_running_loop().time()
        known = self._device.profile
        if known is not None and known.kinds is kinds and now < known.at + TRUST_S:
            return known
        if self._silence is not None:
            raise self._silence
        security = self._device.security(self._target, None, asyncio.get_running_loop().time)
        attempts = Attempts(WHO_TIMEOUT_S, WHO_RETRIES, self._deadline)
        reply = await self._session(any_source=False).ask(Request(Kind.GET, (SYS_OBJECT_ID,)), security, attempts)
        self._device.profile = profile_of(reply, kinds, now)
        return self._device.profile
