"""Python sources of the committed dashboards: `python -m grafana.dashboards_src.generate`."""
