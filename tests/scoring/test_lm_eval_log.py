"""Which of lm-eval's files are of which model and task."""

import json

import pytest

from relscale.errors import RelscaleError
from relscale.scoring.checkpoint_table import check_distinct, read_checkpoints
from relscale.scoring.lm_eval_log import folder_name, task_logs

OLD, NEW = "2026-01-01T00-00-00.000001", "2026-02-01T00-00-00.000001"


@pytest.fixture
def log(tmp_path):
    """A function that writes a file of samples and, with a model's name, the results beside it."""

    def write(place, task="arc", time=NEW, model=None):
        folder = tmp_path / "out" / place
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"samples_{task}_{time}.jsonl"
        path.write_text("")
        if model:
            (folder / f"results_{time}.json").write_text(json.dumps({"model_name": model}))
        return path

    return write


@pytest.fixture
def table(tmp_path):
    def write(*rows):
        path = tmp_path / "runs.csv"
        lines = [f"{run},{samples},web,10,10,{n + 1}" for n, (run, samples) in enumerate(rows)]
        path.write_text("\n".join(["run,samples,corpus,params,tokens,training_flops", *lines]) + "\n")
        return read_checkpoints(path), path

    return write


def test_the_newest_file_of_each_task_counts(tmp_path, log):
    log("m", time=OLD)
    expected = {"arc": log("m"), "mmlu": log("m", "mmlu", OLD)}
    assert {task: each.path for task, each in task_logs(tmp_path / "out").items()} == expected


@pytest.mark.parametrize("name", ["EleutherAI/pythia-70m", "EleutherAI__pythia-70m", "pythia-70m"])
def test_below_an_output_root_a_run_takes_the_folder_of_its_model(tmp_path, log, name):
    expected = log(folder_name("EleutherAI/pythia-70m"))
    log(folder_name("EleutherAI/pythia-160m"))
    assert task_logs(tmp_path / "out", [name])["arc"].path == expected


@pytest.mark.parametrize("names", [[], ["pythia"], ["pythia-1b"]])
def test_several_models_are_refused_where_no_name_says_which(tmp_path, log, names):
    log("EleutherAI__pythia-70m")
    log("EleutherAI__pythia-160m")
    with pytest.raises(
        RelscaleError, match=r"samples of 2 models \(EleutherAI__pythia-160m, EleutherAI__py"
    ) as error:
        task_logs(tmp_path / "out", names)
    assert "\n" not in str(error.value)


def test_one_folder_of_several_models_is_distinguished_by_the_results(tmp_path, log):
    expected = log("flat", time=OLD, model="org/small")
    log("flat", model="org/large")
    assert task_logs(tmp_path / "out", ["small"])["arc"].path == expected
    with pytest.raises(RelscaleError, match=r"samples of 2 models \(flat\)"):
        task_logs(tmp_path / "out")


def test_tasks_of_one_model_may_lie_in_several_outputs_but_no_task_in_two(tmp_path, log):
    log("first/m", "arc")
    log("second/m", "mmlu")
    assert set(task_logs(tmp_path / "out")) == {"arc", "mmlu"}
    log("third/m", "mmlu", OLD)
    with pytest.raises(
        RelscaleError, match=r"samples of the task 'mmlu' in .*second/m and in .*third/m; name one"
    ):
        task_logs(tmp_path / "out")


def test_results_that_are_damaged_are_named(tmp_path, log):
    log("m", model="x")
    (tmp_path / "out" / "m" / f"results_{NEW}.json").write_text("{")
    with pytest.raises(RelscaleError, match=r"results_.*json: not a results file of lm-eval"):
        assert task_logs(tmp_path / "out")["arc"].settings


def test_rows_that_name_the_output_root_take_each_its_own(tmp_path, log, table):
    log("org__small")
    log("org__large")
    rows, path = table(("small", "out"), ("large", "out"))
    check_distinct(rows, path)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (("out/m", "out/m"), "rows 1 and 2, 'a' and 'b', both read .*samples_arc"),
        (("out", "out/m"), "rows 1 and 2, 'a' and 'b', both read .*samples_arc"),
        (("out/m", "link"), "rows 1 and 2, 'a' and 'b', both read .*samples_arc"),
    ],
)
def test_two_rows_that_read_the_same_files_are_refused(tmp_path, log, table, samples, message):
    log("m")
    (tmp_path / "link").symlink_to(tmp_path / "out" / "m")
    rows, path = table(*zip("ab", samples, strict=True))
    with pytest.raises(RelscaleError, match=message) as error:
        check_distinct(rows, path)
    assert "\n" not in str(error.value)


def test_a_row_whose_model_is_not_among_several_is_named(log, table):
    log("org__small")
    log("org__large")
    rows, path = table(("small", "out"), ("medium", "out"))
    with pytest.raises(RelscaleError, match=r"runs.csv, row 2: .*samples of 2 models"):
        check_distinct(rows, path)


@pytest.mark.parametrize("second", ["models/m", "models/../models/m", "link"])
def test_two_rows_of_one_model_are_refused(tmp_path, second):
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "models" / "m")
    path = tmp_path / "runs.csv"
    head = "run,model,corpus,params,tokens,training_flops"
    path.write_text(f"{head}\na,models/m,web,1,1,1\nb,{second},web,1,1,2\n")
    with pytest.raises(RelscaleError, match=r"rows 1 and 2, 'a' and 'b', both read .*models/m"):
        check_distinct(read_checkpoints(path), path)


def test_a_revision_of_the_hub_is_one_model_and_another_revision_is_another(tmp_path):
    path = tmp_path / "runs.csv"
    head = "run,model,revision,corpus,params,tokens,training_flops"
    path.write_text(f"{head}\na,o/m,step1,web,1,1,1\nb,o/m,,web,1,1,2\n")
    check_distinct(read_checkpoints(path), path)
    path.write_text(f"{head}\na,o/m,main,web,1,1,1\nb,o/m,,web,1,1,2\n")
    with pytest.raises(RelscaleError, match="both read o/m at revision main"):
        check_distinct(read_checkpoints(path), path)
