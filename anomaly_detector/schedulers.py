"""`schedulers` of the configuration, in vmanomaly's words: what models learn from at first, and how often they judge.

Here a query is judged at every step and models learn as they judge, so a scheduler only says what a block of a model or
of a query would say as well; what those say themselves comes first. No I/O.
"""

from collections.abc import Mapping
from typing import Self, TypeVar

import msgspec

from anomaly_detector.endpoint import Faults, Struct
from anomaly_detector.models.model import ModelOptions
from heronwatch.values import Duration
from heronwatch.words import hint

SHORTEST_STEP_S = 1.0
PERIODIC = "periodic"
OF_THE_PAST = ("oneoff", "backtesting")
REFITTED = "retrain_every"  # the option of models that are fitted anew from time to time
Options = TypeVar("Options", bound=ModelOptions)


class SchedulerClass(str):
    """`periodic`, also by its long name."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return it; ValueError for another.

        >>> SchedulerClass.parse("scheduler.periodic.PeriodicScheduler")
        'periodic'
        """
        words = text.split(".")
        kind = words[1] if len(words) == 3 and words[0] == "scheduler" else text
        if kind in OF_THE_PAST:
            raise ValueError(f"'{kind}' looks at the past: `heronwatch detector backtest --from … --to …` does that")
        if kind != PERIODIC:
            raise ValueError(f"'{text}' is no class of a scheduler{hint(text, [PERIODIC])}")
        return cls(kind)


class Scheduler(Struct, frozen=True, kw_only=True):
    """When models learn and judge.

    `fit_window`: how much history is learnt from at a start without a snapshot. `infer_every`: the step of queries that
    name none. `fit_every`: how often a model is fitted anew, of those that are (`isolation_forest`).
    """

    class_: SchedulerClass = msgspec.field(default=SchedulerClass(PERIODIC), name="class")
    fit_window: Duration | None = None
    infer_every: Duration | None = None
    fit_every: Duration | None = None

    def config_faults(self) -> Faults:
        """A step that can be kept, and a window with something in it."""
        if self.infer_every is not None and self.infer_every < SHORTEST_STEP_S:
            yield "infer_every", f"{self.infer_every} is shorter than 1s"
        for name in ("fit_window", "fit_every"):
            if getattr(self, name) == 0:
                yield name, "must be above 0"


WORDS = ("fit_window", "infer_every", "fit_every")
Schedulers = Mapping[str, Scheduler]


def scheduler_of(schedulers: Schedulers, model: ModelOptions | None = None) -> Scheduler:
    """Return what a model's schedulers say together; without names, or without a model, all are meant."""
    chosen = _chosen(schedulers, model).values()
    said = {word: [value for one in chosen if (value := getattr(one, word)) is not None] for word in WORDS}
    return Scheduler(**{word: values[0] for word, values in said.items() if values})


def scheduled(options: Options, scheduler: Scheduler) -> Options:
    """Return a model's options with what its scheduler says, where they say nothing themselves."""
    said = {"fit_window": scheduler.fit_window, REFITTED: scheduler.fit_every}
    named = {name: value for name, value in said.items() if value is not None and name in options.__struct_fields__}
    return msgspec.structs.replace(options, **{k: v for k, v in named.items() if getattr(options, k) is None})


def scheduler_faults(schedulers: Schedulers, models: Mapping[str, ModelOptions]) -> Faults:
    """Yield names of no scheduler, schedulers that no model names, and models to which two say different things."""
    for alias, model in models.items():
        for place, name in enumerate(model.schedulers or ()):
            if name not in schedulers:
                yield f"models.{alias}.schedulers[{place}]", f"'{name}' is no scheduler{hint(name, list(schedulers))}"
        for words in _differing(schedulers, model):
            yield f"models.{alias}.schedulers", f"{words}: name one of them"
    if not models:
        yield from (("schedulers", f"{words}: models have to name theirs") for words in _differing(schedulers, None))
    idle = [name for name in schedulers if models and not any(name in _chosen(schedulers, m) for m in models.values())]
    yield from ((f"schedulers.{name}", "no model names it") for name in idle)


def step_faults(schedulers: Schedulers, models: Mapping[str, ModelOptions], stepless: list[str]) -> Faults:
    """Yield those of the queries without a step of their own that two models would judge at different ones."""
    for query in stepless:
        steps = {
            alias: scheduler_of(schedulers, model).infer_every
            for alias, model in models.items()
            if model.queries is None or query in model.queries
        }
        said = [alias for alias, step in steps.items() if step is not None]
        if len({steps[alias] for alias in said}) > 1:
            yield f"reader.queries.{query}", f"{' and '.join(said)} watch it at different infer_every: give it a step"


def _chosen(schedulers: Schedulers, model: ModelOptions | None) -> Schedulers:
    if model is None or model.schedulers is None:
        return schedulers
    return {name: schedulers[name] for name in model.schedulers if name in schedulers}


def _differing(schedulers: Schedulers, model: ModelOptions | None) -> list[str]:
    """Return, for each word of which a model's schedulers say different things, who does."""
    chosen, out = _chosen(schedulers, model), []
    for word in WORDS:
        said = {name: getattr(one, word) for name, one in chosen.items() if getattr(one, word) is not None}
        if len(set(said.values())) > 1:
            names = " and ".join(f"'{name}'" for name in said)
            out.append(f"{names} differ in {word}")
    return out
