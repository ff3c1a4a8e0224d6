"""The documents of a prepared suite's tasks, as lm-eval read them when it built the requests.

A task's own metrics of a model's answers (``relscale.scoring.task_values``) need only its documents. Since these are
kept, the metrics can be computed without the data set and the network.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from relscale.provenance import digest
from relscale.storage.atomic import write_text
from relscale.storage.checked_parquet import read_parquet
from relscale.storage.tables import write_table

if TYPE_CHECKING:
    import datasets
    from lm_eval.api.task import ConfigurableTask

    from relscale.scoring.manifest import Windows

FOLDER = "documents"


def documents_reported(task: "ConfigurableTask", named: bool, windows: "Windows") -> bool:
    """Whether lm-eval's own metrics of a task are reported: for named tasks and tasks with custom rules.

    Documents read in windows other than lm-eval's have none of its metrics.
    """
    if task.OUTPUT_TYPE == "loglikelihood_rolling" and any(windows.values()):
        return False
    return named or callable(task.config.process_results)


def write_documents(task: "ConfigurableTask", number: int, source: Path, folder: Path) -> None:
    """Keep the documents that a task's requests were made from, with a task file that reads them.

    Parameters
    ----------
    task
        The task, with its requests built.
    number
        Its index among the suite's tasks, which names the files.
    source
        Its YAML file, below ``folder``.
    folder
        Folder of the prepared suite.

    Raises
    ------
    ValueError
        The documents change when they are written to a table and read back.
    """
    import datasets

    documents = list({instance.doc_id: instance.doc for instance in task.instances}.values())
    table = datasets.Dataset.from_list(documents, features=task.task_docs.features)
    subfolder = folder / FOLDER
    subfolder.mkdir(exist_ok=True)
    write_table(table.data.table, subfolder / f"{number}.parquet")
    if digest(list(_documents(subfolder / f"{number}.parquet"))) != digest(documents):
        raise ValueError("its documents cannot be kept in a table")
    settings = {
        "include": str(Path("..") / source.relative_to(folder)),
        "task": task.config.task,
        "dataset_kwargs": {"document_file": f"{number}.parquet"},
        "test_split": "test",
        "num_fewshot": 0,
        **dict.fromkeys(
            ("training_split", "validation_split", "fewshot_split", "fewshot_config", "process_docs")
        ),
    }
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=110)
    write_text(
        subfolder / f"{number}.yaml",
        f"custom_dataset: !function relscale.scoring.kept_documents.read\n{text}",
    )


def read(document_file: str, config_source: str, **_: Any) -> "dict[str, datasets.Dataset]":
    """The documents of a prepared task, as lm-eval's ``custom_dataset``."""
    return {"test": _documents(Path(config_source).parent / document_file)}


def _documents(path: Path) -> "datasets.Dataset":
    import datasets

    return datasets.Dataset(read_parquet(path))
