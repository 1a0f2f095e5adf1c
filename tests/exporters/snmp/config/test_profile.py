"""Module `auto`: what a device is by its sysObjectID."""

from pathlib import Path

import pytest

from exporters.snmp import ber, oid
from exporters.snmp.config.catalogue import builtin_modules
from exporters.snmp.config.profile import SYS_OBJECT_ID, TABLE, FingerprintFile, profile_of, read_kinds
from exporters.snmp.errors import StatusError
from exporters.snmp.plan import Plan
from heronwatch.config import load

MODULES = builtin_modules()
TEXT = """\
default: [system]
fingerprints:
  - {sysobjectid: 1.3.6.1.4.1.9, vendor: Cisco, modules: [system, if_mib]}
  - sysobjectid: 1.3.6.1.4.1.9.1.5
    vendor: Odd
    modules: [if_mib]
    quirks: {max_repetitions: 7, allow_nonincreasing_oids: true, one_at_a_time: true}
"""


def answer(object_id: str, status: int = 0) -> ber.Reply:
    value = ber.tlv(ber.OBJECT_IDENTIFIER, oid.encode(object_id)) if object_id else ber.tlv(ber.NO_SUCH_OBJECT, b"")
    return ber.Reply(1, status, [SYS_OBJECT_ID], [value], not object_id, 50, 1)


@pytest.mark.parametrize(
    ("object_id", "vendor", "names"),
    [
        ("1.3.6.1.4.1.9.1.516", "Cisco", ["system", "if_mib"]),
        ("1.3.6.1.4.1.9.1.5", "Odd", ["if_mib"]),
        ("1.3.6.1.4.1.9.1.5.3", "Odd", ["if_mib"]),
        ("1.3.6.1.4.1.90", "", ["system"]),
    ],
)
def test_the_longest_beginning_counts(tmp_path: Path, object_id: str, vendor: str, names: list[str]) -> None:
    (tmp_path / "kinds.yml").write_text(TEXT)
    profile = profile_of(answer(object_id), read_kinds(MODULES, tmp_path / "kinds.yml"), 0)
    assert (profile.vendor, [module.name for module in profile.modules]) == (vendor, names)


def test_quirks_change_the_modules(tmp_path: Path) -> None:
    (tmp_path / "kinds.yml").write_text(TEXT)
    profile = profile_of(answer("1.3.6.1.4.1.9.1.5"), read_kinds(MODULES, tmp_path / "kinds.yml"), 0)
    plan: Plan = profile.modules[0].plan
    assert (plan.repetitions, plan.loose_order, profile.quirks.one_at_a_time) == (7, True, True)
    assert MODULES["if_mib"].plan.repetitions is None


@pytest.mark.parametrize("silent", [answer(""), answer("1.3.6.1.4.1.9", status=5)])
def test_a_device_that_does_not_say_what_it_is(silent: ber.Reply) -> None:
    with pytest.raises(StatusError, match="name the modules"):
        profile_of(silent, MODULES["auto"].plan, 0)


def test_the_shipped_table_names_shipped_modules() -> None:
    table = load([TABLE], FingerprintFile).value
    named = {name for kind in table.fingerprints for name in kind.modules} | set(table.default)
    assert named <= set(MODULES) - {"auto"}
    assert len({kind.sysobjectid.text for kind in table.fingerprints}) == len(table.fingerprints)
