"""Output series from packed labels: their own pairs are encoded already, ours are put in between. No I/O."""

from collections.abc import Iterable, Sequence

from anomaly_detector.label_store import LabelStore
from anomaly_detector.series_table import Labels
from anomaly_detector.sink.series import Identity, PromqlIdentity, encoded, output_labels
from anomaly_detector.sink.wire import encode_labels, encode_series

Order = tuple[bytes | int, ...]  # of a series' labels: ours as they are, its own by their places


def encoded_rows(
    labels: Sequence[Labels | None], rows: Iterable[int], name: str, identity: Identity | PromqlIdentity
) -> list[bytes]:
    """Return an output of some rows, encoded for `wire.Template`; nothing for a free row."""
    rows = list(rows)
    if isinstance(labels, LabelStore):
        return _merged(labels, rows, name, identity)
    return [_one(labels[row], name, identity) for row in rows]


def _merged(store: LabelStore, rows: Sequence[int], name: str, identity: Identity | PromqlIdentity) -> list[bytes]:
    ours = {
        key.encode(): encode_labels(((key, value),)) for key, value in {**identity.labels(), "__name__": name}.items()
    }
    orders: dict[tuple[bytes, ...], Order | None] = {}
    out = []
    for row, pairs in zip(rows, store.encoded(rows), strict=True):
        names = tuple([key for key, _ in pairs])
        if names not in orders:
            orders[names] = _order(names, ours)
        order = orders[names]
        if order is None or not pairs:  # a label in our way, or a row that may be free
            out.append(_one(store[row], name, identity))
        else:
            out.append(encode_series(b"".join([pairs[one][1] if isinstance(one, int) else one for one in order])))
    return out


def _order(names: tuple[bytes, ...], ours: dict[bytes, bytes]) -> Order | None:
    """Return all labels in the order of their names, None when a name is there twice."""
    if not ours.keys().isdisjoint(names):
        return None
    place = {key: number for number, key in enumerate(names)}
    return tuple(place[key] if key in place else ours[key] for key in sorted([*names, *ours]))


def _one(labels: Labels | None, name: str, identity: Identity | PromqlIdentity) -> bytes:
    return b"" if labels is None else encoded(name, output_labels(dict(labels), identity))
