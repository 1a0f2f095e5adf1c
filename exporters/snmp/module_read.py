"""One module of one scrape: walk, decode, and what it cost."""

import asyncio
from collections.abc import Awaitable, Collection, Iterable
from itertools import chain

from exporters.metric.blocks import SampleBlocks
from exporters.metric.samples import ModuleStats
from exporters.probing.collector import Module, Target
from exporters.snmp.ber import V1, Kind, Request, Steps
from exporters.snmp.config.options import Options
from exporters.snmp.conversation import Attempts
from exporters.snmp.decoding.decode import samples
from exporters.snmp.device import Device, ModuleMemory
from exporters.snmp.errors import DeviceError, RebootError
from exporters.snmp.fetched import Fetched
from exporters.snmp.kept import PROOF, Boot, Kept, boot_of, is_same_boot, is_unchanged, keepable, rows_of, values_of
from exporters.snmp.plan import Plan
from exporters.snmp.route import NOTHING
from exporters.snmp.security import SecurityModel
from exporters.snmp.session import Session
from exporters.snmp.wanted import Wanted, filters, singles
from exporters.snmp.window import Window


class ModuleRead:
    """One module of one scrape; `found` has its samples once `run` returned None."""

    def __init__(self, device: Device, target: Target, module: Module, options: Options, deadline: float) -> None:
        plan: Plan = module.plan
        self.found = SampleBlocks()
        self.fetched = Fetched(table={})
        self.mean_answer_s: float | None = None
        self._device = device
        self._target = target
        self.plan = plan
        self.options = options
        self.memory: ModuleMemory = device.memory(module, target.params.get("snmp_context", ""))
        self.attempts = Attempts(plan.timeout_s, plan.retries, deadline)
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._walked_s = 0.0
        self._packets = (0, 0)

    async def run(self, session: Session, window: Window) -> DeviceError | None:
        """Walk and decode; an error is a value, and then there are no samples."""
        try:
            security = self._device.security(self._target, self.plan, self._loop.time)
            await self._counted(session, _Walk(self, session, security, window).run())
            self.found = self._decoded()
        except DeviceError as error:
            return error.with_traceback(None)  # its frames hold the table
        return None

    def stats(self, *, success: bool) -> ModuleStats:
        """Return what the module cost."""
        return ModuleStats(
            success=success,
            duration_s=self._loop.time() - self._started,
            walk_duration_s=self._walked_s,
            packets_sent=self._packets[0],
            packets_retried=self._packets[1],
            pdus_returned=self.fetched.returned,
        )

    async def _counted(self, session: Session, walk: Awaitable[None]) -> None:
        sent, retried, answered, waited_s = session.sent, session.retried, session.answered, session.waited_s
        try:
            await walk
        finally:
            self._packets = (session.sent - sent, session.retried - retried)
            self._walked_s = self._loop.time() - self._started
            if session.answered > answered:
                self.mean_answer_s = (session.waited_s - waited_s) / (session.answered - answered)

    def _decoded(self) -> SampleBlocks:
        options = self.options
        return samples(
            self.fetched.table, self.plan, self.memory.labels, wrap=options.wrap, printable=options.printable
        )


class _Walk:
    """Everything that one module asks a device."""

    def __init__(self, read: ModuleRead, session: Session, security: SecurityModel, window: Window) -> None:
        self._read = read
        self._plan = read.plan
        self._memory = read.memory
        self._fetched = read.fetched
        self._session = session
        self._security = security
        self._window = window

    async def run(self) -> None:
        """Fetch into the table; raises DeviceError."""
        if self._read.options.keep_labels_s and self._security.version != V1:
            await self._with_kept()
        else:
            await self._fetch(NOTHING)

    async def _fetch(self, skip: Collection[bytes]) -> None:
        plan, version, pace = self._plan, self._security.version, self._memory.pace
        wanted = Wanted(plan.get, plan.walk)
        for steps in filters(plan, wanted, version=version, pace=pace):
            await self._ask([steps])
        walks = self._memory.route.tasks(
            plan, wanted.roots, self._fetched, version=version, pace=pace, window=self._window, skip=skip
        )
        await self._ask(chain(singles(plan, wanted.gets, self._fetched, version=version), walks))
        self._fetched.join()
        self._memory.route.learn(plan, self._fetched, pace=pace, skip=skip)

    async def _ask(self, tasks: Iterable[Steps]) -> None:
        await self._session.run(tasks, self._security, self._read.attempts, self._window)

    async def _with_kept(self) -> None:
        """Fetch what is not kept; what is kept counts only while the device proves that it still holds."""
        columns = keepable(self._plan, self._read.options.static)
        before = await self._boot() if columns else None
        kept, self._memory.kept = self._memory.kept, None  # a scrape that fails proves nothing
        if before is None:
            await self._fetch(NOTHING)
        elif kept is None or not self._holds(kept, before):
            await self._fetch(NOTHING)
            self._memory.kept = await self._keep(columns, before)
        else:
            await self._fetch(columns)
            if await self._is_settled(before) and rows_of(self._fetched.table, self._plan, columns) == kept.rows:
                self._fetched.table.update(kept.values)
                self._memory.kept = kept
            else:
                await self._fetch(NOTHING)

    def _holds(self, kept: Kept, boot: Boot) -> bool:
        is_young = boot.at - kept.at < self._read.options.keep_labels_s
        return is_young and is_same_boot(kept.boot, boot) and is_unchanged(kept.boot, boot)

    async def _keep(self, columns: Collection[bytes], before: Boot) -> Kept | None:
        if not await self._is_settled(before):
            return None
        table = self._fetched.table
        return Kept(before.at, before, rows_of(table, self._plan, columns), values_of(table, columns))

    async def _is_settled(self, before: Boot) -> bool:
        """Say whether no interface came or went during the walk; raises RebootError when the device started anew."""
        now = await self._boot()
        if now is None or not is_same_boot(before, now):
            raise RebootError("the device started anew while it was read")
        return is_unchanged(before, now)

    async def _boot(self) -> Boot | None:
        reply = await self._session.ask(Request(Kind.GET, PROOF), self._security, self._read.attempts)
        return boot_of(reply, asyncio.get_running_loop().time())
