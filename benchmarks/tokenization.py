"""Throughput of writing token shards, against bare ``tokenizers.encode_batch`` on the same text and cores; and memory.

    python benchmarks/tokenization.py [--cores N] [--rounds N] [--size VOCABULARY] [--megabytes M] [--documents PARQUET]

The text is documentation and code of the default experiment, as parquet files like those of the hub, one per core.
Bare is ``encode_batch`` on lists of 1,000 texts in memory, on all cores, nothing kept. Shards read the files,
split, shuffle, and write tokens, index and digests; their time includes the start of their processes, and is also
given without it. The two take turns. Memory is the largest resident set of a process that makes shards of the text,
and of one that makes shards of four times the text.

Takes some minutes; quoted in docs/explanation/paper_and_optimizers.md.
"""

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from command_line import command_line
from tabulate import tabulate

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=32_000, help="of the vocabulary")
    parser.add_argument(
        "--documents", type=Path, help="the documents of the default experiment, if made before"
    )
    parser.add_argument("--megabytes", type=float, default=24, help="of text")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        text = prepare(work, options.cores, options.size, 1e6 * options.megabytes, options.documents)
        print(f"{text / 1e6:.1f} MB of text, vocabulary {options.size}, {options.cores} cores", flush=True)
        rows, processor = [], []
        for number in range(options.rounds):
            bare = run("bare", work, options.cores)
            shards = run("shards", work, options.cores, f"store{number}")
            rows.append((bare["seconds"], shards["seconds"], shards["seconds"] - shards["start"]))
            processor.append(bare["processor"] / shards["processor"])
            print(f"round {number + 1}: bare {bare}, shards {shards}", flush=True)
        names = ("bare encode_batch", "shards", "shards without the start of processes")
        medians = [statistics.median(column) for column in zip(*rows, strict=True)]
        ratios = [statistics.median(row[0] / row[k] for row in rows) for k in range(3)]
        table = [
            (name, f"{seconds:.2f}", f"{text / seconds / 1e6:.1f}", f"{ratio:.2f}")
            for name, seconds, ratio in zip(names, medians, ratios, strict=True)
        ]
        print(tabulate(table, ("", "seconds", "MB a second", "throughput, bare = 1")))
        print(f"text a second of processor time, bare = 1: {statistics.median(processor):.2f}")
        sizes = [
            (f"{times} x", f"{run('memory', work, 1, f'memory{times}', times)['peak'] / 1e6:.0f}")
            for times in (1, 4)
        ]
        print("\n" + tabulate(sizes, ("text", "peak memory of a process, MB")))


def prepare(work: Path, files: int, size: int, most: float, documents: Path | None) -> int:
    """Write text and vocabulary; the bytes of the text."""
    import pyarrow as pa
    import pyarrow.parquet

    from relscale.commands.inputs import training_experiment
    from relscale.corpora.build import build_source
    from relscale.corpora.documents import read_documents
    from relscale.tokens.options import Vocabulary
    from relscale.tokens.vocabulary import train_vocabulary

    if documents is None:
        source = training_experiment(ROOT / "config.yaml").sources["installed"]
        build_source(source, work / "installed", 0, files)
        documents = work / "installed" / "documents.parquet"
    os.environ["RAYON_NUM_THREADS"] = str(files)
    train_vocabulary([(documents, None)], Vocabulary(size=size, sample_bytes=most), work / "words", 0)
    texts = read_documents(documents, split="train")["text"].to_pylist()
    random.Random(0).shuffle(texts)
    room = most
    texts = [text for text in texts if (room := room - len(text.encode())) > 0]
    (work / "set").mkdir()
    for number in range(files):
        pa.parquet.write_table(
            pa.table({"text": texts[number::files]}), work / "set" / f"{number}.parquet", row_group_size=1000
        )
    return sum(len(text.encode()) for text in texts)


def run(what: str, work: Path, cores: int, store: str = "", times: int = 1) -> dict[str, float]:
    """One measurement in an interpreter of its own."""
    environment = {**os.environ, "RAYON_NUM_THREADS": str(cores), "TOKENIZERS_PARALLELISM": "true"}
    arguments = [sys.executable, __file__, "--measure", what, str(work), str(cores), store, str(times)]
    output = subprocess.run(arguments, env=environment, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output)
    return found


def bare(work: Path) -> dict[str, float]:
    import pyarrow.parquet
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(work / "words" / "tokenizer.json"))
    files = sorted((work / "set").glob("*.parquet"))
    texts = [text for file in files for text in pyarrow.parquet.read_table(file)["text"].to_pylist()]
    begun, used = time.perf_counter(), processor_seconds()
    for start in range(0, len(texts), 1000):
        tokenizer.encode_batch(texts[start : start + 1000], add_special_tokens=False)
    return {"seconds": time.perf_counter() - begun, "processor": processor_seconds() - used}


def processor_seconds() -> float:
    """Of this process and those it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def shards(work: Path, cores: int, store: str, times: int) -> dict[str, float]:
    from dataclasses import replace

    from relscale.corpora.hub import TextFile
    from relscale.corpora.stream import Stream
    from relscale.tokens.shards import Recipe, make_shards

    files = [
        TextFile(f"{k}-{path.name}", str(path), "")
        for k in range(times)
        for path in sorted((work / "set").glob("*.parquet"))
    ]
    stream = Stream(tuple(files), "text", None, 1, 0.002, 0.01, 0)
    recipe = Recipe(stream, work / "words", work / store, 0)
    begun, used = time.perf_counter(), processor_seconds()
    make_shards(recipe, float("inf"), cores)
    seconds, used = time.perf_counter() - begun, processor_seconds() - used
    # Not ru_maxrss, which begins with what the process had that started this one.
    peak = 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    # What the same processes take where there is nothing to encode.
    empty = work / f"{store}.parquet"
    import pyarrow as pa
    import pyarrow.parquet

    pa.parquet.write_table(pa.table({"text": ["a text"]}), empty)
    few = replace(stream, files=tuple(TextFile(f"{k}.parquet", str(empty), store) for k in range(cores)))
    begun = time.perf_counter()
    make_shards(replace(recipe, stream=few), float("inf"), cores)
    return {"seconds": seconds, "processor": used, "start": time.perf_counter() - begun, "peak": peak}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        what, work, cores, store, times = sys.argv[2:]
        measured = bare(Path(work)) if what == "bare" else shards(Path(work), int(cores), store, int(times))
        print(json.dumps(measured))
    else:
        main()
