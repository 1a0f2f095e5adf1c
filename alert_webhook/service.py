"""One process of the webhook, put together part by part: store, engine, servers."""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from importlib.metadata import version
from pathlib import Path

from msgspec import Struct
from prometheus_client import CollectorRegistry

from alert_webhook.answer_gauges import AnswerGauges
from alert_webhook.background import Repeated
from alert_webhook.config import Config, Database
from alert_webhook.delivery.aftercare import Aftercare
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.delivery.gate_gauges import BreakerGauges
from alert_webhook.delivery.gauges import ChannelGauges
from alert_webhook.delivery.outbox import Outbox
from alert_webhook.delivery.tracking import TrackedChannels
from alert_webhook.errors import SchemaTooNewError
from alert_webhook.escalation.engine import Engine
from alert_webhook.incidents.silencing import Silencer
from alert_webhook.incidents.topology import TopologyReader
from alert_webhook.intake.keeping import TURN_EVERY_S, Keeping, KeepingMeters
from alert_webhook.intake.reconcile_gauges import ReconcileGauges
from alert_webhook.live import LiveConfig, make_channels
from alert_webhook.meters import Meters, StoreGauges
from alert_webhook.oncall.gauges import OnCallGauges
from alert_webhook.oncall.remote_calendars import LOOK_EVERY_S as CALENDARS_EVERY_S
from alert_webhook.oncall.remote_calendars import RemoteCalendars
from alert_webhook.parts import Parts
from alert_webhook.shadow.channels import ShadowedChannels, ShadowedGate
from alert_webhook.shadow.reporting import TURN_EVERY_S as REPORT_EVERY_S
from alert_webhook.shadow.reporting import ShadowReports
from alert_webhook.store import file_checks
from alert_webhook.store.database import Store
from alert_webhook.store.engine_lock import engine_lock
from alert_webhook.store.migrating import migrate, newest_revision
from alert_webhook.store.opening import engine_for, nothing, open_store
from alert_webhook.watch.emergency import LOOK_EVERY_S as EMERGENCY_EVERY_S
from alert_webhook.watch.emergency import Emergency
from alert_webhook.watch.lookout import LOOK_EVERY_S, Lookout, WatchMeters
from alert_webhook.watch.watch import Refusals
from heronwatch.clock import Clock
from heronwatch.config import Loaded
from heronwatch.logs import get_logger
from heronwatch.telemetry import Telemetry

OUTSIDE_EVERY_S = 2.0  # how soon an acknowledgement is told to Alertmanager
MAX_SENDERS = 64  # threads; how many work at once is `delivery.senders`


class Seams(Struct, frozen=True, kw_only=True):
    """What tests replace: the clock, randomness, and where they stop the process."""

    clock: Clock
    random: Callable[[int], bytes] = secrets.token_bytes
    failpoint: Callable[[str], None] = nothing


class Service(Struct, frozen=True, kw_only=True):
    """The parts of one process."""

    parts: Parts
    live: LiveConfig
    meters: Meters
    telemetry: Telemetry
    outbox: Outbox
    wake: threading.Event
    refusals: Refusals
    watch_meters: WatchMeters


class RunningEngine:
    """The engine in its thread, with its senders and, on SQLite, the lock that keeps a second one away."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stop = threading.Event()
        self._senders = ThreadPoolExecutor(MAX_SENDERS, thread_name_prefix="sender")
        self._held = ExitStack()
        self._engine = Engine(
            service.parts,
            service.outbox,
            self._senders,
            wake=service.wake,
            meters=service.meters,
            revision=newest_revision(),
            idle=service.live.close_retired,
        )
        self._thread = threading.Thread(target=self._engine.run, args=(self._stop.is_set,), name="engine", daemon=True)
        self._beside = _beside(service, self._engine)

    @property
    def trouble(self) -> str:
        """Why it does not work, "" while it does."""
        if not self._thread.is_alive():
            return "the engine has stopped"
        return self._engine.trouble

    def start(self) -> None:
        """Begin; StoreInUseError when another process runs the engine on this file."""
        self._held.enter_context(_lock(self._service.parts.settings().database))
        self._thread.start()
        for each in self._beside:
            each.start()

    def take_nothing_new(self) -> None:
        """Begin to stop."""
        self._stop.set()
        self._service.wake.set()
        for each in self._beside:
            each.take_nothing_new()

    def stop(self, *, deadline_s: float) -> None:
        """Let messages on their way finish until the deadline; the rest keep their leases and go out again, marked."""
        ends = time.monotonic() + deadline_s
        self.take_nothing_new()
        self._thread.join(deadline_s)
        self._senders.shutdown(wait=False, cancel_futures=True)
        while not self._engine.idle and time.monotonic() < ends:
            time.sleep(0.02)
        self._service.outbox.forget()
        for each in self._beside:
            each.stop(deadline_s=max(0.0, ends - time.monotonic()))
        self._held.close()


def _beside(service: Service, engine: Engine) -> tuple[Repeated, ...]:
    """Return what runs beside the engine, as long as that one may work on the database."""
    parts = service.parts
    keeping = Keeping(parts, KeepingMeters(service.telemetry.registry))
    lookout = Lookout(parts, service.refusals, service.watch_meters)
    topology, silences = TopologyReader(parts), Silencer(parts)
    works: tuple[tuple[str, Callable[[], float], float], ...] = (
        ("aftercare", Aftercare(parts).repeat, 0.0),
        ("topology", _every(OUTSIDE_EVERY_S, topology.turn), OUTSIDE_EVERY_S),
        ("silences", _every(OUTSIDE_EVERY_S, silences.turn), OUTSIDE_EVERY_S),
        ("watch", _every(LOOK_EVERY_S, lookout.look), LOOK_EVERY_S),
        ("keeping", _every(TURN_EVERY_S, keeping.turn), 0.0),
        ("calendars", _every(CALENDARS_EVERY_S, RemoteCalendars(parts).turn), 0.0),
        ("shadow", _every(REPORT_EVERY_S, ShadowReports(parts).turn), 0.0),
    )
    beside = [Repeated(name, _unless_outdated(engine, turn), first_s=first_s) for name, turn, first_s in works]
    emergency = Emergency(parts, lambda: "" if engine.outdated else engine.trouble, service.telemetry.registry)
    return (*beside, Repeated("emergency", _every(EMERGENCY_EVERY_S, emergency.turn), first_s=EMERGENCY_EVERY_S))


def _unless_outdated(engine: Engine, turn: Callable[[], float]) -> Callable[[], float]:
    """Return a turn that leaves the database alone while a newer release owns it."""
    return lambda: OUTSIDE_EVERY_S if engine.outdated else turn()


def _every(seconds: float, work: Callable[[], object]) -> Callable[[], float]:
    """Return a turn that works and then waits so long."""

    def turn() -> float:
        work()
        return seconds

    return turn


def build(loaded: Loaded[Config], files: Sequence[str | Path], seams: Seams, *, external_url: str) -> Service:
    """Open and migrate the database and put the parts together; nothing runs yet."""
    telemetry = Telemetry("webhook", version("heronwatch"))
    meters = Meters(telemetry.registry)
    store = open_database(loaded.value.database, seams, observe_commit=meters.commit.observe)
    for line in file_checks.warnings(loaded.value.database):
        get_logger("heronwatch.webhook").warning("the database's file", reason=line)
    public_url = str(loaded.value.public_url or external_url).rstrip("/")
    wake = threading.Event()

    live = LiveConfig(
        files,
        lambda fresh: make_channels(fresh, public_url=public_url, random=seams.random, now=seams.clock.now),
        loaded,
    )
    parts = Parts(
        store=store,
        clock=seams.clock,
        settings=live.settings,
        random=seams.random,
        wake=wake.set,
        failpoint=seams.failpoint,
        public_url=public_url,
        channels=live.channels,
        callback_refused=meters.callback_refused,
        template_failed=meters.template_failed,
    )
    gate = LiveGate(live.settings)
    _register_gauges(telemetry.registry, parts, gate)
    tracked = TrackedChannels(parts, live.channels)
    channels, shadowed_gate = ShadowedChannels(tracked), ShadowedGate(gate)
    outbox = Outbox(parts, channels, gate=shadowed_gate, meters=meters, pause=time.sleep)
    return Service(
        parts=parts,
        live=live,
        meters=meters,
        telemetry=telemetry,
        outbox=outbox,
        wake=wake,
        refusals=gate.refusals,
        watch_meters=WatchMeters(telemetry.registry),
    )


def _register_gauges(registry: CollectorRegistry, parts: Parts, gate: LiveGate) -> None:
    """Register what is asked of the database, or of the breakers, at scrape time."""
    store, settings, now = parts.store, parts.settings, parts.clock.now
    for collector in (
        StoreGauges(store),
        OnCallGauges(store, settings, now),
        ReconcileGauges(store, settings),
        ChannelGauges(store, settings),
        AnswerGauges(store, settings),
        BreakerGauges(gate, now),
    ):
        registry.register(collector)


def open_database(database: Database, seams: Seams, *, observe_commit: Callable[[float], None] = nothing) -> Store:
    """Open the database, made where there is none, and bring it to this version's schema."""
    engine = engine_for(database)
    try:
        migrate(engine, failpoint=seams.failpoint)
    except SchemaTooNewError as error:  # during a rolling upgrade: still accept alerts; the engine checks for itself
        get_logger("heronwatch.webhook").error("the database is newer than this version", reason=str(error))
    return open_store(engine, seams.clock, observe_commit=observe_commit, failpoint=seams.failpoint)


def _lock(database: Database) -> AbstractContextManager[None]:
    return engine_lock(database.sqlite) if database.sqlite is not None else nullcontext()
