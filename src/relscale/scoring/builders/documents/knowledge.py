"""Questions about functions: which of several one-line summaries belongs to an object."""

import random
import re
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa

from relscale.corpora.documents import DocumentRow
from relscale.experiments.section import Names, PositiveInt, Section
from relscale.scoring.builders.held_out import held_out
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.task_data import TaskData

# Lengths in bytes: no token is shorter than a byte, so a signature and a summary always fit 256 tokens.
SIGNATURE_BYTES = 130
SUMMARY_BYTES = (20, 120)
# Number of summaries of the nearest length from which wrong answers are drawn; fewer would make them guessable.
NEAREST = 12
# Maximum share of words that two summaries have in common.
MOST_ALIKE = 0.6


class Options(Section):
    """Options of the builder."""

    part: str
    questions: PositiveInt
    questions_of_a_module: PositiveInt
    choices: PositiveInt
    forms: Names


def build(documents: pa.Table, manifest: Manifest, folder: Path, seed: int) -> list[TaskData]:
    """One task per domain and prompt form, with at most ``questions`` questions of ``choices`` choices.

    A source file contributes at most ``questions_of_a_module`` questions to a domain, because questions of one file are
    similar. The right answer occurs at each position equally often. Whether a document becomes a question depends on
    its id, the seed and the other summaries of its package.
    """
    options = manifest.options_of(Options)
    rows = [row for row in held_out(documents, options.part, seed) if _usable(row)]
    packages: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.summary not in packages[row.package]:
            packages[row.package].append(row.summary)
    groups: dict[str, list[dict[str, object]]] = defaultdict(list)
    used_questions: set[tuple[str, str]] = set()
    taken: Counter[tuple[str, str]] = Counter()
    for row in rows:
        group = groups[row.group]
        if len(group) == options.questions or (row.package, row.summary) in used_questions:
            continue
        module = row.group, row.module
        if taken[module] == options.questions_of_a_module:
            continue
        chance = random.Random(f"{seed} {row.id}")
        wrong = _wrong_answers(row.summary, packages[row.package], options.choices - 1, chance)
        if wrong is None:
            continue
        used_questions.add((row.package, row.summary))
        taken[module] += 1
        place = len(group) % options.choices
        choices = [*wrong[:place], row.summary, *wrong[place:]]
        question = {"id": row.id, "module": row.module, "signature": signature(row)}
        group.append({**question, "choices": choices, "answer": place})
    return [
        TaskData(
            f"{name}_{form}",
            Task(name, form),
            sorted(groups[name], key=lambda q: str(q["id"])),
            f"{form}.yaml",
        )
        for name in sorted(groups)
        for form in options.forms
    ]


def signature(row: DocumentRow) -> str:
    """The object's name with the class it belongs to, and its signature: ``Series.plot(kind='line')``."""
    owner, _, name = row.name.rpartition(".")
    call = row.signature or name
    return f"{owner}.{call}" if owner else call


def _usable(row: DocumentRow) -> bool:
    low, high = SUMMARY_BYTES
    short = len(signature(row).encode()) <= SIGNATURE_BYTES
    return bool(row.name) and short and low <= len(row.summary.encode()) <= high


def _wrong_answers(right: str, summaries: list[str], count: int, chance: random.Random) -> list[str] | None:
    """Summaries of similar length, none similar to the right one or to another; None if there are too few."""
    others = sorted(
        (other for other in summaries if other != right), key=lambda o: (abs(len(o) - len(right)), o)
    )
    near: list[str] = []
    for other in others:
        if all(_likeness(other, known) <= MOST_ALIKE for known in [right, *near]):
            near.append(other)
        if len(near) == NEAREST:
            break
    return chance.sample(near, count) if len(near) >= count else None


def _likeness(first: str, other: str) -> float:
    """Jaccard similarity of their words: shared words over all words."""
    a, b = (set(re.findall(r"\w+", text.lower())) for text in (first, other))
    return len(a & b) / max(1, len(a | b))
