"""The card of a model, ``README.md`` in its folder: design, data, compute, losses and scores."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import yaml
from tabulate import tabulate

from relscale.corpora.options import HubDataset, Source
from relscale.design.run import Run
from relscale.measurements.measurement import Measurement
from relscale.measurements.metric import VALIDATION
from relscale.storage.rows import names_of, same_column
from relscale.tokens.options import Part
from relscale.training.record import TrainingRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One measurement on a model card."""

    run: str = same_column(Measurement, "run")
    suite: str = same_column(Measurement, "suite")
    prompt: str | None = same_column(Measurement, "prompt")
    group: str = same_column(Measurement, "group")
    metric: str = same_column(Measurement, "metric")
    value: float | None = same_column(Measurement, "value")
    stderr: float | None = same_column(Measurement, "stderr")
    items: int | None = same_column(Measurement, "items")


class TrainingText(NamedTuple):
    """A part of the corpus that a model was trained on, and where its text comes from."""

    source: Source
    part: Part


SHOWN = names_of(ScoreRow)[1:]  # without the run, which is the same in all rows


def model_card(
    record: TrainingRecord,
    data: Sequence[TrainingText],
    scores: Sequence[ScoreRow],
    experiment: str,
    licence: str | None,
) -> str:
    """The card in Markdown, after the hub's metadata.

    Parameters
    ----------
    record
        The record of the training (``run.json``).
    data
        Parts of the corpus.
    scores
        The measurements of this model.
    experiment
        Name of the experiment.
    licence
        Licence as the hub names it; None if the config names none, as the card then states.
    """
    run = record.run
    return "\n".join(
        [
            "---",
            yaml.safe_dump(_metadata(run, data, licence), sort_keys=False, allow_unicode=True).rstrip(),
            "---",
            "",
            f"# {_text(record.name)}",
            "",
            f"A model of the experiment {_code(experiment)}, trained with relscale at a fixed compute budget to study "
            "scaling laws; it is not meant for other uses.",
            "",
            "## Licence",
            "",
            licence or "None is given.",
            "",
            "## Design",
            "",
            _table(_design(record)),
            "",
            "## Data",
            "",
            f"Corpus {_code(run.corpus)}:",
            "",
            *_parts(data),
            "",
            "## Compute",
            "",
            _table(_compute(record)),
            "",
            "## Losses",
            "",
            _table(_losses(record)),
            "",
            "## Scores",
            "",
            _scores(scores),
            "",
        ]
    )


def _metadata(run: Run, data: Sequence[TrainingText], licence: str | None) -> dict[str, object]:
    datasets = [text.source.path for text in data if _is_on_hub(text.source)]
    return {
        **({"license": licence} if licence else {}),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        **({"datasets": list(dict.fromkeys(datasets))} if datasets else {}),
        "tags": ["relscale", "scaling-laws", run.corpus],
    }


def _is_on_hub(source: Source) -> TypeGuard[HubDataset]:
    """Whether a source is a data set of the hub, rather than a folder of one machine."""
    return (
        isinstance(source, HubDataset)
        and re.fullmatch(r"[^./][^/]*/[^/]+", source.path) is not None
        and not Path(source.path).exists()
    )


def _design(record: TrainingRecord) -> dict[str, object]:
    run = record.run
    a, h = run.architecture, run.hyperparameters
    return {
        "architecture": "decoder of the Qwen3 family, untied embeddings",
        "parameters": f"{run.params:,}",
        "layers, width, MLP": f"{a.num_layers}, {a.hidden_size}, {a.intermediate_size}",
        "heads (key and value heads), head size": f"{a.num_heads} ({a.num_kv_heads}), {a.head_size}",
        "vocabulary, context": f"{a.vocabulary_size:,}, {a.sequence_length:,}",
        "optimizer": h.optimizer,
        "peak learning rate": f"{h.learning_rate:.6g}"
        + (f"; embeddings and norms {h.vector_learning_rate:.6g}" if h.vector_learning_rate else ""),
        "betas, epsilon": f"{h.beta1:g}, {h.beta2:.6g}, {h.epsilon:g}",
        "weight decay, gradient clipping": f"{h.weight_decay:g}, {h.gradient_clip:g}",
        "schedule (share of warm-up, of decay)": f"{h.schedule} ({h.warmup:g}, {h.decay:g})",
        "batch": f"{run.batch_size:,} sequences"
        + "".join(f", {stage.batch_size:,} from step {stage.first_step:,}" for stage in run.stages[1:]),
        "steps": f"{record.step:,} of {run.train_steps:,}",
        "precision": record.precision,
        "seed": run.seed,
    }


def _compute(record: TrainingRecord) -> dict[str, object]:
    run = record.run
    return {
        "training FLOPs, forward and backward": f"{record.training_flops:.6g}",
        "budget of the plan, FLOPs": f"{run.budget:g}",
        "training tokens": f"{record.tokens:,}",
        "tokens per parameter": f"{record.tokens / run.params:.4g}",
        "hours": f"{record.seconds / 3600:.3g}",
    }


def _losses(record: TrainingRecord) -> dict[str, object]:
    def shown(loss: float | None) -> str:
        return "none" if loss is None else f"{loss:.4f}"

    return {
        "status": record.status,
        "training, last 5% of the steps (nats per token)": shown(record.train_loss),
        "validation (nats per token)": shown(record.validation_loss),
        "validation (bits per byte)": shown(record.validation_bits_per_byte),
    }


def _table(values: Mapping[str, object]) -> str:
    return str(tabulate(list(values.items()), headers=["", ""], tablefmt="github", disable_numparse=True))


def _parts(data: Sequence[TrainingText]) -> list[str]:
    """One line per part, without the path of a source that is not on the hub, because it is specific to a machine."""
    lines = []
    for source, part in data:
        name = source.path if _is_on_hub(source) else part.source
        stated: dict[str, object] = {"part": part.part}
        if isinstance(source, HubDataset):
            stated |= {"name": source.name, "data_files": source.data_files, "revision": source.revision}
        details = [f"{key} {value}" for key, value in stated.items() if value]
        share = f", weight {part.weight:g}" if len(data) > 1 else ""
        lines.append(f"- {_text(name)} ({'; '.join([source.kind, *details])}){share}")
    return lines


def _scores(scores: Sequence[ScoreRow]) -> str:
    rows = [[_cell(getattr(row, name)) for name in SHOWN] for row in scores if row.suite != VALIDATION.suite]
    if not rows:
        return "Not scored."
    return str(tabulate(rows, headers=SHOWN, tablefmt="github", disable_numparse=True))


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.5g}" if isinstance(value, float) else _text(str(value))


def _text(name: str) -> str:
    """A name in Markdown, with HTML and the separators of cells escaped."""
    return html.escape(" ".join(name.split()), quote=False).replace("|", "\\|")


def _code(name: str) -> str:
    """A name formatted as code, unless it has a backquote."""
    return _text(name) if "`" in name else f"`{' '.join(name.split())}`"
