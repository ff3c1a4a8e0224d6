import json
import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest

from relscale.errors import Damaged, RelscaleError
from relscale.scoring.items import SCHEMA
from relscale.scoring.options import Scoring, Suite
from relscale.scoring.scores import Score
from relscale.scoring.suite import prepare_suite
from relscale.storage.checksums import seal
from relscale.storage.entries import read_entries
from relscale.storage.tables import write_table
from relscale.training.manifest import TrainedModel

# The suites of the default experiment, which need no data of others.
MADE_FROM_TEXT = ["behaviours", "domains", "knowledge", "varieties"]

pytestmark = pytest.mark.slow  # transformers takes seconds to import


@pytest.fixture(scope="module")
def scored(tmp_path_factory, documents, checkpoint):
    """A run that finished and one that diverged, on every shipped suite."""
    from relscale.scoring.job import score_job

    folder = tmp_path_factory.mktemp("job")
    suites = []
    for name in MADE_FROM_TEXT:
        suites.append(folder / "suites" / name)
        prepare_suite(name, Suite(), [documents], suites[-1], seed=0)
    runs = [
        {"name": "good", "key": "k0", "path": str(checkpoint), "status": "ok"},
        {"name": "bad", "key": "k1", "path": str(folder / "nowhere"), "status": "diverged at step 7"},
    ]
    (folder / "runs.json").write_text(json.dumps(runs))
    runs = read_entries(folder / "runs.json", TrainedModel)
    score_job(runs, suites, folder / "store", Scoring(threads=1), folder / "scores.json")
    return folder


def items(scored, suite):
    manifest = json.loads((scored / "scores.json").read_text())
    (entry,) = [e for e in manifest if e["suite"] == suite and e["name"] == "good"]
    return pyarrow.parquet.read_table(entry["items"])


def test_each_run_has_an_entry_for_each_suite_and_a_diverged_run_no_items(scored):
    manifest = json.loads((scored / "scores.json").read_text())
    assert len(manifest) == 2 * len(MADE_FROM_TEXT)
    assert {e["status"] for e in manifest if e["name"] == "bad"} == {"diverged at step 7"}
    assert all((e["items"] is None) == (e["name"] == "bad") for e in manifest)


@pytest.mark.parametrize("suite", MADE_FROM_TEXT)
def test_items_have_a_row_for_each_document_or_choice(scored, read_data, suite):
    table = items(scored, suite)
    assert table.schema.equals(SCHEMA)
    rows = [row for task in read_data(scored / "suites" / suite).values() for row in task]
    choices = {"knowledge": 4, "behaviours": 2}.get(suite, 1)
    assert table.num_rows == choices * len(rows)
    assert set(table["doc_id"].to_pylist()) == {row["id"] for row in rows}
    assert pc.sum(pc.cast(table["target"], "int64")).as_py() == len(rows)
    assert pc.max(table["logprob"]).as_py() < 0
    assert pc.min(table["tokens"]).as_py() >= 1


def test_both_byte_counts_are_kept(scored, read_data):
    table = items(scored, "knowledge").to_pylist()
    rows = {row["id"]: row for task in read_data(scored / "suites" / "knowledge").values() for row in task}
    for item in table:
        row = rows[item["doc_id"]]
        answer = row["choices"][item["choice"]] if item["prompt"] == "summary" else row["signature"]
        assert item["bytes_answer"] == len(answer.encode())
        assert item["bytes_scored"] == len(("\n\n" + answer).encode())


@pytest.mark.usefixtures("no_survey")
@pytest.mark.parametrize("suite", MADE_FROM_TEXT)
def test_metrics_from_items_are_those_that_lm_eval_computes(scored, checkpoint, suite):
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.tasks import TaskManager

    from relscale.measurements.metrics import values
    from relscale.measurements.ratio_terms import ratio_terms
    from relscale.scoring.engine import Engine

    manager = TaskManager(include_defaults=False, include_path=str(scored / "suites" / suite / "tasks"))
    table = items(scored, suite)
    tasks = sorted(set(table["task"].to_pylist()))
    results = simple_evaluate(
        Engine(checkpoint, device="cpu"), tasks=tasks, task_manager=manager, bootstrap_iters=0
    )
    for task in tasks:
        group = ratio_terms(table.filter(pc.field("task") == task))
        ours = dict(zip(group.metrics, values(group)[0], strict=True))
        theirs = results["results"][task]
        if suite in ("knowledge", "behaviours"):
            assert ours["accuracy"] == pytest.approx(theirs["acc,none"], abs=1e-12)
            # lm-eval normalises by characters; all answers here are ASCII, where those are bytes. Where the choices are
            # contexts it would divide by their lengths, which are not what is scored.
            if "acc_norm,none" in theirs:
                assert ours["accuracy_per_byte"] == pytest.approx(theirs["acc_norm,none"], abs=1e-12)
        else:
            assert ours["bits_per_byte_document_pooled"] == pytest.approx(
                theirs["bits_per_byte,none"], rel=1e-9
            )


def test_what_is_in_the_store_is_not_scored_again(scored, monkeypatch):
    from relscale.scoring import job

    def refuse(*_):
        raise AssertionError("scored again")

    monkeypatch.setattr(job, "_score", refuse)
    suites = [scored / "suites" / name for name in MADE_FROM_TEXT]
    again = job.score_job(
        read_entries(scored / "runs.json", TrainedModel),
        suites,
        scored / "store",
        Scoring(),
        scored / "again.json",
    )
    assert again == read_entries(scored / "scores.json", Score)


def test_a_new_title_scores_nothing_and_new_data_score_anew(scored, tmp_path, documents):
    from relscale.scoring.item_parts import scored_digest

    before = scored_digest(scored / "suites" / "domains")
    prepare_suite("domains", Suite(), [documents], tmp_path / "domains", seed=0)
    manifest = tmp_path / "domains" / "suite.yaml"
    manifest.write_text(manifest.read_text().replace("title: Domains", "title: Fields"))
    seal(tmp_path / "domains")
    assert scored_digest(tmp_path / "domains") == before
    prepare_suite("domains", Suite(documents=11), [documents], tmp_path / "domains", seed=0)
    assert scored_digest(tmp_path / "domains") != before


def test_a_suite_that_was_not_prepared_is_named(tmp_path, documents, checkpoint):
    from relscale.scoring.job import score_job

    prepare_suite("domains", Suite(), [documents], tmp_path / "domains", seed=0)
    (tmp_path / "domains" / "requests.parquet").unlink()
    run = TrainedModel(name="good", key="k0", path=str(checkpoint), status="ok")
    with pytest.raises(RelscaleError, match=r"domains/requests\.parquet: no such file; prepare the suite"):
        score_job([run], [tmp_path / "domains"], tmp_path, Scoring(), tmp_path / "scores.json")
    assert not (tmp_path / "scores.json").exists()


@pytest.mark.parametrize("content", [None, "no json", '[{"name": "a"}]', '[{"name": "a", "digest": "b"}]'])
def test_what_is_not_a_run_manifest_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "runs.json").write_text(content)
    with pytest.raises(RelscaleError, match=r"runs\.json: (no such file; train the models first|damaged)"):
        read_entries(tmp_path / "runs.json", TrainedModel)


@pytest.fixture(scope="module")
def jobs(scored, checkpoint, tmp_path_factory):
    """The stores of three jobs at once, of one on two devices and of one killed after three tasks, and how they ended.

    All are forks of this process, which has imported what scoring needs, and so are the processes of the two devices.
    """
    from relscale.scoring import job, score

    stores = [tmp_path_factory.mktemp(name) for name in ("at_once", "divided", "killed")]
    at_once, divided, killed = stores
    behaviours, knowledge = (scored / "suites" / name for name in ("behaviours", "knowledge"))
    run = TrainedModel(name="good", key="k0", path=str(checkpoint), status="ok")
    forks = multiprocessing.get_context("fork")
    done = []
    score_requests = score.score_requests

    def score_three(*arguments):
        if len(done) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(score_requests(*arguments))
        return done[-1]

    def ends(*processes):
        for each in processes:
            each.start()
        for each in processes:
            each.join()
        return [each.exitcode for each in processes]

    def scoring(suite, store, name="scores", device="cpu"):
        arguments = [run], [suite], store, Scoring(device=device), store / f"{name}.json"
        return forks.Process(target=job.score_job, args=arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "SECONDS_BETWEEN_PARTS", 0)
        patch.setattr(job, "get_context", lambda _: forks)
        ended = ends(*(scoring(behaviours, at_once, name) for name in "abc"))
        ended += ends(scoring(knowledge, divided, device=("cpu", "cpu")))
        patch.setattr(score, "score_requests", score_three)
        ended += ends(scoring(knowledge, killed))
    return *stores, ended


def test_a_job_that_was_killed_goes_on_with_the_tasks_that_are_not_done(
    scored, jobs, checkpoint, monkeypatch
):
    from relscale.scoring import job, score

    suite = scored / "suites" / "knowledge"
    *_, killed, (*_, ended) = jobs
    assert ended == -signal.SIGKILL
    parts = {path: path.stat().st_mtime_ns for path in killed.glob("items/*.parts/*.parquet")}
    done = sum(len(set(pyarrow.parquet.read_table(path)["number"].to_pylist())) for path in parts)
    assert done == 3
    assert not (killed / "scores.json").exists()

    asked = []
    original = score.score_requests
    monkeypatch.setattr(
        score,
        "score_requests",
        lambda *arguments: (asked.append(arguments[2][0].task), original(*arguments))[1],
    )
    run = TrainedModel(name="good", key="k0", path=str(checkpoint), status="ok")
    (entry,) = job.score_job([run], [suite], killed, Scoring(device="cpu"), killed / "scores.json")
    tasks = list(dict.fromkeys(items(scored, "knowledge")["task"].to_pylist()))
    assert asked == tasks[3:]
    assert same(pyarrow.parquet.read_table(entry.items), items(scored, "knowledge"))
    assert not list(killed.glob("items/*.parts"))


def test_of_jobs_at_one_entry_at_once_each_has_all_items(scored, jobs):
    store, _, _, (*ended, _, _) = jobs
    assert ended == [0, 0, 0]
    manifests = [read_entries(store / f"{name}.json", Score) for name in "abc"]
    assert manifests[0] == manifests[1] == manifests[2]
    assert same(pyarrow.parquet.read_table(manifests[0][0].items), items(scored, "behaviours"))
    assert not list(store.glob("items/*.parts"))
    assert not list(store.glob("locks/*"))


@pytest.fixture
def job_again(scored, tmp_path, checkpoint):
    """A store with items, and the same job on it again."""
    from relscale.scoring import job

    run = TrainedModel(name="good", key="k0", path=str(checkpoint), status="ok")
    suite = scored / "suites" / "behaviours"

    def again():
        (entry,) = job.score_job([run], [suite], tmp_path, Scoring(device="cpu"), tmp_path / "scores.json")
        return Path(entry.items)

    again()
    return again


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path):
    path.write_bytes(b"")


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def fewer(path):
    """Half of the items, well written: what a join of a few parts would leave."""
    table = pyarrow.parquet.read_table(path)
    write_table(table.slice(0, table.num_rows // 2), path)


def another(path):
    """Items of another entry under this one's name."""
    table = pyarrow.parquet.read_table(path)
    write_table(table.replace_schema_metadata({"relscale.items": "another"}), path)


@pytest.mark.parametrize("damage", [cut, emptied, flipped, fewer, another, Path.unlink])
def test_items_that_are_not_what_was_written_are_scored_again(job_again, scored, damage, capsys):
    path = job_again()
    damage(path)
    assert same(pyarrow.parquet.read_table(job_again()), items(scored, "behaviours"))
    assert damage is Path.unlink or f"{path}: damaged" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [cut, emptied, flipped, fewer])
def test_parts_that_are_not_what_was_written_are_scored_again(job_again, scored, damage):
    path = job_again()
    part = path.with_suffix(".parts") / "0-0-of-1.parquet"
    table = pyarrow.parquet.read_table(path)
    table = table.append_column("number", pa.array([0] * table.num_rows, "int32"))
    write_table(table, part)
    damage(part)
    path.unlink()
    assert same(pyarrow.parquet.read_table(job_again()), items(scored, "behaviours"))


def test_parts_beside_whole_items_are_removed(job_again):
    path = job_again()
    before = path.read_bytes()
    table = pyarrow.parquet.read_table(path)
    part = path.with_suffix(".parts") / "0-0-of-1.parquet"
    write_table(table.append_column("number", pa.array([0] * table.num_rows, "int32")), part)
    assert job_again().read_bytes() == before
    assert not part.parent.exists()


def test_a_job_refuses_to_join_while_tasks_are_missing(job_again, monkeypatch):
    from relscale.scoring import job

    path = job_again()
    path.unlink()
    monkeypatch.setattr(job, "_score_share", lambda *_: None)  # as if another had deleted the parts
    with pytest.raises(RelscaleError, match=r"\.parts: .* tasks are missing; run it again"):
        job_again()
    assert not path.exists()


@pytest.mark.parametrize("damage", [cut, emptied, flipped, Path.unlink])
@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_model_is_set_aside_and_not_scored(scored, tmp_path, checkpoint, name, damage):
    from relscale.scoring.job import score_job

    folder = tmp_path / "store" / "runs" / "k0"
    shutil.copytree(checkpoint, folder)
    seal(folder)
    damage(folder / name)
    run = TrainedModel(name="good", key="k0", path=str(folder), status="ok")
    with pytest.raises(Damaged, match=rf"{name}: damaged .*: the same snakemake command trains it again"):
        score_job(
            [run], [scored / "suites" / "behaviours"], tmp_path / "store", Scoring(), tmp_path / "scores.json"
        )
    assert not folder.exists()
    assert not (tmp_path / "scores.json").exists()


@pytest.mark.parametrize("damage", [cut, emptied, flipped, Path.unlink])
@pytest.mark.parametrize("name", ["requests.parquet", "suite.yaml"])
def test_a_damaged_suite_scores_nothing(scored, tmp_path, checkpoint, name, damage):
    from relscale.scoring.job import score_job

    shutil.copytree(scored / "suites" / "behaviours", tmp_path / "behaviours")
    damage(tmp_path / "behaviours" / name)
    run = TrainedModel(name="good", key="k0", path=str(checkpoint), status="ok")
    with pytest.raises(RelscaleError, match=rf"{name}: (damaged|no such file)"):
        score_job([run], [tmp_path / "behaviours"], tmp_path, Scoring(), tmp_path / "scores.json")


def test_two_devices_give_the_items_of_one(scored, jobs):
    _, divided, _, (*_, ended, _) = jobs
    assert ended == 0
    (entry,) = read_entries(divided / "scores.json", Score)
    assert same(pyarrow.parquet.read_table(entry.items), items(scored, "knowledge"))


def same(one, other):
    """Whether two tables have the same items, log-probabilities to what batches of another make-up change."""
    near = np.allclose(one["logprob"].to_numpy(), other["logprob"].to_numpy(), rtol=1e-6, atol=1e-4)
    return near and one.drop_columns("logprob").equals(other.drop_columns("logprob"))


def test_contexts_that_were_cut_are_counted(scored):
    manifest = json.loads((scored / "scores.json").read_text())
    for entry in manifest:
        if entry["items"]:
            statuses = pyarrow.parquet.read_table(entry["items"])["status"].to_pylist()
            assert entry["cut"] == statuses.count("context cut")
    assert any(entry["cut"] for entry in manifest)
