import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import tiny_models


@pytest.fixture(scope="session")
def make_checkpoint():
    """A function that saves a tiny random model (`tiny_models.save_checkpoint`)."""
    import torch

    torch.set_num_threads(1)  # threads that wait for one another are slower, where other work runs beside
    return tiny_models.save_checkpoint


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory, make_checkpoint):
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint"), spread=0.3)


@pytest.fixture(scope="session")
def no_survey():
    """lm-eval's evaluations without a description of the machine, for which torch asks pip and others each time."""
    from torch.utils import collect_env

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collect_env, "get_pretty_env_info", lambda: "not asked")
        yield


VERBS = [
    "compute",
    "return",
    "estimate",
    "display",
    "collect",
    "remove",
    "append",
    "compare",
    "inspect",
    "measure",
]
NOUNS = [
    "dense matrix",
    "sparse vector",
    "ordered table",
    "directed graph",
    "random forest",
    "time series",
    "open file",
]
ENDS = [
    "of all values",
    "for each row",
    "in the given order",
    "with its edges",
    "from a list of names",
    "by their size",
]


def document_rows():
    """Documents of four packages in two domains; every third module is a test module."""
    rows = []
    for package, group in (("aa", "numerics"), ("bb", "numerics"), ("cc", "learning"), ("dd", "learning")):
        for number in range(len(VERBS) * len(ENDS)):
            verb, end = VERBS[number % len(VERBS)], ENDS[number // len(VERBS)]
            noun = NOUNS[(number + ord(package[0])) % len(NOUNS)]
            module = f"{package}.m{number % 9}"
            name = f"Thing.{verb}_{number}"
            summary = f"{verb.capitalize()} the {noun} {end}, way {number}."
            text = f"{summary}\n\nThe color of the center is normalized by default.\n\n    >>> color = {number}\n"
            rows.append(
                {
                    "id": f"{module}.{name}",
                    "part": "docstrings",
                    "group": group,
                    "package": package,
                    "module": module,
                    "name": name,
                    "signature": f"{verb}_{number}(x, axis=0)",
                    "summary": summary,
                    "text": text,
                    "bytes": len(text.encode()),
                    "split": "test" if number % 3 == 0 else "train",
                }
            )
    return sorted(rows, key=lambda row: row["id"])


@pytest.fixture(scope="session")
def documents(tmp_path_factory):
    path = tmp_path_factory.mktemp("documents") / "documents.parquet"
    pa.parquet.write_table(pa.Table.from_pylist(document_rows()), path)
    return path


@pytest.fixture(scope="session")
def rows_by_id():
    return {row["id"]: row for row in document_rows()}


@pytest.fixture(scope="session")
def read_data():
    return _read_data


def _read_data(folder):
    """The rows of each task of a prepared suite, by the name of its file."""
    return {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted((Path(folder) / "data").glob("*.jsonl"))
    }
