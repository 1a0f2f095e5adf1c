"""The flags that every service has: where it listens, who may come in, how it logs."""

import argparse
from pathlib import Path

import msgspec

from heronwatch import logs
from heronwatch.values import HostPort


class WebFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What the web flags say."""

    listen: tuple[HostPort, ...]
    config_file: Path | None = None
    external_url: str = ""
    enable_lifecycle: bool = False
    insecure: bool = False

    @property
    def open_because(self) -> str:
        """Why it may listen beyond loopback without a web config; "" for no reason."""
        return "--web.insecure" if self.insecure else ""


def add_web_arguments(parser: argparse.ArgumentParser, default_port: int) -> None:
    """Add the `--web.…` flags; `web_flags` reads them."""
    group = parser.add_argument_group("web")
    group.add_argument(
        "--web.listen-address",
        dest="web_listen_address",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help=f"where to listen, repeatable (default 127.0.0.1:{default_port})",
    )
    group.add_argument(
        "--web.config.file",
        dest="web_config_file",
        default="",
        metavar="FILE",
        help="TLS, client certificates and users, in the exporter-toolkit's format; read again when it changes",
    )
    group.add_argument(
        "--web.external-url",
        dest="web_external_url",
        default="",
        metavar="URL",
        help="where others reach this service, for links and targets",
    )
    group.add_argument(
        "--web.enable-lifecycle",
        dest="web_enable_lifecycle",
        action="store_true",
        help="answer /-/reload and /config beyond loopback too; wants a web config that authenticates",
    )
    group.add_argument(
        "--web.insecure",
        dest="web_insecure",
        action="store_true",
        help="listen beyond loopback without a web config: whoever reaches the port may ask",
    )


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--log.level` and `--log.format`."""
    group = parser.add_argument_group("logs")
    group.add_argument("--log.level", dest="log_level", default="info", choices=logs.LEVELS, help="default info")
    group.add_argument("--log.format", dest="log_format", default="logfmt", choices=logs.FORMATS, help="default logfmt")


def web_flags(arguments: argparse.Namespace, default_port: int) -> WebFlags:
    """Return the web flags as a value. Raises ValueError for an address that is none."""
    listen = arguments.web_listen_address or [f"127.0.0.1:{default_port}"]
    return WebFlags(
        listen=tuple(_listen_address(text, default_port) for text in listen),
        config_file=Path(arguments.web_config_file) if arguments.web_config_file else None,
        external_url=arguments.web_external_url.rstrip("/"),
        enable_lifecycle=arguments.web_enable_lifecycle,
        insecure=arguments.web_insecure,
    )


def _listen_address(text: str, default_port: int) -> HostPort:
    address = HostPort.parse(text)
    return HostPort(address.host, address.port_or(default_port))
