"""What an experiment names and is not there is said before anything runs, in one sentence that names the key."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from one_sentence import assert_one_sentence, within

from relscale.checks.machine import cuda_devices
from relscale.errors import RelscaleError
from relscale.experiments.check import check_experiment
from relscale.experiments.config import check_config, load_config
from relscale.provenance import files_state
from relscale.scoring.suite_description import SUITES

ROOT = Path(__file__).parents[1]
MICRO = ROOT / "tests" / "workflow" / "micro.yaml"
CONFIG = yaml.safe_load(MICRO.read_text())
del CONFIG["design"]["seeds"]


def changed(path, value, config=CONFIG):
    """The small experiment with one value in another's place."""
    config = copy.deepcopy(config)
    if path == ".":
        return config | value
    *before, last = path.split("/")
    section = config
    for key in before:
        section = section[int(key)] if isinstance(section, list) else section.setdefault(key, {})
    section[last] = value
    return config


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with text, suites and tables, some of which are not what an experiment needs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("A text.")
    (tmp_path / "rows.jsonl").write_text('{"text": "A text.", "topic": "x"}\n')
    for name in ("empty", "no-text", "blank", "suite-without-yaml", "bare-suite", "a-tokenizer"):
        (tmp_path / name).mkdir()
    (tmp_path / "no-text" / "a.pdf").write_text("%PDF")
    (tmp_path / "blank" / "a.txt").touch()
    shutil.copytree(SUITES / "behaviours", tmp_path / "mine")
    (tmp_path / "bare-suite" / "suite.yaml").write_text(
        "title: a\ndescription: b\nkind: rolling\nmetric: m\ndirection: lower\nbaseline: c\n"
    )
    for name, count in (("asia", 3), ("europe", 12)):
        file = tmp_path / "few" / "data" / f"{name}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"id": "a"}\n' * count)
    (tmp_path / "few" / "task.yaml").write_text("output_type: multiple_choice\n")
    shutil.copytree(tmp_path / "few", tmp_path / "two-names")
    (tmp_path / "two-names" / "data" / "asia.jsonl").write_text('{"id": "a"}\n' * 12)
    (tmp_path / "two-names" / "suite.yaml").write_text("groups: {europe: {label: Europe, also: [asia]}}\n")
    shutil.copytree(SUITES / "domains", tmp_path / "merged")
    with (tmp_path / "merged" / "suite.yaml").open("a") as file:
        file.write("groups: {a: {label: A, also: [b]}, c: {label: C, also: [d]}, e: {label: E}}\n")
    (tmp_path / "a-file").touch()
    (tmp_path / "answers.csv").write_text("quantity,published\n1,2\n")
    (tmp_path / "checkpoints.csv").write_text(
        "run,model,corpus,params,tokens,training_flops\na,x/a,web,1,2,12\nb,x/b,web,2,4,48\n"
    )
    return tmp_path


MULTIPLIER = {"name": "code", "share": "share_code"}
LAW = {"name": "mine", "law": "power"}
OWN = {"kind": "files", "path": "texts"}
HUB = {"kind": "hub", "path": "org/web"}

# Each a place in the config, a value that is wrong there, the key that is named, and what is said of it.
WRONG = [
    # text
    (
        "sources/installed/groups/numerics",
        ["nunpy"],
        "sources.installed.groups.numerics",
        "'nunpy' is not installed",
    ),
    ("sources/installed/groups/numerics", ["../numpy"], "sources.installed.groups.numerics", "not installed"),
    (
        "sources/installed/groups/more",
        ["mpmath"],
        "sources.installed.groups",
        "'mpmath' is in 'numerics' and 'more'",
    ),
    ("sources/installed/paths", ["nowhere"], "sources.installed.paths", "no such folder"),
    ("sources/installed/max_bytes", {"cod": 10}, "sources.installed.max_bytes", "no part 'cod'"),
    (
        "sources/installed/split",
        {"validation": 0.5, "test": 0.5},
        "sources.installed",
        "leave no text for training",
    ),
    (
        "sources/own",
        OWN | {"split": {"validation": 0}},
        "sources.own",
        "leaves no text for the validation loss",
    ),
    (
        "sources/web",
        HUB | {"held_out": {"validation": 0}},
        "sources.web",
        "leaves no text for the validation loss",
    ),
    ("sources/own", OWN | {"path": "nowhere"}, "sources.own.path", "nowhere: no such file or folder"),
    ("sources/own", OWN | {"path": "empty"}, "sources.own.path", "no file ends in .txt"),
    ("sources/own", OWN | {"path": "no-text"}, "sources.own.path", "no file ends in .txt"),
    ("sources/own", OWN | {"path": "blank"}, "sources.own.path", "its files are empty"),
    ("sources/own", OWN | {"path": "rows.jsonl", "text": "body"}, "sources.own.text", "no column 'body'"),
    (
        "sources/own",
        OWN | {"path": "rows.jsonl", "group": "domain"},
        "sources.own.group",
        "no column 'domain'",
    ),
    (
        "sources/web",
        HUB | {"path": "./nowhere"},
        "sources.web.path",
        "neither a folder nor the name of a data set",
    ),
    ("sources/web", HUB | {"path": "empty"}, "sources.web.path", "no parquet or jsonl file"),
    ("corpora/code/part", "kode", "corpora.code", "no part 'kode'; the source has docstrings, code"),
    (
        "corpora/code",
        {"parts": [{"source": "installed", "part": "text", "weight": 1}]},
        "corpora.code",
        "no part 'text'",
    ),
    (
        "corpora/code",
        {
            "parts": [
                {"source": "installed", "weight": 1},
                {"source": "installed", "part": "code", "weight": 1e-9},
            ]
        },
        "corpora.code",
        "below a millionth of the mixture",
    ),
    (
        ".",
        {
            "sources": {"web": HUB},
            "corpora": {"web": {"source": "web", "tokens": 1000}},
            "suites": {},
            "fit": {},
        },
        "corpora.web.tokens",
        "the largest run reads",
    ),
    ("training", {"validation_tokens": 1}, "training.validation_tokens", "is not at least 2"),
    ("corpora/code/source", "installd", "corpora.code.source", "no source 'installd'"),
    (
        "vocabulary",
        {"tokenizer": "./nowhere", "size": 300},
        "vocabulary.tokenizer",
        "neither a folder nor the name",
    ),
    (
        "vocabulary",
        {"tokenizer": "a-tokenizer", "size": 300},
        "vocabulary.tokenizer",
        "no tokenizer.json",
    ),
    # the plan
    ("design/recipe", "desktop", "design.recipe", "no recipe 'desktop'"),
    ("design/optimizers", ["adan"], "design.optimizers", "no optimizer 'adan'"),
    ("design/budgets", [4e9], "design.budgets", "a law needs at least two budgets"),
    ("design/widths", [6, 8], "design.widths", "which a parabola needs"),
    ("design/budgets", ["1e11 FLOPs"], "design.budgets.0", "write a number, such as 1e11"),
    (
        "design",
        {"recipe": "laptop"},
        "design",
        "'flop_accounting' is missing; it is one of 'forward', 'training'",
    ),
    ("design/budgets", [1], "design.budgets", "no width can spend"),
    ("design/seeds", {"5e9": [0]}, "design.seeds", "5e9 is not among the budgets"),
    ("seed", 2**64, "seed", "beyond 64 bits"),
    ("hardware", {"memory_bytes": 1}, "hardware", "do not fit on"),
    ("hardware", {"flops_per_second": 1e-300}, "hardware", "years"),
    ("hardware", {"utilization": 40}, "hardware.utilization", "40 is not at most 1"),
    ("training", {"devices": 3}, "training.devices", "cannot be divided among 3 devices"),
    ("training", {"strategy": "fsdp2"}, "training.strategy", "is not one of"),
    ("training", {"max_epochs": ".nan"}, "training.max_epochs", "not a finite number"),
    # suites
    ("suites/knowlege", {}, "suites.knowlege", "no suite 'knowlege'; name 'knowledge', or set its 'path'"),
    ("suites/knowledge", {"question": 5}, "suites.knowledge", "unknown option 'question'"),
    (
        "suites/knowledge",
        {"questions": "many"},
        "suites.knowledge.questions",
        "'many' is not of type 'integer'",
    ),
    ("suites/knowledge", {"questions": 0}, "suites.knowledge.questions", "0 is not at least 1"),
    ("suites/knowledge", {"questions": 9}, "suites.knowledge.questions", "9 is not at least 10 per group"),
    ("suites/domains", {"documents": 9}, "suites.domains.documents", "9 is not at least 10 per group"),
    ("suites/knowledge", {"forms": ["riddle"]}, "suites.knowledge", "no prompt form 'riddle'"),
    ("suites/knowledge", {"part": "poems"}, "suites.knowledge.part", "no part 'poems' in the sources"),
    ("suites/domains", {"baseline": "music"}, "suites.domains.baseline", "no group 'music'"),
    (
        "suites/behaviours",
        {"baseline": "influense"},
        "suites.behaviours.baseline",
        "did you mean 'influence'",
    ),
    ("suites/mine", {"path": "nowhere"}, "suites.mine", "nowhere/suite.yaml: no such file"),
    ("suites/mine", {"path": "suite-without-yaml"}, "suites.mine", "suite.yaml: no such file"),
    ("suites/mine", {"path": "bare-suite"}, "suites.mine", "no data/*.jsonl, no tasks/*.yaml and no builder"),
    ("suites/few", {"path": "few"}, "suites.few", "has 3 of asia, 12 of europe; add items"),
    ("suites/two", {"path": "two-names"}, "suites.two", "has 24 of europe; add items"),
    ("suites/mine", {"path": "mine", "colour": "red"}, "suites.mine", "unknown option 'colour'"),
    ("suites/merged", {"path": "merged", "documents": 4, "baseline": "c"}, "suites.merged.documents", "4 is"),
    ("suites/mmlu", {"data": "nowhere"}, "suites.mmlu", "no data at nowhere"),
    ("suites/mmlu", {"data": {"revision": "x"}}, "suites.mmlu", "give a path, or {hub: name"),
    ("suites/mmlu", {"subjects": ["astrology"], "data": "texts"}, "suites.mmlu", "no subject 'astrology'"),
    ("suites/named", {"lm_eval": ["hellaswaag"]}, "suites.named.lm_eval", "did you mean 'hellaswag'"),
    ("suites/named", {"lm_eval": "null"}, "suites.named.lm_eval", "is empty; name tasks of lm-eval"),
    ("suites/named", {"lm_eval": ["hellaswag"], "shots": 5}, "suites.named", "unknown option 'shots'"),
    ("suites/named", {"lm_eval": []}, "suites.named", "[]"),
    ("suites/named", {"lm_eval": ["piqa"], "num_fewshot": "two"}, "suites.named.num_fewshot", "'two'"),
    (
        "suites/named",
        {"lm_eval": ["hellaswag", "piqa"], "baseline": "boolq"},
        "suites.named.baseline",
        "no group 'boolq'",
    ),
    ("suites/validation", {"path": "mine"}, "suites.validation", "reserved for the loss on held-out text"),
    # scoring
    ("scoring", {"device": "cuda:7"}, "scoring.device", "of this machine"),
    ("scoring", {"device": "mps"}, "scoring.device", "only on a Mac"),
    (
        "scoring",
        {"device": "gpu"},
        "scoring.device",
        "'gpu' is not a device; give auto, cpu, or a device such as cuda:0",
    ),
    ("scoring", {"dtype": "float16"}, "scoring.dtype", "'float16' is not one of"),
    ("store", "a-file/store", "store", "a-file is a file"),
    # what comes after
    ("collect", {"subjects": ["mmlu"]}, "collect.subjects", "no 'mmlu' in the experiment"),
    ("collect", {"subjects": ["domains"]}, "collect.subjects", "has no subjects"),
    ("fit", {"baselines": {"knowlege": "tables"}}, "fit.baselines", "no 'knowlege' in the experiment"),
    ("fit", {"baselines": {"knowledge": "musik"}}, "fit.baselines.knowledge", "no group 'musik'"),
    ("fit", {"metrics": {"knowledge": ["bits"]}}, "fit.metrics.knowledge", "no error metric 'bits'"),
    ("fit", {"metrics": {"knowledge": ["accuracy"]}}, "fit.metrics.knowledge", "no error metric 'accuracy'"),
    ("fit", {"metrics": {"domains": ["error_rate"]}}, "fit.metrics.domains", "no error metric 'error_rate'"),
    ("fit", {"pooling": ["mmlu_subjects"]}, "fit.pooling", "no 'mmlu_subjects' in the experiment"),
    ("fit", {"specifications": ["domain"]}, "fit.specifications", "did you mean 'domains'"),
    ("fit", {"contrasts": {"corpus": "text"}}, "fit.contrasts.corpus", "no 'text' in the experiment"),
    ("fit", {"contrasts": {"optimizer": "adamw"}}, "fit.contrasts.optimizer", "no 'adamw' in the experiment"),
    ("fit", {"forecast": [{"training_flops": 1e12, "corpus": "web"}]}, "fit.forecast.0.corpus", "no 'web'"),
    ("fit", {"laws": [LAW | {"law": "chinchila"}]}, "fit.laws.mine", "no law 'chinchila'; there are"),
    ("fit", {"laws": [LAW, LAW]}, "fit.laws.mine", "duplicate name"),
    (
        "fit",
        {"laws": [LAW | {"where": {"sweet": "domains"}}]},
        "fit.laws.mine",
        "no column of measurements 'sweet'",
    ),
    ("fit", {"laws": [LAW | {"by": ["suit"]}]}, "fit.laws.mine", "did you mean 'suite'"),
    (
        "fit",
        {"laws": [LAW | {"where": {"suite": "domain"}}]},
        "fit.laws.mine.where.suite",
        "did you mean 'domains'",
    ),
    (
        "fit",
        {"laws": [LAW | {"predictor_from": "other"}]},
        "fit.laws.mine",
        "'other' is not the name of an earlier fit",
    ),
    ("fit", {"laws": [LAW | {"method": "variable-projection"}]}, "fit.laws.mine", "is for residual: linear"),
    ("fit", {"laws": [LAW | {"x": ["batch_token"]}]}, "fit.laws.mine", "did you mean 'batch_tokens'"),
    (
        "fit",
        {"laws": [LAW | {"x": ["tokens", "params"]}]},
        "fit.laws.mine.x",
        "training_flops, but 2 columns are given",
    ),
    ("fit", {"laws": [LAW | {"fixed": {"betta": 0.1}}]}, "fit.laws.mine.fixed", "did you mean 'beta'"),
    ("fit", {"laws": [LAW | {"baseline": "code"}]}, "fit.laws.mine.baseline", "compares no groups"),
    ("fit", {"laws": [LAW | {"law": "relative"}]}, "fit.laws.mine", "set the baseline"),
    ("fit", {"laws": [LAW | {"optimum": {}}]}, "fit.laws.mine.optimum", "is not a mixture law"),
    ("fit", {"multipliers": [MULTIPLIER, MULTIPLIER]}, "fit.multipliers.code", "duplicate name"),
    ("fit", {"multipliers": [MULTIPLIER | {"at": "token"}]}, "fit.multipliers.code", "did you mean 'tokens'"),
    (
        "fit",
        {"multipliers": [MULTIPLIER | {"where": {"suite": "domain"}}]},
        "fit.multipliers.code.where.suite",
        "did you mean 'domains'",
    ),
    ("fit", {"answers": "nowhere.csv"}, "fit.answers", "nowhere.csv: no such table"),
    ("fit", {"answers": "answers.csv"}, "fit.answers", "no column"),
    ("figures", ["isoflops"], "figures", "no figure 'isoflops'"),
    ("figures", ["relative-law-mmlu"], "figures", "no 'mmlu' in the experiment"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "value", "key", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_config_is_refused_before_anything_runs(folder, path, value, key, message):
    with within(90), pytest.raises(RelscaleError) as refused:  # a busy machine is no failure
        check_experiment(check_config(changed(path, value)))
    assert_one_sentence(refused.value)
    assert key in str(refused.value)
    assert message in str(refused.value)
    assert not (folder / "results").exists()


CHECKPOINTS = {"experiment": "released", "runs": {"source": "checkpoints", "table": "checkpoints.csv"}}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("runs/table", "nowhere.csv", "nowhere.csv: no such table"),
        ("suites/domains", {}, "suites.domains: is built from held-out documents"),
        ("fit", {"frontier": "parabola"}, "fit.frontier: parabola needs budget"),
        ("fit", {"contrasts": {"corpus": "books"}}, "fit.contrasts.corpus: no 'books'"),
    ],
)
def test_a_wrong_config_on_checkpoints_is_refused_before_anything_is_scored(folder, path, value, message):
    with pytest.raises(RelscaleError) as refused:
        check_experiment(check_config(changed(path, value, CHECKPOINTS | {"suites": {"behaviours": {}}})))
    assert_one_sentence(refused.value)
    assert message in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sources/own", OWN),
        ("sources/own", OWN | {"path": "rows.jsonl", "group": "topic"}),
        ("sources/web", HUB),
        ("suites/mine", {"path": "mine"}),
        ("suites/merged", {"path": "merged", "documents": 5, "baseline": "c"}),
        ("suites/named", {"lm_eval": "hellaswag", "limit": 2e2}),
        ("suites/named", {"lm_eval": ["mmlu_stem", "wikitext"], "baseline": "wikitext"}),
        ("fit", {"metrics": {"domains": ["bits_per_byte_document_pooled"]}, "baselines": {"domains": "web"}}),
        ("fit", {"frontier": "all", "laws": [LAW | {"where": {"suite": ["domains", "validation"]}}]}),
        ("fit", {"laws": [LAW | {"law": "relative", "baseline": "code", "fixed": {"delta_beta": 0.0}}]}),
        ("store", "new/folder/store"),
    ],
)
def test_what_is_right_is_not_refused(folder, path, value):
    check_experiment(check_config(changed(path, value)))


@pytest.mark.parametrize(("design", "widths"), [([4e9], [6, 8, 12]), ([4e9, 8e9], [6, 8])])
def test_each_run_may_be_a_point(folder, design, widths):
    config = changed("design/budgets", design, changed("fit", {"frontier": "all"}))
    config["design"]["widths"] = widths
    check_experiment(check_config(config))


def test_devices_of_other_machines_are_not_looked_for_here(monkeypatch):
    monkeypatch.setattr("relscale.checks.machine.cuda_devices", lambda: 0)
    submitted = changed("scoring", {"device": "cuda:0"}, changed("hardware", {"gpus_per_node": 1}))
    check_experiment(check_config(submitted), submitted=True)
    for config, elsewhere in ((submitted, False), (changed("scoring", {"device": "cuda:0"}), True)):
        with pytest.raises(RelscaleError, match=r"scoring\.device: 'cuda:0', but torch can use no GPU"):
            check_experiment(check_config(config), elsewhere)


@pytest.mark.parametrize("logger", ["tensorboard", "wandb"])
def test_a_logger_that_is_not_installed_is_refused(logger, monkeypatch):
    monkeypatch.setattr("relscale.training.options.find_spec", lambda package: None)
    monkeypatch.chdir(ROOT)
    check_experiment(check_config(CONFIG))
    with pytest.raises(
        RelscaleError, match=f"^training.logger: {logger} .* pip install {logger}, or set csv"
    ):
        check_experiment(check_config(changed("training/logger", logger)))


def test_gpus_are_counted_as_torch_counts_them(monkeypatch):
    import torch

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert cuda_devices() == torch.cuda.device_count()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_named(folder):
    (folder / "closed").mkdir(mode=0o500)
    with pytest.raises(RelscaleError, match="store: closed/store cannot be written"):
        check_experiment(check_config(changed("store", "closed/store")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "further"),
    [
        (
            "from relscale.experiments.check import check_experiment; "
            "from relscale.experiments.config import load_config; "
            f"check_experiment(load_config({str(ROOT / 'config.yaml')!r}))",
            "scipy",
        ),
        ("import relscale.workflow.pipeline", "scipy.stats"),
    ],
    ids=["the check of a config", "the rules of the workflow"],
)
def test_what_every_snakemake_command_imports_is_not_heavy(code, further):
    heavy = ("torch", "transformers", "datasets", "lm_eval", "pandas", "plotly", further)
    script = f"import sys; {code}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [MICRO, ROOT / "config.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))]
)
def test_every_experiment_that_is_kept_is_right(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    try:
        check_experiment(load_config(path))
    except RelscaleError as error:
        if "no such table" in str(error):  # what another experiment makes
            pytest.skip(str(error))
        raise


def test_the_state_of_files_is_another_once_one_is_changed_added_or_gone(tmp_path):
    folder = tmp_path / "texts"
    (folder / "below").mkdir(parents=True)
    text = folder / "below" / "a.txt"
    text.write_text("one")
    states = [files_state(folder)]
    assert files_state(folder) == states[0]
    text.write_text("other")
    states.append(files_state(folder))
    (folder / "b.txt").write_text("two")
    states.append(files_state(folder))
    text.unlink()
    states.append(files_state(folder))
    assert len(set(states)) == len(states)
    assert files_state(folder / "b.txt") is not None


def test_a_name_on_the_hub_has_no_state_here():
    assert files_state("org/words") is None
    assert files_state("") is None


def test_the_folder_one_is_in_has_a_state(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("one")
    monkeypatch.chdir(tmp_path)
    assert files_state(".") == files_state(tmp_path)
