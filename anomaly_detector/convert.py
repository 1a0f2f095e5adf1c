"""A configuration of vmanomaly as ours: what has the same meaning is taken over, what has not is said. No I/O.

Facts from the public documentation of vmanomaly 1.30: the words below, and that direction and smallest deviation are
arguments of its models, while ours belong to the query.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from anomaly_detector.config import DEFAULT_CLASS
from anomaly_detector.models.registry import models as registry

Block = Mapping[str, Any]
READER = ("datasource_url", "sampling_period", "tenant_id", "latency_offset")
QUERY = ("expr", "step", "data_range")
OF_THE_QUERY = ("detection_direction", "min_dev_from_expected", "provide_series")  # arguments of a model there
SETTINGS = ("restore_state", "score_outside_data_range")
KNOWN = {"reader", "writer", "models", "schedulers", "settings", "monitoring"}
WITHOUT_MEANING = {"class", "schedulers", "queries", *OF_THE_QUERY}
TWINS = {"holtwinters": "holt_winters", "zscore": "static_z", "zscore_online": "static_z"}
FROM_ENVIRONMENT = re.compile(r"%\{([A-Za-z_][A-Za-z0-9_]*)\}")
OUTPUTS = ("anomaly_score", "yhat", "yhat_lower", "yhat_upper")


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """Our configuration as plain values, and what of theirs is not in it, one sentence each."""

    config: dict[str, Any]
    left_out: tuple[str, ...]


def convert(theirs: Block) -> Converted:
    """Convert a file of vmanomaly; ValueError when it has no reader with queries."""
    queries = _block(_block(theirs, "reader"), "queries")
    if not queries:
        raise ValueError("reader.queries is missing: this is no configuration of vmanomaly")
    models = _block(theirs, "models")
    config = {
        "reader": _reader(_block(theirs, "reader")) | {"queries": _queries(queries, models)},
        "models": {alias: _model(block, _fit_window(theirs)) for alias, block in _blocks(models)},
        "writer": _writer(_block(theirs, "writer")),
        "settings": {name: value for name, value in _block(theirs, "settings").items() if name in SETTINGS},
    }
    kept = {name: block for name, block in config.items() if block}
    return Converted(config=kept, left_out=tuple(_left_out(theirs)))


def _reader(theirs: Block) -> dict[str, Any]:
    return {name: _plain(theirs[name]) for name in READER if name in theirs} | _access(theirs)


def _access(theirs: Block) -> dict[str, Any]:
    """Return how to be let in, in our words."""
    out: dict[str, Any] = {}
    if "user" in theirs or "password" in theirs:
        out["basic_auth"] = {"username": str(theirs.get("user", "")), "password": _secret(theirs.get("password", ""))}
    if "bearer_token_file" in theirs:
        out["bearer_token"] = {"file": str(theirs["bearer_token_file"])}
    elif "bearer_token" in theirs:
        out["bearer_token"] = _secret(theirs["bearer_token"])
    if theirs.get("verify_tls") is False:
        out["tls_config"] = {"insecure_skip_verify": True}
    return out


def _queries(theirs: Block, models: Block) -> dict[str, Any]:
    out = {}
    for alias, query in theirs.items():
        block = {"expr": query} if isinstance(query, str) else {k: v for k, v in query.items() if k in QUERY}
        asked = (_asked(model) for _, model in _blocks(models) if alias in model.get("queries", [alias]))
        out[alias] = block | next((one for one in asked if one), {})
    return out


def _asked(model: Block) -> dict[str, Any]:
    """Return what a model of theirs asks and a query of ours does."""
    out = {name: model[name] for name in OF_THE_QUERY if name in model}
    least = out.get("min_dev_from_expected")
    if isinstance(least, int | float):
        out["min_dev_from_expected"] = [least, least]
    if "provide_series" in out:
        wanted = {"anomaly_score", *out["provide_series"]}
        out["provide_series"] = [name for name in OUTPUTS if name in wanted]
    return out


def _model(theirs: Block, fit_window: str) -> dict[str, Any]:
    out: dict[str, Any] = {"class": _class(theirs)}
    if "queries" in theirs:
        out["queries"] = list(theirs["queries"])
    return out | ({"fit_window": fit_window} if fit_window else {})


def _kind(theirs: Block) -> str:
    """Return the short name of a model's class; the long one is `model.zscore.ZscoreModel`."""
    words = str(theirs.get("class", "")).split(".")
    return words[1] if len(words) == 3 else words[-1]


def _class(theirs: Block) -> str:
    twin = TWINS.get(_kind(theirs), DEFAULT_CLASS)
    return twin if twin in registry().names() else DEFAULT_CLASS


def _secret(value: object) -> object:
    """Return a secret in our words: theirs may come from the environment."""
    found = FROM_ENVIRONMENT.fullmatch(str(value))
    return {"env": found[1]} if found else str(value)


def _fit_window(theirs: Block) -> str:
    """Return the window of the first scheduler that has one."""
    windows = (block["fit_window"] for _, block in _blocks(_block(theirs, "schedulers")) if "fit_window" in block)
    return str(next(windows, ""))


def _writer(theirs: Block) -> dict[str, Any]:
    if "datasource_url" not in theirs:
        return {}
    target = {"datasource_url": _plain(theirs["datasource_url"])} | _access(theirs)
    return {"targets": [target | ({"tenant_id": str(theirs["tenant_id"])} if "tenant_id" in theirs else {})]}


def _left_out(theirs: Block) -> Iterator[str]:
    """Yield what was not taken over."""
    yield from (f"{name}: has no counterpart" for name in theirs if name not in KNOWN)
    if "monitoring" in theirs:
        yield "monitoring: /metrics is always served, at --web.listen-address"
    for alias, block in _blocks(_block(theirs, "models")):
        kind = _kind(block)
        yield f"models.{alias}: class {kind} becomes {_class(block)}, with its own defaults"
        yield from (f"models.{alias}.{name}: belongs to {kind}" for name in block if name not in WITHOUT_MEANING)
    for alias, query in _blocks(_block(_block(theirs, "reader"), "queries")):
        yield from (f"reader.queries.{alias}.{name}: has no counterpart" for name in query if name not in QUERY)
    if "metric_format" in _block(theirs, "writer"):
        yield "writer.metric_format: names and labels are fixed (docs/detector/README.md, what it writes)"
    for name in _block(theirs, "settings"):
        if name not in SETTINGS:
            yield f"settings.{name}: has no counterpart"


def _block(of: Block, name: str) -> Block:
    block = of.get(name)
    return block if isinstance(block, Mapping) else {}


def _blocks(of: Block) -> Iterator[tuple[str, Block]]:
    yield from ((name, block) for name, block in of.items() if isinstance(block, Mapping))


def _plain(value: object) -> object:
    return str(value).rstrip("/") if isinstance(value, str) else value
