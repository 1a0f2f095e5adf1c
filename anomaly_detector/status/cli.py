"""`heronwatch detector status`: arguments, and what is printed."""

import argparse
import sys

from heronwatch.commands import EXIT_FAULT, EXIT_OK, EXIT_USAGE

DEFAULT_URL = "http://127.0.0.1:9811"
FILES = {
    "password": "file with that user's password",
    "ca": "certificates to trust for https",
    "cert": "certificate to show, where the web config asks for one",
    "key": "key of that certificate",
}


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    status = commands.add_parser(
        "status",
        help="say how the running detector is: queries, receivers, what is wrong",
        description="Asks the running detector. Exit status 0 when it is ready, 1 when it is not, with the reasons, "
        "2 when nobody answers.",
    )
    status.add_argument("--url", default=DEFAULT_URL, help=f"the running detector (default {DEFAULT_URL})")
    status.add_argument("--username", default="", help="a user of the detector's web config")
    for name, words in FILES.items():
        status.add_argument(f"--{name}-file", default="", metavar="FILE", help=words)
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(detector_run=_status)


def _status(arguments: argparse.Namespace) -> int:
    import msgspec

    from anomaly_detector.errors import SourceError
    from anomaly_detector.status.asking import Login, asked
    from anomaly_detector.status.telling import as_text

    files = {f"{name}_file": getattr(arguments, f"{name}_file") for name in FILES}
    try:
        report = asked(arguments.url, Login(username=arguments.username, **files))
    except (SourceError, OSError, ValueError) as error:
        print(f"heronwatch detector status: {error}", file=sys.stderr)
        return EXIT_USAGE
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print(as_text(report, url=arguments.url))
    return EXIT_OK if report.ready else EXIT_FAULT
