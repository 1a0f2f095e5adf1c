"""The form of an ordinary `snmp.yml`: that of snmp_exporter 0.23 and later, and that of 0.22 and before.

Everything is parsed into its final form here (OIDs, regular expressions, durations), so that what is wrong is told
with its line when the file is loaded, and an accepted module cannot fail for its form.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec
from msgspec import Struct

from exporters.snmp import oid
from heronwatch.go_regex import GoRegex
from heronwatch.secrets import Secret
from heronwatch.values import Duration, Verbatim

ValueType = Annotated[
    Literal[
        "gauge", "counter", "Float", "Double", "DateAndTime", "ParseDateAndTime", "NTPTimeStamp", "EnumAsInfo",
        "EnumAsStateSet", "Bits", "OctetString", "DisplayString", "PhysAddress48", "InetAddress", "InetAddressIPv4",
        "InetAddressIPv6", "InetAddressMissingSize", "LldpPortId",
    ],
    msgspec.Meta(title="type of metrics"),
]  # fmt: skip
IndexType = Annotated[
    Literal[
        "gauge", "counter", "Integer", "Integer32", "EnumAsInfo", "OctetString", "DisplayString", "PhysAddress48",
        "InetAddress", "InetAddressIPv4", "InetAddressIPv6", "InetAddressMissingSize", "LldpPortId",
    ],
    msgspec.Meta(title="type of indexes"),
]  # fmt: skip
LookupType = Annotated[
    Literal[
        "gauge", "counter", "Integer", "Integer32", "EnumAsInfo", "Bits", "OctetString", "DisplayString",
        "PhysAddress48", "InetAddress", "InetAddressIPv4", "InetAddressIPv6", "InetAddressMissingSize", "LldpPortId",
    ],
    msgspec.Meta(title="type of lookups"),
]  # fmt: skip

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_SECTION = re.compile(r"^(?:auths|modules)[ ]*:", re.MULTILINE)


class Oid:
    """An OID in numbers; `content` is its BER form."""

    __slots__ = ("content", "text")
    __schema__: ClassVar[dict[str, Any]] = {"type": "string", "title": "OID", "pattern": r"^\.?[0-9]+(\.[0-9]+)+$"}

    def __init__(self, text: str, content: bytes) -> None:
        self.text = text
        self.content = content

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the OID that a text means, with or without a leading dot."""
        return cls(text.removeprefix("."), oid.encode(text))

    def __repr__(self) -> str:
        return f"Oid({self.text})"


class LabelName(str):
    """The name of a label."""

    __slots__ = ()
    __schema__: ClassVar[dict[str, Any]] = {"type": "string", "title": "label name", "pattern": _LABEL_NAME.pattern}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name; raises ValueError for what Prometheus refuses."""
        return cls(_named(text, _LABEL_NAME, "label name (letters, digits and '_', no digit first)"))


class MetricName(str):
    """The name of a metric."""

    __slots__ = ()
    __schema__: ClassVar[dict[str, Any]] = {"type": "string", "title": "metric name", "pattern": _METRIC_NAME.pattern}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name; raises ValueError for what Prometheus refuses."""
        return cls(_named(text, _METRIC_NAME, "metric name (letters, digits, '_' and ':', no digit first)"))


def _named(text: str, pattern: re.Pattern[str], what: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"{text!r} is no {what}")
    return text


class Block(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A mapping of the file: unknown keys are faults."""


class Index(Block, frozen=True, kw_only=True):
    """A part of a row's index, as a label."""

    labelname: LabelName
    type: IndexType
    fixed_size: int = 0
    implied: bool = False
    enum_values: dict[int, Verbatim] = {}


class Lookup(Block, frozen=True, kw_only=True):
    """A label whose value is read from another column; without `labels` it removes a label instead."""

    labels: tuple[LabelName, ...] = ()
    labelname: LabelName
    oid: Oid | None = None
    type: LookupType | None = None
    enum_values: dict[int, Verbatim] = {}
    display_hint: Verbatim = ""

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Yield what is wrong between the keys."""
        if self.labels and self.oid is None:
            yield "", "missing key 'oid': where is the label looked up?"


class RegexExtract(Block, frozen=True, kw_only=True):
    """A number taken out of a text."""

    regex: GoRegex
    value: Verbatim = "$1"


class Metric(Block, frozen=True, kw_only=True):
    """A column or a scalar that becomes a metric family."""

    name: MetricName
    oid: Oid
    type: ValueType
    help: Verbatim = ""
    indexes: tuple[Index, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    regex_extracts: dict[str, tuple[RegexExtract, ...]] = {}
    datetime_pattern: Verbatim = ""
    enum_values: dict[int, Verbatim] = {}
    offset: float = 0
    scale: float = 0
    display_hint: Verbatim = ""
    row_scale: Oid | None = None
    """Ours: the column that tells each row's scale (RFC 3433, EntitySensorDataScale)."""
    row_precision: Oid | None = None
    """Ours: the column that tells each row's decimal places (RFC 3433, EntitySensorPrecision)."""

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Yield what is wrong between the keys."""
        known = {index.labelname for index in self.indexes} | {lookup.labelname for lookup in self.lookups}
        for number, lookup in enumerate(self.lookups):
            for label in lookup.labels:
                if label not in known:
                    yield f"lookups[{number}].labels", f"{label!r} is no label of this metric"
        if any(bit < 0 for bit in self.enum_values) and self.type == "Bits":
            yield "enum_values", "a bit's number cannot be negative"


class DynamicFilter(Block, frozen=True, kw_only=True):
    """Rows to fetch, chosen by the value of one column."""

    oid: Oid
    targets: tuple[Oid, ...]
    values: tuple[GoRegex, ...]


class _Login(Block, frozen=True, kw_only=True):
    community: Secret = Secret("public")  # the protocol's well-known default
    security_level: Literal["noAuthNoPriv", "authNoPriv", "authPriv"] = "noAuthNoPriv"
    username: str = ""
    password: Secret | None = None
    auth_protocol: Literal["MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"] = "MD5"
    priv_protocol: Literal["DES", "AES", "AES192", "AES192C", "AES256", "AES256C"] = "DES"
    priv_password: Secret | None = None
    context_name: str = ""


class Auth(_Login, frozen=True, kw_only=True):
    """How to talk to a device."""

    version: Literal[1, 2, 3] = 2

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Yield what version 3 needs and is not there."""
        if self.version == 3:
            yield from _faults_of_v3(self)


def _faults_of_v3(auth: _Login) -> Iterable[tuple[str, str]]:
    if not auth.username:
        yield "", "missing key 'username', which SNMPv3 needs"
    if auth.security_level != "noAuthNoPriv" and auth.password is None:
        yield "", f"missing key 'password', which security_level {auth.security_level} needs"
    if auth.security_level == "authPriv" and auth.priv_password is None:
        yield "", "missing key 'priv_password', which security_level authPriv needs"


class OldAuth(_Login, frozen=True, kw_only=True):
    """The `auth` of a module up to 0.22; the version stands beside it."""

    def auth(self, version: Literal[1, 2, 3]) -> Auth:
        """Return the same in the form of today."""
        return Auth(version=version, **{name: getattr(self, name) for name in self.__struct_fields__})


class Walking(Block, frozen=True, kw_only=True):
    """The keys of a module that both forms share."""

    walk: tuple[Oid, ...] = ()
    get: tuple[Oid, ...] = ()
    metrics: tuple[Metric, ...] = ()
    max_repetitions: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    retries: Annotated[int, msgspec.Meta(ge=0, le=100)] = 3
    timeout: Duration = Duration(5.0)


class Module(Walking, frozen=True, kw_only=True):
    """What to read: a module of 0.23 and later."""

    allow_nonincreasing_oids: bool = False
    use_unconnected_udp_socket: bool = False
    filters: tuple[DynamicFilter, ...] = ()


class OldModule(Walking, frozen=True, kw_only=True):
    """What to read and as whom: a module up to 0.22."""

    version: Literal[1, 2, 3] = 2
    auth: OldAuth = OldAuth()
    allow_nonincreasing_oids: bool = False

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Yield what version 3 needs and is not there."""
        if self.version == 3:
            for _, message in _faults_of_v3(self.auth):
                yield "auth", message


class SnmpFile(Block, frozen=True, kw_only=True):
    """A file of 0.23 and later."""

    auths: dict[str, Auth] = {}
    modules: dict[str, Module] = {}
    version: int | None = None


def is_old_form(text: str) -> bool:
    r"""Say whether a file is of the form up to 0.22: names of modules at the top.

    >>> is_old_form("if_mib:\\n  walk: []"), is_old_form("modules:\\n  if_mib:\\n")
    (True, False)
    """
    return _SECTION.search(text) is None
