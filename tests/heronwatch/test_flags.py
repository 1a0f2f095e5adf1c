"""The flags that every service has."""

import argparse
from pathlib import Path

import pytest

from heronwatch.flags import WebFlags, add_log_arguments, add_web_arguments, web_flags
from heronwatch.values import HostPort


def read(*arguments: str) -> WebFlags:
    parser = argparse.ArgumentParser()
    add_web_arguments(parser, 9812)
    add_log_arguments(parser)
    return web_flags(parser.parse_args(arguments), 9812)


def test_default_is_loopback() -> None:
    assert read() == WebFlags(listen=(HostPort("127.0.0.1", 9812),))


def test_everything_set() -> None:
    flags = read(
        "--web.listen-address=[::1]:1",
        "--web.listen-address=10.0.0.1",
        "--web.config.file=web.yml",
        "--web.external-url=https://x/y/",
        "--web.enable-lifecycle",
        "--web.insecure",
    )
    assert flags == WebFlags(
        listen=(HostPort("::1", 1), HostPort("10.0.0.1", 9812)),
        config_file=Path("web.yml"),
        external_url="https://x/y",
        enable_lifecycle=True,
        insecure=True,
    )
    assert flags.open_because == "--web.insecure"


def test_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="is not an address"):
        read("--web.listen-address=:99999")
