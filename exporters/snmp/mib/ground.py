"""What nearly every MIB imports, known without a file: roots, conventions and a few indexes.

Names, places and forms are those of RFC 1155, 1213, 2578, 2579, 2790, 2819, 2856, 2863, 3411, 3418, 4001, 4133, 4188
and 4363. A file that defines a module of the same name takes its place.
"""

from collections.abc import Iterator, Mapping

from exporters.snmp.mib.syntax import Convention, Definition, IndexName, MibModule, Syntax

_ROOTS = {
    "ccitt": "0", "iso": "1", "joint-iso-ccitt": "2", "zeroDotZero": "0.0", "org": "1.3", "dod": "1.3.6",
    "internet": "1.3.6.1", "directory": "1.3.6.1.1", "mgmt": "1.3.6.1.2", "mib-2": "1.3.6.1.2.1",
    "transmission": "1.3.6.1.2.1.10", "experimental": "1.3.6.1.3", "private": "1.3.6.1.4",
    "enterprises": "1.3.6.1.4.1", "security": "1.3.6.1.5", "snmpV2": "1.3.6.1.6", "snmpDomains": "1.3.6.1.6.1",
    "snmpProxys": "1.3.6.1.6.2", "snmpModules": "1.3.6.1.6.3",
}  # fmt: skip
_GROUPS = {
    "system": "1.3.6.1.2.1.1", "interfaces": "1.3.6.1.2.1.2", "at": "1.3.6.1.2.1.3", "ip": "1.3.6.1.2.1.4",
    "icmp": "1.3.6.1.2.1.5", "tcp": "1.3.6.1.2.1.6", "udp": "1.3.6.1.2.1.7", "egp": "1.3.6.1.2.1.8",
    "snmp": "1.3.6.1.2.1.11",
}  # fmt: skip
_TRUTH = {1: "true", 2: "false"}
_ROW_STATUS = {1: "active", 2: "notInService", 3: "notReady", 4: "createAndGo", 5: "createAndWait", 6: "destroy"}
_STORAGE = {1: "other", 2: "volatile", 3: "nonVolatile", 4: "permanent", 5: "readOnly"}
_ADDRESS_TYPE = {0: "unknown", 1: "ipv4", 2: "ipv6", 3: "ipv4z", 4: "ipv6z", 16: "dns"}
_OCTETS, _OID, _INTEGER, _UNSIGNED = "OCTET STRING", "OBJECT IDENTIFIER", "INTEGER", "Unsigned32"


def _text(low: int, high: int) -> Syntax:
    return Syntax(_OCTETS, ranges=((low, high),))


def _conventions(**forms: tuple[Syntax, str] | Syntax) -> dict[str, Convention]:
    return {
        name: Convention(name, *form) if isinstance(form, tuple) else Convention(name, form)
        for name, form in forms.items()
    }


_SMI1 = _conventions(DisplayString=(_text(0, 255), "255a"), PhysAddress=(Syntax(_OCTETS), "1x:"))
_TC = {
    **_SMI1,
    **_conventions(
        MacAddress=(_text(6, 6), "1x:"),
        TruthValue=Syntax(_INTEGER, _TRUTH),
        TestAndIncr=Syntax(_INTEGER, ranges=((0, 2**31 - 1),)),
        AutonomousType=Syntax(_OID),
        InstancePointer=Syntax(_OID),
        VariablePointer=Syntax(_OID),
        RowPointer=Syntax(_OID),
        RowStatus=Syntax(_INTEGER, _ROW_STATUS),
        TimeStamp=Syntax("TimeTicks"),
        TimeInterval=Syntax(_INTEGER, ranges=((0, 2**31 - 1),)),
        DateAndTime=(Syntax(_OCTETS, ranges=((8, 8), (11, 11))), "2d-1d-1d,1d:1d:1d.1d,1a1d:1d"),
        StorageType=Syntax(_INTEGER, _STORAGE),
        TDomain=Syntax(_OID),
        TAddress=_text(1, 255),
    ),
}
_INET = _conventions(
    InetAddressType=Syntax(_INTEGER, _ADDRESS_TYPE),
    InetAddress=_text(0, 255),
    InetAddressIPv4=(_text(4, 4), "1d.1d.1d.1d"),
    InetAddressIPv6=(_text(16, 16), "2x:2x:2x:2x:2x:2x:2x:2x"),
    InetAddressIPv4z=(_text(8, 8), "1d.1d.1d.1d%4d"),
    InetAddressIPv6z=(_text(20, 20), "2x:2x:2x:2x:2x:2x:2x:2x%4d"),
    InetAddressDNS=(_text(1, 255), "255a"),
    InetAddressPrefixLength=(Syntax(_UNSIGNED, ranges=((0, 2040),)), "d"),
    InetPortNumber=(Syntax(_UNSIGNED, ranges=((0, 65535),)), "d"),
    InetAutonomousSystemNumber=(Syntax(_UNSIGNED), "d"),
    InetZoneIndex=(Syntax(_UNSIGNED), "d"),
    InetVersion=Syntax(_INTEGER, {0: "unknown", 1: "ipv4", 2: "ipv6"}),
)
_FRAMEWORK = _conventions(
    SnmpAdminString=(_text(0, 255), "255t"),
    SnmpEngineID=_text(5, 32),
    SnmpSecurityModel=Syntax(_INTEGER, ranges=((0, 2**31 - 1),)),
    SnmpMessageProcessingModel=Syntax(_INTEGER, ranges=((0, 2**31 - 1),)),
    SnmpSecurityLevel=Syntax(_INTEGER, {1: "noAuthNoPriv", 2: "authNoPriv", 3: "authPriv"}),
)
_IF = _conventions(
    OwnerString=(_text(0, 255), "255a"),
    InterfaceIndex=(Syntax("Integer32", ranges=((1, 2**31 - 1),)), "d"),
    InterfaceIndexOrZero=(Syntax("Integer32", ranges=((0, 2**31 - 1),)), "d"),
)
_ENTITY = _conventions(
    PhysicalIndex=(Syntax("Integer32", ranges=((1, 2**31 - 1),)), "d"),
    PhysicalIndexOrZero=(Syntax("Integer32", ranges=((0, 2**31 - 1),)), "d"),
    SnmpEngineIdOrNone=_text(0, 32),
)
_COUNTERS = _conventions(
    CounterBasedGauge64=Syntax("Counter64"),
    ZeroBasedCounter64=Syntax("Counter64"),
)
_RMON = _conventions(
    OwnerString=(_text(0, 255), "255a"),
    EntryStatus=Syntax(_INTEGER, {1: "valid", 2: "createRequest", 3: "underCreation", 4: "invalid"}),
)
_BRIDGE = _conventions(
    BridgeId=_text(8, 8),
    Timeout=(Syntax("Integer32"), "d"),
)
_VLAN = _conventions(
    PortList=Syntax(_OCTETS),
    VlanIndex=(Syntax(_UNSIGNED), "d"),
    VlanId=(Syntax("Integer32", ranges=((1, 4094),)), "d"),
)


def _node(name: str, place: str) -> Definition:
    return Definition(name=name, place=tuple(int(arc) for arc in place.split(".")))


def _column(name: str, place: str, syntax: str, access: str = "read-only") -> Definition:
    return Definition(
        name=name,
        place=tuple(int(arc) for arc in place.split(".")),
        syntax=Syntax(syntax),
        access=access,
        description="",
    )


def _row(name: str, place: str, *indexes: str) -> Definition:
    return Definition(
        name=name,
        place=tuple(int(arc) for arc in place.split(".")),
        syntax=Syntax("SEQUENCE"),
        access="not-accessible",
        indexes=tuple(IndexName(index) for index in indexes),
    )


_IF_OBJECTS = (
    _node("interfaces", "1.3.6.1.2.1.2"),
    _node("ifTable", "1.3.6.1.2.1.2.2"),
    _row("ifEntry", "1.3.6.1.2.1.2.2.1", "ifIndex"),
    _column("ifIndex", "1.3.6.1.2.1.2.2.1.1", "InterfaceIndex"),
    _column("ifDescr", "1.3.6.1.2.1.2.2.1.2", "DisplayString"),
    _column("ifName", "1.3.6.1.2.1.31.1.1.1.1", "DisplayString"),
    _column("ifAlias", "1.3.6.1.2.1.31.1.1.1.18", "DisplayString"),
    _node("ifMIB", "1.3.6.1.2.1.31"),
)
_ENTITY_OBJECTS = (
    _row("entPhysicalEntry", "1.3.6.1.2.1.47.1.1.1.1", "entPhysicalIndex"),
    _column("entPhysicalIndex", "1.3.6.1.2.1.47.1.1.1.1.1", "PhysicalIndex", "not-accessible"),
    _column("entPhysicalDescr", "1.3.6.1.2.1.47.1.1.1.1.2", "SnmpAdminString"),
    _column("entPhysicalName", "1.3.6.1.2.1.47.1.1.1.1.7", "SnmpAdminString"),
)
_HOST_OBJECTS = (
    _node("host", "1.3.6.1.2.1.25"),
    _row("hrDeviceEntry", "1.3.6.1.2.1.25.3.2.1", "hrDeviceIndex"),
    _column("hrDeviceIndex", "1.3.6.1.2.1.25.3.2.1.1", "Integer32"),
    _column("hrDeviceDescr", "1.3.6.1.2.1.25.3.2.1.3", "DisplayString"),
)
_BRIDGE_OBJECTS = (
    _node("dot1dBridge", "1.3.6.1.2.1.17"),
    _row("dot1dBasePortEntry", "1.3.6.1.2.1.17.1.4.1", "dot1dBasePort"),
    _column("dot1dBasePort", "1.3.6.1.2.1.17.1.4.1.1", "Integer32"),
    _column("dot1dBasePortIfIndex", "1.3.6.1.2.1.17.1.4.1.2", "InterfaceIndex"),
)

_MODULES: Mapping[str, tuple[tuple[Definition, ...], Mapping[str, Convention], Mapping[str, str]]] = {
    "SNMPv2-SMI": (tuple(_node(name, place) for name, place in _ROOTS.items()), {}, {}),
    "RFC1155-SMI": (tuple(_node(name, place) for name, place in _ROOTS.items()), {}, {}),
    "RFC1065-SMI": (tuple(_node(name, place) for name, place in _ROOTS.items()), {}, {}),
    "SNMPv2-TC": ((), _TC, {}),
    "SNMPv2-CONF": ((), {}, {}),
    "SNMPv2-MIB": ((_node("system", "1.3.6.1.2.1.1"), _node("snmp", "1.3.6.1.2.1.11"),
                    _node("snmpTraps", "1.3.6.1.6.3.1.1.5")), {}, {}),
    "RFC-1212": ((), {}, {}),
    "RFC-1215": ((), {}, {}),
    "RFC1213-MIB": (
        (_node("mib-2", _ROOTS["mib-2"]), *(_node(name, place) for name, place in _GROUPS.items()), *_IF_OBJECTS[1:5]),
        {**_SMI1, "InterfaceIndex": _IF["InterfaceIndex"]}, {},
    ),
    "INET-ADDRESS-MIB": ((), _INET, {}),
    "SNMP-FRAMEWORK-MIB": ((_node("snmpFrameworkMIB", "1.3.6.1.6.3.10"),), _FRAMEWORK, {}),
    "HCNUM-TC": ((), _COUNTERS, {}),
    "IF-MIB": (_IF_OBJECTS, _IF, {"DisplayString": "SNMPv2-TC"}),
    "ENTITY-MIB": (_ENTITY_OBJECTS, _ENTITY, {"SnmpAdminString": "SNMP-FRAMEWORK-MIB"}),
    "HOST-RESOURCES-MIB": (_HOST_OBJECTS, {}, {"DisplayString": "SNMPv2-TC"}),
    "RMON-MIB": ((_node("rmon", "1.3.6.1.2.1.16"),), _RMON, {}),
    "BRIDGE-MIB": (_BRIDGE_OBJECTS, _BRIDGE, {"InterfaceIndex": "IF-MIB"}),
    "Q-BRIDGE-MIB": ((), _VLAN, {}),
}  # fmt: skip


def ground() -> Iterator[MibModule]:
    """Yield the modules that are known without a file; their `file` is empty."""
    for name, (definitions, conventions, imports) in _MODULES.items():
        yield MibModule(name=name, file="", imports=imports, definitions=definitions, conventions=conventions)
