"""What a Linux host says about its interfaces, disks and file systems, under node_exporter's names.

Text in, samples out, never an exception; what is not understood is skipped. Devices and file systems that
node_exporter leaves out by default are left out here too, so that its dashboards show the same.
"""

import re

from msgspec import Struct

from exporters.metric.samples import Family, Sample
from exporters.ssh.series import counter, gauge, labels, row, whole

SECTOR_BYTES = 512  # /proc/diskstats counts in these, whatever the disk's own size (kernel: iostats.rst)

RECEIVED = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
TRANSMITTED = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")
NETWORK = tuple(
    counter(f"node_network_{way}_{field}_total", f"{field} in /proc/net/dev, {way} side.")
    for way, fields in (("receive", RECEIVED), ("transmit", TRANSMITTED))
    for field in fields
)

# in the order of /proc/diskstats (kernel: iostats.rst), with the factor to base units
DISK: tuple[tuple[Family, float], ...] = (
    (counter("node_disk_reads_completed_total", "Reads completed."), 1),
    (counter("node_disk_reads_merged_total", "Reads merged with a neighbour."), 1),
    (counter("node_disk_read_bytes_total", "Bytes read."), SECTOR_BYTES),
    (counter("node_disk_read_time_seconds_total", "Seconds spent by all reads."), 0.001),
    (counter("node_disk_writes_completed_total", "Writes completed."), 1),
    (counter("node_disk_writes_merged_total", "Writes merged with a neighbour."), 1),
    (counter("node_disk_written_bytes_total", "Bytes written."), SECTOR_BYTES),
    (counter("node_disk_write_time_seconds_total", "Seconds spent by all writes."), 0.001),
    (gauge("node_disk_io_now", "Reads and writes in progress."), 1),
    (counter("node_disk_io_time_seconds_total", "Seconds with a read or write in progress."), 0.001),
    (counter("node_disk_io_time_weighted_seconds_total", "Seconds spent, weighted by work in progress."), 0.001),
    (counter("node_disk_discards_completed_total", "Discards completed."), 1),
    (counter("node_disk_discards_merged_total", "Discards merged with a neighbour."), 1),
    (counter("node_disk_discarded_sectors_total", "Sectors discarded."), 1),
    (counter("node_disk_discard_time_seconds_total", "Seconds spent by all discards."), 0.001),
    (counter("node_disk_flush_requests_total", "Flush requests completed."), 1),
    (counter("node_disk_flush_requests_time_seconds_total", "Seconds spent by all flush requests."), 0.001),
)
LEFT_OUT_DISKS = re.compile(r"(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+", re.ASCII)

SIZE = gauge("node_filesystem_size_bytes", "Size of the file system.")
FREE = gauge("node_filesystem_free_bytes", "Free space, the part reserved for root included.")
AVAILABLE = gauge("node_filesystem_avail_bytes", "Free space for users other than root.")
FILES = gauge("node_filesystem_files", "Inodes of the file system.")
FILES_FREE = gauge("node_filesystem_files_free", "Free inodes.")
READ_ONLY = gauge("node_filesystem_readonly", "1 where the file system is mounted read-only.")
_LEFT_OUT_TYPES = """
autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs fusectl hugetlbfs iso9660 mqueue nsfs
overlay proc procfs pstore rpc_pipefs securityfs selinuxfs squashfs erofs sysfs tracefs
"""
LEFT_OUT_TYPES = frozenset(_LEFT_OUT_TYPES.split())
LEFT_OUT_MOUNTS = re.compile(
    r"/(dev|proc|sys|run/credentials/.+|var/lib/docker/.+|var/lib/containers/storage/.+)(/.*)?"
)
DF_HEAD = "Filesystem"
LONGEST_LINE = 4096
# searched from the numbers outwards: device and mount point may hold blanks
DF_NUMBERS = re.compile(
    r" ([0-9]{1,20}) {1,40}([0-9]{1,20}) {1,40}(-?[0-9]{1,20}) {1,40}(?:[0-9]{1,20}%|-) {1,40}(?=/)"
)
OCTAL = re.compile(r"\\([0-7]{3})")


def net_dev(text: str) -> list[Sample]:
    """Read /proc/net/dev."""
    samples: list[Sample] = []
    for line in text.splitlines():
        device, colon, rest = line.partition(":")
        words = rest.split()
        if colon and device.strip() and len(words) == len(NETWORK):
            samples.extend(row(NETWORK, labels(device=device.strip()), map(whole, words)))
    return samples


def diskstats(text: str) -> list[Sample]:
    """Read /proc/diskstats; kernels before 4.18 have no discards, before 5.5 no flushes."""
    samples: list[Sample] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 14 or LEFT_OUT_DISKS.fullmatch(words[2]):
            continue
        label = labels(device=words[2])
        for (family, factor), word in zip(DISK, words[3:], strict=False):
            count = whole(word)
            if count is not None:
                samples.append((family, label, count * factor))
    return samples


def filesystem(text: str) -> list[Sample]:
    """Read /proc/mounts, then ``df -PkTal``, then ``df -PiTal``; each may be missing."""
    read_only: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    samples: list[Sample] = []
    table = ""
    for line in text.splitlines():
        if line.startswith(DF_HEAD):
            table = line
        elif not table:
            _note_mount(line, read_only)
        elif (mounted := _mounted(line)) is not None and (table, mounted.label) not in seen:
            seen.add((table, mounted.label))
            samples.extend(_inodes(mounted) if " Inodes " in table else _sizes(mounted, read_only))
    return samples


class _Mounted(Struct, frozen=True):
    """A line of ``df``: where something is mounted, and three numbers (kilobytes, or inodes)."""

    label: str
    mount: str
    total: int
    used: int
    free: int


def _mounted(line: str) -> _Mounted | None:
    """Read a line of ``df``; None where it is none, or a file system that is left out."""
    numbers = DF_NUMBERS.search(line) if len(line) <= LONGEST_LINE else None
    if numbers is None:
        return None
    device, _, kind = line[: numbers.start()].rstrip().rpartition(" ")
    mount = line[numbers.end() :]
    if kind in LEFT_OUT_TYPES or LEFT_OUT_MOUNTS.fullmatch(mount):
        return None
    label = labels(device=device.rstrip(), fstype=kind, mountpoint=mount)
    return _Mounted(label, mount, *(int(number) for number in numbers.groups()))


def _sizes(mounted: _Mounted, read_only: dict[str, int]) -> list[Sample]:
    """Free space is what is not used; what is available is less, by root's reserve, and may be below zero."""
    kilobytes = (
        (SIZE, mounted.total),
        (FREE, mounted.total - mounted.used),
        (AVAILABLE, max(0, mounted.free)),
    )
    sizes: list[Sample] = [(family, mounted.label, count * 1024) for family, count in kilobytes]
    known = mounted.mount in read_only
    return [*sizes, (READ_ONLY, mounted.label, read_only[mounted.mount])] if known else sizes


def _inodes(mounted: _Mounted) -> list[Sample]:
    return [(FILES, mounted.label, mounted.total), (FILES_FREE, mounted.label, mounted.free)]


def _note_mount(line: str, read_only: dict[str, int]) -> None:
    words = line.split()
    if len(words) >= 4:
        read_only[_unescaped(words[1])] = int("ro" in words[3].split(","))


def _unescaped(text: str) -> str:
    r"""Undo the octal escapes of /proc/mounts.

    >>> _unescaped(r"/mnt/a\040b")
    '/mnt/a b'
    """
    return OCTAL.sub(lambda found: chr(int(found[1], 8)), text)
