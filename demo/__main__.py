"""`make demo`: the whole of Heronwatch on this machine, with simulated devices and a scripted incident."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from demo.programs import find_binaries
from demo.run import Demo
from demo.supervisor import ChildError

EXIT_MISSING_PART = 3


def main() -> int:
    """Run the demo; exit status 0, 1 when a check failed, 3 when a part is missing."""
    arguments = _arguments()
    binaries, missing = find_binaries()
    if binaries is None:
        print(f"The demo needs {', '.join(missing)}. On Debian or Ubuntu:", file=sys.stderr)
        print("  sudo apt-get install --no-install-recommends prometheus prometheus-alertmanager", file=sys.stderr)
        print("'.venv/bin/heronwatch doctor' lists everything else.", file=sys.stderr)
        return EXIT_MISSING_PART
    signal.signal(signal.SIGTERM, _as_interrupt)
    folder = Path(tempfile.mkdtemp(prefix="heronwatch-demo-"))
    demo = Demo(folder, binaries, incident_after_s=arguments.incident_after, duration_s=arguments.duration)
    try:
        demo.start()
        if arguments.check:
            verdict = demo.check()
            print(json.dumps(verdict))
            return 0 if verdict["ok"] else 1
        demo.show()
    except ChildError as exc:
        print(f"\n{exc}", file=sys.stderr)
        if arguments.check:
            print(json.dumps({"ok": False, "seconds_fault_to_message": None, "checked": {}, "failed": str(exc)[:500]}))
        return 1
    except KeyboardInterrupt:
        print("\nstopping")
    finally:
        demo.stop()
        if arguments.keep:
            print(f"configs, data and logs are in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description=__doc__)
    parser.add_argument("--check", action="store_true", help="play the incident, check each step, print JSON, exit")
    parser.add_argument("--duration", type=float, default=0, metavar="S", help="end S seconds after the start is done")
    parser.add_argument("--incident-after", type=float, metavar="S", help="seconds until the incident (60; 5 to check)")
    parser.add_argument("--keep", action="store_true", help="leave configs, data and logs where they are")
    arguments = parser.parse_args()
    if arguments.incident_after is None:
        arguments.incident_after = 5.0 if arguments.check else 60.0
    if arguments.check and not arguments.duration:
        arguments.duration = 240.0
    return arguments


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
