"""A collector plug-in for tests of the engine and the routes: it does what a test tells it to."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from exporters.metric.samples import Family, Fault, Reading
from exporters.probing.collector import (
    Collector,
    Credential,
    CredentialBlock,
    Endpoint,
    Library,
    Module,
    ModuleBlock,
    Param,
    Plugin,
    Target,
)
from heronwatch.secrets import Secret

VALUE = Family("toy_value", "gauge", "A value.")


class ToyModule(ModuleBlock, tag="toy"):
    value: float = 1.0
    delay_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class ToyCredential(CredentialBlock, tag="toy"):
    password: Secret


class OriginalCredential(CredentialBlock, tag="original"):
    password: Secret


Behaviour = Callable[[Target, Sequence[Module]], Reading]


def reads(target: Target, modules: Sequence[Module]) -> Reading:
    return Reading([(VALUE, f'{{module="{module.name}"}}', module.plan.value) for module in modules])


def fails(reason: str, detail: str = "as told") -> Behaviour:
    return lambda _target, modules: Reading([], tuple(Fault(module.name, reason, detail) for module in modules))


class ToyCollector:
    """Counts what it is asked, and how many scrapes of one address run at once."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = reads
        self.asked: list[Target] = []
        self.released: list[str] = []
        self.running: dict[str, int] = {}
        self.most_running = 0
        self.closed = False

    async def collect(self, target: Target, modules: Sequence[Module], deadline: float) -> Reading:
        self.asked.append(target)
        running = self.running[target.address] = self.running.get(target.address, 0) + 1
        self.most_running = max(self.most_running, running)
        try:
            await asyncio.sleep(sum(module.plan.delay_s for module in modules))
            return self.behaviour(target, modules)
        finally:
            self.running[target.address] -= 1

    async def release(self, target: Target) -> None:
        self.released.append(target.name)

    async def close(self) -> None:
        self.closed = True


def toy_plugin(collector: Collector | None = None, *, credential: bool = False, protocol: str = "toy") -> Plugin:
    """A protocol like Modbus: no credential unless asked for, a parameter, two modules of its own."""
    made = collector or ToyCollector()
    return Plugin(
        protocol=protocol,
        transport="tcp",
        default_port=7777,
        make=lambda _: made,
        module_type=ToyModule,
        credential_type=ToyCredential if credential else None,
        builtin_modules=lambda: {name: Module(name=name, plan=ToyModule()) for name in ("plain", "other")},
        params={"unit": Param(help="unit, 0 to 99", pattern=r"\d{1,2}", url="unit")},
    )


def original_plugin(collector: Collector | None = None) -> Plugin:
    """A protocol like SNMP: files of its own that bind nothing, and a route of its own."""
    made = collector or ToyCollector()

    def library(files: Sequence[Path]) -> Library:
        return Library(
            modules={
                name: Module(name=name, plan=ToyModule()) for name in ("if_mib", "system", *(f.stem for f in files))
            },
            credentials={name: Credential(name=name, value=None, bound=False) for name in ("public_v2", "ops_v3")},
        )

    return Plugin(
        protocol="original",
        transport="udp",
        default_port=161,
        make=lambda _: made,
        credential_type=OriginalCredential,
        library=library,
        params={"context": Param(help="context", pattern=r"\w+", url="original_context")},
        endpoint=Endpoint(
            path="/original", default_module="if_mib", default_credential="public_v2", credential_param="auth"
        ),
    )
