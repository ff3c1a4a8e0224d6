"""Speed and memory on one GPU: training, optimizers, scoring and resuming. ``benchmarks/gpu.sh`` runs it.

    python benchmarks/gpu.py [--output FOLDER] [--tiny] [--minutes 6] [--parts PART ...]

Each part is a process of its own with a time limit, so that a failure costs that part only, and the tables are written
again after each part. ``--tiny`` runs the same code at a size for any machine.

- *train*: the loop of ``relscale.training.run`` at sequence length 4,096, vocabulary 128,256 and bf16, on random
  tokens, with models of the recipe ``held2025``: layers compiled or not, and the loss by relscale's chunks, by Liger's
  kernel if it is installed, or by whole logits. The model FLOPs utilisation (MFU) counts FLOPs as in
  ``relscale.design.architecture``, attention over the full sequence, or only its causal half. The peak is that of an
  H100 in bf16.
- *optimizers*: a step on the tensors of the 400M model, against torch's fused AdamW.
- *scoring*: MMLU's cloze form with five examples, a random model of 400M parameters, against stock lm-eval's ``hf``.
- *resume*: two trainings from the same seed, and one that is stopped by SIGTERM and resumed: whether the weights are
  equal, bit for bit, with torch's default and with its deterministic algorithms.

Takes at most 6 minutes; docs/explanation/performance.md says how to run it.
"""

import argparse
import gc
import hashlib
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, cast
from unittest import mock

from command_line import command_line

PEAK_FLOPS = 989e12  # per second: NVIDIA's figure for bf16 products of an H100 SXM, without sparsity
CARRIED = Path(".gpu")  # what `gpu.sh prepare` made
Row = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """A model of the recipe held2025, and the sequences of a batch and of a micro-batch."""

    width: int
    batch: int = 8
    micro_batch: int = 8


@dataclass(frozen=True)
class Scale:
    """How large everything is."""

    sequence: int
    vocabulary: int
    sizes: dict[str, Size]
    warm_up: int  # steps
    steps: int
    questions: int  # per task, which the engine scores
    stock_questions: int  # of them, which stock lm-eval scores too
    stock_batch: int
    context: int
    resumed_width: int
    resumed_steps: int


FULL = Scale(
    sequence=4096,
    vocabulary=128_256,
    sizes={"150M": Size(512), "400M": Size(1024), "1B": Size(1536, micro_batch=4)},
    warm_up=3,
    steps=8,
    questions=200,
    stock_questions=30,
    stock_batch=32,
    context=4096,
    resumed_width=512,
    resumed_steps=60,
)
TINY = Scale(
    sequence=64,
    vocabulary=512,
    sizes={"150M": Size(128, 2, 2), "400M": Size(128, 2, 1), "1B": Size(256, 2, 1)},
    warm_up=1,
    steps=2,
    questions=3,
    stock_questions=2,
    stock_batch=4,
    context=1024,
    resumed_width=128,
    resumed_steps=6,
)
# The longest that each part may take, in the order in which they run.
SECONDS = {
    "train 150M": 80,
    "scoring bfloat16": 80,
    "optimizers": 45,
    "train 400M": 80,
    "resume": 60,
    "train 1B": 110,
    "scoring float32": 70,
}
LOSSES = ("chunks", "liger", "logits")
COMPILED = (False, True)


# The driver


def main(arguments: list[str] | None = None) -> None:
    parser = command_line(__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/gpu"))
    parser.add_argument("--tiny", action="store_true", help="the same code at a size for any machine")
    parser.add_argument("--minutes", type=float, default=6.0, help="all parts together")
    parser.add_argument("--parts", nargs="+", choices=SECONDS, default=list(SECONDS), metavar="PART")
    parser.add_argument("--part", choices=SECONDS, help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.part:
        file = options.scratch / f"{options.part}.jsonl"
        for row in rows_of(options.part, TINY if options.tiny else FULL, options.scratch):
            with file.open("a") as lines:
                print(json.dumps(row), file=lines, flush=True)
        return
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        run_parts(options, Path(scratch))


def run_parts(options: argparse.Namespace, scratch: Path) -> None:
    """Run each part in a process of its own; write the tables after each."""
    begun, outcomes = time.monotonic(), {}
    with (options.output / "log.txt").open("w") as log:
        for part in options.parts:
            left = 60 * options.minutes - (time.monotonic() - begun)
            started = time.monotonic()
            outcome = run_process(part, options.tiny, scratch, min(left, SECONDS[part]), log)
            seconds = time.monotonic() - started
            outcomes[part] = {"part": part, "outcome": outcome, "seconds": round(seconds, 1)}
            rows = [row for each in outcomes for row in read_rows(scratch / f"{each}.jsonl")]
            write_results(options.output, options.tiny, rows, list(outcomes.values()))
            print(f"{part}: {outcome}, {seconds:.0f} s", flush=True)
    print((options.output / "table.md").read_text())


def run_process(part: str, tiny: bool, scratch: Path, limit: float, log: Any) -> str:
    """Run a part; what became of it, in a word or two."""
    if limit <= 0:
        return "no time left"
    command = [sys.executable, __file__, "--part", part, "--scratch", str(scratch), *(["--tiny"] * tiny)]
    print(f"--- {part}", file=log, flush=True)
    process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        status = process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"stopped after {limit:.0f} s"
    return "done" if status == 0 else f"failed with status {status}, see log.txt"


def read_rows(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def write_results(folder: Path, tiny: bool, rows: list[Row], outcomes: list[Row]) -> None:
    """``results.json``, and the same as tables."""
    machine = machine_name() + (", tiny" if tiny else "")
    (folder / "results.json").write_text(
        json.dumps({"machine": machine, "peak_flops": PEAK_FLOPS, "rows": rows, "parts": outcomes}, indent=1)
    )
    text = f"{machine}; peak {PEAK_FLOPS / 1e12:.0f} TFLOP/s\n"
    for kind in dict.fromkeys(row["kind"] for row in rows):
        text += f"\n{kind}\n\n{table([row for row in rows if row['kind'] == kind])}"
    (folder / "table.md").write_text(f"{text}\nparts\n\n{table(outcomes)}")


def table(rows: list[Row]) -> str:
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "kind"]
    lines = [names, ["---"] * len(names), *([cell(row.get(name)) for name in names] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return "" if value is None else str(value)


def machine_name() -> str:
    """Of the GPU, else of the processor; asked for outside this process, which is to hold no memory of a GPU."""
    try:
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return platform.processor() or platform.machine()


# The parts


def rows_of(part: str, scale: Scale, scratch: Path) -> Iterator[Row]:
    """The results of a part, each as soon as it is there."""
    kind, _, which = part.partition(" ")
    if kind == "train":
        yield from train(which, scale)
    elif kind == "optimizers":
        yield from optimizers(scale)
    elif kind == "scoring":
        yield from scoring(which, scale, scratch)
    else:
        yield from resume(scale, scratch)


class Clock:
    """Times on a device, whose work is not waited for until they are read."""

    def __init__(self, device: Any) -> None:
        self.cuda = device.type == "cuda"

    def now(self) -> Any:
        """A point in the device's queue of work."""
        if not self.cuda:
            return time.perf_counter()
        import torch

        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, first: Any, second: Any) -> float:
        """Between two of them."""
        if not self.cuda:
            return float(second - first)
        second.synchronize()
        return float(first.elapsed_time(second)) / 1e3


def train(name: str, scale: Scale) -> Iterator[Row]:
    import torch

    from relscale.design.architecture import training_flops_per_token
    from relscale.training import liger

    size = scale.sizes[name]
    a = architecture_of(size.width, scale)
    flops = training_flops_per_token(a)
    causal = flops - 3 * a.num_layers * a.sequence_length * a.num_heads * (4 * a.head_size + 3) / 2
    losses = [
        loss for loss in LOSSES if loss != "liger" or (torch.cuda.is_available() and liger._installed())
    ]
    for compiled in COMPILED:
        for loss in losses:
            if compiled and loss == "logits":
                continue  # the eager rows show the cost of whole logits
            row: Row = {"kind": "training", "model": name, "compiled": compiled, "loss": loss}
            gc.collect()
            torch.cuda.empty_cache()
            try:
                times = train_variant(a, size, scale, compiled, loss)
            except Exception as error:
                yield {**row, "problem": f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"}
                continue
            rate = size.batch * a.sequence_length / times["step"]
            yield {
                **row,
                "params": times["params"],
                "tokens/s": rate,
                "MFU": rate * flops / PEAK_FLOPS,
                "MFU, causal": rate * causal / PEAK_FLOPS,
                "peak GiB": times["peak"],
                "ms/step": 1e3 * times["step"],
                "share of optimizer": times["optimizer"] / times["step"],
                "share of loss": times["loss"] / times["step"],
                "first step s": times["first"],
                "micro-batch": times["micro_batch"],
            }


def train_variant(a: Any, size: Size, scale: Scale, compiled: bool, loss: str) -> dict[str, float]:
    """Median seconds of a step, of its optimizer and of its loss; the first step's; the peak of memory in GiB."""
    import torch

    from relscale.design.recipes.held2025 import hyperparameters
    from relscale.design.run import Run
    from relscale.tokens.store import TokenStore
    from relscale.training import ops
    from relscale.training import run as loop
    from relscale.training.batch_gradient import batch_gradient
    from relscale.training.distributed_model import DistributedModel
    from relscale.training.fabric import launch
    from relscale.training.history import History
    from relscale.training.model import Decoder

    fabric = launch()
    clock, steps = Clock(fabric.device), scale.warm_up + scale.steps
    reset_peak()
    function = loss_function(loss)
    with mock.patch.object(ops, "cross_entropy", function):
        run = Run("random", 1e18, 0, a, size.batch, steps, hyperparameters("c-adamc", a, size.batch))
        torch.manual_seed(0)
        model = DistributedModel(Decoder(a), run.hyperparameters, fabric, "bf16", compiled=compiled)
        marks, updates = [clock.now()], []
        step = model.optimizer.step

        def timed_step() -> None:
            before = clock.now()
            step()
            updates.append((before, clock.now()))

        class Mark:
            def after_step(self, history: Any) -> None:
                marks.append(clock.now())

        sizes = []

        def watched_gradient(*arguments: Any) -> Any:
            found = batch_gradient(*arguments)
            sizes.append(found.micro_batch)
            return found

        history = History.of(run, steps, fabric.device)
        store = cast(TokenStore, RandomTokens(a.vocabulary_size))  # its batches are all that is read
        with mock.patch.object(model.optimizer, "step", timed_step), \
             mock.patch.object(loop, "batch_gradient", watched_gradient):  # fmt: skip
            loop.train_steps(model, history, store, size.micro_batch, [Mark()])
        seconds = [clock.seconds(*pair) for pair in pairwise(marks)]
        result = {
            "step": median(seconds[scale.warm_up :]),
            "first": seconds[0],
            "optimizer": median([clock.seconds(*pair) for pair in updates[scale.warm_up :]]),
            "peak": peak_gib(),
            "params": sum(p.numel() for p in model.decoder.parameters()),
            "micro_batch": sizes[-1],
        }
        model.optimizer.zero_grad()
        model.optimizer.state.clear()
        result["loss"] = loss_seconds(model, clock, function, sizes[-1], scale) * size.batch / sizes[-1]
    torch._dynamo.reset()
    return result


def loss_seconds(
    model: Any, clock: Clock, function: Callable[..., Any], sequences: int, scale: Scale
) -> float:
    """Median seconds of the output layer with its loss, forward and backward, of a micro-batch."""
    import torch

    weight = model.decoder.lm_head.weight
    rows = sequences * scale.sequence
    hidden = torch.randn(rows, weight.shape[1], device=weight.device, requires_grad=True)
    targets = torch.randint(weight.shape[0], (rows,), device=weight.device)
    times = []
    for _ in range(scale.warm_up + 3):
        weight.grad = hidden.grad = None
        before = clock.now()
        with model.precision.forward_context():
            value = function(hidden, weight, targets)
        value.backward()
        times.append(clock.seconds(before, clock.now()))
    return median(times[scale.warm_up :])


def loss_function(name: str) -> Callable[..., Any]:
    import torch.nn.functional as F

    from relscale.training import liger
    from relscale.training.cross_entropy import linear_cross_entropy

    if name == "liger":
        return liger.liger_cross_entropy
    if name == "chunks":
        return linear_cross_entropy
    return lambda hidden, weight, targets: F.cross_entropy(F.linear(hidden, weight), targets)


@dataclass(frozen=True)
class RandomTokens:
    """A token store's batches, of random tokens."""

    vocabulary: int

    def batch(self, step: int, size: int, length: int, split: str = "train", seed: int = 0) -> Any:
        """As ``relscale.tokens.store.TokenStore.batch``."""
        import numpy as np

        return np.random.default_rng([seed, step]).integers(self.vocabulary, size=(size, length + 1))


def architecture_of(width: int, scale: Scale) -> Any:
    from relscale.design.recipes.held2025 import architecture

    return architecture(width, scale.sequence, scale.vocabulary)


def optimizers(scale: Scale) -> Iterator[Row]:
    import torch

    from relscale.design.recipes.held2025 import hyperparameters
    from relscale.training.fabric import launch
    from relscale.training.model import Decoder
    from relscale.training.optimizers import build_optimizer

    device = launch().device
    clock, a, fused = Clock(device), architecture_of(scale.sizes["400M"].width, scale), None
    model = Decoder(a).to(device)
    for name in ("adamw", "adamc", "c-adamc", "muon"):
        optimizer = build_optimizer(model, replace(hyperparameters(name, a, 8), learning_rate=1e-5))
        times = []
        for _ in range(scale.warm_up + 2 * scale.steps):
            for parameter in model.parameters():
                parameter.grad = torch.randn_like(parameter)
            before = clock.now()
            optimizer.step()
            times.append(clock.seconds(before, clock.now()))
        seconds = median(times[scale.warm_up :])
        fused = fused or seconds
        yield {
            "kind": "optimizers",
            "optimizer": name,
            "ms/step": 1e3 * seconds,
            "by fused AdamW": seconds / fused,
        }
        del optimizer
        gc.collect()
        torch.cuda.empty_cache()


def scoring(dtype: str, scale: Scale, scratch: Path) -> Iterator[Row]:
    import numpy as np
    import torch
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from relscale.scoring.engine import Engine
    from relscale.scoring.forward_pass import COARSE

    device = "cuda" if torch.cuda.is_available() else "cpu"
    folder = scratch / "model"
    if not folder.is_dir():
        save_random_model(folder, scale)
    tasks, source = requests(scale)
    row: Row = {"kind": "scoring", "dtype": dtype, "questions": source}

    reset_peak()
    engine = Engine(folder, dtype=dtype, device=device)
    engine.score_pairs(tasks[0][: 4 * 2])  # what is loaded and built at the first batch
    begun = time.perf_counter()
    found = [engine.score_pairs(task).logprob for task in tasks]
    rate = sum(map(len, tasks)) / (time.perf_counter() - begun)
    row |= {"items/s": rate, "peak GiB": peak_gib(), "shares": engine.scorer.share and engine.scorer.reuse}
    yield {**row, "who": "relscale"}
    del engine
    gc.collect()
    torch.cuda.empty_cache()

    reset_peak()
    # By default its softmax and sums are in the weights' type: a sum of 200 nats in bfloat16 is rounded to 1.
    stock = HFLM(
        str(folder), device=device, dtype=dtype, batch_size=scale.stock_batch, softmax_dtype="float32"
    )
    asked = [task[: 4 * scale.stock_questions] for task in tasks]
    instances = [Instance("loglikelihood", {}, pair, 0, ("mmlu", 0, 1)) for task in asked for pair in task]
    stock.loglikelihood(instances[:4], disable_tqdm=True)
    begun = time.perf_counter()
    expected = np.array([score for score, _ in stock.loglikelihood(instances, disable_tqdm=True)])
    stock_rate = len(instances) / (time.perf_counter() - begun)
    ours = np.concatenate([scores[: len(task)] for scores, task in zip(found, asked, strict=True)])
    coarse = 1 if dtype == "float32" else COARSE
    allowed = coarse * np.maximum(1e-4, 1e-6 * abs(expected))
    yield {
        **row,
        "who": "stock lm-eval",
        "items/s": stock_rate,
        "peak GiB": peak_gib(),
        "shares": None,
        "relscale by stock": rate / stock_rate,
        "largest difference": float(abs(ours - expected).max()),
        "within tolerance": bool((abs(ours - expected) <= allowed).all()),
    }


def save_random_model(folder: Path, scale: Scale) -> None:
    """A random Qwen3 of the 400M size, and a byte-level tokenizer of at most 8,192 tokens."""
    import torch
    import transformers
    from tiny_models import byte_level_tokenizer

    from relscale.training.checkpoint import huggingface_config

    a = replace(architecture_of(scale.sizes["400M"].width, scale), sequence_length=scale.context)
    settings = huggingface_config(a, 0)
    for name in ("architectures", "model_type", "dtype"):
        del settings[name]
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**settings))
    model.save_pretrained(folder)
    byte_level_tokenizer(min(8192, scale.vocabulary)).save_pretrained(folder)


def requests(scale: Scale) -> tuple[list[list[tuple[str, str]]], str]:
    """Pairs of context and answer of four tasks, four answers to a question; and where they come from."""
    prepared = CARRIED / "mmlu"
    if not prepared.is_dir():
        return [made_up(task, scale.questions) for task in range(4)], "made up"
    from relscale.scoring.requests import read_requests

    tasks = [task for task in read_requests(prepared) if task[0].prompt == "cloze"]
    pairs = [[(each.context or "", each.continuation) for each in task] for task in tasks]
    return [task[: 4 * scale.questions] for task in pairs], "MMLU"


def made_up(task: int, questions: int) -> list[tuple[str, str]]:
    """Questions of words from files of Python's library, with five solved ones before each."""
    import numpy as np
    from tiny_models import PYTHON_FILES

    words = " ".join(Path(file).read_text() for file in PYTHON_FILES).split()
    chance = np.random.default_rng(task)

    def text(count: int) -> str:
        start = int(chance.integers(len(words) - count))
        return " ".join(words[start : start + count])

    solved = "".join(
        f"Question: {text(int(chance.integers(15, 60)))}\nAnswer: {text(5)}\n\n" for _ in range(5)
    )
    contexts = [f"{solved}Question: {text(int(chance.integers(15, 60)))}\nAnswer:" for _ in range(questions)]
    return [(context, f" {text(int(chance.integers(1, 9)))}") for context in contexts for _ in range(4)]


def resume(scale: Scale, scratch: Path) -> Iterator[Row]:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic products ask for
    import torch

    data = random_corpus(scratch / "corpus")
    for deterministic in (False, True):
        torch.use_deterministic_algorithms(deterministic)
        try:
            train_once = partial(trained_weights, data, scale)
            name = "deterministic" if deterministic else "default"
            first = train_once(scratch / f"{name}-1")
            again = train_once(scratch / f"{name}-2")
            stopped = train_once(scratch / f"{name}-3", stop_at=scale.resumed_steps // 2)
        except Exception as error:
            yield {"kind": "bits", "algorithms": name, "problem": f"{type(error).__name__}: {error}"[:160]}
            continue
        finally:
            torch.use_deterministic_algorithms(False)
        yield {
            "kind": "bits",
            "algorithms": name,
            "two runs are the same bits": digest(first) == digest(again),
            "largest difference of two runs": difference(first, again),
            "resumed after SIGTERM: the same bits": digest(first) == digest(stopped),
            "largest difference when resumed": difference(first, stopped),
        }


def trained_weights(data: Any, scale: Scale, folder: Path, stop_at: int | None = None) -> dict[str, Any]:
    """Weights of a short training, which SIGTERM stops once, if asked to, and the same command resumes."""
    from safetensors.torch import load_file

    from relscale.design.recipes.held2025 import architecture, hyperparameters
    from relscale.design.run import Run
    from relscale.training import run as loop
    from relscale.training.batch_gradient import batch_gradient
    from relscale.training.interruption import Interrupted
    from relscale.training.job import Job, train_job
    from relscale.training.options import Training

    a = architecture(scale.resumed_width, 64, 512)
    run = Run("random", 1e12, 0, a, 8, scale.resumed_steps, hyperparameters("c-adamc", a, 8))
    job = Job([run], data, folder, Training(validation_tokens=512))

    def interrupted_gradient(*arguments: Any) -> Any:
        if arguments[3] == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch_gradient(*arguments)

    if stop_at is not None:
        with mock.patch.object(loop, "batch_gradient", interrupted_gradient):
            try:
                train_job(job, folder / "manifest.json")
                raise AssertionError("SIGTERM did not stop the training")
            except Interrupted:
                pass
    train_job(job, folder / "manifest.json")
    return load_file(job.folder(run) / "model.safetensors")


def random_corpus(folder: Path) -> Any:
    """A token store of random tokens, and a tokenizer of as many."""
    import numpy as np
    from tiny_models import byte_level_tokenizer

    from relscale.storage.checksums import seal
    from relscale.training.data import TrainingData

    tokens, vocabulary = folder / "tokens", folder / "vocabulary"
    tokens.mkdir(parents=True)
    byte_level_tokenizer(512).save_pretrained(vocabulary)
    sums = {}
    for split, count in (("train", 64_000), ("validation", 2_000)):
        content = np.random.default_rng(count).integers(512, size=count).astype("<u2").tobytes()
        (tokens / f"{split}.bin").write_bytes(content)
        sums[split] = hashlib.sha256(content).hexdigest()
    manifest = {
        "vocabulary_size": 512,
        "end_of_text": 0,
        "dtype": "<u2",
        "seed": 0,
        "splits": {},
        "groups": {},
    }
    (tokens / "manifest.json").write_text(json.dumps({**manifest, "sha256": sums, "vocabulary": "random"}))
    seal(tokens)
    return TrainingData(tokens, vocabulary)


def digest(weights: dict[str, Any]) -> str:
    return hashlib.sha256(b"".join(weights[name].numpy().tobytes() for name in sorted(weights))).hexdigest()


def difference(first: dict[str, Any], second: dict[str, Any]) -> float:
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def reset_peak() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_gib() -> float:
    """Of a GPU's memory since ``reset_peak``; on a processor, of the process."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
