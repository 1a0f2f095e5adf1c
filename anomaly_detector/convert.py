"""A configuration of vmanomaly as ours: what has the same meaning is taken over, what has not is said. No I/O.

Facts from the public documentation of vmanomaly 1.30: the words below, and that direction and smallest deviation are
arguments of its models, while ours belong to the query.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from anomaly_detector.config import DEFAULT_CLASS
from anomaly_detector.errors import ConversionError
from anomaly_detector.models.registry import models as registry
from anomaly_detector.schedulers import OF_THE_PAST, WORDS

Block = Mapping[str, Any]
READER = ("sampling_period", "latency_offset")
ACCESS = ("user", "password", "bearer_token", "bearer_token_file", "verify_tls")
TAKEN = {  # what is taken over of these blocks, or told about elsewhere
    "reader": {"class", "datasource_url", "tenant_id", "queries", *READER, *ACCESS},
    "writer": {"class", "datasource_url", "tenant_id", "metric_format", *ACCESS},
}
LATENCY = "30s"  # after so long the newest points of VictoriaMetrics are settled
QUERY = ("expr", "step", "data_range")
OF_THE_QUERY = ("detection_direction", "min_dev_from_expected", "provide_series")  # arguments of a model there
SETTINGS = {  # their words: ours
    "restore_state": "restore_state",
    "anomaly_score_outside_data_range": "score_outside_data_range",
}
INFINITE = {"inf": float("inf"), "+inf": float("inf"), "-inf": float("-inf")}
KNOWN = {"reader", "writer", "models", "schedulers", "settings", "monitoring"}
WITHOUT_MEANING = {"class", "schedulers", "queries", *OF_THE_QUERY}
TWINS = {"holtwinters": "holt_winters", "zscore": "static_z", "zscore_online": "static_z"}
FROM_ENVIRONMENT = re.compile(r"%\{([A-Za-z_][A-Za-z0-9_]*)\}")
ISO_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
OUTPUTS = ("anomaly_score", "yhat", "yhat_lower", "yhat_upper")


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """Our configuration as plain values, what of theirs is not in it, and what was added, one sentence each."""

    config: dict[str, Any]
    left_out: tuple[str, ...]
    added: tuple[str, ...] = ()


def convert(theirs: Block) -> Converted:
    """Convert a file of vmanomaly; ValueError when it has no reader with queries."""
    queries = _block(_block(theirs, "reader"), "queries")
    if not queries:
        raise ValueError("reader.queries is missing: this is no configuration of vmanomaly")
    models, kept = _block(theirs, "models"), _schedulers(theirs)
    every = [model for _, model in _blocks(models)] or [{}]
    used = dict.fromkeys(name for model in every for name in _chosen(model, kept))
    config = {
        "reader": _reader(_block(theirs, "reader")) | {"queries": _queries(queries, models)},
        "schedulers": {name: kept[name] for name in used},
        "models": {alias: _model(block, kept, list(used)) for alias, block in _blocks(models)},
        "writer": _writer(_block(theirs, "writer")),
        "settings": {SETTINGS[name]: value for name, value in _block(theirs, "settings").items() if name in SETTINGS},
    }
    added: tuple[str, ...] = ()
    if "latency_offset" not in _block(theirs, "reader") and "latency_offset" in config["reader"]:
        added = (f"reader.latency_offset: {LATENCY}, as newer points of VictoriaMetrics are not settled",)
    full = {name: block for name, block in config.items() if block}
    return Converted(config=full, left_out=tuple(_left_out(theirs)), added=added)


def _reader(theirs: Block) -> dict[str, Any]:
    url = {"datasource_url": _url(theirs, "select")} if "datasource_url" in theirs else {}
    late = {"latency_offset": LATENCY} if _kind(theirs) in {"vm", ""} else {}
    return url | late | {name: _span(theirs[name]) for name in READER if name in theirs} | _access(theirs)


def _url(theirs: Block, part: str) -> object:
    """Return where to read or write: a tenant of VictoriaMetrics' cluster is part of the path."""
    url = _plain(theirs["datasource_url"])
    return f"{url}/{part}/{theirs['tenant_id']}/prometheus" if theirs.get("tenant_id") else url


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
        if not isinstance(query, str | Mapping):
            raise ConversionError(f"reader.queries.{alias} is neither an expression nor a block")
        block = {"expr": query} if isinstance(query, str) else {k: _open(v) for k, v in query.items() if k in QUERY}
        asked = (_asked(model) for _, model in _blocks(models) if alias in _watched(model, [alias]))
        out[alias] = block | next((one for one in asked if one), {})
    return out


def _watched(model: Block, every: list[str]) -> list[str]:
    """Return the queries that a model of theirs watches; `every` where it names none."""
    named = model.get("queries", every)
    if not isinstance(named, list):
        raise ConversionError("the queries of a model are no list")
    return [str(one) for one in named]


def _open(value: object) -> object:
    """Return a value of a query; `inf` in a list is a number to them."""
    return [INFINITE.get(str(one).lower(), one) for one in value] if isinstance(value, list) else value


def _asked(model: Block) -> dict[str, Any]:
    """Return what a model of theirs asks and a query of ours does."""
    out = {name: model[name] for name in OF_THE_QUERY if name in model}
    least = out.get("min_dev_from_expected")
    if isinstance(least, int | float):
        out["min_dev_from_expected"] = [least, least]
    if not isinstance(out.get("provide_series", []), list):
        raise ConversionError("provide_series is no list")
    if "provide_series" in out:
        wanted = {"anomaly_score", *out["provide_series"]}
        out["provide_series"] = [name for name in OUTPUTS if name in wanted]
    return out


def _model(theirs: Block, kept: Block, used: list[str]) -> dict[str, Any]:
    out: dict[str, Any] = {"class": _class(theirs)}
    if "queries" in theirs:
        out["queries"] = _watched(theirs, [])
    chosen = _chosen(theirs, kept)
    return out if chosen == used else out | {"schedulers": chosen}


def _schedulers(theirs: Block) -> dict[str, dict[str, Any]]:
    """Return what of their schedulers has a meaning here; none of those that look at the past."""
    period = _span(_block(theirs, "reader").get("sampling_period", ""))
    out = {}
    for alias, block in _blocks(_block(theirs, "schedulers")):
        if _kind(block) not in OF_THE_PAST:
            words = {word: _span(block[word]) for word in WORDS if word in block}
            if period and words.get("infer_every") != period:
                words.pop("infer_every", None)
            out[alias] = words
    return out


def _named(model: Block, kept: Block) -> list[str]:
    """Return the schedulers of a model of theirs, every one where it names none."""
    named = model.get("schedulers", list(kept))
    if not isinstance(named, list):
        raise ConversionError("the schedulers of a model are no list")
    return [str(one) for one in named if str(one) in kept]


def _chosen(model: Block, kept: Block) -> list[str]:
    """Return the scheduler of a model here: the first of those that it has there."""
    return _named(model, kept)[:1]


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


def _writer(theirs: Block) -> dict[str, Any]:
    if "datasource_url" not in theirs:
        return {}
    return {"targets": [{"datasource_url": _url(theirs, "insert")} | _access(theirs)]}


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
    yield from _left_out_of_ends(theirs)
    if "metric_format" in _block(theirs, "writer"):
        yield "writer.metric_format: names and labels are fixed (docs/detector/README.md, what it writes)"
    for name in _block(theirs, "settings"):
        if name not in SETTINGS:
            yield f"settings.{name}: has no counterpart"


def _left_out_of_ends(theirs: Block) -> Iterator[str]:
    """Yield what of reader, writer and schedulers was not taken over."""
    for name, taken in TAKEN.items():
        block = _block(theirs, name)
        yield from (f"{name}.{word}: has no counterpart" for word in block if word not in taken)
        if block.get("tenant_id"):
            yield f"{name}.tenant_id: is part of datasource_url here, as of VictoriaMetrics' cluster"
    yield from _left_out_of_schedulers(theirs)


def _left_out_of_schedulers(theirs: Block) -> Iterator[str]:
    kept = _schedulers(theirs)
    for alias, scheduler in _blocks(_block(theirs, "schedulers")):
        if alias not in kept:
            yield f"schedulers.{alias}: looks at the past, as `heronwatch detector backtest` does"
            continue
        for word in scheduler:
            if word == "infer_every" and word not in kept[alias]:
                yield f"schedulers.{alias}.{word}: the step is reader.sampling_period, or `step` of a query"
            elif word not in {"class", *WORDS}:
                yield f"schedulers.{alias}.{word}: has no counterpart"
    for alias, model in _blocks(_block(theirs, "models")):
        first, *others = _named(model, kept) or [""]
        if others:
            yield f"models.{alias}.schedulers: {', '.join(others)}, as a model has one here ({first})"


def _block(of: Block, name: str) -> Block:
    block = of.get(name)
    return block if isinstance(block, Mapping) else {}


def _blocks(of: Block) -> Iterator[tuple[str, Block]]:
    yield from ((name, block) for name, block in of.items() if isinstance(block, Mapping))


def _span(value: object) -> str:
    """Return a duration in our words; theirs may be as in ISO 8601.

    >>> _span("PT1H30M"), _span("P14D"), _span("5m")
    ('1h30m', '14d', '5m')
    """
    found = ISO_DURATION.fullmatch(str(value))
    parts = zip(found.groups(), "wdhms", strict=True) if found else ()
    return "".join(f"{number}{unit}" for number, unit in parts if number) or str(value)


def _plain(value: object) -> object:
    return str(value).rstrip("/") if isinstance(value, str) else value
