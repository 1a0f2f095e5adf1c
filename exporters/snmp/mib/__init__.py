"""MIB files: parsed by pysmi, linked into one tree, written as modules of a `snmp.yml`."""
