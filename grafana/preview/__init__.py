"""Draws the committed dashboards with Grafana's own UI packages, without a Grafana: `python -m grafana.preview`."""
