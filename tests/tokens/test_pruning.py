"""Pruning: which training documents of a corpus stay, and that nothing else of it changes."""

import numpy as np
import pyarrow as pa
import pytest

from relscale.errors import RelscaleError
from relscale.experiments.config import check_config
from relscale.tokens.build import build_store
from relscale.tokens.corpus import CorpusPart, build_corpus
from relscale.tokens.options import Prune
from relscale.tokens.pruning import Pruning, scores, selected_documents
from relscale.tokens.store import TokenStore
from relscale.training.manifest import TrainedModel


def documents(texts):
    sizes = [len(text) for text in texts]
    return pa.table({"id": [f"d{k}" for k in range(len(texts))], "text": texts, "bytes": sizes})


TABLE = documents([f"{'x' * (10 * k)}" for k in range(1, 11)])  # of 10, 20, … 100 bytes: 550 in all


@pytest.mark.parametrize(
    ("side", "lengths"),
    [("hard", [100, 90, 80]), ("easy", [10, 20, 30, 40, 50, 60, 70]), ("middle", [60, 70, 80])],
)
def test_half_of_the_text_is_kept_from_one_end_or_around_the_middle(side, lengths):
    stays = selected_documents(TABLE, Prune(score="length", keep=0.52, side=side), 0, {})
    # Half of the text is 275 bytes: 280 are in documents up to 70 bytes, so the middle lies in that one.
    assert sorted(TABLE["bytes"].to_numpy()[stays].tolist()) == sorted(lengths)


def test_a_document_that_repeats_others_is_easy():
    words = [f"w{k}" for k in range(60)]
    texts = [" ".join(words[:30]), " ".join(words[:30]), " ".join(words[30:]), " ".join(words[20:40])]
    own = scores(documents(texts), Prune(score="duplicates", keep=0.5), 0, {})
    # Of the 13 runs of 8 words of the last, 3 lie in the first and the second, and 3 in the third.
    assert own.tolist() == pytest.approx([0, 0, 20 / 23, 7 / 13])


def test_random_documents_are_others_with_another_seed_and_the_same_with_one():
    table = documents([f"text {k}" for k in range(400)])
    prune = Prune(score="random", keep=0.25)
    one, again, other = (selected_documents(table, prune, seed, {}) for seed in (0, 0, 1))
    assert (one == again).all()
    assert abs(one.mean() - 0.25) < 0.01
    assert abs((one & other).mean() - 1 / 16) < 0.03


def test_losses_order_the_documents():
    losses = {f"d{k}": float(-k) for k in range(10)}
    stays = selected_documents(TABLE, Prune(score="loss", keep=0.2, side="hard", reference="x"), 0, losses)
    assert np.flatnonzero(stays).tolist() == [0, 1, 2, 3]


@pytest.mark.slow  # torch takes seconds to import
def test_a_run_scores_the_documents_of_a_table_once(make_documents, monkeypatch, tmp_path):
    from relscale.training import kept_losses

    asked = []

    def losses(checkpoint, architecture, texts):
        asked.append((str(checkpoint), texts))
        return np.array([float(len(text)) for text in texts])

    monkeypatch.setattr(kept_losses, "document_losses", losses)
    path = make_documents(tmp_path / "texts.parquet", ["a", "bb", "ccc"], ["train", "validation", "train"])
    one, other = (TrainedModel(name=name, key=name, path=name, status="ok") for name in ("one", "other"))
    found = [kept_losses.kept_losses(run, None, path, "code", tmp_path) for run in (one, one, other)]
    assert found == [{"000000": 1.0, "000002": 3.0}] * 3
    assert asked == [("one", ["a", "ccc"]), ("other", ["a", "ccc"])]


def test_only_training_text_is_pruned(make_documents, vocabulary, tmp_path):
    texts = [f"def f{k}(): return {k} # {'long ' * (k % 7)}" for k in range(220)]
    path = make_documents(tmp_path / "code.parquet", texts, ["train"] * 200 + ["validation"] * 20)
    pruning = Pruning(Prune(score="length", keep=0.5))
    build_store(path, None, vocabulary, tmp_path / "whole", 0)
    build_store(path, None, vocabulary, tmp_path / "half", 0, pruning=pruning)
    whole, half = (TokenStore.open(tmp_path / name).manifest for name in ("whole", "half"))
    assert 0.48 < half.splits["train"].bytes / whole.splits["train"].bytes <= 0.5
    assert half.sha256["validation"] == whole.sha256["validation"]
    assert half.left_out["pruned"] == 200 - half.splits["train"].documents


def test_parts_of_a_mixture_are_pruned_apart_from_the_same_parts_whole(make_documents, vocabulary, tmp_path):
    texts = [f"def f{k}(): return {k}" for k in range(220)]
    path = make_documents(tmp_path / "code.parquet", texts, ["train"] * 200 + ["validation"] * 20)
    parts = [CorpusPart("code", path, None, 1.0)] * 2
    for name, pruning in (("whole", None), ("half", Pruning(Prune(score="random", keep=0.5)))):
        build_corpus(parts, vocabulary, tmp_path / name, tmp_path / "store", 0, pruning=pruning)
    whole, half = (TokenStore.open(tmp_path / name).manifest for name in ("whole", "half"))
    assert half.splits["train"].bytes < 0.51 * whole.splits["train"].bytes


CONFIG = {
    "experiment": "pruned",
    "sources": {"s": {"kind": "installed", "groups": {"n": ["numpy"]}}},
    "design": {"recipe": "laptop", "flop_accounting": "training", "budgets": [1e9], "widths": [8]},
}


@pytest.mark.parametrize(
    ("prune", "problem"),
    [
        ({"score": "loss", "keep": 0.5}, "the score loss needs a corpus as reference"),
        ({"score": "length", "keep": 0.5, "reference": "whole"}, "only the score loss has a reference"),
        ({"score": "loss", "keep": 0.5, "reference": "half"}, "prune.reference: no other corpus 'half'"),
        ({"score": "lenght", "keep": 0.5}, "'lenght' is not one of 'loss', 'length'"),
        ({"score": "random", "keep": 1.5}, "prune.keep"),
    ],
)
def test_what_cannot_be_pruned_is_refused(prune, problem):
    corpora = {"whole": {"source": "s"}, "half": {"source": "s", "prune": prune}}
    with pytest.raises(RelscaleError, match=problem):
        check_config(CONFIG | {"corpora": corpora})


def test_the_first_run_of_the_reference_scores():
    prune = {"score": "loss", "keep": 0.5, "reference": "whole"}
    experiment = check_config(
        CONFIG | {"corpora": {"whole": {"source": "s"}, "half": {"source": "s", "prune": prune}}}
    )
    assert experiment.reference_run("half") == experiment.planned_runs[0]
    assert experiment.reference_run("whole") is None
