"""Look up known vulnerabilities of everything requirements.lock pins.

A finding fails (exit 1). Where no advisory service can be reached it says so and passes: a check that could not
run is named, never counted as clean.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def verdict(report: dict[str, Any]) -> tuple[int, str]:
    """Turn pip-audit's JSON report into an exit status and one line for people."""
    packages = report["dependencies"]
    found = [
        f"{package['name']} {package['version']}: {flaw['id']}"
        f" (fixed in {', '.join(flaw['fix_versions']) or 'no release'})"
        for package in packages
        for flaw in package.get("vulns", ())
    ]
    audited = sum("vulns" in package for package in packages)
    if found:
        return 1, "\n".join(["known vulnerabilities:", *found])
    if not audited:
        return 0, "pip-audit: NOT RUN: no advisory service answers here; it audits where one does"
    return 0, f"pip-audit: {audited} of {len(packages)} packages audited, no known vulnerability"


def main() -> int:
    """Run pip-audit on the lock and print the verdict."""
    tool = Path(sys.executable).with_name("pip-audit")
    command = [str(tool), "--progress-spinner=off", "--disable-pip", "--require-hashes", "--format=json"]
    try:
        run = subprocess.run(
            [*command, "-r", "requirements.lock"], capture_output=True, text=True, timeout=300, check=False
        )
        report = json.loads(run.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as exc:
        print(f"pip-audit: NOT RUN: {type(exc).__name__}")
        return 0
    status, line = verdict(report)
    print(line)
    return status


if __name__ == "__main__":
    sys.exit(main())
