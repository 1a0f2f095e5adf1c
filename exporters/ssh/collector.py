"""The SSH collector: one script for each module and scrape, its output to samples, trouble to faults."""

import asyncio
import secrets
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge

from exporters.metric.samples import Fault, ModuleStats, Reading, Sample
from exporters.probing.collector import Module, Target
from exporters.ssh.credential import SshCredential
from exporters.ssh.decode import samples_of
from exporters.ssh.errors import SshError
from exporters.ssh.module import SshPlan
from exporters.ssh.script import batch, taken_apart
from exporters.ssh.session import Endpoint, HostSession
from heronwatch.logs import get_logger

BEFORE_DEADLINE_S = 0.02  # what was read is handed over before the engine would cancel
MANY_SESSIONS = 4096  # above this, sessions at rest are forgotten

Key = tuple[str, int, int]


class SshCollector:
    """Reads hosts over SSH: one `HostSession` for each host and credential."""

    def __init__(self, registry: CollectorRegistry, *, idle_timeout_s: float) -> None:
        self._idle_timeout_s = idle_timeout_s
        self._sessions: dict[Key, tuple[SshCredential, HostSession]] = {}
        self._log = get_logger("exporters.ssh")
        self._unverified = Gauge(
            "heronwatch_exporter_ssh_unverified_connections",
            "SSH connections open to hosts whose key is not checked (insecure_host_key).",
            registry=registry,
            multiprocess_mode="livesum",
        )

    async def collect(self, target: Target, modules: Sequence[Module], deadline: float) -> Reading:
        """Read modules one after the other; see `exporters.probing.collector.Collector`."""
        if target.credential is None:
            return _all_fail(modules, "auth", "no credential is bound to this target")
        session = self._session(target, target.credential.value)
        samples: list[Sample] = []
        faults: list[Fault] = []
        stats: dict[str, ModuleStats] = {}
        unheard: SshError | None = None
        for module in modules:
            started = asyncio.get_running_loop().time()
            if unheard is None:
                found, troubles, unheard = await _read(session, module, deadline - BEFORE_DEADLINE_S)
                samples += found
            else:
                troubles = [Fault(module.name, unheard.reason, f"not asked after: {unheard}")]
            faults += troubles
            took_s = asyncio.get_running_loop().time() - started
            stats[module.name] = ModuleStats(success=not troubles, duration_s=took_s)
        return Reading(samples, tuple(faults), stats)

    async def release(self, target: Target) -> None:
        """Close what is kept for a target, whatever the credential."""
        for key in [key for key in self._sessions if key[:2] == (target.address, target.port)]:
            self._sessions.pop(key)[1].close()

    async def close(self) -> None:
        """Close every connection."""
        while self._sessions:
            self._sessions.popitem()[1][1].close()
        await asyncio.sleep(0)  # transports close in the next turn of the loop

    def _session(self, target: Target, credential: SshCredential) -> HostSession:
        """Find or make the session. The credential is kept beside it, so that its id stays its own."""
        if len(self._sessions) >= MANY_SESSIONS:
            self._sessions = {key: kept for key, kept in self._sessions.items() if not kept[1].at_rest}
        key = (target.address, target.port, id(credential))
        if key not in self._sessions:
            self._sessions[key] = (credential, self._made(target, credential))
        return self._sessions[key][1]

    def _made(self, target: Target, credential: SshCredential) -> HostSession:
        endpoint = Endpoint(target.address, target.port, target.host)
        if not credential.insecure_host_key:
            return HostSession(endpoint, credential, idle_close_s=self._idle_timeout_s)
        self._log.warning("the host key is not checked", target=target.name, address=target.address)
        return HostSession(endpoint, credential, idle_close_s=self._idle_timeout_s, opened=self._unverified.inc)


async def _read(
    session: HostSession, module: Module, deadline: float
) -> tuple[list[Sample], list[Fault], SshError | None]:
    """Run one module; the error says that the host need not be asked any more in this scrape."""
    plan: SshPlan = module.plan
    mark = f"@@{secrets.token_hex(8)}"
    script = batch([(name, command.run) for name, command in plan.commands.items()], mark)
    try:
        output = await session.run(script, timeout_s=plan.timeout_s, deadline=deadline, max_output=plan.max_output)
    except SshError as error:
        return [], [Fault(module.name, error.reason, str(error))], error
    parts = taken_apart(output.data.decode("utf-8", "replace"), mark)
    if not parts:
        return [], [Fault(module.name, "decode", f"the host ran no script: exit status {output.status}")], None
    samples: list[Sample] = []
    faults: list[Fault] = []
    for _, found, trouble in samples_of(plan.commands, parts):
        samples += found
        if trouble:
            faults.append(Fault(module.name, trouble.reason, trouble.detail))
    return samples, faults, None


def _all_fail(modules: Sequence[Module], reason: str, detail: str) -> Reading:
    faults = tuple(Fault(module.name, reason, detail) for module in modules)
    return Reading([], faults, {module.name: ModuleStats(success=False) for module in modules})
