import ibis

from usage_pipeline import engine


def test_a_ratio_with_nothing_below_is_unknown_not_infinite(backend):
    table = ibis.memtable({"a": [3, 1], "b": [0, 4]})
    assert backend.to_pyarrow(table.select(r=engine.ratio(table.a, table.b))).column("r").to_pylist() == [None, 0.25]


def test_equals_share_a_quintile(backend):
    table = ibis.memtable({"v": [1, 1, 1, 1, 2, 3, 4, 5, 6, 7]})
    rows = backend.to_pyarrow(table.select("v", q=engine.quintile(table.v))).to_pylist()
    assert {row["q"] for row in rows if row["v"] == 1} == {1}
    assert max(row["q"] for row in rows) == 5


def test_the_count_of_nothing_is_zero_and_stays_an_integer(backend):
    table = ibis.memtable({"v": [1]}).filter(ibis._.v > 1)
    (count,) = backend.to_pyarrow(table.aggregate(n=engine.whole(ibis._.v.sum()))).column("n").to_pylist()
    assert count == 0


def test_a_sum_of_integers_is_kept_as_an_int64(backend):
    table = ibis.memtable({"v": [1, 2]})
    kept = backend.create_table("kept_sum", table.aggregate(n=engine.whole(table.v.sum())), temp=True, overwrite=True)
    assert backend.con.execute(f"SELECT typeof(n) FROM {kept.get_name()}").fetchall() == [("BIGINT",)]
