"""What lm-eval logged (``--log_samples``) as items: results that exist are not computed again."""

import ast
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.scoring.items import SCHEMA, ItemStatus
from relscale.scoring.labels import right_choices
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.requests import asked, document_id, scored_bytes

NAME = re.compile(r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+)\.jsonl")


def read_samples(folder: str | Path, suites: Mapping[str, Manifest]) -> pa.Table:
    """Items of every ``samples_<task>_<time>.jsonl`` below a folder, of which the task belongs to a suite.

    Of several files of a task the newest counts. ``tokens`` are null, since the files do not tell. The bytes of an
    answer are those of the document's own text for it, without the delimiter before it.

    Parameters
    ----------
    folder
        Where lm-eval wrote them.
    suites
        Where a task belongs: manifests of prepared suites, by name.

    Returns
    -------
    pa.Table
        Columns of ``relscale.scoring.items.SCHEMA``.

    Raises
    ------
    RelscaleError
        There is no such file, or one is broken; the message names the line.
    """
    newest = _newest(Path(folder))
    if not newest:
        raise RelscaleError(f"{folder}: no samples_*.jsonl there; log them with lm_eval --log_samples")
    rows: list[dict[str, Any]] = []
    for suite, manifest in suites.items():
        placed = [name for name in manifest.tasks if name in newest]
        if placed and len(placed) < len(manifest.tasks):
            print(
                f"{folder}: samples of {len(placed)} of the {len(manifest.tasks)} tasks of suite {suite}",
                file=sys.stderr,
            )
        for name in placed:
            rows += _items(newest.pop(name), suite, name, manifest.tasks[name])
    if newest:
        print(
            f"{folder}: left out, tasks of no suite: {', '.join(sorted(newest))}",
            file=sys.stderr,
        )
    return pa.Table.from_pylist(rows, SCHEMA)


def sample_files(folder: str | Path) -> list[Path]:
    """The files that `read_samples` may read."""
    return sorted(Path(folder).rglob("samples_*.jsonl"))


def _newest(folder: Path) -> dict[str, Path]:
    """The newest file of each task."""
    found: dict[str, tuple[str, Path]] = {}
    for path in sample_files(folder):
        named = NAME.fullmatch(path.name)
        if named:
            task = named["task"]
            found[task] = max(found.get(task, ("", path)), (named["time"], path))
    return {task: path for task, (_, path) in found.items()}


def _items(path: Path, suite: str, name: str, place: Task) -> Iterator[dict[str, Any]]:
    described = {
        "suite": suite,
        "task": name,
        "prompt": place.prompt,
        "group": place.group,
        "subject": place.subject,
        "tokens": None,
    }
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            yield from (described | row for row in _document(json.loads(line)))
        except (ValueError, KeyError, TypeError, IndexError, SyntaxError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise RelscaleError(f"{path}, line {number}: not a sample of scored text ({reason})") from error


def _document(sample: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The items of one logged document."""
    requests = [_arguments(each) for each in _values(sample["arguments"])]
    responses = [response[0] for response in sample["resps"]]
    doc_id = document_id(sample["doc"])
    if len(requests[0]) == 1:  # a whole document
        (text,) = requests[0]
        size = len(text.encode())
        logprob = float(responses[0])
        yield _row(doc_id, 0, True, logprob, size, size, None, asked(None, text), ItemStatus.OK)
        return
    # For mutual information the choices are asked once more, without their context.
    choices = [pair for pair in requests if pair[0]] or requests
    targets, status = _targets(sample["target"], choices)
    for choice, (context, continuation) in enumerate(choices):
        logprob, greedy = responses[choice]
        answer = _answer(continuation, sample["doc"])
        yield _row(
            doc_id,
            choice,
            choice in targets,
            float(logprob),
            len(answer.encode()),
            scored_bytes(context, continuation),
            str(greedy) == "True",
            asked(context, continuation),
            status,
        )


def _row(
    doc_id: str,
    choice: int,
    target: bool,
    logprob: float,
    answer: int,
    scored: int,
    greedy: bool | None,
    request: int,
    status: ItemStatus,
) -> dict[str, Any]:
    possible = math.isfinite(logprob) and logprob <= 0
    return {
        "doc_id": doc_id,
        "choice": choice,
        "target": target,
        "logprob": logprob,
        "bytes_answer": answer,
        "bytes_scored": scored,
        "greedy": greedy,
        "asked": request,
        "status": str(status if possible else ItemStatus.NO_NUMBER),
    }


def _values(arguments: Any) -> list[Any]:
    """Requests in order; newer files have them as ``gen_args_0``, ``gen_args_1`` …"""
    return list(arguments.values()) if isinstance(arguments, dict) else list(arguments)


def _arguments(request: Any) -> list[str]:
    found = _values(request)
    if any(not isinstance(text, str) for text in found):
        raise ValueError("its task generates text")
    return found


def _targets(target: Any, choices: list[list[str]]) -> tuple[list[int], ItemStatus]:
    """Places of the right choices, from a number, a text, or a list of them as lm-eval writes it."""
    if len(choices) == 1:
        return [0], ItemStatus.OK
    several = ast.literal_eval(str(target)) if str(target).startswith("[") else [target]
    texts = [text.strip() for _, text in choices]
    labels = [int(each) if str(each).lstrip("-").isdigit() else str(each).strip() for each in several]
    return right_choices(labels, texts)


def _answer(continuation: str, doc: dict[str, Any]) -> str:
    """The document's own text in a continuation, without the delimiter that stands before it."""
    texts = [text for value in doc.values() for text in (value if isinstance(value, list) else [value])]
    own = [
        text
        for text in texts
        if isinstance(text, str)
        and text
        and continuation.endswith(text)
        and not continuation.removesuffix(text).strip()
    ]
    return max(own, key=len, default=continuation.lstrip())
