"""Imports the dashboards' SDK once, quietly: it warns at import that it would rather emit its v2 format.

Classic dashboards load in every Grafana from 10 on; v2 files need one of the newest.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana.dashboards_src import generate  # noqa: F401 (for its side effect on later imports)
