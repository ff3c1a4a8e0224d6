"""Results that are damaged count as absent."""

import pyarrow as pa
import pytest
from damage import DAMAGES, deleted, flipped

from relscale.scoring.scores import Score
from relscale.storage.atomic import atomic_path
from relscale.storage.checksums import files_list, seal, seal_files, sealed_folder
from relscale.storage.entries import write_entries
from relscale.storage.tables import write_table
from relscale.tokens.manifest import STORE_FILE, StoreManifest, StorePart
from relscale.training.manifest import TrainedModel
from relscale.workflow.recovery import remove_damaged

TABLE = pa.table({"value": [1.0, 2.0]})


def folder_with(path, **files):
    with sealed_folder(path) as partial:
        for name, text in files.items():
            (partial / name.replace("__", ".")).write_text(text)


@pytest.fixture
def results(tmp_path):
    """One result of each stage."""
    results, store = tmp_path / "results", tmp_path / "store"
    folder_with(results / "corpora" / "web", manifest__json="{}", documents__parquet="text")
    folder_with(results / "vocabulary", tokenizer__json="{}", tokenizer_config__json="{}")
    folder_with(store / "tokens" / "key" / "00000", train__bin="tokens", shard__json="{}")
    folder_with(results / "tokens" / "web", validation__bin="tokens")
    part = StorePart(
        name="web",
        units=1,
        shards=(f"{store}/tokens/key/00000",),
        splits={},
        groups={},
        left_out={},
        sha256="",
    )
    manifest = StoreManifest(
        vocabulary_size=257, end_of_text=0, dtype="<u2", seed=0, parts=(part,), splits={}, groups={}, vocabulary="",
        sha256={},
    )  # fmt: skip
    manifest.write(results / "tokens" / "web" / STORE_FILE)
    seal(results / "tokens" / "web")
    folder_with(results / "suites" / "one", suite__yaml="title: one", requests__parquet="requests")
    folder_with(store / "runs" / "key", run__json="{}", model__safetensors="weights")
    model = TrainedModel(name="a", key="key", path=str(store / "runs" / "key"), status="ok")
    write_entries(results / "runs" / "web" / "all.json", [model])
    write_table(TABLE, store / "items" / "key.parquet")
    items = store / "items" / "key.parquet"
    score = Score(
        name="a", run_key="key", suite="one", items=str(items), bytes=items.stat().st_size, status="ok", cut=0
    )
    diverged = score.model_copy(update={"items": None, "bytes": None, "status": "diverged at step 7"})
    write_entries(results / "scores" / "web" / "all.json", [score, diverged])
    for name in ("measurements", "replicates", "branches", "critical_batches", "fits/fits"):
        write_table(TABLE, results / f"{name}.parquet")
    (results / "figures").mkdir()
    for ending in ("html", "json"):
        (results / "figures" / f"law.{ending}").write_text(f"a figure in {ending}")
    html = results / "figures" / "law.html"
    seal_files(files_list(html), [html, html.with_suffix(".json")])
    (results / "report.html").write_text("a report")
    seal_files(files_list(results / "report.html"), [results / "report.html"])
    return results


FILES = {  # a file, and the output of the rule that makes it again
    "results/corpora/web/documents.parquet": "corpora/web/documents.parquet",
    "results/corpora/web/manifest.json": "corpora/web/documents.parquet",
    "results/corpora/web/checksums.json": "corpora/web/documents.parquet",
    "results/vocabulary/tokenizer_config.json": "vocabulary/tokenizer.json",
    "results/tokens/web/validation.bin": "tokens/web/manifest.json",
    "store/tokens/key/00000/train.bin": "tokens/web/manifest.json",
    "store/tokens/key/00000/shard.json": "tokens/web/manifest.json",
    "results/suites/one/requests.parquet": "suites/one/suite.yaml",
    "results/runs/web/all.json": "runs/web/all.json",
    "store/runs/key/model.safetensors": "runs/web/all.json",
    "store/runs/key/run.json": "runs/web/all.json",
    "results/scores/web/all.json": "scores/web/all.json",
    "store/items/key.parquet": "scores/web/all.json",
    "results/measurements.parquet": "measurements.parquet",
    "results/replicates.parquet": "replicates.parquet",
    "results/branches.parquet": "branches.parquet",
    "results/critical_batches.parquet": "critical_batches.parquet",
    "results/fits/fits.parquet": "fits/fits.parquet",
    "results/figures/law.html": "figures/law.html",
    "results/figures/law.json": "figures/law.html",
    "results/figures/.law.checksums.json": "figures/law.html",
    "results/report.html": "report.html",
    "results/.report.checksums.json": "report.html",
}
# What is held against its digest by the job that reads it, and only by its size here.
BY_SIZE = ("model.safetensors", "train.bin", "shard.json", "key.parquet")


def test_what_is_whole_stays_and_nothing_is_reported(results):
    before = sorted(results.rglob("*"))
    assert remove_damaged(results, results.parent / "store") == []
    assert sorted(results.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_what_is_damaged_is_absent_and_nothing_else(results, name, damage):
    path = results.parent / name
    if damage is flipped and path.name in BY_SIZE:
        pytest.skip("by the job that reads it")
    if damage is deleted and path.name.startswith("."):
        pytest.skip("what is not listed is taken as it is")
    damage(path)
    said = remove_damaged(results, results.parent / "store")
    assert not (results / FILES[name]).exists()
    assert damage is deleted or len(said) == 1
    for other in set(FILES.values()) - {FILES[name]}:
        assert (results / other).exists()


def test_a_dry_look_says_it_and_removes_nothing(results):
    path = results / "measurements.parquet"
    flipped(path)
    (line,) = remove_damaged(results, results.parent / "store", dry=True)
    assert line.startswith(f"{path}: damaged")
    assert path.is_file()


def test_what_killed_processes_left_half_written_goes(results, monkeypatch):
    store = results.parent / "store"
    for path in (
        results / "x",
        results / "figures" / "x.html",
        store / "runs" / "x",
        store / "tokens" / "key" / "x",
    ):
        with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch, atomic_path(path) as partial:
            partial.touch()
            patch.setattr("relscale.storage.atomic.remove", lambda path: None)
            raise KeyboardInterrupt
        assert partial.exists()
        gone = partial.name.replace(f"-{partial.name.split('-')[2]}-", "-999999999-")
        partial.rename(partial.with_name(gone))
    remove_damaged(results, store)
    assert not list(results.parent.rglob(".*partial*"))
