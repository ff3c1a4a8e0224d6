"""Items per second and peak memory of the scoring engine and of stock lm-eval (``--model hf``), on the same requests.

    python benchmarks/scoring.py                 # the table
    python benchmarks/scoring.py --full          # all of MMLU in cloze form with a model of 5M parameters, start to end
    python benchmarks/scoring.py --against SRC   # this package and that in another checkout's src, in turns

Real MMLU subjects with five examples each (from RELSCALE_EVALS, by default ../shared/evals), a randomly initialised
Qwen3 of 29M parameters, a vocabulary of 8,192 trained on the same text, context 4,096, float32. The engine scores
every question of the subjects. The stock harness shares nothing between questions, so its rate is measured on
evenly spaced ones, at the best of three batch sizes, and their log-probabilities are compared with the engine's.
Documents for the rolling score are questions joined to 100 to 8,000 tokens. Each measurement is a process of its
own; loading is excluded from all, encoding is included.

With ``--against``, each checkout has a process, and both score the same requests in turns, each time with a new
engine; their processor times are compared, which other work on the machine affects little.

The table takes about 12 minutes on two cores; quoted in docs/explanation/performance.md.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from command_line import command_line
from tiny_models import byte_level_tokenizer, random_qwen3
from worker import Worker

SUBJECTS = ["abstract_algebra", "high_school_biology", "moral_disputes", "professional_psychology"]
FORMS = ["letters", "cloze", "answer_text"]
BATCH_SIZES = [8, 16, 32]
SAMPLE = 6  # questions a subject that the stock harness scores
QUESTIONS, DOCUMENTS = 100, 8  # of each subject, and of all, that two checkouts score in turns
Requests = list[list[tuple[str, str]]]  # task by task, contexts and continuations; documents have no context
SIZES = {"29M": (512, 5), "5M": (192, 3)}  # width, layers


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "--evals", type=Path, default=Path(os.environ.get("RELSCALE_EVALS", "../shared/evals"))
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--kinds", nargs="*", default=[*FORMS, "rolling"])
    parser.add_argument("--full", action="store_true", help="all of MMLU, cloze, a model of 5M parameters")
    parser.add_argument("--output", type=Path, help="the table as CSV")
    parser.add_argument("--against", type=Path, help="the src of another checkout")
    parser.add_argument("--turns", type=int, default=5, help="of each checkout")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options)
        return
    if options.child:
        print(json.dumps(asdict(measure(options, *options.child))))
        return
    if not (options.evals / "mmlu").is_dir():
        raise SystemExit(f"{options.evals}/mmlu: no MMLU there; set RELSCALE_EVALS")
    with tempfile.TemporaryDirectory() as folder:
        if options.full:
            full(options, Path(folder))
        elif options.against:
            against(options, Path(folder))
        else:
            compare(options, Path(folder))


def prepare(options: argparse.Namespace, folder: Path) -> None:
    """The model, the suite and the documents."""
    from relscale.scoring.options import Suite
    from relscale.scoring.suite import prepare_suite

    save_model(folder / "model", options.evals, "29M")
    data = {"data": str(options.evals / "mmlu"), "subjects": SUBJECTS}
    prepare_suite("mmlu", Suite.model_validate(data), [], folder / "mmlu", seed=0)
    save_documents(folder, options.evals)


def compare(options: argparse.Namespace, folder: Path) -> None:
    prepare(options, folder)
    print(
        f"{device_name(options.device)}, {options.threads} threads, {options.dtype}; {gemm(options):.0f} GFLOP/s"
    )
    lines = ["kind,items_per_second,stock,stock_batch,ratio,token_ratio,gib,stock_gib,largest_difference"]
    for kind in options.kinds:
        ours = child(options, folder, kind, "engine")
        theirs = {batch: child(options, folder, kind, str(batch)) for batch in BATCH_SIZES}
        batch = max(theirs, key=lambda batch: theirs[batch].rate)
        best = theirs[batch]
        found, expected = (
            np.array([each.logprobs[place] for place in best.logprobs]) for each in (ours, best)
        )
        allowed = np.maximum(1e-4, 1e-6 * abs(expected))
        assert (abs(found - expected) <= allowed).all(), abs(found - expected).max()
        numbers = [ours.rate, best.rate, batch, ours.rate / best.rate]
        numbers += [best.tokens / ours.tokens, ours.gib, best.gib, abs(found - expected).max()]
        rates = ", ".join(f"{size}: {each.rate:.3g} ({each.gib:.2f} GiB)" for size, each in theirs.items())
        print(f"{kind}: {ours.rate:.3g} items/s ({ours.gib:.2f} GiB); stock at batch {rates}; "
              f"{numbers[3]:.1f} times, by tokens alone {numbers[4]:.1f}; "
              f"differences up to {numbers[-1]:.1g} nats", flush=True)  # fmt: skip
        lines.append(",".join([kind, *(f"{number:.4g}" for number in numbers)]))
    if options.output:
        options.output.write_text("\n".join(lines) + "\n")


def against(options: argparse.Namespace, folder: Path) -> None:
    """Processor time of this package over that of another checkout, by kind: the median of pairs, and its error."""
    prepare(options, folder)
    here = Path(__file__).parents[1] / "src"
    for kind in options.kinds:
        few = [task[: DOCUMENTS if kind == "rolling" else 4 * QUESTIONS] for task in load(folder, kind)]
        (folder / f"{kind}.json").write_text(json.dumps(few))
    both = [server(options, src, folder) for src in (here, options.against.resolve())]
    for kind in options.kinds:
        found: list[list[Turn]] = [[], []]
        for turn in range(options.turns + 1):  # the first one is not counted
            for one in (0, 1) if turn % 2 else (1, 0):
                both[one].ask(kind)
                found[one].append(Turn(**json.loads(both[one].answer())))
        ours, theirs = (np.array(one[0].logprobs) for one in found)
        allowed = np.maximum(1e-4, 1e-6 * abs(theirs))
        words = [f"{(abs(ours - theirs) > allowed).sum()} of {len(ours)} numbers differ"]
        for part in ("seconds", "load"):
            new, old = (np.array([getattr(each, part) for each in one[1:]]) for one in found)
            ratios = new / old
            low, high = np.quantile(bootstrapped_medians(ratios), [0.025, 0.975])
            words.append(
                f"{part} {np.median(new):.2f} against {np.median(old):.2f}, ratio {np.median(ratios):.3f} "
                f"({low:.3f} to {high:.3f}; single pairs {ratios.min():.2f} to {ratios.max():.2f})"
            )
        print(f"{kind}: {'; '.join(words)}", flush=True)
    for each in both:
        each.end()


def bootstrapped_medians(values: np.ndarray) -> np.ndarray:
    chance = np.random.default_rng(0)
    medians: np.ndarray = np.median(chance.choice(values, (2000, len(values))), axis=1)
    return medians


def server(options: argparse.Namespace, src: Path, folder: Path) -> Worker:
    """A process with the package in ``src``, which scores the requests of a kind that it is asked for."""
    command = [sys.executable, __file__, *shared(options), "--serve", folder]
    return Worker(command, os.environ | {"PYTHONPATH": str(src)})


def shared(options: argparse.Namespace) -> list[str]:
    """Options of all processes."""
    return ["--device", options.device, "--dtype", options.dtype, "--threads", str(options.threads)]


@dataclass(frozen=True)
class Turn:
    """Processor seconds of loading the model and of scoring the requests of a kind, and their log-probabilities."""

    load: float
    seconds: float
    logprobs: list[float]


@dataclass(frozen=True)
class Measurement:
    """Of one process.

    Attributes
    ----------
    rate
        Items per second.
    tokens
        That the model read, per item.
    gib
        Peak memory.
    logprobs
        Log-probabilities of the sampled items, by their place.
    """

    rate: float
    tokens: float
    gib: float
    logprobs: dict[str, float]


def serve(options: argparse.Namespace) -> None:
    """Score what is asked for, each time with a new engine; processor seconds and log-probabilities."""
    import torch

    import relscale
    from relscale.scoring.engine import Engine

    assert os.environ["PYTHONPATH"] in relscale.__file__, relscale.__file__
    torch.set_num_threads(options.threads)
    for line in sys.stdin:
        kind = line.strip()
        tasks = json.loads((options.serve / f"{kind}.json").read_text())
        begun = time.process_time()
        engine = Engine(options.serve / "model", device=options.device, dtype=options.dtype)
        loaded = time.process_time()
        logprobs: list[float] = []
        for task in tasks:
            if kind == "rolling":
                scores = engine.score_texts([text for _, text in task])
            else:
                scores = engine.score_pairs([(context, text) for context, text in task])
            logprobs += scores.logprob.tolist()
        done = time.process_time()
        print(json.dumps(asdict(Turn(loaded - begun, done - loaded, logprobs))), flush=True)


def child(options: argparse.Namespace, folder: Path, kind: str, who: str) -> Measurement:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, *shared(options), "--child", str(folder), kind, who]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))


def measure(options: argparse.Namespace, folder: str, kind: str, who: str) -> Measurement:
    """By the engine, or by the stock harness at the batch size ``who``."""
    import torch

    torch.set_num_threads(options.threads)
    requests = load(Path(folder), kind)
    chosen = sampled(requests)
    model = Path(folder) / "model"
    if who == "engine":
        return run_engine(options, model, requests, chosen)
    return run_stock(options, model, requests, chosen, int(who))


def load(folder: Path, kind: str) -> Requests:
    """The requests of a kind."""
    from relscale.scoring.requests import read_requests

    if kind == "rolling":
        return [[("", text) for text in json.loads((folder / "documents.json").read_text())]]
    tasks = (task for task in read_requests(folder / "mmlu") if task[0].prompt == kind)
    return [[(request.context or "", request.continuation) for request in task] for task in tasks]


def sampled(requests: Requests) -> list[int]:
    """Places of evenly spaced questions of each task, all their choices; all documents."""
    if are_documents(requests):
        return list(range(len(requests[0])))
    places: list[int] = []
    start = 0
    for task in requests:
        for question in np.linspace(0, len(task) // 4 - 1, SAMPLE).astype(int).tolist():
            places += range(start + 4 * question, start + 4 * question + 4)
        start += len(task)
    return places


def are_documents(requests: Requests) -> bool:
    """Whether there are no contexts, so that whole texts are scored."""
    return not requests[0][0][0]


def run_engine(
    options: argparse.Namespace, model: Path, requests: Requests, chosen: list[int]
) -> Measurement:
    from relscale.scoring.engine import Engine

    engine = Engine(model, device=options.device, dtype=options.dtype)
    forward, read, logprobs = engine.scorer.forward, list[int](), list[float]()
    batches = noting(read, forward.score_batch, lambda batch: batch.tokens.size)
    prefixes = noting(read, forward.read_prefix, len)
    begun = time.perf_counter()
    with (
        mock.patch.object(forward, "score_batch", batches),
        mock.patch.object(forward, "read_prefix", prefixes),
    ):
        for task in requests:
            texts = [text for _, text in task]
            scores = engine.score_texts(texts) if are_documents(requests) else engine.score_pairs(task)
            logprobs += scores.logprob.tolist()
    return measured(begun, len(logprobs), sum(read), {place: logprobs[place] for place in chosen})


def noting(
    read: list[int], function: Callable[..., object], size: Callable[[Any], int]
) -> Callable[..., object]:
    """The function, which notes the size of its first argument before each call."""

    def noted(first: object, *rest: object, **named: object) -> object:
        read.append(size(first))
        return function(first, *rest, **named)

    return noted


def run_stock(
    options: argparse.Namespace, model: Path, requests: Requests, chosen: list[int], batch_size: int
) -> Measurement:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    stock = HFLM(str(model), device=options.device, dtype=options.dtype, batch_size=batch_size)
    pairs = [pair for task in requests for pair in task]
    pairs = [pairs[place] for place in chosen]
    whole = are_documents(requests)
    kind = "loglikelihood_rolling" if whole else "loglikelihood"
    instances = [Instance(kind, {}, pair[1:] if whole else pair, 0, ("test", 0, 1)) for pair in pairs]
    begun = time.perf_counter()
    read: list[int] = []
    with mock.patch.object(
        stock, "_model_call", noting(read, stock._model_call, lambda tokens: tokens.numel())
    ):
        found = getattr(stock, kind)(instances, disable_tqdm=True)
    logprobs = found if whole else [score for score, _ in found]
    return measured(begun, len(pairs), sum(read), dict(zip(chosen, logprobs, strict=True)))


def measured(begun: float, items: int, tokens: int, logprobs: dict[int, float]) -> Measurement:
    import torch

    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        peak = torch.cuda.max_memory_allocated()
    by_place = {str(place): float(logprob) for place, logprob in logprobs.items()}
    return Measurement(items / seconds, tokens / items, peak / 2**30, by_place)


def full(options: argparse.Namespace, folder: Path) -> None:
    """All questions, from the parquet files to the items."""
    from relscale.scoring.job import score_job
    from relscale.scoring.options import Scoring, Suite
    from relscale.scoring.suite import prepare_suite
    from relscale.training.manifest import TrainedModel

    save_model(folder / "model", options.evals, "5M")
    begun = time.perf_counter()
    prepare_suite(
        "mmlu", Suite(data=str(options.evals / "mmlu"), forms=("cloze",)), [], folder / "mmlu", seed=0
    )
    prepared = time.perf_counter()
    run = TrainedModel(name="5M", key="5M", path=str(folder / "model"), status="ok")
    chosen = Scoring(threads=options.threads, device=options.device, dtype=options.dtype)
    score_job([run], [folder / "mmlu"], folder / "store", chosen, folder / "scores.json")
    done = time.perf_counter()
    print(f"{device_name(options.device)}, {options.threads} threads: prepared in {prepared - begun:.0f} s, "
          f"scored in {done - prepared:.0f} s, together {(done - begun) / 60:.1f} minutes")  # fmt: skip


def save_model(folder: Path, evals: Path, size: str) -> None:
    """A random Qwen3 and a byte-level BPE of the questions."""
    import pyarrow.parquet
    import transformers

    transformers.logging.disable_progress_bar()
    rows = pyarrow.parquet.read_table(evals / "mmlu" / "test.parquet").to_pylist()
    tokenizer = byte_level_tokenizer(8192, (f"{row['question']} {' '.join(row['choices'])}" for row in rows))
    width, layers = SIZES[size]
    model = random_qwen3(8192, 4096, width, spread=0.02, layers=layers, heads=width // 64, mlp_ratio=4)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def save_documents(folder: Path, evals: Path) -> None:
    """Documents of 100 to 8,000 tokens, evenly spaced in their logarithm, in random order."""
    import pyarrow.parquet

    questions = pyarrow.parquet.read_table(evals / "mmlu" / "test.parquet")["question"].to_pylist()
    text = "\n\n".join(questions[-3000:])
    chance = np.random.default_rng(0)
    sizes = chance.permutation(np.geomspace(400, 32_000, 24).astype(int))  # bytes; a token has four
    starts = chance.integers(0, len(text) - 32_000, len(sizes))
    documents = [text[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    (folder / "documents.json").write_text(json.dumps(documents))


def gemm(options: argparse.Namespace) -> float:
    """GFLOP/s of a product of matrices of 2,048 × 512 and 512 × 2,048."""
    import torch

    torch.set_num_threads(options.threads)
    a, b = torch.randn(2048, 512, device=options.device), torch.randn(512, 2048, device=options.device)
    best = np.inf
    for _ in range(20):
        begun = time.perf_counter()
        (a @ b).sum().item()
        best = min(best, time.perf_counter() - begun)
    return 2 * 2048 * 512 * 2048 / best / 1e9


def device_name(device: str) -> str:
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    names = [
        line.partition(": ")[2]
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
