"""Alerts in from Alertmanager, incidents, escalation, pages out."""
