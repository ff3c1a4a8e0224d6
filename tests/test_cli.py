"""A user's mistake is one line and status 1, and leaves nothing behind."""

import csv
import json
from pathlib import Path

import pytest
import yaml
from one_sentence import assert_one_sentence

from relscale.cli import VERBS, main
from relscale.experiments.config import load_config

EXPERIMENT = {
    "experiment": "tiny",
    "sources": {"texts": {"kind": "files", "path": "texts"}},
    "corpora": {"texts": {"source": "texts"}},
    "vocabulary": {"size": 300, "sample_bytes": 10_000},
    "design": {"recipe": "laptop", "flop_accounting": "training", "budgets": ["1e10"], "sequence_length": 16},
    "fit": {"frontier": "all"},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def experiment(folder, **changes):
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(EXPERIMENT | changes))
    return str(path)


def texts(folder):
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("A text.")


def fails(capsys, *arguments):
    assert main(arguments) == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith(f"relscale {arguments[0]}: ")
    return line


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_an_unknown_key_is_named(folder, capsys):
    assert "unknown key 'budgets'" in fails(capsys, "plan", experiment(folder, budgets=[1]))


def test_a_budget_that_no_width_can_meet(folder, capsys):
    design = EXPERIMENT["design"] | {"budgets": ["1e5"]}
    assert "no width can spend 1e5 FLOPs" in fails(capsys, "plan", experiment(folder, design=design))


def test_a_source_without_documents(folder, capsys):
    (folder / "texts").mkdir()
    output = folder / "out" / "documents.parquet"
    line = fails(capsys, "corpus", experiment(folder), "--source", "texts", "--output", str(output))
    assert "texts" in line
    assert files(folder) == ["tiny.yaml"]


def test_a_source_that_the_config_does_not_have(folder, capsys):
    line = fails(capsys, "corpus", experiment(folder), "--source", "web", "--output", "x.parquet")
    assert "no 'web' under 'sources' in the config; there are texts" in line


def test_a_corpus_too_small_for_the_plan_says_how_often_it_would_repeat(folder, capsys):
    (folder / "texts").mkdir()
    for i in range(60):
        (folder / "texts" / f"{i}.txt").write_text(
            " ".join(f"word{(i * 37 + j * j) % 101}" for j in range(60))
        )
    config = experiment(folder)
    results = folder / "results" / "tiny"
    assert (
        main(
            ["corpus", config, "--source", "texts", "--output", f"{results}/corpora/texts/documents.parquet"]
        )
        == 0
    )
    assert main(["vocabulary", config, "--output", f"{results}/vocabulary/tokenizer.json"]) == 0
    tokens = f"{results}/tokens/texts/manifest.json"
    assert main(["tokenize", config, "--corpus", "texts", "--output", tokens]) == 0
    manifest = results / "runs" / "texts" / "1e10.json"
    line = fails(capsys, "train", config, "--corpus", "texts", "--job", "1e10", "--output", str(manifest))
    assert "passes over" in line
    assert not manifest.exists()
    assert not (folder / "results" / "store" / "runs").exists()


def test_a_job_that_the_plan_does_not_have(folder, capsys):
    line = fails(
        capsys, "train", experiment(folder), "--corpus", "texts", "--job", "1e99", "--output", "x.json"
    )
    assert "no job '1e99'" in line
    assert "jobs: 1e10" in line


def test_a_table_without_a_needed_column(folder, capsys):
    (folder / "table.csv").write_text("corpus,value\na,1\n")
    line = fails(capsys, "fit", "table.csv", "--output", "fits")
    assert "table.csv" in line or "column" in line
    assert files(folder) == ["table.csv"]


@pytest.mark.slow  # it loads lm-eval
def test_a_run_without_a_checkpoint_is_named(folder, capsys):
    config = experiment(folder, suites={"behaviours": {}})
    results = folder / "results" / "tiny"
    suite = f"{results}/suites/behaviours/suite.yaml"
    assert main(["suite", config, "--suite", "behaviours", "--output", suite]) == 0
    (folder / "empty").mkdir()
    runs = results / "runs" / "texts" / "1e10.json"
    runs.parent.mkdir(parents=True)
    trained = [
        {"name": run.name, "key": "k", "path": str(folder / "empty"), "status": "ok"}
        for run in load_config(config).planned_runs
    ]
    output = results / "scores" / "texts" / "all.json"
    score = ("score", config, "--corpus", "texts", "--job", "all", "--output", str(output))
    for listed, message in (
        (trained[1:], f"no manifest lists the planned run {trained[0]['name']}"),
        (trained, "empty"),
    ):
        runs.write_text(json.dumps(listed))
        assert message in fails(capsys, *score)
        assert not output.exists()


def test_an_unknown_figure_lists_those_there_are(folder, capsys):
    line = fails(capsys, "plot", "pie", "--config", experiment(folder), "--output", "pie.html")
    assert "no figure 'pie'; there are case-studies" in line


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (["mix"], "use `relscale ask mixture TABLE`"),
        (["branches"], "use `relscale ask critical_branch TABLE`"),
        (["export", "--output", "export"], "only trained models are exported"),
        (["push", "--folder", "export", "--organisation", "us"], "only trained models are exported"),
        (["singular-values"], "only matrices of trained models"),
        (["vocabulary", "--output", "vocabulary.json"], "whose first stage is 'collect'"),
    ],
)
def test_a_command_for_trained_models_says_what_serves_a_table(folder, capsys, command, advice):
    measured = {
        "experiment": "measured",
        "runs": {"source": "measurements", "tables": [{"path": "errors.csv"}]},
    }
    config = folder / "measured.yaml"
    config.write_text(yaml.safe_dump(measured))
    line = fails(capsys, command[0], str(config), *command[1:])
    assert "so nothing is trained" in line
    assert advice in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_what_the_system_refuses_is_said_in_its_words(capsys):
    assert "No space left on device" in fails(capsys, "schema", "--output", "/dev/full")


def test_the_plan_goes_to_the_file_that_output_names(folder):
    texts(folder)
    config = experiment(folder)
    assert main(["plan", config, "--output", "plan.csv"]) == 0
    header = (folder / "plan.csv").read_text().splitlines()[0].replace('"', "").split(",")
    assert {"corpus", "optimizer", "budget", "hidden_size", "num_layers", "batch_size", "train_steps"} <= set(
        header
    )
    assert {"learning_rate", "params", "tokens", "training_flops", "memory_mb", "expected_seconds"} <= set(
        header
    )


def test_code_of_others_that_exits_does_not_end_a_command_silently(folder, capsys, monkeypatch):
    """Such as a function of a user's task: its status 0 would tell the workflow that the job is done."""
    from relscale.commands import laws

    (folder / "quits.py").write_text("import sys\ndef question(doc):\n    sys.exit(0)\n")
    monkeypatch.syspath_prepend(str(folder))
    import quits

    monkeypatch.setattr(laws, "run", quits.question)
    assert main(["laws"]) == 1
    said = capsys.readouterr().err
    assert f"{folder / 'quits.py'}, line 3: " in said
    assert_one_sentence(said)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


def test_a_plan_says_which_runs_are_too_slow_and_that_a_stream_is_cut_to_it(folder, capsys):
    streamed = {"texts": {"kind": "hub", "path": "org/web"}}
    hours = {"hours": 1e-9}
    assert main(["plan", experiment(folder, sources=streamed, hardware=hours)]) == 0
    said = capsys.readouterr().out
    assert "longer than hardware.hours (1e-09) even on all devices:" in said
    assert "tokens: texts; a larger budget changes the text" in said
    texts(folder)
    assert main(["plan", experiment(folder)]) == 0
    assert "changes the text" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("x", ["compute, FLOPs", 'the "F"', "{x}", "$(touch PWNED)", "-x", "two\nlines"])
def test_a_column_may_be_called_anything(folder, capsys, x):
    """A name with a comma or quotes of its own stands in quotes, as in CSV."""
    table = folder / "runs.csv"
    with open(table, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([x, "loss, nats", "a, b"])
        rows.writerows([10.0**power, 3.0 * 10 ** (-0.1 * power), f"run {power}"] for power in range(4))
    quoted = '"' + x.replace('"', '""') + '"'
    arguments = ["fit", str(table), "--law", "power", f"--x={quoted}", "--y", "loss, nats"]
    code = main([*arguments, '--run="a, b"'])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "0.1000" in said.out  # the exponent


@pytest.mark.parametrize("columns", ['"open', 'a"b,"c"d', "two\nlines"])
def test_what_is_not_a_list_of_columns_is_refused(folder, capsys, columns):
    (folder / "runs.csv").write_text("a,b\n1,2\n")
    assert main(["fit", "runs.csv", "--law", "power", f"--x={columns}", "--y", "b"]) == 1
    said = capsys.readouterr().err
    assert_one_sentence(said)
