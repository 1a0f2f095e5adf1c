"""Names and labels of the output series."""

from collections.abc import Mapping

import msgspec

from anomaly_detector.sink.wire import encode_labels, encode_series

SCORE, EXPECTED, LOWER, UPPER, CONFIDENCE = "anomaly_score", "yhat", "yhat_lower", "yhat_upper", "anomaly_confidence"
CONTRIBUTION = "anomaly_contribution"
# the names of promql-anomaly-detection's recording rules, whose dashboards and alerts then work as they are
LEVEL, LOWER_BAND, UPPER_BAND = "anomaly:level", "anomaly:lower_band", "anomaly:upper_band"
Labels = tuple[tuple[str, str], ...]


class Identity(msgspec.Struct, frozen=True):
    """What the detector adds to the labels of an input series: aliases of query and model, whether it may page."""

    query: str
    model: str
    page: bool = False
    feature: str = ""
    horizon: str = ""

    def of_feature(self, feature: str) -> "Identity":
        """Return the identity of what one feature contributes."""
        return Identity(self.query, self.model, self.page, feature=feature)

    def at(self, horizon: str) -> "Identity":
        """Return the identity of a forecast."""
        return Identity(self.query, self.model, self.page, horizon=horizon)

    def labels(self) -> dict[str, str]:
        """Return the labels added."""
        return {"for": self.query, "model_alias": self.model} | {
            name: value
            for name, value in (
                ("page", "true" if self.page else ""),
                ("feature", self.feature),
                ("horizon", self.horizon),
            )
            if value
        }


class PromqlIdentity(msgspec.Struct, frozen=True):
    """The labels that promql-anomaly-detection's rules have instead: `kind` is its `anomaly_type`."""

    query: str
    model: str
    kind: str

    def labels(self) -> dict[str, str]:
        """Return the labels added."""
        return {"anomaly_name": self.query, "anomaly_strategy": self.model, "anomaly_type": self.kind}


def output_labels(labels: Mapping[str, str], identity: Identity | PromqlIdentity) -> Labels:
    """Return the labels of an output series, sorted; `labels` are those of the input without `__name__`.

    A label in our way becomes `exported_…`, once more if that is taken as well.

    >>> output_labels({"for": "x", "job": "snmp"}, Identity("traffic", "default"))
    (('exported_for', 'x'), ('for', 'traffic'), ('job', 'snmp'), ('model_alias', 'default'))
    """
    ours = identity.labels()
    out = {name: value for name, value in labels.items() if name not in ours}
    for name in sorted(ours.keys() & labels.keys()):
        free = f"exported_{name}"
        while free in out:
            free = f"exported_{free}"
        out[free] = labels[name]
    return tuple(sorted((out | ours).items()))


def encoded(name: str, labels: Labels) -> bytes:
    """Return an output series, encoded for `wire.Template`."""
    return encode_series(encode_labels((("__name__", name), *labels)))


def text(name: str, labels: Labels) -> str:
    """Return an output series in the text format, without its value.

    >>> text("anomaly_score", (("for", "cpu"), ("model_alias", "m")))
    'anomaly_score{for="cpu",model_alias="m"}'
    """
    pairs = ",".join(f'{key}="{_escape(value)}"' for key, value in labels)
    return f"{name}{{{pairs}}}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
