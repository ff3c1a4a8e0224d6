"""Data do not run and do not write: ways in which a suite, a table, a checkpoint or a config could run code.

Each way is tried as somebody would meet it who has got the folder from somebody else. What would run leaves a file
``PWNED`` in the working folder, or in the folder ``outside``.
"""

import json
import os
import pickle
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from one_sentence import assert_one_sentence

from relscale.errors import RelscaleError
from relscale.experiments.config import check_config, load_config
from relscale.exported_suites import with_exported_suites
from relscale.scoring import suite_code
from relscale.scoring.manifest import read_manifest
from relscale.scoring.options import Suite
from relscale.scoring.requests import read_requests
from relscale.scoring.suite import prepare_suite

TOUCH = "open('PWNED', 'w')"
ESCAPE = "{{ cycler.__init__.__globals__.os.popen('touch PWNED').read() }}"
SUITE = {
    "title": "Mine",
    "description": "Two tasks.",
    "kind": "multiple_choice",
    "metric": "bits_per_byte_answer_mean",
    "direction": "lower",
    "baseline": "a",
    "groups": {"a": {"label": "A"}, "b": {"label": "B"}},
    "tasks": {"task_a": {"group": "a"}, "task_b": {"group": "b"}},
}
TASK = """
output_type: multiple_choice
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: 0
"""


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    """A folder to work in, with nothing beside it that anybody should write to."""
    for name in ("work", "outside"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    yield tmp_path / "work"
    assert not list(tmp_path.rglob("PWNED*"))
    assert {path.name for path in tmp_path.iterdir()} <= {"work", "outside", "cache"}


def own_suite(folder, lines="", template=False):
    """A suite of two tasks of lm-eval's kind; ``lines`` go to the first, or to the template that both include."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"question": f"Which {n}?", "choices": ["one", "two"]} for n in range(12)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "tasks").mkdir(exist_ok=True)
    (folder / "suite.yaml").write_text(yaml.safe_dump(SUITE))
    common = TASK.format(rows=folder / "rows.jsonl")
    told = yaml.safe_load(lines.replace("!function", "").replace("!!", "")) if lines else {}
    kept = {key: value for key, value in yaml.safe_load(common).items() if key not in (told or {})}
    for name in SUITE["tasks"]:
        text = yaml.safe_dump({"task": name, **(kept if name == "task_a" else yaml.safe_load(common))})
        (folder / "tasks" / f"{name}.yaml").write_text(text + (lines if name == "task_a" else ""))
    return folder


def prepare(folder, name="mine"):
    return prepare_suite(name, Suite(path=str(folder)), [], "prepared", seed=0)


def test_the_suite_is_one_without_what_is_added_to_it(working_folder):
    prepare(own_suite(Path("suite").resolve()))
    asked = list(read_requests("prepared"))
    assert [len(requests) for requests in asked] == [24, 24]
    assert asked[0][0].context == "Which 0?"


EVIL = f"{TOUCH}\ndef f(*a, **k):\n    {TOUCH}\n    return 0\nclass C:\n    def __init__(self, *a, **k): {TOUCH}\n"
FUNCTIONS = {
    "process_docs": "process_docs: !function evil.f\n",
    "doc_to_text": "doc_to_text: !function evil.f\n",
    "doc_to_target": "doc_to_target: !function evil.f\n",
    "doc_to_choice": "doc_to_choice: !function evil.f\n",
    "process_results": "process_results: !function evil.f\n",
    "custom data": "custom_dataset: !function evil.f\n",
    "class": "class: !function evil.C\n",
    "metric": "metric_list: [{metric: !function evil.f, aggregation: mean, higher_is_better: true}]\n",
    "aggregation": "metric_list: [{metric: acc, aggregation: !function evil.f, higher_is_better: true}]\n",
    "examples": "fewshot_config: {samples: !function evil.f}\nnum_fewshot: 1\n",
    "sampler": "fewshot_config: {sampler: !function evil.C}\nnum_fewshot: 1\n",
    "filter": "filter_list: [{name: x, filter: [{function: custom, filter_fn: !function evil.f}]}]\n",
    "nested": "metadata: {a: [{b: !function evil.f}]}\n",
    "installed": "doc_to_text: !function os.system\n",
    "relscale's": "custom_dataset: !function relscale.storage.atomic.remove\n",
    "a name of relscale's": "custom_dataset: !function relscale.scoring.local_data.tempfile.mkdtemp\n",
}


@pytest.mark.parametrize("way", FUNCTIONS)
def test_a_function_is_refused_and_told_of_with_the_option_that_trusts_it(way):
    folder = own_suite(Path("suite").resolve(), FUNCTIONS[way])
    (folder / "tasks" / "evil.py").write_text(EVIL)
    with pytest.raises(RelscaleError) as error:
        prepare(folder)
    assert_one_sentence(error.value)
    assert str(folder / "tasks" / "task_a.yaml") in str(error.value)
    named = "evil." if "evil." in FUNCTIONS[way] else FUNCTIONS[way].split()[-1]
    assert named in str(error.value)
    assert "scoring.trust_suite_code: true" in str(error.value)


@pytest.mark.parametrize("way", FUNCTIONS)
def test_where_lm_eval_would_import_a_function_it_is_refused_again(way, monkeypatch):
    """Whatever the first look might miss."""
    monkeypatch.setattr("relscale.scoring.suite.refuse_code", lambda folder: None)
    folder = own_suite(Path("suite").resolve(), FUNCTIONS[way])
    (folder / "tasks" / "evil.py").write_text(EVIL)
    with pytest.raises(RelscaleError):
        prepare(folder)


def test_a_function_runs_where_the_experiment_trusts_it(monkeypatch):
    monkeypatch.setattr(suite_code, "_trusted", True)
    folder = own_suite(Path("suite").resolve(), "doc_to_text: !function mine.question\n")
    (folder / "tasks" / "mine.py").write_text("def question(doc): return 'My ' + doc['question']\n")
    prepare(folder)
    assert next(iter(read_requests("prepared")))[0].context == "My Which 0?"


def test_functions_of_lm_evals_own_tasks_need_no_trust():
    lines = "doc_to_text: !function lm_eval.tasks.hellaswag.utils.preprocess\n"
    folder = own_suite(Path("suite").resolve(), lines)
    suite_code.refuse_code(folder)


@pytest.mark.parametrize(
    ("function", "file"),
    [
        ("relscale.scoring.local_data.jsonl", "relscale/scoring/local_data.py"),
        ("lm_eval.tasks.hellaswag.utils.process_docs", "lm_eval/tasks/hellaswag/utils.py"),
    ],
)
def test_a_file_called_like_an_allowed_module_is_not_that_module(function, file):
    folder = own_suite(Path("suite").resolve(), f"process_docs: !function {function}\n")
    path = folder / "tasks" / file
    path.parent.mkdir(parents=True)
    path.write_text(f"{TOUCH}\ndef jsonl(*a, **k): {TOUCH}\ndef process_docs(*a, **k): {TOUCH}\n")
    with pytest.raises(RelscaleError):  # the module's own function makes nothing of these data
        prepare(folder)


@pytest.mark.parametrize(
    "function",
    [
        "longproc.metrics.anything",  # evaluates text
        "noreval.ask_gec.errant.anything",  # runs commands, and is in a folder of its own
        "eus_exams.configs.main",  # writes files
        "humaneval.utils.pass_at_k",  # runs programs
    ],
)
def test_functions_of_lm_evals_that_do_more_than_compute_need_trust(function):
    folder = own_suite(Path("suite").resolve(), f"doc_to_text: !function lm_eval.tasks.{function}\n")
    with pytest.raises(RelscaleError, match="runs commands or writes") as error:
        prepare(folder)
    assert_one_sentence(error.value)


def test_what_a_module_of_lm_evals_has_imported_is_not_its_own():
    folder = own_suite(Path("suite").resolve(), "doc_to_text: !function lm_eval.tasks.hellaswag.utils.re\n")
    with pytest.raises(RelscaleError, match="not a function of lm-eval's own tasks"):
        prepare(folder)


@pytest.mark.parametrize(
    "include", ["../../outside/evil.yaml", "{outside}/evil.yaml", "[{outside}/evil.yaml]"]
)
def test_a_task_includes_nothing_from_outside_its_folder(include, working_folder):
    outside = working_folder.parent / "outside"
    (outside / "evil.yaml").write_text("doc_to_text: !function evil.f\n")
    (outside / "evil.py").write_text(EVIL)
    folder = own_suite(Path("suite").resolve(), f"include: {include.format(outside=outside)}\n")
    with pytest.raises(RelscaleError) as error:
        prepare(folder)
    assert_one_sentence(error.value)


@pytest.mark.parametrize(
    "lines",
    [
        "doc_to_target: !!python/object/apply:os.system ['touch PWNED']\n",
        "doc_to_target: !!python/name:os.system\n",
        "doc_to_target: !!python/object/new:os.system ['touch PWNED']\n",
        "dataset_path: evil.py\n",
        "dataset_path: sql\n",
        "dataset_kwargs: {data_files: rows.jsonl, cache_dir: PWNED}\n",
        "dataset_kwargs: {data_files: rows.jsonl, trust_remote_code: true}\n",
        "use_prompt: promptsource:evil\n",
        "use_prompt: prompts.yaml:evil\n",
    ],
)
def test_other_ways_of_a_task_file_are_refused(lines):
    folder = own_suite(Path("suite").resolve(), lines)
    (Path("evil.py")).write_text(EVIL)
    with pytest.raises(RelscaleError) as error:
        prepare(folder)
    assert_one_sentence(error.value)


def test_a_metric_is_never_looked_for_in_the_working_folder():
    folder = own_suite(
        Path("suite").resolve(), "metric_list: [{metric: evil, aggregation: mean, higher_is_better: true}]\n"
    )
    Path("evil").mkdir()
    Path("evil/evil.py").write_text(EVIL)
    prepare(folder)


TEMPLATES = {
    "doc_to_text": f'doc_to_text: "{ESCAPE}"\n',
    "doc_to_target": f'doc_to_target: "{ESCAPE}"\n',
    "doc_to_choice": f'doc_to_choice: "{ESCAPE}"\n',
    "doc_to_choice of a list": f'doc_to_choice: ["{ESCAPE}", "{ESCAPE}"]\n',
    "description": f'description: "{ESCAPE}"\n',
    "gen_prefix": f'gen_prefix: "{ESCAPE}"\n',
    "examples": f'num_fewshot: 1\nfewshot_config: {{samples: [{{choices: [a]}}], doc_to_text: "{ESCAPE}"}}\n',
}


@pytest.mark.parametrize("way", TEMPLATES)
def test_templates_reach_no_further_than_their_document(way):
    folder = own_suite(Path("suite").resolve(), TEMPLATES[way])
    try:
        prepare(folder)
    except RelscaleError as error:
        assert_one_sentence(error)
    else:  # read as text, or not at all
        texts = [request.context for requests in read_requests("prepared") for request in requests]
        assert not any("PWNED" in str(text) and "popen" not in str(text) for text in texts)


@pytest.mark.parametrize("line", [f'doc_to_text: "{ESCAPE}"\n', "custom_dataset: !function evil.f\n"])
def test_a_template_beside_data_is_no_other(line):
    folder = Path("suite")
    (folder / "data").mkdir(parents=True)
    (folder / "suite.yaml").write_text(yaml.safe_dump({**SUITE, "tasks": {}}))
    rows = "".join(
        json.dumps({"question": f"Which {n}?", "choices": ["one", "two"]}) + "\n" for n in range(12)
    )
    for name in ("a", "b"):
        (folder / "data" / f"{name}.jsonl").write_text(rows)
    template = (
        'output_type: multiple_choice\ntest_split: test\ndoc_to_choice: "{{choices}}"\ndoc_to_target: 0\n'
    )
    (folder / "task.yaml").write_text(template + line)
    (folder / "evil.py").write_text(EVIL)
    with pytest.raises(RelscaleError) as error:
        prepare(folder)
    assert_one_sentence(error.value)


def test_the_yaml_of_a_suite_and_of_a_config_makes_no_objects():
    evil = "title: !!python/object/apply:os.system ['touch PWNED']\n"
    Path("suite").mkdir()
    Path("suite/suite.yaml").write_text(evil)
    Path("config.yaml").write_text(evil)
    for read in (lambda: read_manifest("suite"), lambda: load_config("config.yaml")):
        with pytest.raises(RelscaleError) as error:
            read()
        assert_one_sentence(error.value)


GROUPS = [
    "../../../outside/PWNED",
    "{outside}/PWNED",
    "sci/tech",
    "..",
    "a\nb",
    "$(touch PWNED)",
    "long " * 60,
]


def test_groups_of_data_are_no_paths(working_folder):
    outside = working_folder.parent / "outside"
    (outside / "kept.yaml").write_text("mine")
    groups = [*(group.format(outside=outside) for group in GROUPS), str(outside / "kept")]
    text = "A document of some length, so that there is something to score in it. " * 4
    rows = [
        {
            **{"id": f"{n}-{place}", "group": group, "part": "docstrings", "split": "test"},
            "text": f"{n} {group} {text}",
        }
        for place, group in enumerate(groups)
        for n in range(12)
    ]
    table = documents_table(rows)
    prepare_suite("domains", Suite(baseline=groups[0]), [table], "prepared", seed=0)
    manifest = read_manifest("prepared")
    assert set(manifest.groups) == set(groups)
    assert {request.group for requests in read_requests("prepared") for request in requests} == set(groups)
    assert {path.name for path in outside.iterdir()} == {"kept.yaml"}
    assert (outside / "kept.yaml").read_text() == "mine"


def documents_table(rows):
    from relscale.corpora.documents import SCHEMA
    from relscale.storage.tables import write_table

    table = pa.Table.from_pylist([{name: row.get(name) for name in SCHEMA.names} for row in rows], SCHEMA)
    write_table(table, "documents.parquet")
    return "documents.parquet"


def test_a_suite_that_lies_beside_a_table_is_told_of_and_runs_nothing():
    folder = own_suite(Path("export/suites/domains").resolve(), "doc_to_text: !function evil.f\n")
    (folder / "tasks" / "evil.py").write_text(EVIL)
    config = check_config(
        {
            "experiment": "e",
            "runs": {"source": "checkpoints", "table": "export/checkpoints.csv"},
            "suites": {"domains": {}},
        }
    )
    lines = []
    replaced = with_exported_suites(config, lines.append)
    assert len(lines) == 1
    assert "export/suites/domains" in lines[0]
    with pytest.raises(RelscaleError, match="trust_suite_code"):
        prepare_suite("domains", replaced.suites["domains"], [], "prepared", seed=0)


def test_a_folder_that_leads_out_of_the_suite_is_not_copied(working_folder):
    folder = own_suite(Path("suite").resolve())
    (folder / "more").symlink_to(working_folder.parent / "outside")
    with pytest.raises(RelscaleError, match="points outside the suite's folder") as error:
        prepare(folder)
    assert_one_sentence(error.value)


class Pickled:
    """Runs as soon as it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch PWNED",)


@pytest.mark.slow  # transformers takes seconds to import
@pytest.mark.parametrize(
    "way", ["pytorch_model.bin", "model.safetensors", "tokenizer.pkl", "auto_map", "tokenizer auto_map"]
)
def test_checkpoints_run_no_code(way, checkpoint_folder):
    from relscale.scoring.engine import Engine

    folder = checkpoint_folder
    if way == "auto_map":
        evil_class(
            folder,
            "config.json",
            {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.C"},
            {"model_type": "evil"},
        )
    elif way == "tokenizer auto_map":
        names = {"auto_map": {"AutoTokenizer": ["evil.C", None]}, "tokenizer_class": "Evil"}
        evil_class(folder, "tokenizer_config.json", names["auto_map"], {"tokenizer_class": "Evil"})
    else:
        if way == "pytorch_model.bin":
            (folder / "model.safetensors").unlink()
        (folder / way).write_bytes(pickle.dumps(Pickled()))
    try:
        Engine(str(folder), device="cpu")
    except RelscaleError as error:
        assert_one_sentence(error)


@pytest.mark.slow  # transformers takes seconds to import
@pytest.mark.parametrize(
    "told",
    [
        {"_attn_implementation": "evil/kernel"},
        {"attn_implementation": "paged|evil/kernel@main:f"},
        {"text_config": {"_attn_implementation": "evil/kernel"}},
        {"attn_implementation": {"text_config": "evil/kernel"}},
    ],
)
def test_a_checkpoint_names_no_kernel_of_the_hub(told, checkpoint_folder):
    from relscale.scoring.engine import Engine
    from relscale.scoring.parameters import count_parameters

    path = checkpoint_folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))
    for read in (
        lambda: Engine(str(checkpoint_folder), device="cpu"),
        lambda: count_parameters(checkpoint_folder),
    ):
        with pytest.raises(RelscaleError, match="which is code from the hub") as error:
            read()
        assert_one_sentence(error.value)


@pytest.mark.slow  # transformers takes seconds to import
def test_nobody_is_asked_whether_code_may_run(checkpoint_folder, monkeypatch):
    from relscale.scoring.parameters import count_parameters

    monkeypatch.setattr("builtins.input", lambda *_: "y")
    evil_class(checkpoint_folder, "config.json", {"AutoConfig": "evil.C"}, {"model_type": "evil"})
    with pytest.raises(RelscaleError):
        count_parameters(checkpoint_folder)


def evil_class(folder, file, auto_map, more):
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), "auto_map": auto_map, **more}))
    (folder / "evil.py").write_text(EVIL)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A tiny random model with a tokenizer of bytes."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("model")
    letters = {
        letter: place
        for place, letter in enumerate(["<|end|>", *sorted(pre_tokenizers.ByteLevel.alphabet())])
    }
    tokenizer = Tokenizer(models.BPE(vocab=letters, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>").save_pretrained(
        folder
    )
    torch.manual_seed(0)
    size = {"vocab_size": len(letters), "n_positions": 32, "n_embd": 8, "n_layer": 1, "n_head": 1}
    transformers.GPT2LMHeadModel(transformers.GPT2Config(**size)).save_pretrained(folder)
    return folder


@pytest.fixture
def checkpoint_folder(saved):
    shutil.copytree(saved, "model")
    return Path("model").resolve()


def test_lm_evals_tasks_are_loaded_by_the_module_that_guards_them_alone():
    package = Path(suite_code.__file__).parents[1]
    imports = re.compile(r"^\s*(from|import) lm_eval\.(tasks|api\.task)", re.MULTILINE)
    for path in package.rglob("*.py"):
        text = re.sub(r"if TYPE_CHECKING:\n(?: {4}.*\n|\n)+", "", path.read_text(encoding="utf-8"))
        found = imports.search(text)
        assert found is None or path.name == "lm_eval_tasks.py", f"{path.name}: {found[0]}"
