"""What a group of alerts is called in one line."""

from collections.abc import Mapping, Sequence

PLACES = ("instance", "device", "site")  # what says where, the closest first
MAX_CHARACTERS = 160
MAX_NAMES = 3


def shared(label_sets: Sequence[Mapping[str, str]], among: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the labels that every set has with the same value, and that are `among` these where they are given.

    >>> shared([{"a": "1", "b": "2"}, {"a": "1", "b": "3"}])
    {'a': '1'}
    """
    if not label_sets:
        return {}
    first, *rest = label_sets
    common = set(first.items()) if among is None else first.items() & among.items()
    for other in rest:
        common &= other.items()
    return {name: value for name, value in first.items() if (name, value) in common}


def title(label_sets: Sequence[Mapping[str, str]], among: Mapping[str, str] | None = None) -> str:
    """Return "what · where" for these alerts; where is taken from labels that are `among` these, if they are given.

    >>> title([{"alertname": "LinkDown", "instance": "sw1", "site": "north"}])
    'LinkDown · sw1 · north'
    """
    names = list(dict.fromkeys(labels.get("alertname", "alert") for labels in label_sets))
    what = ", ".join(names[:MAX_NAMES]) + (f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else "")
    common = shared(label_sets, among)
    where = dict.fromkeys(common[place] for place in PLACES if common.get(place))
    return " · ".join([what, *where])[:MAX_CHARACTERS]


def summary(name: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """Return one line about one alert: its summary, else its description, else its name and place."""
    written = annotations.get("summary") or annotations.get("description")
    line = written or title([{"alertname": name, **labels}])
    return " ".join(line.split())[:MAX_CHARACTERS]
