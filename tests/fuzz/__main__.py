"""`python -m tests.fuzz TARGET [-runs=N] [-max_total_time=SECONDS]`: one target of targets.py under atheris.

Coverage guides it. Every finding is written to a file `crash-…` in the working folder; give that as an argument to see
it again.
"""

import sys


def main() -> None:
    """Fuzz a target until its limits, or until it finds something."""
    import atheris

    with atheris.instrument_imports(include=["exporters.snmp"]):
        from tests.fuzz.targets import TARGETS
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz TARGET [-runs=N]; targets: {', '.join(TARGETS)}")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
