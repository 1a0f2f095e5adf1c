"""`generator.yml` and a tree of MIBs → modules, by the rules of snmp_exporter's generator."""
