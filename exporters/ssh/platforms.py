"""Platforms: which words a command for them may not hold. Decided when the config loads, never at night.

The list is a seat belt against slips in a module, not a fence against its author: the fence is an account on
the device that can do nothing. ``allow_unsafe: true`` in the module takes the belt off.
"""

import re

from msgspec import Struct

_WORD = re.compile(r"[A-Za-z0-9_][\w.+-]*", re.ASCII)
_HARMLESS_REDIRECTION = re.compile(r"(?:[12]?>>?\s*/dev/null|[12]?>&[12]|</dev/null)(?![\w./-])", re.ASCII)


class Platform(Struct, frozen=True):
    """What changes a device of this kind."""

    name: str
    forbidden_words: frozenset[str]
    forbidden_characters: frozenset[str] = frozenset()

    def objection(self, command: str) -> str | None:
        """Say what in a command may change the device, or None.

        >>> LINUX.objection("cat /proc/stat 2>/dev/null")
        >>> LINUX.objection("echo 1 > /proc/sys/net/ipv4/ip_forward")
        "it holds '>', which may change the device"
        >>> LINUX.objection("cat /etc/passwd; /sbin/reboot")
        "it holds 'reboot', which may change the device"
        """
        rest = _HARMLESS_REDIRECTION.sub(" ", command)
        for found in _WORD.finditer(rest):
            if found[0].lower() in self.forbidden_words:
                return f"it holds {found[0]!r}, which may change the device"
        for character in sorted(self.forbidden_characters):
            if character in rest:
                return f"it holds {character!r}, which may change the device"
        return None


_LINUX_WORDS = """
adduser apk apt apt-get batch chattr chgrp chmod chown chpasswd chsh cp crontab curl daemon-reload dd debugfs
deluser disable dnf doas dpkg enable eval exec fdisk flash_erase fsck groupadd halt ifconfig ifdown ifup insmod
install ip6tables iptables isolate kexec kill killall ln losetup lvcreate lvremove mask mkdir mkfifo mkfs mknod
mkswap modprobe mount mv nc netcat nft nsenter opkg parted patch perl pkill poweroff python python3
reboot reload renice restart rm rmdir rmmod rpm rsync ruby scp service setcap setfacl setsid sftp shred shutdown
ssh start stop su sudo swapoff swapon sysctl tee telinit touch truncate umount unlink unmask unshare useradd
userdel usermod vi vim visudo wget wipefs xargs yum zypper
"""
LINUX = Platform(
    name="linux",
    forbidden_words=frozenset(_LINUX_WORDS.split()),
    forbidden_characters=frozenset({">", "`"}),
)
PLATFORMS = {platform.name: platform for platform in (LINUX,)}
