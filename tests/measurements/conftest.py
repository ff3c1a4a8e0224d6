import pyarrow as pa
import pytest

from relscale.scoring.items import SCHEMA


@pytest.fixture(scope="session")
def make_items():
    """Items from questions: (doc_id, [(logprob, bytes_answer, bytes_scored, target), ...]); documents have one pair."""

    def make(questions, suite="s", group="g", prompt="p", kind="choice", status="ok"):
        rows = [
            {
                "suite": suite,
                "task": f"{suite}_{group}",
                "prompt": prompt,
                "group": group,
                "subject": None,
                "doc_id": doc_id,
                "choice": number,
                "target": target,
                "logprob": logprob,
                "tokens": 1,
                "bytes_answer": answer,
                "bytes_scored": scored,
                "greedy": None if kind == "document" else logprob > -1,
                "request_digest": 0,
                "status": status,
            }
            for doc_id, choices in questions
            for number, (logprob, answer, scored, target) in enumerate(choices)
        ]
        return pa.Table.from_pylist(rows, SCHEMA)

    return make
