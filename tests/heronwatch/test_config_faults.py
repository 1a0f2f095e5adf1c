"""Every bad configuration of tests/bad_config/ground gives exactly the text that stands beside it."""

import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from heronwatch.config import ByKey, ConfigError, load
from heronwatch.errors import PluginUnavailable
from heronwatch.go_regex import AnchoredRegex
from heronwatch.secrets import Secret
from heronwatch.values import ByteSize, Duration, HostPort, HttpUrl, Network
from heronwatch.words import hint

FOLDER = Path(__file__).parents[1] / "bad_config" / "ground"
CASES = sorted(FOLDER.glob("*.yml"))


class Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class RegisterType(enum.Enum):
    INT16 = "int16"
    UINT16 = "uint16"
    FLOAT32 = "float32"


class Metric(Block):
    name: str
    address: Annotated[int, msgspec.Meta(ge=0, le=65_535)]
    type: RegisterType = RegisterType.INT16
    kind: Literal["gauge", "counter"] = "gauge"


class Modbus(Block):
    metrics: list[Metric]
    timeout: Duration = Duration(5)


class Ping(Block):
    count: int = 3


def module_type(name: str) -> type:
    if name == "opcua":
        raise PluginUnavailable("'opcua' needs asyncua, which is not installed: pip install 'heronwatch[opcua]'")
    return {"modbus": Modbus, "ping": Ping}[name]


Module = Annotated[Any, ByKey("protocol", names=lambda: ["modbus", "opcua", "ping"], type_of=module_type)]


class Device(Block):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    address: HostPort
    unit: Annotated[int, msgspec.Meta(ge=0, le=255)] = 1
    scale: float = 1.0
    module: str | None = None


class Scrape(Block):
    timeout: Duration = Duration(5)
    spread: Duration = Duration(30)

    def __post_init__(self) -> None:
        if self.timeout > 10:
            raise ValueError("timeout is above 10s, Prometheus's default")


class Login(Block):
    user: str
    password: Secret


class Config(Block):
    version: Literal[1]
    modules: dict[str, Module] = {}
    devices: list[Device] = []
    interval: Annotated[Duration, msgspec.Meta(ge=1, le=3600)] = Duration(60)
    scrape: Scrape = Scrape()
    labels: dict[str, str] = {}
    password: Secret | None = None
    tokens: dict[str, Secret] = {}
    login: Login | None = None
    enabled: bool = True
    limit: ByteSize = ByteSize(0)
    only: AnchoredRegex | None = None
    allowed: list[Network] = []
    write: HttpUrl | None = None
    pair: tuple[int, int] = (0, 0)
    ids: frozenset[int] = frozenset()
    unit: int | None = None
    ratio: float = 1.0

    def config_faults(self) -> Iterator[tuple[str, str]]:
        if self.interval < self.scrape.spread:
            yield "scrape.spread", f"{self.scrape.spread} is longer than the interval {self.interval}"
        for index, device in enumerate(self.devices):
            if device.module is not None and device.module not in self.modules:
                message = f"'{device.module}' is not a module{hint(device.module, self.modules)}"
                yield f"devices[{index}].module", message


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_faults_have_exactly_this_text(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(ConfigError) as caught:
        load([path.name], Config, env={"HERONWATCH_EMPTY": "", "HUNTER2": "x"})
    assert str(caught.value) + "\n" == path.with_suffix(".txt").read_text()


def test_every_case_has_its_text_and_every_text_its_case() -> None:
    assert {p.stem for p in CASES} == {p.stem for p in FOLDER.glob("*.txt")}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_no_fault_echoes_a_secret(path: Path) -> None:
    assert "hunter2" not in path.with_suffix(".txt").read_text()
