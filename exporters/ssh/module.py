"""The module block of SSH: named commands and how to read their output, checked and compiled."""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Struct

from exporters.metric.samples import Sample
from exporters.probing.collector import Module, ModuleBlock
from exporters.ssh import linux_devices, linux_system
from exporters.ssh.platforms import LINUX, PLATFORMS
from heronwatch.values import ByteSize, Duration

Parse = Callable[[str], list[Sample]]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)


class OutputFormat(StrEnum):
    """What a command prints."""

    PROC_LOADAVG = "proc_loadavg"
    PROC_STAT = "proc_stat"
    PROC_MEMINFO = "proc_meminfo"
    PROC_VMSTAT = "proc_vmstat"
    PROC_NET_DEV = "proc_net_dev"
    PROC_DISKSTATS = "proc_diskstats"
    PROC_FILE_NR = "proc_file_nr"
    DATE = "date"
    UNAME = "uname"
    MOUNTS_AND_DF = "mounts_and_df"


PARSERS: Mapping[OutputFormat, Parse] = {
    OutputFormat.PROC_LOADAVG: linux_system.loadavg,
    OutputFormat.PROC_STAT: linux_system.stat,
    OutputFormat.PROC_MEMINFO: linux_system.meminfo,
    OutputFormat.PROC_VMSTAT: linux_system.vmstat,
    OutputFormat.PROC_NET_DEV: linux_devices.net_dev,
    OutputFormat.PROC_DISKSTATS: linux_devices.diskstats,
    OutputFormat.PROC_FILE_NR: linux_system.filefd,
    OutputFormat.DATE: linux_system.time,
    OutputFormat.UNAME: linux_system.uname,
    OutputFormat.MOUNTS_AND_DF: linux_devices.filesystem,
}


class CommandBlock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One command and what it prints. Nothing from a request ever becomes part of it."""

    run: str
    prints: OutputFormat
    optional: bool = False
    """Not every host of this kind has it: without output there are no samples, and no fault either."""


class SshModule(ModuleBlock, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag="ssh"):
    """A kind of host: what to run there, all of it in one go."""

    help: str = ""
    platform: str = LINUX.name
    commands: Annotated[dict[str, CommandBlock], msgspec.Meta(min_length=1)]
    allow_unsafe: bool = False
    """Run commands that look as if they could change the host."""
    max_output: ByteSize = ByteSize(8 * 1024 * 1024)
    timeout: Duration = Duration(10.0)
    """How long all commands together may take, within the time of the scrape."""

    def config_faults(self) -> Iterator[tuple[str, str]]:
        """Yield everything that is wrong with the commands."""
        platform = PLATFORMS.get(self.platform)
        if platform is None:
            yield "platform", f"{self.platform!r} is not a platform (known: {', '.join(sorted(PLATFORMS))})"
        for key in ("max_output", "timeout"):
            if not getattr(self, key):
                yield key, "must be more than 0"
        for name, command in self.commands.items():
            if not _NAME.fullmatch(name):
                yield f"commands.{name}", f"{name!r} is no name of a command (a-z, 0-9 and '_', a letter first)"
            objection = platform.objection(command.run) if platform and not self.allow_unsafe else None
            if objection:
                yield f"commands.{name}.run", f"{objection}; say allow_unsafe: true if it must"


class SshPlan(Struct, frozen=True, eq=False):
    """A module compiled."""

    commands: Mapping[str, CommandBlock]
    max_output: int
    timeout_s: float


def compile_module(name: str, block: SshModule) -> Module:
    """Compile a block without faults."""
    return Module(name=name, plan=SshPlan(dict(block.commands), block.max_output, block.timeout))
