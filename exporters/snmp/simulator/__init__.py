"""Simulated SNMP devices on real sockets: recordings, engines, trouble, load."""
