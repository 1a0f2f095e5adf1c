"""What is kept for one endpoint between scrapes: its socket, how it likes to be asked, who it is, its labels."""

from collections.abc import Callable

from exporters.probing.collector import Module, Target
from exporters.snmp.config.credential import PUBLIC, security_of
from exporters.snmp.config.profile import Profile
from exporters.snmp.decoding.columns import Arrangements
from exporters.snmp.decoding.labels import LabelCache
from exporters.snmp.kept import Kept
from exporters.snmp.pace import Pace
from exporters.snmp.plan import Plan
from exporters.snmp.route import Route
from exporters.snmp.security import SecurityModel
from exporters.snmp.session import Session, Trace
from exporters.snmp.transport import Endpoint
from exporters.snmp.window import Window

MOST_MEMORIES = 64
"""Modules in contexts remembered for one device; the oldest is forgotten."""

MOST_SECURITIES = 16
"""Credentials and contexts remembered for one device; a switch has one context for each VLAN at most now and then."""


class ModuleMemory:
    """What is known of one module on one device."""

    __slots__ = ("kept", "labels", "pace", "route")

    def __init__(self, repetitions: int | None, arrangements: Arrangements) -> None:
        self.pace = Pace(repetitions)
        self.labels = LabelCache(arrangements)
        self.route = Route()
        self.kept: Kept | None = None


class Device:
    """One endpoint; `arrangements` are shared with all others."""

    def __init__(self, arrangements: Arrangements) -> None:
        self._arrangements = arrangements
        self.session: Session | None = None
        self.window = Window()
        self.profile: Profile | None = None
        self.used_at = 0.0
        self._modules: dict[tuple[str, str], ModuleMemory] = {}
        self._securities: dict[object, tuple[object, SecurityModel]] = {}

    def memory(self, module: Module, context: str) -> ModuleMemory:
        """Return what is known of a module in a context; a module whose limit was changed starts anew."""
        plan: Plan = module.plan
        known = self._modules.get((module.name, context))
        if known is None or known.pace.configured != plan.repetitions:
            if len(self._modules) >= MOST_MEMORIES:
                self._modules.pop(next(iter(self._modules)))
            known = self._modules[module.name, context] = ModuleMemory(plan.repetitions, self._arrangements)
        return known

    def security(self, target: Target, plan: Plan | None, now: Callable[[], float]) -> SecurityModel:
        """Return how to talk to the device, kept because v3 remembers the engine; raises CredentialError.

        What the device's own credential says counts, else its module's (old files), else the public community.
        """
        value = target.credential.value if target.credential is not None else PUBLIC
        if plan is not None and plan.auth is not None and (target.credential is None or not target.credential.bound):
            value = plan.auth
        context, engine_id = target.params.get("snmp_context", ""), target.params.get("snmp_engineid", "")
        key = (id(value), context, engine_id)  # the value is kept beside the model, so no other gets its id
        known = self._securities.get(key)
        if known is None:
            if len(self._securities) >= MOST_SECURITIES:
                self._securities.pop(next(iter(self._securities)))
            known = (value, security_of(value, context=context, engine_id=engine_id, now=now))
            self._securities[key] = known
        return known[1]

    def connected(self, endpoint: Endpoint, request_id: Callable[[], int], trace: Trace | None) -> Session:
        """Return the session with an endpoint, opened when there is none that fits; raises DeviceError."""
        if self.session is not None and self.session.endpoint != endpoint:
            self.close()
        if self.session is None:
            self.session = Session(endpoint, request_id=request_id, trace=trace)
        return self.session

    def allow(self, in_flight: int, now: float) -> Window:
        """Return the window for a scrape that may have so many requests in flight."""
        if self.window.limit != in_flight:
            self.window = Window(in_flight)
        self.window.begin(now)
        return self.window

    def remembered(self) -> int:
        """Count the label texts."""
        return sum(len(known.labels) for known in self._modules.values())

    def close(self) -> None:
        """Close the socket."""
        if self.session is not None:
            self.session.close()
            self.session = None
