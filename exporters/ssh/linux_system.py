"""What /proc says about the whole host, under node_exporter's names: text in, samples out, never an exception.

Every parser keeps what it understands and skips the rest; text without anything known gives no samples.
"""

import re
from collections.abc import Iterator

from exporters.metric.samples import Sample
from exporters.ssh.series import counter, decimal, family, gauge, labels, printable, row, whole

USER_HZ = 100  # ticks a second in /proc/stat; fixed by the kernel's interface on all common machines (proc(5))
CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
GUEST_MODES = ("user", "nice")

LOADS = (
    gauge("node_load1", "Load average over 1 minute."),
    gauge("node_load5", "Load average over 5 minutes."),
    gauge("node_load15", "Load average over 15 minutes."),
)
CPU = counter("node_cpu_seconds_total", "Seconds each CPU spent in each mode.")
GUEST = counter("node_cpu_guest_seconds_total", "Seconds each CPU spent running guests, by the guest's mode.")
STAT = {
    "intr": counter("node_intr_total", "Interrupts serviced."),
    "ctxt": counter("node_context_switches_total", "Context switches."),
    "btime": gauge("node_boot_time_seconds", "Unix time at which the host booted."),
    "processes": counter("node_forks_total", "Processes and threads created."),
    "procs_running": gauge("node_procs_running", "Processes ready to run."),
    "procs_blocked": gauge("node_procs_blocked", "Processes waiting for input or output."),
}
TIME = gauge("node_time_seconds", "The host's clock, as unix time.")
FILE_HANDLES = (
    gauge("node_filefd_allocated", "File handles in use."),
    gauge("node_filefd_maximum", "Most file handles the kernel gives out."),
)
UNAME = gauge("node_uname_info", "Name and version of the host's kernel, as labels.")
UNAME_LABELS = ("sysname", "nodename", "release", "machine", "domainname", "version")
VMSTAT_FIELDS = re.compile(r"oom_kill|pgpgin|pgpgout|pswpin|pswpout|pg\w*fault", re.ASCII)
MEMORY_LINE = re.compile(r"([A-Za-z]\w*)(?:\((\w+)\))?:\s+([0-9]{1,20})( kB)?", re.ASCII)


def loadavg(text: str) -> list[Sample]:
    """Read /proc/loadavg.

    >>> [value for _, _, value in loadavg("0.25 0.50 1.00 2/345 6789")]
    [0.25, 0.5, 1.0]
    """
    return row(LOADS, "", (decimal(word) for word in text.split()[:3]))


def stat(text: str) -> list[Sample]:
    """Read /proc/stat: CPU time by mode, and the counters of the whole host."""
    samples: list[Sample] = []
    for line in text.splitlines():
        key, *words = line.split() or [""]
        if key.startswith("cpu") and whole(key[3:]) is not None:
            samples.extend(_cpu(key[3:], words))
        elif key in STAT and words:
            samples.extend(row([STAT[key]], "", [whole(words[0])]))
    return samples


def meminfo(text: str) -> list[Sample]:
    """Read /proc/meminfo; kilobytes become bytes.

    >>> [(f.name, value) for f, _, value in meminfo("Active(file):  2 kB")]
    [('node_memory_Active_file_bytes', 2048)]
    """
    samples: list[Sample] = []
    for found in map(MEMORY_LINE.fullmatch, text.splitlines()):
        if found:
            name, part, number, kilo = found.groups()
            field = "_".join(p for p in (name, part, "bytes" if kilo else None) if p)
            this = gauge(f"node_memory_{field}", f"{field} in /proc/meminfo.")
            samples.append((this, "", int(number) * (1024 if kilo else 1)))
    return samples


def vmstat(text: str) -> list[Sample]:
    """Read paging, swapping, faults and out-of-memory kills from /proc/vmstat."""
    samples: list[Sample] = []
    for line in text.splitlines():
        key, _, word = line.partition(" ")
        if VMSTAT_FIELDS.fullmatch(key):
            this = family(f"node_vmstat_{key}", "untyped", f"{key} in /proc/vmstat.")
            samples.extend(row([this], "", [whole(word.strip())]))
    return samples


def filefd(text: str) -> list[Sample]:
    """Read /proc/sys/fs/file-nr: allocated, unused (always 0), maximum."""
    words = text.split()
    return row(FILE_HANDLES, "", [whole(words[0]), decimal(words[2])]) if len(words) == 3 else []


def time(text: str) -> list[Sample]:
    """Read ``date +%s.%N``; a ``date`` without nanoseconds leaves letters there, and whole seconds remain.

    >>> time("1700000000.%N")[0][2]
    1700000000.0
    """
    seconds, _, fraction = text.strip().partition(".")
    value = decimal(f"{seconds}.{fraction}")
    return row([TIME], "", [decimal(seconds) if value is None else value])


def uname(text: str) -> list[Sample]:
    """Read six lines: system, node, release, machine, domain and version, as ``uname`` and /proc give them."""
    lines = [line.strip() for line in text.strip("\n").splitlines()]
    if len(lines) != len(UNAME_LABELS):
        return []
    return [(UNAME, labels(**dict(zip(UNAME_LABELS, map(printable, lines), strict=True))), 1)]


def _cpu(number: str, words: list[str]) -> Iterator[Sample]:
    ticks = [whole(word) for word in words[: len(CPU_MODES) + len(GUEST_MODES)]]
    for place, count in enumerate(ticks):
        if count is None:
            continue
        if place < len(CPU_MODES):
            yield CPU, labels(cpu=number, mode=CPU_MODES[place]), count / USER_HZ
        else:
            yield GUEST, labels(cpu=number, mode=GUEST_MODES[place - len(CPU_MODES)]), count / USER_HZ
