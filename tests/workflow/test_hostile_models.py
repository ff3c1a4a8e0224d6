"""Names of models, corpora, sources and suites never run and never break a job: trained models, and a table of them."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml

from relscale.cli import main
from relscale.scoring.manifest import read_manifest
from relscale.storage.file_name import file_name
from relscale.storage.tables import read_table

pytestmark = pytest.mark.slow

CORPUS = "The Pile $(touch PWNED) {x}"
SOURCE = '`touch PWNED`; it\'s/"raw" {{y}}'
SUITE = "--help </script> * $(touch PWNED)"
GROUPS = ["$(touch PWNED)", "../../../outside"]
TASKS = ["$(touch PWNED) {x}", "--two\nlines"]  # the names of files of data
# Runs of others' models; the corpus of each is another name.
RUNS = {
    "EleutherAI/pythia-70m": "a/b {corpus}",
    "{x} `touch PWNED`": "../..",
    "Pythia 70M (deduped)": "名前\n--job",
}


def write_suite(folder):
    """Questions in two groups of hostile names."""
    (folder / "data").mkdir(parents=True)
    described = {
        **{"title": "Mine", "description": "Two groups.", "kind": "multiple_choice", "direction": "lower"},
        **{"metric": "bits_per_byte_answer_mean", "baseline": GROUPS[0]},
        "groups": {group: {"label": group} for group in GROUPS},
        "tasks": {name: {"group": group} for name, group in zip(TASKS, GROUPS, strict=True)},
    }
    (folder / "suite.yaml").write_text(yaml.safe_dump(described))
    (folder / "task.yaml").write_text(
        'output_type: multiple_choice\ntest_split: test\ndoc_to_text: "{{question}}"\n'
        'doc_to_choice: "{{choices}}"\ndoc_to_target: 0\n'
    )
    for name in described["tasks"]:
        rows = [{"question": f"{name} {n}?", "choices": ["yes", "no"]} for n in range(12)]
        (folder / "data" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_models_are_trained_under_hostile_names(make_experiment, tmp_path, monkeypatch):
    """Snakemake plans the jobs; the verbs then run here, with what its rules give them."""
    config = yaml.safe_load(Path(__file__).with_name("tiny.yaml").read_text())
    config |= {
        "experiment": CORPUS,
        "sources": {
            SOURCE: {"kind": "files", "path": "texts {x}", "split": {"validation": 0.2, "test": 0.2}}
        },
        "corpora": {CORPUS: {"source": SOURCE, "decontaminate": {"suites": [SUITE]}}},
        "suites": {SUITE: {"path": "my suite"}},
        "hardware": {},
        "vocabulary": {"size": 280, "sample_bytes": 100_000},
        "figures": ["relative-law", f"forecast-{SUITE}"],
    }
    config["design"] |= {"budgets": [2e9], "widths": [6, 8]}
    config["fit"] |= {"frontier": "all"}
    experiment = make_experiment(tmp_path / "inner" / "folder", config)
    write_suite(experiment.folder / "my suite")
    (experiment.folder / "texts {x}").mkdir()
    for number in range(40):
        text = f"The text of number {number}, which is not that of {number + 1}. " * 20
        (experiment.folder / "texts {x}" / f"{number}.txt").write_text(text)
    rules = (
        "corpus",
        "vocabulary",
        "suite",
        "tokenize",
        "train",
        "score",
        "collect",
        "fit",
        "plot",
        "write_report",
    )
    assert experiment.planned_jobs() == {**dict.fromkeys(rules, 1), "plot": 2}

    monkeypatch.chdir(experiment.folder)
    results = Path("results", file_name(CORPUS))
    corpus, source, suite = file_name(CORPUS), file_name(SOURCE), file_name(SUITE)
    for arguments in (
        ["corpus", f"--source={source}", f"--output={results}/corpora/{source}/documents.parquet"],
        ["vocabulary", f"--output={results}/vocabulary/tokenizer.json"],
        ["suite", f"--suite={suite}", f"--output={results}/suites/{suite}/suite.yaml"],
        ["tokenize", f"--corpus={corpus}", f"--output={results}/tokens/{corpus}/manifest.json"],
        ["train", f"--corpus={corpus}", "--job=2e9", f"--output={results}/runs/{corpus}/2e9.json"],
    ):
        assert main([arguments[0], "experiment.yaml", *arguments[1:]]) == 0
    runs = json.loads((results / "runs" / corpus / "2e9.json").read_text())
    assert all(run["name"].startswith(f"{CORPUS}-2e9-") for run in runs)
    assert read_manifest(results / "suites" / suite).name == SUITE
    assert not list(tmp_path.rglob("PWNED*"))
    assert {path.name for path in (tmp_path / "inner").iterdir()} == {"folder"}


@pytest.fixture(name="model", scope="module")
def tiny_model(tmp_path_factory):
    """A tiny random model with a tokenizer of bytes."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("model")
    words = ["<|end|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={word: place for place, word in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>").save_pretrained(
        folder
    )
    torch.manual_seed(0)
    size = {"vocab_size": len(words), "n_positions": 64, "n_embd": 8, "n_layer": 1, "n_head": 1}
    transformers.GPT2LMHeadModel(transformers.GPT2Config(**size)).save_pretrained(folder)
    return folder


def test_a_table_of_models_is_scored_and_drawn_under_hostile_names(model, tmp_path, make_experiment):
    config = {
        "experiment": "table {x}",
        "runs": {"source": "checkpoints", "table": "models {x} $(touch PWNED).csv"},
        "suites": {SUITE: {"path": "my suite"}},
        "scoring": {"job": "run"},
        "collect": {"replicates": 5},
        "fit": {"bootstrap": 0, "specifications": [], "power": []},
        "figures": [],
    }
    experiment = make_experiment(tmp_path / "inner" / "folder", config)
    write_suite(experiment.folder / "my suite")
    with open(experiment.folder / config["runs"]["table"], "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["run", "model", "corpus", "params", "tokens", "training_flops", "block"])
        for number, (name, corpus) in enumerate(RUNS.items(), start=1):
            copied = experiment.folder / f"model {number} {{x}}"
            shutil.copytree(model, copied)
            (copied / "README.txt").write_text(f"the same model under the name {number}")
            rows.writerow([name, copied.name, corpus, 10**3 * number, 10**5 * number, 10.0**number, corpus])
    result = experiment.snakemake()
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
    assert not list((tmp_path / "inner").rglob("PWNED"))
    assert {path.name for path in (tmp_path / "inner").iterdir()} == {"folder"}
    folder = experiment.folder / "results" / file_name(config["experiment"])
    found = read_table(folder / "measurements.parquet").to_pylist()
    assert {(row["run"], row["corpus"], row["block"]) for row in found} == {
        (name, corpus, corpus) for name, corpus in RUNS.items()
    }
    assert {row["group"] for row in found} == set(GROUPS)
