"""Pages of the site that are generated from the code, and links to files outside of the documentation."""

import argparse
import importlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
from pictures import Axis, Line, picture

from relscale import listings
from relscale.cli import COMMANDS, parsers
from relscale.experiments.config_schema import config_schema
from relscale.experiments.section import Section
from relscale.laws.catalogue import law_modules
from relscale.laws.law import Family, Law
from relscale.questions.catalogue import question, question_names
from relscale.scoring.options import Suite
from relscale.scoring.suite_description import available_suites, read_suite
from relscale.storage.rows import columns_of

ROOT = Path(__file__).parents[1]
OUTWARD = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)\s]*)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    pages = {
        "config": config_page,
        "laws": laws_page,
        "questions": questions_page,
        "suites": suites_page,
        "figures": figures_page,
        "cli": command_line_page,
    }
    for name, page in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=page()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Insert pictures for their names, and replace links to files of the repository by their paths."""
    folder = Path(page.file.src_uri).parent

    def path_of(match: re.Match[str]) -> str:
        words, link = match.groups()
        target = (ROOT / "docs" / folder / link.partition("#")[0]).resolve()
        if target.is_relative_to(ROOT / "docs"):
            return match.group()
        if not target.exists():
            raise FileNotFoundError(f"docs/{page.file.src_uri}: no {link}")
        path = f"`{target.relative_to(ROOT)}`"
        return path if words.strip("`") in path else f"{words} ({path})"

    markdown = OUTWARD.sub(path_of, markdown)
    return re.sub(
        r"^<!-- picture: (\w+) -->$", lambda match: PICTURES[match[1]](), markdown, flags=re.MULTILINE
    )


# The config.


def config_page() -> str:
    """Every section and key of a config, from its types."""
    schema = config_schema()
    sections: dict[str, Any] = schema["$defs"]
    lines = [
        "# Config",
        "",
        "An experiment is one YAML file. Its sections depend on `runs.source`: "
        "[`train`](#trainingexperiment) (the default), [`checkpoints`](#checkpointexperiment), "
        "[`measurements`](#measurementexperiment). A key that is not listed here is refused, with a suggestion. "
        "`relscale schema` prints the JSON Schema, which editors can use.",
        "",
    ]
    first = ("TrainingExperiment", "CheckpointExperiment", "MeasurementExperiment")
    for name in (*first, *(each for each in sections if each not in first)):
        lines += _section(name, sections[name])
    return "\n".join(lines)


def _section(name: str, section: Mapping[str, Any]) -> list[str]:
    required = section.get("required", ())
    lines = [
        f"## {name}",
        "",
        section.get("description", ""),
        "",
        "| key | value | default | meaning |",
        "|---|---|---|---|",
    ]
    for key, value in section.get("properties", {}).items():
        default = (
            f"`{_yaml(value['default'])}`" if "default" in value else "required" if key in required else ""
        )
        meaning = " ".join(value.get("description", "").split())
        lines.append(f"| `{key}` | {_kind(value)} | {_cell(default)} | {_cell(meaning)} |")
    return [*lines, ""]


def _kind(value: Mapping[str, Any]) -> str:
    """The type and limits of a value in words."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in value:
        return _cell(", ".join(f"`{_yaml(each)}`" for each in value["enum"]))
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_kind(each) for each in value["anyOf"]))
    if value.get("type") == "array":
        return f"list of {_kind(value.get('items', {}))}"
    if value.get("type") == "object" and "additionalProperties" in value:
        entry = value["additionalProperties"]
        return f"by name: {_kind(entry)}" if isinstance(entry, Mapping) else "mapping"
    if "allOf" in value and value.get("type") == "object":
        return "one of " + ", ".join(_kind(each["then"]) for each in value["allOf"] if "then" in each)
    kind = value.get("type", "any")
    words = "/".join(kind) if isinstance(kind, list) else str(kind)
    limits = [
        f"{sign} {value[key]:g}" for key, sign in LIMITS.items() if key in value and abs(value[key]) < 1e15
    ]
    return f"{words} {' and '.join(limits)}".strip()


LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def _yaml(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"[{', '.join(map(_yaml, value))}]" if isinstance(value, list) else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<experiment>", "EXPERIMENT")


# The laws.

# For each law with a picture: parameters, range of the first predictor, and the other predictors of each curve.
F = "F / F_ref"
CURVES: dict[str, tuple[tuple[float, ...], tuple[float, float], tuple[tuple[float, ...], ...]]] = {
    "architecture": ((0.05, 0.004, 0.9, 0.03, 0.05), (0.02, 0.2), ((0.5, 3.0), (4, 3.0))),
    "batch_trajectory": ((6.5e13, 0.077, 2.1e3, 0.76, 2.1e8, 0.21), (1e6, 1e10), ((1e4, 5e5), (1e5, 5e5))),
    "bnsl": ((0.5, 2.0, 0.1, 0.3, 1.0, 0.5), (1e-4, 1e4), ((),)),
    "critical_batch": ((2e3, 1e6), (3e4, 1e7), ((),)),
    "data_constrained": (
        (1.87, 521, 1488, 0.353, 0.353, 15.4, 5.3),
        (1e7, 1e10),
        ((1e10, 1e10), (1e10, 1e8)),
    ),
    "datastore": ((1.6, 400, 1500, 0.05, 0.34, 0.35, 3e9), (1e8, 1e10), ((1e11, 0), (1e11, 1e12))),
    "difference": ((0.4, -0.1), (1e-2, 1e2), ((),)),
    "encoder_decoder": ((200, 0.15, 0.2, 1.2), (1e7, 1e9), ((1e7,), (1e9,))),
    "experts": ((0.3, -0.12, -0.09, 0.008, 1.2), (1.5e7, 1.3e9), ((1,), (64,))),
    "exponential_error": ((0.86, 2.2, 0.75), (1.5, 5.0), ((),)),
    "filtering": ((0.025, -0.16, 6.7, 0.1), (4e6, 1.6e8), ((1.28e7,), (5e7,))),
    "flp": ((0.9, -0.2), (1.5, 4.0), ((),)),
    "irreducible": ((1.2, 0.3, 0.4), (1e-2, 1e2), ((),)),
    "log_law": ((8, 1e6, 0.8), (1e8, 1e11), ((),)),
    "loss_to_loss": ((0.8, 0.9, 0.5, 1.2), (1.0, 4.0), ((),)),
    "overtraining": ((140, 190, -0.24, 1.5), (1e7, 1e10), ((1e9,), (1e11,))),
    "parallel_streams": ((0.69, 22.0, 0.19, 0.39), (1e8, 1e10), ((1,), (8,))),
    "parametric": ((1.8, 480, 2140, 0.35, 0.37), (1e7, 1e11), ((1e9,), (1e11,))),
    "peak_learning_rate": ((3e-3, 1e6, 0.5), (3e4, 1e8), ((),)),
    "power": ((2.5, 0.05), (1e-2, 1e2), ((),)),
    "rate_and_batch": (
        (1.6, 0.5, 0.01, -0.01, 0.05, 0.01, 0.03, 0.35, 0.35, 0.8, 1.0, 0.6, 0.25, 0.5),
        (2e-4, 1e-2),
        ((256, 4e8, 3e10), (64, 4e8, 3e10)),
    ),
    "rectified": ((1.2, 60, 30, 0.5), (2e2, 1e6), ((),)),
    "relative": ((1.3, 0.05), (1e-2, 1e2), ((),)),
    "rl_posttraining": ((-0.3, -0.2, -0.01, 0.12, 7e9), (5e8, 7e10), ((1e18,), (1e21,))),
    "shifted_power": ((0.4, 0.23, 0.02, 0.11), (1e-3, 1e3), ((),)),
    "sigmoid": ((0.25, 0.85, 1.5, 4.0), (0.5, 3.0), ((),)),
    "task_scaling": ((0.6, 0.3), (1e-2, 1e2), ((),)),
    "vocabulary": ((-5.6, 20, 1.5, 500, 0.25, 0.3, 0.35), (3e7, 3e9), ((4e3, 1e10), (6e4, 1e10))),
}
LINEAR_X = ("loss",)
LONGEST_LABEL = 15  # characters of a curve's label


def laws_page() -> str:
    """Every law: formula, parameters, a picture, source and caveats."""
    lines = [
        "# Laws",
        "",
        '`relscale fit TABLE --law NAME`, `rs.fit(table, law="NAME")`, or in a config `fit: {laws: [{law: NAME}]}`. '
        "[A law of your own](../how-to/law.md) is a function. Pictures show the law at typical parameters.",
        "",
    ]
    for name, module in law_modules().items():
        lines += _law(name, module)
    return "\n".join(lines)


def _law(name: str, module: Any) -> Iterator[str]:
    law = module.LAW
    one = law.example if isinstance(law, Family) else law
    yield from (
        f"## {name}",
        "",
        _capital(listings.first_sentence(module.__doc__).partition(": ")[2] or name),
        "",
    )
    if isinstance(law, Family):
        yield from (
            f"    {one.formula}",
            "",
            f"Of all columns called {', '.join(f'`{name}…`' for name in (law.prefix, *law.extra_prefixes))}"
            f"{''.join(f', and `{name}`' for name in law.first_predictors)}. Source: {law.source}",
            "",
        )
        if one.traps:
            yield from (f"**Caveats.** {one.traps}", "")
        return
    yield from (
        f"    {law.formula}",
        "",
        f"Of {', '.join(f'`{each}`' for each in law.source_columns or law.predictors)}.",
        "",
    )
    yield from ("| parameter | unit | meaning |", "|---|---|---|")
    for parameter in law.parameters:
        yield f"| `{parameter.name}` | {_cell(parameter.unit)} | {_cell(parameter.meaning)} |"
    yield ""
    if name in CURVES:
        yield from (_law_picture(name, law), "")
    yield from (f"Source: {law.source}", "")
    if law.traps:
        yield from (f"**Caveats.** {law.traps}", "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _law_picture(name: str, law: Law) -> str:
    theta, (low, high), others = CURVES[name]
    first = law.predictors[0]
    x = np.linspace(low, high, 80) if first in LINEAR_X else np.geomspace(low, high, 80)
    named = [i for i in range(len(others[0])) if len({further[i] for further in others}) > 1]
    names = [law.predictors[1 + i] for i in named]
    labels = [
        ", ".join(f"{name} {_short(further[i])}" for name, i in zip(names, named, strict=True))
        for further in others
    ]
    by = ""
    if max(map(len, labels)) > LONGEST_LABEL:
        labels = [", ".join(_short(further[i]) for i in named) for further in others]
        by = f"; curves by {', '.join(names)}"
    curves = []
    for label, further in zip(labels, others, strict=True):
        given = np.array([x, *(np.full_like(x, each) for each in further)])
        curves.append(Line(label, x.tolist(), law.value(np.array(theta)[:, None], given).tolist()))
    return picture(
        curves,
        Axis((F if law.reference else first) + by, first not in LINEAR_X),
        Axis("y", first not in LINEAR_X and all(min(curve.y) > 0 for curve in curves)),
        f"The law {name} over {first}",
    )


def _short(value: float) -> str:
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e") if value > 9999 else f"{value:g}"


# Suites, figures, the command line.


def suites_page() -> str:
    """Every suite: description, groups, baseline, metric and options."""
    lines = [
        "# Suites",
        "",
        "[A suite of your own](../how-to/suite.md) is a folder. For the metrics see [scoring](scoring.md).",
        "",
    ]
    for name in available_suites():
        manifest = read_suite(name, Suite())[1]
        groups = ", ".join(manifest.groups) or "those of the text"
        lines += [f"## {name}", "", manifest.description, "", "| | |", "|---|---|"]
        lines += [
            f"| kind | {manifest.kind} |",
            f"| groups | {groups} |",
            f"| baseline | {manifest.baseline} |",
        ]
        lines += [f"| metric | `{manifest.metric}` |"]
        if manifest.options.values():
            options = (f"`{key}: {_yaml(value)}`" for key, value in manifest.options.values().items())
            lines.append(f"| options | {', '.join(options)} |")
        lines += ["", manifest.note or "", ""]
    return "\n".join(lines)


def questions_page() -> str:
    """Every question: description, options, and the columns of its answer."""
    lines = [
        "# Questions",
        "",
        "`relscale ask QUESTION TABLE` answers a question from a table; `relscale ask` lists all questions. Each is "
        "one file in `src/relscale/questions/`.",
        "",
    ]
    for name in question_names():
        one = question(name)
        lines += [
            f"## {name}",
            "",
            one.description.replace("``", "`"),
            "",
            "| option | default | meaning |",
            "|---|---|---|",
        ]
        for each in one.arguments:
            default = (
                "required" if each.required else f"`{each.default}`" if each.default not in ("", ()) else ""
            )
            lines.append(f"| `--{each.name.replace('_', '-')}` | {_cell(default)} | {_cell(each.meaning)} |")
        lines += ["", "| column of the answer | unit | meaning |", "|---|---|---|"]
        lines += [f"| `{c.name}` | {_cell(c.unit)} | {_cell(c.description)} |" for c in columns_of(one.row)]
        lines.append("")
    return "\n".join(lines)


def figures_page() -> str:
    """Every figure: description and options."""
    lines = [
        "# Figures",
        "",
        'A config lists figures under `figures`; in Python, `results.plot("isoflop", …)` draws one with its options.',
        "",
    ]
    for row in listings.figures():
        module = importlib.import_module(f"relscale.figures.{row['figure'].replace('-', '_')}")
        name = f"{row['figure']}-SUITE" if row["per_suite"] else row["figure"]
        once = "It is drawn once per suite." if row["per_suite"] else ""
        lines += [f"## {name}", "", (module.__doc__ or "").replace("``", "`").strip(), "", once, ""]
        lines += _figure_options(get_type_hints(module.draw).get("options"))
    return "\n".join(lines)


def _figure_options(section: type[Section] | None) -> list[str]:
    if section is None:
        return []
    fields = section.model_fields.items()
    rows = [f"| `{name}` | {_cell(field.description or '')} |" for name, field in fields]
    return ["| option | meaning |", "|---|---|", *rows, ""]


def command_line_page() -> str:
    """Every command, its arguments and options."""
    parser_by_name = parsers()[1]
    lines = ["# Command line", "", "The same text is printed by `relscale COMMAND --help`.", ""]
    for title, names in COMMANDS.items():
        for name in names:
            lines += _command(name, title, parser_by_name[name])
    return "\n".join(lines)


def _command(name: str, title: str, parser: argparse.ArgumentParser) -> list[str]:
    lines = [f"## relscale {name}", "", f"*{title[0].upper()}{title[1:]}.* {parser.description or ''}", ""]
    actions = [
        action for action in parser._actions if action.dest != "help" and action.help != argparse.SUPPRESS
    ]
    if actions:
        lines += ["| argument | |", "|---|---|"]
    for action in actions:
        value = action.metavar or (
            f"{{{','.join(map(str, action.choices))}}}" if action.choices else action.dest.upper()
        )
        values = "" if action.nargs == 0 else f" {value if isinstance(value, str) else ' '.join(value)}"
        argument = f"{', '.join(action.option_strings)}{values}" if action.option_strings else str(value)
        lines.append(f"| `{_cell(argument)}` | {_cell(_plain(action.help or ''))} |")
    return [*lines, ""]


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("%%", "%").replace("<", "&lt;")


# Pictures of the explanations.


def _errors() -> tuple[Sequence[float], dict[str, Sequence[float]]]:
    """Two errors that decrease with compute and cross at 1e21 FLOPs; the group is first, so it has one colour in both
    pictures."""
    flops = np.geomspace(1e18, 1e23, 60)
    return flops.tolist(), {
        "group": (0.9 * (flops / 1e21) ** -0.09).tolist(),
        "baseline": (0.9 * (flops / 1e21) ** -0.05).tolist(),
    }


def errors_picture() -> str:
    """Two errors over compute."""
    flops, errors = _errors()
    lines = [Line(f"E of the {name}", flops, error) for name, error in errors.items()]
    return picture(
        lines, Axis("training compute, FLOPs"), Axis("error E"), "Two errors that cross", (1e21, "they cross")
    )


def ratio_picture() -> str:
    """The ratio of the two errors over compute."""
    flops, errors = _errors()
    ratio = [a / b for a, b in zip(errors["group"], errors["baseline"], strict=True)]
    lines = [Line("G = E / E baseline", flops, ratio), Line("baseline", flops, [1.0] * len(flops))]
    return picture(
        lines, Axis("training compute, FLOPs"), Axis("ratio G"), "The ratio of the two", (1e21, "G = 1")
    )


PICTURES = {"errors": errors_picture, "ratio": ratio_picture}
