"""lm-eval's own tasks, scored by relscale and by stock lm-eval (``--model hf``, batch size 1): every metric of both.

    python benchmarks/lm_eval_tasks.py                                          # the table
    python benchmarks/lm_eval_tasks.py --output docs/reference/lm_eval_tasks.md # and its page

Nothing is downloaded: each task has a few documents in the schema of its data set, generated here, and the model is
a small one of two layers, trained on a few sentences. Stock lm-eval reads the documents through ``dataset_path:
json``; relscale reads them through the suite's option ``data``, with ``relscale suite``, ``relscale score`` and
``relscale collect``.

Takes a few minutes; its page is docs/reference/lm_eval_tasks.md.
"""

import contextlib
import json
import math
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from command_line import command_line
from tiny_models import byte_level_tokenizer, random_qwen3

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager

TOLERANCE = 1e-6
ASKED, SHOWN = 24, 8  # documents that are asked, and from which examples are drawn
Document = dict[str, Any]

NOUNS = [
    "river",
    "teacher",
    "window",
    "market",
    "engine",
    "forest",
    "letter",
    "island",
    "bridge",
    "café",
    "naïveté",
]
VERBS = ["opens", "follows", "repairs", "describes", "carries", "paints", "forgets", "measures", "visits"]
PLACES = ["the old town", "a quiet valley", "the north coast", "an empty hall", "a distant city"]


class Text:
    """Plain sentences, the same for the same seed."""

    def __init__(self, seed: str):
        self.random = random.Random(seed)

    def word(self) -> str:
        """A noun."""
        return self.random.choice(NOUNS)

    def name(self) -> str:
        """A first name."""
        return self.random.choice(["Anna", "Boris", "Clara", "David", "Emma", "Felix"])

    def sentence(self) -> str:
        """One sentence."""
        return (
            f"The {self.word()} {self.random.choice(VERBS)} a {self.word()} in {self.random.choice(PLACES)}."
        )

    def sentences(self, count: int) -> str:
        """Several of them."""
        return " ".join(self.sentence() for _ in range(count))

    def words(self, count: int) -> list[str]:
        """Answers of different lengths."""
        return [f"{self.word()} {self.word()}"[: 8 + 3 * n] for n in range(count)]

    def number(self, below: int) -> int:
        """A whole number."""
        return self.random.randrange(below)

    def letter(self, below: int) -> str:
        """The letter of an answer."""
        return "ABCDE"[self.number(below)]


@dataclass(frozen=True)
class Sample:
    """A task of lm-eval: its file below ``lm_eval/tasks``, the documents that stand in for its data, options."""

    path: str
    document: Callable[[Text, int], Document]
    num_fewshot: int | None = None


def labelled(path: str, labels: int, *fields: str) -> Sample:
    """A task whose documents are sentences and a label."""
    return Sample(
        path, lambda t, n: {field: t.sentence() for field in fields} | {"label": t.number(labels), "idx": n}
    )


def document(path: str, field: str) -> Sample:
    """A task of whole documents, from one sentence to more than a window."""
    return Sample(path, lambda t, n: {field: t.sentences(1 + n * n // 3)})


def _winogrande(t: Text, n: int) -> Document:
    one, other = t.name(), t.word()
    return {
        "sentence": f"{one} gave the {other} away because _ was {t.number(10**6)} years old.",
        "option1": one,
        "option2": f"the {other}",
        "answer": str(1 + t.number(2)),
    }


def _wsc273(t: Text, n: int) -> Document:
    text = f"The {t.word()} does not fit into the {t.word()} because it is {t.word()}. {t.sentence()}"
    options = [f"The {t.word()}", f"The {t.word()}"]
    return {
        "text": text,
        "pronoun": "it",
        "pronoun_loc": text.index(" it ") + 1,
        "options": options,
        "label": n % 2,
    }


def _mutual(t: Text, n: int) -> Document:
    return {
        "article": f"m : {t.sentence()} f : is n't it {t.word()} ?",
        "options": [f"m : {t.sentence()}" for _ in range(4)],
        "answers": t.letter(4),
    }


def _bbq(t: Text, n: int) -> Document:
    category = ["Age", "Religion", "SES"][n % 3]
    kinds = {"Age": ("old", "nonOld"), "Religion": ("Muslim", "Christian"), "SES": ("low SES", "high SES")}[
        category
    ]
    return {
        "example_id": n,
        "question_index": "1",
        "question_polarity": ["neg", "nonneg"][n % 2],
        "context_condition": ["ambig", "disambig"][n // 2 % 2],
        "category": category,
        "answer_info": {f"ans{k}": [t.word(), (*kinds, "unknown")[k]] for k in range(3)},
        "additional_metadata": {
            "subcategory": "None",
            "stereotyped_groups": [kinds[0]],
            "version": "a",
            "source": "",
        },
        "context": t.sentences(2),
        "question": f"Who {t.random.choice(VERBS)} the {t.word()}?",
        "ans0": f"The {t.word()}",
        "ans1": f"The {t.word()}",
        "ans2": "Not known",
        "label": n % 3,
    }


def _truthful(t: Text, n: int) -> Document:
    several = [1, 1, 0, 0, 0][: 3 + n % 3]
    return {
        "question": f"What {t.random.choice(VERBS)} a {t.word()}?",
        "mc1_targets": {"choices": t.words(4), "labels": [1, 0, 0, 0]},
        "mc2_targets": {
            "choices": [f"{w} {k}" for k, w in enumerate(t.words(len(several)))],
            "labels": several,
        },
    }


def _arc(t: Text, n: int) -> Document:
    return {
        "id": f"q{n}",
        "question": f"Which {t.word()} is it?",
        "choices": {"text": t.words(3 + n % 2), "label": list("ABCD")[: 3 + n % 2]},
        "answerKey": t.letter(3),
    }


def _openbook(t: Text, n: int) -> Document:
    return {
        "id": f"o{n}",
        "question_stem": f"The {t.word()} is",
        "choices": {"text": t.words(4), "label": list("ABCD")},
        "answerKey": t.letter(4),
    }


def _hellaswag(t: Text, n: int) -> Document:
    return {
        "ind": n,
        "activity_label": t.word(),
        "ctx_a": t.sentence(),
        "ctx_b": f"the {t.word()}",
        "endings": [f"{t.random.choice(VERBS)} [step] the {w}." for w in t.words(4)],
        "label": str(t.number(4)),
    }


def _swag(t: Text, n: int) -> Document:
    endings = {f"ending{k}": f"{t.random.choice(VERBS)} {w}." for k, w in enumerate(t.words(4))}
    return {"startphrase": t.sentence(), **endings, "label": t.number(4)}


def _sciq(t: Text, n: int) -> Document:
    names = ("distractor1", "distractor2", "distractor3", "correct_answer")
    return {
        "support": t.sentences(2),
        "question": f"What is {t.word()}?",
        **dict(zip(names, t.words(4), strict=True)),
    }


def _copa(t: Text, n: int) -> Document:
    return {
        "premise": t.sentence(),
        "choice1": t.sentence(),
        "choice2": t.sentence(),
        "question": ["cause", "effect"][n % 2],
        "label": t.number(2),
        "idx": n,
    }


def _wic(t: Text, n: int) -> Document:
    one = t.sentence()
    return {
        "sentence1": one,
        "sentence2": t.sentence(),
        "start1": 4,
        "end1": 4 + len(one.split()[1]),
        "label": n % 2,
    }


def _wsc(t: Text, n: int) -> Document:
    text = f"The {t.word()} broke when it fell near the {t.word()} ."
    words = text.split()
    return {
        "text": text,
        "span1_text": words[1],
        "span2_text": "it",
        "span2_index": 4,
        "label": n % 2,
        "idx": n,
    }


def _race(t: Text, n: int) -> Document:
    problems = [
        {"question": f"The {t.word()}   _  .", "options": t.words(4), "answer": t.letter(4)},
        {
            "question": f"What {t.random.choice(VERBS)} the {t.word()}?",
            "options": t.words(4),
            "answer": t.letter(4),
        },
    ]
    return {"article": t.sentences(2), "problems": str(problems)}


def _logiqa(t: Text, n: int) -> Document:
    return {
        "context": t.sentence(),
        "question": "Which?",
        "options": t.words(4),
        "label": "abcd"[t.number(4)],
    }


def _qa4mre(t: Text, n: int) -> Document:
    options = {"answer_id": [str(k) for k in range(1, 6)], "answer_str": t.words(5)}
    return {
        "document_str": t.sentences(2),
        "question_str": f"Who is the {t.word()}?",
        "answer_options": options,
        "correct_answer_id": str(1 + t.number(5)),
    }


def _mathqa(t: Text, n: int) -> Document:
    options = " , ".join(f"{letter} ) {t.number(90)} {t.word()}" for letter in "abcde")
    return {"Problem": t.sentence(), "options": options, "correct": "abcde"[t.number(5)]}


def _webqs(t: Text, n: int) -> Document:
    return {"question": f"who {t.random.choice(VERBS)} {t.word()}?", "answers": t.words(1 + n % 3)}


def _commonsense(t: Text, n: int) -> Document:
    choices = {"label": list("ABCDE"), "text": t.words(5)}
    return {"question": f"Where is the {t.word()}?", "choices": choices, "answerKey": t.letter(5)}


def _medmcqa(t: Text, n: int) -> Document:
    options = {f"op{letter}": text for letter, text in zip("abcd", t.words(4), strict=True)}
    return {"question": f"Which {t.word()}?", **options, "cop": t.number(4)}


def _pubmed(t: Text, n: int) -> Document:
    decision = ["yes", "no", "maybe"][t.number(3)]
    return {
        "QUESTION": f"Is {t.word()} so?",
        "CONTEXTS": [t.sentence(), t.sentence()],
        "final_decision": decision,
    }


def _story(t: Text, n: int) -> Document:
    told = {f"input_sentence_{k}": t.sentence() for k in range(1, 5)}
    return {
        **told,
        "sentence_quiz1": t.sentence(),
        "sentence_quiz2": t.sentence(),
        "answer_right_ending": 1 + t.number(2),
    }


def _mmlu(t: Text, n: int) -> Document:
    return {"question": f"Which {t.word()} is {t.word()}?", "choices": t.words(4), "answer": t.number(4)}


def _belebele(t: Text, n: int) -> Document:
    answers = {f"mc_answer{k}": text for k, text in enumerate(t.words(4), start=1)}
    return {
        "flores_passage": t.sentences(2),
        "question": f"Which {t.word()}?",
        **answers,
        "correct_answer_num": str(1 + t.number(4)),
    }


def _arithmetic(t: Text, n: int) -> Document:
    a, b = t.number(90), t.number(90)
    return {"context": f"Question: What is {a} plus {b}?\nAnswer:", "completion": f" {a + b}"}


def _lambada(t: Text, n: int) -> Document:
    return {"text": f"{t.sentence()} {t.sentence()[:-1]}"}


def _toxigen(t: Text, n: int) -> Document:
    return {"text": t.sentence(), "toxicity_ai": float(t.number(6)), "toxicity_human": float(t.number(6))}


ANSWERS: Mapping[str, Sample] = {
    "arc_easy": Sample("arc/arc_easy.yaml", _arc, num_fewshot=2),
    "hellaswag": Sample("hellaswag/hellaswag.yaml", _hellaswag, num_fewshot=1),
    "piqa": Sample(
        "piqa/piqa.yaml",
        lambda t, n: {
            "goal": t.sentence(),
            "sol1": t.sentence(),
            "sol2": t.sentences(2),
            "label": t.number(2),
        },
    ),
    "winogrande": Sample("winogrande/default.yaml", _winogrande, num_fewshot=2),
    "wsc273": Sample("wsc273/default.yaml", _wsc273),
    "xwinograd_en": Sample("xwinograd/xwinograd_en.yaml", _winogrande),
    "copa": Sample("super_glue/copa/default.yaml", _copa, num_fewshot=1),
    "boolq": Sample(
        "super_glue/boolq/default.yaml",
        lambda t, n: {"passage": t.sentences(2), "question": t.sentence()[:-1], "label": t.number(2)},
    ),
    "cb": labelled("super_glue/cb/default.yaml", 3, "premise", "hypothesis"),
    "multirc": labelled("super_glue/multirc/default.yaml", 2, "paragraph", "question", "answer"),
    "wic": Sample("super_glue/wic/default.yaml", _wic),
    "wsc": Sample("super_glue/wsc/default.yaml", _wsc),
    "cola": labelled("glue/cola/default.yaml", 2, "sentence"),
    "mrpc": labelled("glue/mrpc/default.yaml", 2, "sentence1", "sentence2"),
    "sciq": Sample("sciq/sciq.yaml", _sciq),
    "openbookqa": Sample("openbookqa/openbookqa.yaml", _openbook),
    "logiqa": Sample("logiqa/logiqa.yaml", _logiqa),
    "mutual": Sample("mutual/mutual.yaml", _mutual),
    "race": Sample("race/race.yaml", _race),
    "swag": Sample("swag/swag.yaml", _swag),
    "qa4mre_2013": Sample("qa4mre/qa4mre_2013.yaml", _qa4mre),
    "mc_taco": labelled("mc_taco/default.yaml", 2, "sentence", "question", "answer"),
    "ethics_cm": labelled("hendrycks_ethics/commonsense.yaml", 2, "input"),
    "ethics_utilitarianism": Sample(
        "hendrycks_ethics/utilitarianism.yaml",
        lambda t, n: {"activity": t.sentence(), "baseline": t.sentence()},
    ),
    "blimp_adjunct_island": Sample(
        "blimp/adjunct_island.yaml",
        lambda t, n: {"sentence_good": t.sentence(), "sentence_bad": t.sentence(), "UID": "adjunct_island"},
    ),
    "truthfulqa_mc1": Sample("truthfulqa/truthfulqa_mc1.yaml", _truthful),
    "truthfulqa_mc2": Sample("truthfulqa/truthfulqa_mc2.yaml", _truthful),
    "bbq": Sample("bbq/bbq_multiple_choice.yaml", _bbq),
    "crows_pairs_english": Sample(
        "crows_pairs/crows_pairs_english.yaml",
        lambda t, n: {"sent_more": t.sentence(), "sent_less": t.sentence(), "bias_type": "age"},
    ),
    "simple_cooccurrence_bias": Sample(
        "simple_cooccurrence_bias/simple_cooccurrence_bias.yaml",
        lambda t, n: {"sentence": f"The {t.word()} was a"},
    ),
    "agieval_aqua_rat": Sample(
        "agieval/aqua-rat.yaml",
        lambda t, n: {"query": f"Q: {t.sentence()} A:", "choices": t.words(5), "gold": [t.number(5)]},
    ),
    "commonsense_qa": Sample("commonsense_qa/default.yaml", _commonsense),
    "mathqa": Sample("mathqa/mathqa.yaml", _mathqa),
    "webqs": Sample("webqs/webqs.yaml", _webqs),
    "medmcqa": Sample("medmcqa/medmcqa.yaml", _medmcqa),
    "pubmedqa": Sample("pubmedqa/pubmedqa.yaml", _pubmed),
    "storycloze_2016": Sample("storycloze/storycloze_2016.yaml", _story),
    "mmlu_abstract_algebra": Sample("mmlu/default/mmlu_abstract_algebra.yaml", _mmlu, num_fewshot=3),
    "belebele_eng_Latn": Sample("belebele/belebele_eng_Latn.yaml", _belebele),
    "toxigen": Sample("toxigen/toxigen.yaml", _toxigen),
    "arithmetic_2da": Sample("arithmetic/arithmetic_2da.yaml", _arithmetic),
    "lambada_openai": Sample("lambada/lambada_openai.yaml", _lambada),
    "lambada_standard": Sample("lambada/lambada_standard.yaml", _lambada),
    "lambada_openai_cloze_yaml": Sample("lambada_cloze/lambada_openai_cloze.yaml", _lambada),
    "asdiv": Sample(
        "asdiv/default.yaml",
        lambda t, n: {"body": t.sentence(), "question": "How many?", "answer": f"{t.number(40)} (apples)"},
    ),
}
DOCUMENTS: Mapping[str, Sample] = {
    "wikitext": document("wikitext/wikitext.yaml", "page"),
    "c4": document("c4/c4.yaml", "text"),
    "pile_10k": document("pile_10k/pile_10k.yaml", "text"),
    "pile_arxiv": document("pile/pile_arxiv.yaml", "text"),
    "paloma_c4_en": document("paloma/paloma_c4_en.yaml", "text"),
}
TASKS = {**ANSWERS, **DOCUMENTS}


@dataclass(frozen=True)
class Compared:
    """One metric of one task."""

    task: str
    metric: str
    ours: float | None
    stock: float

    @property
    def difference(self) -> float:
        """Between the two, relative where they are above 1; without end where only one of them has a number."""
        if self.ours is None or math.isnan(self.stock):
            return 0.0 if self.ours is None and math.isnan(self.stock) else math.inf
        return abs(self.ours - self.stock) / max(1.0, abs(self.stock))


def lm_eval_tasks() -> Path:
    """The folder of lm-eval's task files."""
    import lm_eval.tasks

    return Path(lm_eval.tasks.__file__).parent


def settings(sample: Sample) -> dict[str, Any]:
    """What the YAML of a task says, those that it includes among it; functions by their names."""
    from lm_eval.tasks._yaml_loader import load_yaml

    found: dict[str, Any] = load_yaml(lm_eval_tasks() / sample.path, resolve_func=False)
    return found


def write_data(tasks: Mapping[str, Sample], folder: Path) -> dict[str, dict[str, str]]:
    """The documents of each task, a file for the split that is asked and one for the split that examples come from."""
    data: dict[str, dict[str, str]] = {}
    for name, sample in tasks.items():
        config = settings(sample)
        asked = config.get("test_split") or config["validation_split"]
        named = {config.get(f"{kind}_split") for kind in ("training", "validation", "test", "fewshot")}
        data[name] = {}
        for split in sorted(split for split in named if split):
            text = Text(f"{name} {split}")
            path = folder / name / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [sample.document(text, n) for n in range(ASKED if split == asked else SHOWN)]
            path.write_text(
                "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
            )
            data[name][split] = str(path)
    return data


def stock(
    tasks: Mapping[str, Sample], data: Mapping[str, Mapping[str, str]], model: Path, folder: Path
) -> dict[str, dict[str, float]]:
    """Every metric that lm-eval's own model and evaluation report of each task."""
    from lm_eval.tasks import TaskManager

    folder.mkdir()
    for name, sample in tasks.items():
        own: dict[str, Any] = {
            "include": str(lm_eval_tasks() / sample.path),
            "task": name,
            "dataset_path": "json",
            "dataset_name": None,
            "dataset_kwargs": {"data_files": dict(data[name])},
        }
        if sample.num_fewshot is not None:
            own["num_fewshot"] = sample.num_fewshot
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    manager = TaskManager(include_defaults=False, include_path=str(folder))
    return evaluate(list(tasks), manager, model)


def evaluate(names: list[str], manager: "TaskManager", model: Path) -> dict[str, dict[str, float]]:
    """Every metric that ``lm_eval --model hf`` reports of tasks and groups, at batch size 1."""
    import lm_eval
    import lm_eval.models

    found = lm_eval.simple_evaluate(
        model="hf",
        model_args={"pretrained": str(model), "dtype": "float32"},
        tasks=names,
        task_manager=manager,
        batch_size=1,
        device="cpu",
        bootstrap_iters=0,
        log_samples=False,
    )
    assert found is not None
    return {name: dict(_metrics(results)) for name, results in found["results"].items()}


def _metrics(results: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in results.items():
        metric, comma, filtered = key.partition(",")
        if comma and not metric.endswith("_stderr"):
            yield metric if filtered == "none" else f"{metric}_{filtered}", float(value)


def relscale(
    tasks: Mapping[str, Sample], data: Mapping[str, Mapping[str, str]], model: Path, folder: Path
) -> dict[str, dict[str, float | None]]:
    """Every metric in relscale's measurements, by task; each number of shots is a suite of its own."""
    import pyarrow.parquet

    from relscale.cli import main

    folder.mkdir()
    suites: dict[str, dict[str, Any]] = {}
    for name, sample in tasks.items():
        rolling = settings(sample)["output_type"] == "loglikelihood_rolling"
        suite = "documents" if rolling else f"answers_{sample.num_fewshot or 0}"
        options = suites.setdefault(suite, {"lm_eval": [], "data": {}})
        options["lm_eval"].append(name)
        options["data"][name] = dict(data[name])
        if sample.num_fewshot is not None:
            options["num_fewshot"] = sample.num_fewshot
    table = folder / "models.csv"
    table.write_text(f"model,corpus,run,params,tokens,training_flops\n{model},any,tiny,1000,100000,1e9\n")
    config = {
        "experiment": "lm_eval_tasks",
        "store": str(folder / "store"),
        "runs": {"source": "checkpoints", "table": str(table)},
        "suites": suites,
        "collect": {"replicates": 10},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    results = Path("results") / "lm_eval_tasks"
    with contextlib.chdir(folder):
        for suite in suites:
            manifest = results / "suites" / suite / "suite.yaml"
            _run(main, "suite", path, "--suite", suite, "--output", manifest)
        scores = results / "scores" / "any" / "all.json"
        _run(main, "score", path, "--corpus", "any", "--job", "all", "--output", scores)
        _run(main, "collect", path, "--output", folder / "measurements.parquet")
    found: dict[str, dict[str, float | None]] = {}
    for row in pyarrow.parquet.read_table(folder / "measurements.parquet").to_pylist():
        found.setdefault(row["group"], {})[row["metric"]] = row["value"]
    return found


def _run(main: Callable[[list[str]], int], *arguments: Any) -> None:
    code = main([str(argument) for argument in arguments])
    if code:
        raise SystemExit(f"relscale {' '.join(map(str, arguments))}: exit code {code}")


def compare(tasks: Mapping[str, Sample], model: Path, folder: Path) -> list[Compared]:
    """Each metric that stock lm-eval reports, beside relscale's.

    Where a task reports ``acc`` and relscale its own ``accuracy``, the two are compared too.
    """
    data = write_data(tasks, folder / "data")
    theirs = stock(tasks, data, model, folder / "stock")
    ours = relscale(tasks, data, model, folder / "relscale")
    rows = []
    for task, metrics in theirs.items():
        for metric, value in metrics.items():
            rows.append(
                Compared(task, f"lm_eval_{metric}", ours.get(task, {}).get(f"lm_eval_{metric}"), value)
            )
        if "acc" in metrics and "accuracy" in ours.get(task, {}):
            rows.append(Compared(task, "accuracy", ours[task]["accuracy"], metrics["acc"]))
    return rows


def save_model(folder: Path, steps: int = 150) -> None:
    """A small model that has learnt some sentences, so that it is right here and there."""
    import torch

    text = Text("vocabulary")
    tokenizer = byte_level_tokenizer(500, (text.sentence() for _ in range(400)))
    model = random_qwen3(500, 512, width=64, spread=0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        rows = [tokenizer.encode(_lesson(text))[:48] for _ in range(16)]
        batch = torch.tensor([row + [tokenizer.eos_token_id] * (48 - len(row)) for row in rows])
        model(
            input_ids=batch, labels=batch.masked_fill(batch == tokenizer.eos_token_id, -100)
        ).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _lesson(text: Text) -> str:
    """A sentence, or a question with one of a few answers."""
    asked = [
        "Does this sentence make sense?",
        "Is this wrong?",
        "How many?",
        "Which?",
        f"What is {text.word()}?",
    ]
    answer = text.random.choice(["yes", "no", "True", "12", text.word()])
    return text.random.choice([text.sentence(), f"Question: {text.random.choice(asked)}\nAnswer: {answer}"])


def page(rows: list[Compared]) -> str:
    """The table as a page of the documentation."""
    import lm_eval
    from tabulate import tabulate

    table = [
        [row.task, row.metric, _shown(row.ours), _shown(row.stock), f"{row.difference:.1e}"] for row in rows
    ]
    tasks, worst = {row.task for row in rows}, max(row.difference for row in rows)
    return "\n".join(
        [
            "# lm-eval's tasks, by relscale and by lm-eval",
            "",
            f"{len(rows)} metrics of {len(tasks)} tasks of lm-eval {lm_eval.__version__}, on documents made in the",
            "schema of each data set, with a small model: stock lm-eval (`--model hf`, batch size 1) beside",
            f"relscale's measurements. The largest difference, relative for values above 1, is {worst:.1e}.",
            "Made by `python benchmarks/lm_eval_tasks.py --output docs/reference/lm_eval_tasks.md`.",
            "",
            tabulate(
                table,
                ["task", "metric", "relscale", "lm-eval", "difference"],
                tablefmt="github",
                disable_numparse=True,
            ),
            "",
        ]
    )


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.9g}"


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--output", type=Path, help="the page to write")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder) / "model")
        rows = compare({name: TASKS[name] for name in options.tasks}, Path(folder) / "model", Path(folder))
    text = page(rows)
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    wrong = [row for row in rows if row.difference > TOLERANCE]
    if wrong:
        sys.exit(
            f"{len(wrong)} metrics differ by more than {TOLERANCE}: {', '.join(sorted({row.task for row in wrong}))}"
        )


if __name__ == "__main__":
    main()
