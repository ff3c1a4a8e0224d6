import pyarrow.parquet
import pytest

from relscale.corpora.documents import Document, documents_table
from relscale.tokens.options import Vocabulary
from relscale.tokens.vocabulary import train_vocabulary

TEXTS = [f"def f{k}(x):\n    return x + {k} # naïve λ sum of x and {k * k}\n" for k in range(300)]


def write_documents(path, texts, splits, groups=None, part="code"):
    """A table of documents; ids count them."""
    groups = groups or ["all"] * len(texts)
    documents = [
        Document(f"{number:06}", part, group, "package", f"m{number}", "", "", "", text)
        for number, (text, group) in enumerate(zip(texts, groups, strict=True))
    ]
    pyarrow.parquet.write_table(documents_table(documents, splits), path)
    return path


@pytest.fixture(scope="session")
def make_documents():
    return write_documents


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory):
    """A vocabulary of 300 tokens."""
    folder = tmp_path_factory.mktemp("vocabulary")
    documents = write_documents(folder / "documents.parquet", TEXTS, ["train"] * len(TEXTS))
    train_vocabulary([(documents, None)], Vocabulary(size=300, sample_bytes=1e6), folder / "words", seed=0)
    return folder / "words"
