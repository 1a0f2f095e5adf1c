"""A Linux host that exists only as text: what the shipped commands would print there at a given time.

Every number is a function of the time alone, so that counters grow and two readers see the same. A track from a
live file, named after the series that it becomes, takes the place of any of them.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct

from exporters.probing.tracks import Track, value_at
from exporters.ssh.linux_system import USER_HZ

CPUS = 2
BOOTED = 1_700_000_000.0  # any moment in the past will do: counters count from here
INTERFACES = {"lo": 900.0, "eth0": 125_000.0}  # bytes a second
MEMORY_KB = {
    "MemTotal": 4_030_464,
    "MemFree": 512_000,
    "MemAvailable": 2_457_600,
    "Buffers": 98_304,
    "Cached": 1_843_200,
    "SwapTotal": 1_048_576,
    "SwapFree": 1_048_576,
}
CPU_SHARES = {"user": 0.08, "nice": 0.0, "system": 0.03, "idle": 0.88, "iowait": 0.01}
ROOT_KB, ROOT_USED_KB, ROOT_INODES, ROOT_INODES_USED = 20_511_312, 7_340_032, 1_310_720, 185_000


class FakeHost(Struct, frozen=True):
    """The host at one moment: unix time, and the tracks that override its own numbers."""

    now: float
    tracks: Mapping[str, Track]
    name: str = "heron-host"

    def output(self, command: str) -> str | None:
        r"""Give what a shipped command prints, by its name in the module; None for a command that is not there.

        >>> FakeHost(BOOTED, {}).output("loadavg")
        '0.42 0.37 0.31 1/180 4242\n'
        """
        printer = _PRINTERS.get(command)
        return printer(self) if printer else None

    def value(self, series: str, otherwise: float) -> float:
        """Give a number of the host, from its track if it has one."""
        track = self.tracks.get(series)
        return otherwise if track is None else value_at(track.points, self.now)

    def grown(self, series: str, per_second: float) -> float:
        """Give a counter that has grown since the boot."""
        return self.value(series, max(0.0, self.now - BOOTED) * per_second)


def _time(host: FakeHost) -> str:
    return f"{host.now:.9f}\n"


def _loadavg(host: FakeHost) -> str:
    loads = (host.value(f"node_load{m}", at) for m, at in ((1, 0.42), (5, 0.37), (15, 0.31)))
    return " ".join(f"{load:.2f}" for load in loads) + " 1/180 4242\n"


def _stat(host: FakeHost) -> str:
    lines = []
    for cpu in range(CPUS):
        ticks = [_cpu_ticks(host, cpu, mode, share) for mode, share in CPU_SHARES.items()]
        lines.append(f"cpu{cpu} {' '.join(map(str, ticks))} 0 0 0 0 0")
    booted = int(host.value("node_boot_time_seconds", BOOTED))
    counts = (
        f"intr {int(host.grown('node_intr_total', 900))} 0",
        f"ctxt {int(host.grown('node_context_switches_total', 1500))}",
        f"btime {booted}",
        f"processes {int(host.grown('node_forks_total', 2))}",
        f"procs_running {int(host.value('node_procs_running', 1))}",
        f"procs_blocked {int(host.value('node_procs_blocked', 0))}",
    )
    return "\n".join([*lines, *counts]) + "\n"


def _cpu_ticks(host: FakeHost, cpu: int, mode: str, share: float) -> int:
    return int(host.grown(f'node_cpu_seconds_total{{cpu="{cpu}",mode="{mode}"}}', share) * USER_HZ)


def _meminfo(host: FakeHost) -> str:
    kilobytes = {key: host.value(f"node_memory_{key}_bytes", kb * 1024) / 1024 for key, kb in MEMORY_KB.items()}
    return "".join(f"{key + ':':<16}{int(kb):>8} kB\n" for key, kb in kilobytes.items()) + "HugePages_Total:       0\n"


def _vmstat(host: FakeHost) -> str:
    rates = {"pgpgin": 20.0, "pgpgout": 60.0, "pswpin": 0.0, "pswpout": 0.0, "pgfault": 400.0, "pgmajfault": 0.1}
    lines = [f"{key} {int(host.grown(f'node_vmstat_{key}', rate))}" for key, rate in rates.items()]
    return "\n".join([*lines, f"oom_kill {int(host.value('node_vmstat_oom_kill', 0))}"]) + "\n"


def _filefd(host: FakeHost) -> str:
    return f"{int(host.value('node_filefd_allocated', 1216))}\t0\t9223372036854775807\n"


def _netdev(host: FakeHost) -> str:
    lines = ["Inter-|   Receive  |  Transmit", " face |bytes packets errs drop|bytes packets errs drop"]
    for device, rate in INTERFACES.items():
        label = f'{{device="{device}"}}'
        received = int(host.grown(f"node_network_receive_bytes_total{label}", rate))
        sent = int(host.grown(f"node_network_transmit_bytes_total{label}", rate / 3))
        errors = int(host.value(f"node_network_receive_errs_total{label}", 0))
        lines.append(f"{device:>6}: {received} {received // 800} {errors} 0 0 0 0 0 {sent} {sent // 600} 0 0 0 0 0 0")
    return "\n".join(lines) + "\n"


def _diskstats(host: FakeHost) -> str:
    label = '{device="vda"}'
    read = int(host.grown(f"node_disk_read_bytes_total{label}", 40_000)) // 512
    written = int(host.grown(f"node_disk_written_bytes_total{label}", 90_000)) // 512
    busy_ms = int(host.grown(f"node_disk_io_time_seconds_total{label}", 0.02) * 1000)
    return (
        f" 254       0 vda {read // 40} 0 {read} {busy_ms // 2} {written // 60} 0 {written} {busy_ms // 2} "
        f"0 {busy_ms} {busy_ms} 0 0 0 0 0 0\n"
    )


def _uname(host: FakeHost) -> str:
    return f"Linux\n{host.name}\n6.1.0-18-amd64\nx86_64\n(none)\n#1 SMP PREEMPT_DYNAMIC\n"


def _filesystem(host: FakeHost) -> str:
    label = '{device="/dev/vda1",fstype="ext4",mountpoint="/"}'
    free_kb = int(host.value(f"node_filesystem_free_bytes{label}", (ROOT_KB - ROOT_USED_KB) * 1024) / 1024)
    available_kb = int(host.value(f"node_filesystem_avail_bytes{label}", free_kb * 1024 * 0.95) / 1024)
    used_kb = ROOT_KB - free_kb
    inodes_free = int(host.value(f"node_filesystem_files_free{label}", ROOT_INODES - ROOT_INODES_USED))
    return (
        "/dev/vda1 / ext4 rw,relatime 0 0\n"
        "Filesystem     Type  1024-blocks    Used Available Capacity Mounted on\n"
        f"/dev/vda1      ext4  {ROOT_KB} {used_kb} {available_kb} {used_kb * 100 // ROOT_KB}% /\n"
        "Filesystem     Type   Inodes  IUsed   IFree IUse% Mounted on\n"
        f"/dev/vda1      ext4   {ROOT_INODES} {ROOT_INODES - inodes_free} {inodes_free} 14% /\n"
    )


_PRINTERS: Mapping[str, Callable[[FakeHost], str]] = {
    "time": _time,
    "loadavg": _loadavg,
    "stat": _stat,
    "meminfo": _meminfo,
    "vmstat": _vmstat,
    "filefd": _filefd,
    "netdev": _netdev,
    "diskstats": _diskstats,
    "uname": _uname,
    "filesystem": _filesystem,
}
