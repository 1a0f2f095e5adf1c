"""Configurations of the detector for tests, from as little text as a test needs."""

from anomaly_detector.config import Config
from anomaly_detector.plan import QueryPlan, plans
from heronwatch.config import loads

NOWHERE = "http://127.0.0.1:1"  # nothing listens on port 1 of loopback


def config(text: str) -> Config:
    """Read detector.yml."""
    return loads(text, Config, env={}).value


def plan(
    query: str = "expr: up, step: 60s",
    *,
    url: str = NOWHERE,
    reader: str = "",
    models: str = "{}",
    settings: str = "{}",
    budget: str = "{}",
) -> QueryPlan:
    """Return the plan of one query `q`; the arguments are insides of YAML flow mappings."""
    more = f", {reader}" if reader else ""
    read = f"reader: {{datasource_url: '{url}', queries: {{q: {{{query}}}}}{more}}}"
    (only,) = plans(config(f"{read}\nmodels: {models}\nsettings: {settings}\nbudget: {budget}\n"))
    return only
