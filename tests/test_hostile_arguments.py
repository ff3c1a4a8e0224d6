"""Whatever a person hands to a public function: the right answer, or one sentence."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from one_sentence import accepted_or_one_sentence, assert_one_sentence

import relscale as rs
from relscale.datasets import dataset
from relscale.errors import RelscaleError

pytestmark = pytest.mark.slow  # every public function with every kind of argument

FLOPS = np.geomspace(1e18, 1e21, 6)
SLOPES = {"a": -0.05, "b": -0.08}


def table():
    rows = [(flops, group, 3 * (flops / 1e18) ** slope) for group, slope in SLOPES.items() for flops in FLOPS]
    return pd.DataFrame(rows, columns=["training_flops", "group", "bpb"])


def changed(**columns):
    """The table with columns made of its own."""
    return table().assign(**columns)


SAME = {  # other forms of the same table
    "an index of two levels": table().set_index(["group", "training_flops"]),
    "a column of times with a zone": changed(when=pd.date_range("2024", periods=12, tz="Europe/Berlin")),
    "categories without rows": changed(group=pd.Categorical(table()["group"], categories=["z", "a", "b"])),
    "nullable numbers": changed(bpb=table()["bpb"].astype("Float64")),
    "sparse numbers": changed(bpb=pd.arrays.SparseArray(table()["bpb"])),
    "decimals": changed(bpb=[Decimal(repr(value)) for value in table()["bpb"]]),
    "numbers as text": changed(bpb=table()["bpb"].map(repr)),
    "a numpy array with named columns": table().to_records(index=False),
    "a record batch": pa.RecordBatch.from_pandas(table()),
    "a dictionary of texts": pa.table(
        {**dict(table().items()), "group": pa.array(table()["group"]).dictionary_encode()}
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_numbers_in_another_form_have_the_same_law(name):
    fit = rs.fit(SAME[name], baseline="a")
    (slope,) = [row["value"] for row in fit.params if row["parameter"] == "delta_beta"]
    assert slope == pytest.approx(SLOPES["b"] - SLOPES["a"], abs=1e-9)


REFUSED = {
    "no rows": (table().iloc[:0], "no rows"),
    "no columns": (pd.DataFrame(), "no rows"),
    "y without a number": (changed(bpb=np.nan), "'bpb' has no positive number"),
    "x without a number": (changed(training_flops=np.nan), "training_flops is missing"),
    "x of times": (changed(training_flops=pd.date_range("2024", periods=12, tz="UTC")), "dates or times"),
    "x of intervals": (changed(training_flops=pd.cut(table()["training_flops"], 4)), "'training_flops'"),
    "two columns of one name": (table().set_axis(["training_flops", "bpb", "bpb"], axis=1), "'bpb'"),
    "groups apart by a space": (changed(group=["a", "a ", *"aaaa", *"bbbbbb"]), "look alike"),
    "groups that are missing": (changed(group=None), "'group' is empty"),
    "columns of two levels": (
        table().set_axis(pd.MultiIndex.from_product([["t"], table().columns]), axis=1),
        "training_flops",
    ),
    "lists": (changed(bpb=[[1.0]] * 12), "lists"),
    "a class": (pd.DataFrame, "class DataFrame"),
    "a folder": (Path(__file__).parent, "a folder"),
    "nothing": (None, "not NoneType"),
    "a number": (3, "not int"),
    "rows as a list": (table().to_dict("records"), "not list"),
    "a column": (table()["bpb"], "cannot be read"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("function", [rs.fit, rs.frontier], ids=["fit", "frontier"])
def test_what_is_not_a_table_of_numbers_is_one_sentence(function, name):
    given, said = REFUSED[name]
    with pytest.raises(RelscaleError) as refused:
        function(given)
    assert_one_sentence(refused.value)
    assert function is rs.frontier or said in str(refused.value)


ODD = [
    None,
    3,
    2.5,
    -1,
    True,
    b"x",
    "",
    "a\0b",
    [],
    ["a"],
    {},
    {"a": None},
    object(),
    np.nan,
    np.array([1, 2]),
]
ODD += [pd.DataFrame(), pd.DataFrame, lambda: None]


@pytest.fixture(scope="module")
def made():
    return rs.fit(table(), baseline="a", bootstrap=0)


@pytest.mark.parametrize("odd", ODD, ids=lambda each: f"{each!r:.20}".replace("\0", "0"))
def test_an_argument_of_another_type_is_one_sentence(odd, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    calls = [
        *(lambda f=f: f(odd) for f in (rs.open, rs.Results, rs.Experiment, dataset, rs.Frame)),
        *(lambda f=f: f(odd) for f in (made.conf_int, made.verdict, made.predict, made.forecast)),
        *(lambda f=f: f(odd) for f in (made.plot, made.write, made.report)),
        lambda: rs.Experiment.from_texts(odd, odd),
        lambda: rs.score(odd, "behaviours"),
        lambda: rs.extrapolate(table(), y=odd, x=odd, train=odd),
        *(
            lambda name=name: rs.fit(table(), **{"bootstrap": 0, "baseline": "a", name: odd})
            for name in ("law", "x", "y", "group", "baseline", "corpus", "run", "block", "level", "bootstrap")
        ),
        *(
            lambda name=name: rs.fit(table(), **{"bootstrap": 0, "baseline": "a", name: odd})
            for name in ("loss", "residual", "delta", "fixed", "seed", "at", "where", "nonlinear")
        ),
        *(lambda name=name: rs.frontier(table(), **{name: odd}) for name in ("flops", "where", "level")),
    ]
    for call in calls:
        accepted_or_one_sentence(call)


def test_a_wrong_argument_is_named_with_what_it_is_to_be():
    with pytest.raises(RelscaleError, match=r"^open: folder is text or a path, not None$"):
        rs.open(None)
    with pytest.raises(RelscaleError, match=r"^fit: level is a number, not '0\.9'$"):
        rs.fit(table(), level="0.9")


def test_numbers_of_numpy_are_numbers_and_its_arrays_lists():
    fit = rs.fit(table(), baseline="a", level=np.float32(0.5), seed=np.int64(1), where=np.array(["bpb > 0"]))
    assert fit.level == pytest.approx(0.5)


@pytest.mark.parametrize(
    "names",
    [pa.chunked_array([["bpb > 0"]]), {"bpb > 0": 1}.keys(), ("bpb > 0",)],
    ids=["arrow", "keys", "tuple"],
)
def test_columns_of_arrow_and_keys_of_a_mapping_are_lists(names):
    assert rs.fit(table(), baseline="a", bootstrap=0, where=names).params


def test_a_scalar_of_arrow_is_a_number():
    assert rs.fit(table(), baseline="a", bootstrap=0, level=pa.scalar(0.5)).level == pytest.approx(0.5)
