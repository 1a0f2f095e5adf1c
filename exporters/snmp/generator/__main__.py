"""`python -m exporters.snmp.generator`: writes the shipped modules from their sources."""

import sys

from exporters.snmp.generator.shipped import write_all

if __name__ == "__main__":
    for name in write_all():
        sys.stdout.write(f"{name}\n")
