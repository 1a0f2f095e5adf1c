"""The Linux parsers: recorded text to samples, and any text to something without an exception."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.metric.exposition import strict_text
from exporters.metric.samples import Sample
from exporters.ssh import linux_devices, linux_system
from exporters.ssh.fake_host import BOOTED, FakeHost
from exporters.ssh.module import PARSERS, OutputFormat, Parse


def series(samples: list[Sample]) -> dict[str, float]:
    return {f"{family.name}{labels}": value for family, labels, value in samples}


# recorded on a Debian 12 machine, shortened
STAT = """\
cpu  33750 0 7205 357233 1764 0 378 58 0 0
cpu0 9380 0 3164 187074 345 0 183 28 7 3
intr 6140122 0 9 0
ctxt 10512345
btime 1784600000
processes 50331
procs_running 2
procs_blocked 0
softirq 4033521 1 2
"""
NET_DEV = """\
Inter-|   Receive                            |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo:  423274    6545    0    0    0     0      0     0   423274    6545    0    0    0     0       0          0
eth0:987053879 31076 1 2 3 4 5 6 2411778 18130 7 8 9 10 11 12
"""
DISKSTATS = """\
   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
   8       1 sda1 1 2 3 4 5 6 7 8 9 10 11
 254       0 vda 126709 19063 6350882 63477 23269 153433 8340888 27492 0 21848 112400 57944 30 1668672 21379 2267 50
   8       0 sda 5 6 7 8 9 10 11 12 13 14 15
"""
FILESYSTEM = """\
/dev/vda / ext4 rw,relatime,discard 0 0
//nas/share\\0402 /mnt/my\\040share ext4 ro,nosuid 0 0
Filesystem              Type     1024-blocks     Used Available Capacity Mounted on
proc                    proc               0        0         0        - /proc
tmpfs                   tmpfs       12342048        0  12342048       0% /sys/fs/cgroup
/dev/vda                ext4       264212084 25707264  80683648      25% /
/dev/vda                ext4       264212084 25707264  80683648      25% /
//nas/share 2           ext4            1000      900       -50      95% /mnt/my share
Filesystem              Type       Inodes  IUsed    IFree IUse% Mounted on
/dev/vda                ext4     16777216 481807 16295409    3% /
"""
ROOT = '{device="/dev/vda",fstype="ext4",mountpoint="/"}'
SHARE = '{device="//nas/share 2",fstype="ext4",mountpoint="/mnt/my share"}'


def test_stat() -> None:
    found = series(linux_system.stat(STAT))
    assert found['node_cpu_seconds_total{cpu="0",mode="user"}'] == 93.8
    assert found['node_cpu_seconds_total{cpu="0",mode="steal"}'] == 0.28
    assert found['node_cpu_guest_seconds_total{cpu="0",mode="nice"}'] == 0.03
    assert found["node_intr_total"] == 6140122
    assert found["node_boot_time_seconds"] == 1784600000
    assert found["node_forks_total"] == 50331
    assert len(found) == 16  # the sum over all CPUs is left to PromQL


def test_net_dev_reads_names_that_touch_their_numbers() -> None:
    found = series(linux_devices.net_dev(NET_DEV))
    assert found['node_network_receive_bytes_total{device="eth0"}'] == 987053879
    assert found['node_network_receive_multicast_total{device="eth0"}'] == 6
    assert found['node_network_transmit_compressed_total{device="eth0"}'] == 12
    assert len(found) == 32


def test_diskstats_of_old_and_new_kernels() -> None:
    found = series(linux_devices.diskstats(DISKSTATS))
    assert found['node_disk_read_bytes_total{device="vda"}'] == 6350882 * 512
    assert found['node_disk_read_time_seconds_total{device="vda"}'] == pytest.approx(63.477)
    assert found['node_disk_flush_requests_total{device="vda"}'] == 2267
    assert {label for label in found if "sda" in label and "flush" in label} == set()
    assert not [label for label in found if "loop0" in label or "sda1" in label]


def test_filesystems() -> None:
    found = series(linux_devices.filesystem(FILESYSTEM))
    assert found == {
        f"node_filesystem_size_bytes{ROOT}": 264212084 * 1024,
        f"node_filesystem_free_bytes{ROOT}": (264212084 - 25707264) * 1024,
        f"node_filesystem_avail_bytes{ROOT}": 80683648 * 1024,
        f"node_filesystem_readonly{ROOT}": 0,
        f"node_filesystem_files{ROOT}": 16777216,
        f"node_filesystem_files_free{ROOT}": 16295409,
        f"node_filesystem_size_bytes{SHARE}": 1000 * 1024,
        f"node_filesystem_free_bytes{SHARE}": 100 * 1024,
        f"node_filesystem_avail_bytes{SHARE}": 0,
        f"node_filesystem_readonly{SHARE}": 1,
    }


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (linux_system.loadavg, "0.01 0.02 1.50 1/2 3\n", {"node_load1": 0.01, "node_load5": 0.02, "node_load15": 1.5}),
        (linux_system.meminfo, "MemTotal:  24684096 kB\nHugePages_Total:       3\nbad line\n",
            {"node_memory_MemTotal_bytes": 24684096 * 1024, "node_memory_HugePages_Total": 3}),
        (linux_system.vmstat, "nr_free_pages 1\npgfault 5\npgmajfault 6\noom_kill 7\npgpgin x\n",
            {"node_vmstat_pgfault": 5, "node_vmstat_pgmajfault": 6, "node_vmstat_oom_kill": 7}),
        (linux_system.filefd, "591\t0\t2466180\n", {"node_filefd_allocated": 591, "node_filefd_maximum": 2466180}),
        (linux_system.time, "1700000000.250000000\n", {"node_time_seconds": 1700000000.25}),
        (linux_system.time, "1700000000.%N\n", {"node_time_seconds": 1700000000}),
        (linux_system.uname, "Linux\nvm\n6.1\nx86_64\n(none)\n#1 SMP\n", {
            'node_uname_info{domainname="(none)",machine="x86_64",nodename="vm",release="6.1",sysname="Linux",'
            'version="#1 SMP"}': 1}),
        (linux_system.uname, "cat: no such file\n", {}),
    ],
)  # fmt: skip
def test_small_files(parse: Parse, text: str, expected: dict[str, float]) -> None:
    assert series(parse(text)) == expected


@pytest.mark.parametrize("kind", OutputFormat)
@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=400))
def test_any_text_gives_samples_or_nothing(kind: OutputFormat, text: str) -> None:
    check(PARSERS[kind](text))


WORDS = st.sampled_from(
    ["cpu0", "btime", "ctxt", "eth0:", ":", "/", "-", "9" * 30, "1", "0", "٣", "-5", "1e9", "nan", "25%", "ext4", "kB",
     "Filesystem", "Inodes", "MemFree:", "Active(anon):", "pgfault", "vda", "\x00", "\x1b[2J", "\u202e", '"', "\\", "é"]
)  # fmt: skip
LINES = st.lists(st.lists(WORDS, max_size=20).map(" ".join), max_size=10).map("\n".join)


@pytest.mark.parametrize("kind", OutputFormat)
@settings(max_examples=150, deadline=None)
@given(text=LINES)
def test_words_of_the_right_kind_in_any_order(kind: OutputFormat, text: str) -> None:
    check(PARSERS[kind](text))


def check(samples: list[Sample]) -> None:
    """Whatever it was, it can be written out, and nothing hides in a label."""
    assert all(isinstance(value, int | float) and math.isfinite(value) for _, _, value in samples)
    assert all(labels.isprintable() for _, labels, _ in samples)
    unique = {(family.name, labels): (family, labels, value) for family, labels, value in samples}
    strict_text(unique.values())


@pytest.mark.parametrize("name", ["filesystem", "meminfo", "vmstat"])
@pytest.mark.parametrize(
    "text", [" " * 200_000, "1 " * 100_000, "a" * 200_000, "Filesystem\n" + "x 1 2 3 4% " * 20_000]
)
@pytest.mark.timeout(10)
def test_one_endless_line_takes_no_time(name: str, text: str) -> None:
    parse = {"filesystem": linux_devices.filesystem, "meminfo": linux_system.meminfo, "vmstat": linux_system.vmstat}[
        name
    ]
    assert parse(text) == []


def test_fake_host_is_read_without_a_gap() -> None:
    host = FakeHost(BOOTED + 1000, {})
    outputs = {"loadavg": 3, "stat": 26, "meminfo": 8, "vmstat": 7, "netdev": 32, "diskstats": 17, "filesystem": 6}
    parsers: dict[str, Parse] = {
        "loadavg": linux_system.loadavg, "stat": linux_system.stat, "meminfo": linux_system.meminfo,
        "vmstat": linux_system.vmstat, "netdev": linux_devices.net_dev, "diskstats": linux_devices.diskstats,
        "filesystem": linux_devices.filesystem,
    }  # fmt: skip
    assert {name: len(parsers[name](host.output(name) or "")) for name in outputs} == outputs
