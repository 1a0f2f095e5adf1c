"""Labels in packed rows come back as they went in, whatever is freed in between."""

from hypothesis import given
from hypothesis import strategies as st

from anomaly_detector.label_store import LEAST_WASTE, LabelStore, identity

LABELS = st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=300), max_size=6)


@given(st.lists(LABELS, max_size=10))
def test_labels_come_back(sets: list[dict[str, str]]) -> None:
    series = [identity(one) for one in sets]
    store = LabelStore()
    store.put(range(len(series)), series)
    assert list(store) == series
    assert [store[row] for row in range(len(series))] == series
    assert store[1:3] == series[1:3]


def test_free_rows_have_no_labels_and_take_others() -> None:
    store = LabelStore()
    store.put([0, 1, 2], [(("a", "1"),), (), (("a", "2"),)])
    store.clear([0])
    assert list(store) == [None, (), (("a", "2"),)]
    store.put([0], [(("b", "3"), ("c", "4"))])
    assert store[0] == (("b", "3"), ("c", "4"))
    assert store.taken().tolist() == [True] * 3


def test_what_churns_does_not_pile_up() -> None:
    store = LabelStore()
    store.put([0], [(("stays", "1"),)])
    size = LEAST_WASTE // 4
    for turn in range(12):
        rows = range(1, 1 + size)
        store.put(rows, [(("pod", f"{turn}-{row}"),) for row in rows])
        store.clear(rows)
    assert store.pairs <= 6 * size
    assert store[0] == (("stays", "1"),)
