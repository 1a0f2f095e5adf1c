"""Polling: the seams, the engine behind `/snmp` and `/probe`, and the process model."""
