import json

import pytest
from one_sentence import assert_one_sentence

from relscale.errors import RelscaleError
from relscale.scoring.local_splits import split_files

CONFIG = {"test_split": "test", "validation_split": "validation", "training_split": "train", "num_fewshot": 2}


def write(folder, *names):
    """Files of one row each, which says the file's name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"from": name}) + "\n")
    return str(folder)


def sources(files):
    """Where the rows of each split came from."""
    from relscale.scoring.local_data import files as load  # and datasets

    return {split: [row["from"] for row in rows] for split, rows in load(files).items()}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["test.jsonl", "train.jsonl", "validation.jsonl"],
            {"test": ["test.jsonl"], "train": ["train.jsonl"], "validation": ["validation.jsonl"]},
        ),
        (
            [
                "data/test-00000-of-00001.jsonl",
                "data/train-00000-of-00002.jsonl",
                "data/train-00001-of-00002.jsonl",
            ],
            {
                "test": ["data/test-00000-of-00001.jsonl"],
                "train": ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"],
            },
        ),
        (
            ["test/0.jsonl", "train/0.jsonl", "train/1.jsonl"],
            {"test": ["test/0.jsonl"], "train": ["train/0.jsonl", "train/1.jsonl"]},
        ),
        (["test.jsonl", "train.jsonl", "dev.jsonl"], {"validation": ["dev.jsonl"], "train": ["train.jsonl"]}),
        (["test.jsonl", "test_hard.jsonl", "train.jsonl"], {"test": ["test.jsonl"]}),
        (["all.jsonl"], {"test": ["all.jsonl"], "train": ["all.jsonl"], "validation": ["all.jsonl"]}),
    ],
    ids=["names", "parts as the hub has them", "folders", "another word", "a longer name", "one file"],
)
def test_the_splits_of_a_folder_are_told_by_the_names_of_its_files(tmp_path, names, expected):
    found = sources(split_files("data", write(tmp_path / "set", *names), CONFIG))
    assert {split: found[split] for split in expected} == expected


@pytest.mark.parametrize("configurations", [("ARC-Easy", "ARC-Challenge"), (2018, 2019)])
def test_a_configuration_is_its_own_folder_as_on_the_hub(tmp_path, configurations):
    data = write(
        tmp_path / "set",
        *(
            f"{folder}/{split}-00000-of-00001.jsonl"
            for folder in configurations
            for split in ("test", "train")
        ),
    )
    for folder in configurations:
        found = sources(
            split_files("data", data, {**CONFIG, "validation_split": None, "dataset_name": folder})
        )
        assert found == {split: [f"{folder}/{split}-00000-of-00001.jsonl"] for split in ("test", "train")}


@pytest.mark.parametrize(
    "names",
    [
        ("en/test.jsonl", "de/test.jsonl"),
        ("en/test/0.jsonl", "de/test/0.jsonl"),
        ("test.jsonl", "test.csv"),
        ("test.jsonl", "old/test.jsonl"),
    ],
)
def test_files_of_several_data_sets_are_not_one_split(tmp_path, names):
    data = write(tmp_path / "set", *names, "train.jsonl")
    with pytest.raises(RelscaleError, match=r"'test' has files of .* and of ") as error:
        split_files("data", data, CONFIG)
    assert_one_sentence(str(error.value))
    given = {"test": [str(tmp_path / "set" / names[0])], "train": data + "/train.jsonl"}
    assert split_files("data", given, CONFIG)["test"] == given["test"]


def test_files_may_be_given_by_split(tmp_path):
    write(tmp_path, "a.jsonl", "b.jsonl", "c.jsonl")
    given = {
        "test": str(tmp_path / "a.jsonl"),
        "train": [str(tmp_path / "b.jsonl"), str(tmp_path / "c.jsonl")],
    }
    found = sources(split_files("data", given, CONFIG))
    assert (found["test"], found["train"]) == (["a.jsonl"], ["b.jsonl", "c.jsonl"])


def test_examples_come_from_the_split_that_is_called_fewshot_where_there_is_one(tmp_path):
    write(tmp_path, "a.jsonl", "b.jsonl")
    given = {"test": str(tmp_path / "a.jsonl"), "fewshot": str(tmp_path / "b.jsonl")}
    assert sources(split_files("data", given, CONFIG))["fewshot"] == ["b.jsonl"]


@pytest.mark.parametrize("saved", ["one", "several"])
def test_a_folder_may_be_one_that_datasets_saved(tmp_path, saved):
    import datasets

    test = datasets.Dataset.from_list([{"from": "test"}])
    train = datasets.Dataset.from_list([{"from": "train"}])
    (datasets.DatasetDict(test=test, train=train) if saved == "several" else test).save_to_disk(
        tmp_path / "saved"
    )
    found = sources(split_files("data", str(tmp_path / "saved"), CONFIG))
    assert found["test"] == ["test"]
    assert found["train"] == (["train"] if saved == "several" else ["test"])


def test_without_examples_the_split_that_is_asked_is_enough(tmp_path):
    given = {"test": write(tmp_path, "a.jsonl") + "/a.jsonl"}
    assert sources(split_files("data", given, {**CONFIG, "num_fewshot": 0}))["test"] == ["a.jsonl"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"train": "a.jsonl"}, "no split 'test', the task's test split; it has train"),
        ({"test": "a.jsonl"}, "no split 'train', which its 2 examples come from.*num_fewshot to 0"),
        ({"test": "nowhere.jsonl"}, "no file or folder at 'nowhere.jsonl'"),
        ({"test": 5}, "no file or folder at 5"),
        ({"test": []}, "a split without files"),
        ({}, "no split 'test', the task's test split; it has none"),
        ("a" * 5000, "no file or folder at 'aaa"),
        ("a\0", "no file or folder at"),
        ("a\u2028b", "no file or folder at"),
        ({"test": "a.txt"}, "does not end in .parquet"),
        (7, "7 is neither a path nor files by split"),
    ],
)
def test_what_is_missing_is_reported_in_one_line(tmp_path, monkeypatch, given, message):
    write(tmp_path, "a.jsonl", "a.txt")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RelscaleError, match=message) as error:
        split_files("data of arc", given, CONFIG)
    assert_one_sentence(error.value)
    assert str(error.value).startswith("data of arc")
