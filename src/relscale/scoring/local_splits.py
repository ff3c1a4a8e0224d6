"""Assignment of local files to the splits of a task's data set."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError
from relscale.scoring.data_source import data_files
from relscale.scoring.local_data import FORMATS, format_of, plain_name

# Alternative names of the same split.
ALIKE = (("validation", "valid", "val", "dev"), ("train", "training"))
FEWSHOT = "fewshot"  # if given, few-shot examples are drawn from it, whatever the task specifies
SHOWN = 80  # characters of a value in a message
PART = re.compile(r"(?P<split>.+?)(?:[-._]\d+(?:-of-\d+)?)?")  # train-00000-of-00002


def split_files(task: str, data: object, config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The files of every split that a task names.

    A single file is every split; relscale ensures that no question is its own example. Of several files, the test split
    is required, and the split of the few-shot examples if there are any.

    Parameters
    ----------
    task
        For messages.
    data
        A file; a folder, in which the names of files or of their folders begin with the split (``test.jsonl``,
        ``train-00000-of-00002.parquet``, ``validation/0.parquet``) or which ``datasets`` has saved; or files by split.
        If the task reads one configuration of its data set, it is the folder of that name inside, as on the hub.
    config
        The task's YAML, as a mapping.

    Raises
    ------
    RelscaleError
        There are no such files, a required split is missing, or several data sets have files of one split.
    """
    named = [config.get(f"{kind}_split") for kind in ("test", "validation", "training", "fewshot")]
    fewshot_split = (config.get("fewshot_config") or {}).get("split")
    splits = list(dict.fromkeys(split for split in [*named, fewshot_split] if split))
    test, validation, training, fewshot = named
    test_split = test or validation
    shown = fewshot_split or fewshot or training or validation or test
    configuration = config.get("dataset_name")  # YAML makes a number of one such as 2019
    split_files = _files_by_split(task, data, None if configuration is None else str(configuration))
    if None in split_files:
        return dict.fromkeys(splits, split_files[None])
    if FEWSHOT in split_files:
        shown = FEWSHOT
        splits.append(FEWSHOT)
    files = {split: _files(split, split_files) for split in splits}
    available = ", ".join(split for split in split_files if split is not None) or "none"
    for split, of_split in files.items():
        if not isinstance(data, Mapping):
            _check_one_data_set(task, split, of_split)
    if test_split is None or not files[test_split]:
        raise RelscaleError(f"{task}: no split {test_split!r}, the task's test split; it has {available}")
    examples = (config.get("num_fewshot") or 0) > 0 and not (config.get("fewshot_config") or {}).get(
        "samples"
    )
    if examples and shown is not None and not files[shown]:
        raise RelscaleError(
            f"{task}: no split {shown!r}, which its {config['num_fewshot']} examples come from; it has {available}: "
            f"add {shown}: file, or set num_fewshot to 0"
        )
    # lm-eval requires every split of the task, even unused ones.
    return {split: files[split] or files[test_split] for split in splits}


def shorten(text: str) -> str:
    """A text shortened for a message."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _check_one_data_set(task: str, split: str, files: Sequence[str]) -> None:
    """Refuse files of a split in several folders, such as those of several languages, or in several formats."""
    for one in (lambda path: path.parent, lambda path: path.suffix):
        others = dict.fromkeys(one(Path(file)) for file in files)
        if len(others) > 1:
            first, second = list(map(str, others))[:2]
            raise RelscaleError(
                f"{task}: the split {split!r} has files of {first} and of {second}, perhaps of several data sets; "
                f"name those of one, as {{{split}: file}}"
            )


def _files_by_split(task: str, data: object, configuration: str | None) -> dict[str | None, list[str]]:
    """Files by split, from their names; None stands for every split."""
    if isinstance(data, Mapping):
        return {str(split): _below(task, path) for split, path in data.items()}
    if not isinstance(data, str):
        raise RelscaleError(
            f"{task}: {data!r} is neither a path nor files by split, as {{test: file, train: file}}"
        )
    place = _existing_path(task, data)
    if configuration and (place / configuration).is_dir():
        place = place / configuration
        data = str(place)
    if place.is_file() or (place / "state.json").is_file():
        return {None: _below(task, data)}
    if (place / "dataset_dict.json").is_file():
        return {path.parent.name: [str(path.parent)] for path in sorted(place.glob("*/state.json"))}
    split_files: dict[str | None, list[str]] = {}
    files = [path for path in data_files(place) if format_of(path) is not None]
    for path in files:
        stem = plain_name(path).stem
        named = PART.fullmatch(stem)
        in_folder = path.parent != place and (named is None or named["split"].isdigit() or stem.isdigit())
        split_files.setdefault(path.parent.name if in_folder or named is None else named["split"], []).append(
            str(path)
        )
    if not files:
        raise RelscaleError(f"{task}: {data}: no file there ends in .{', .'.join(FORMATS)}")
    return {None: [str(files[0])]} if len(files) == 1 else split_files


def _below(task: str, path: Any) -> list[str]:
    """A file, or all files of a folder that was not saved by ``datasets``."""
    several = path if isinstance(path, list) else [path]
    if not several:
        raise RelscaleError(f"{task}: a split without files")
    return [file for entry in several for file in _readable(task, _existing_path(task, entry))]


def _existing_path(task: str, path: Any) -> Path:
    """A path of the config, which must exist."""
    try:
        place = Path(path).resolve() if isinstance(path, str) and path else None
        if place is not None and place.exists():
            return place
    except (OSError, ValueError):  # too long, or with a NUL
        pass
    raise RelscaleError(f"{task}: no file or folder at {shorten(repr(path))} (in {Path.cwd()})")


def _readable(task: str, path: Path) -> Iterable[str]:
    if (path / "state.json").is_file():
        return [str(path)]
    files = data_files(path)
    wrong = next((file for file in files if format_of(file) is None), None)
    if wrong is not None:
        raise RelscaleError(f"{task}: {wrong} does not end in .{', .'.join(FORMATS)}")
    return [str(file) for file in files]


def _files(split: str, files: Mapping[str | None, list[str]]) -> list[str]:
    names = [split, *(name for alike in ALIKE if split in alike for name in alike)]
    return next((files[name] for name in names if name in files), [])
