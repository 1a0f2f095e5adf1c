"""`module=auto`: what a device is by its sysObjectID, which modules fit it, and its quirks. Pure.

The table is `fingerprints.yml` beside this file; the longest OID that begins a device's sysObjectID counts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Struct, structs

from exporters.probing.collector import Module
from exporters.snmp import oid
from exporters.snmp.ber import OBJECT_IDENTIFIER, Reply, unpacked
from exporters.snmp.config.snmpyml import Block, Oid
from exporters.snmp.errors import StatusError
from exporters.snmp.plan import Plan
from heronwatch.config import load

AUTO = "auto"
SYS_OBJECT_ID = oid.encode("1.3.6.1.2.1.1.2.0")  # RFC 3418
TABLE = Path(__file__).with_name("fingerprints.yml")
TRUST_S = 3600.0
"""A device is asked again who it is after so long: hardware behind an address is replaced now and then."""


class Quirks(Block, frozen=True, kw_only=True):
    """What a kind of device cannot bear."""

    max_repetitions: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    allow_nonincreasing_oids: bool = False
    one_at_a_time: bool = False
    """Never more than one request in flight, whatever the window says."""


class Fingerprint(Block, frozen=True, kw_only=True):
    """A kind of device."""

    sysobjectid: Oid
    vendor: str
    modules: tuple[str, ...]
    quirks: Quirks = Quirks()


class FingerprintFile(Block, frozen=True, kw_only=True):
    """The table."""

    default: tuple[str, ...]
    fingerprints: tuple[Fingerprint, ...]


class Kinds(Struct, frozen=True, eq=False):
    """The plan of the module `auto`: kinds of devices by the start of their sysObjectID, and all modules by name."""

    by_oid: Mapping[bytes, Fingerprint]
    default: tuple[str, ...]
    modules: Mapping[str, Module]


class Profile(Struct, frozen=True, eq=False):
    """What one device is: `at` monotonic seconds it said so."""

    at: float
    kinds: Kinds
    object_id: str
    vendor: str
    modules: tuple[Module, ...]
    quirks: Quirks


def read_kinds(modules: Mapping[str, Module], path: Path = TABLE) -> Kinds:
    """Read the table; raises ConfigError."""
    content = load([path], FingerprintFile).value
    return Kinds({kind.sysobjectid.content: kind for kind in content.fingerprints}, content.default, modules)


def profile_of(reply: Reply, kinds: Kinds, at: float) -> Profile:
    """Return what a device is, by its answer to SYS_OBJECT_ID; raises StatusError from one that does not say."""
    found = dict(zip(reply.names, reply.elements, strict=True)).get(SYS_OBJECT_ID)
    if reply.status or found is None or found[0] != OBJECT_IDENTIFIER:
        raise StatusError("the device does not tell its sysObjectID, by which module 'auto' chooses: name the modules")
    object_id = unpacked(found)[1]
    kind = _kind(object_id, kinds)
    names = kind.modules if kind else kinds.default
    quirks = kind.quirks if kind else Quirks()
    return Profile(
        at=at,
        kinds=kinds,
        object_id=oid.text(object_id),
        vendor=kind.vendor if kind else "",
        modules=tuple(_bearable(kinds.modules[name], quirks) for name in names if name in kinds.modules),
        quirks=quirks,
    )


def _kind(object_id: bytes, kinds: Kinds) -> Fingerprint | None:
    sizes = range(len(object_id), 0, -1)
    return next((kinds.by_oid[object_id[:size]] for size in sizes if object_id[:size] in kinds.by_oid), None)


def _bearable(module: Module, quirks: Quirks) -> Module:
    """Return a module as a kind of device can bear it."""
    plan: Plan = module.plan
    repetitions = plan.repetitions
    if quirks.max_repetitions is not None:
        repetitions = min(repetitions or quirks.max_repetitions, quirks.max_repetitions)
    loose = plan.loose_order or quirks.allow_nonincreasing_oids
    if (repetitions, loose) == (plan.repetitions, plan.loose_order):
        return module
    return Module(name=module.name, plan=structs.replace(plan, repetitions=repetitions, loose_order=loose))
