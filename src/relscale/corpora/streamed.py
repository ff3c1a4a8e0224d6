"""Manifest and held-out documents of a streamed source."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from relscale.corpora.documents import DOCUMENTS_FILE, Document, documents_table
from relscale.corpora.hub import find_files, read_texts
from relscale.corpora.manifest import MANIFEST_FILE, SourceManifest
from relscale.corpora.options import HubDataset
from relscale.corpora.stream import Stream
from relscale.errors import RelscaleError
from relscale.provenance import file_sha256
from relscale.storage.checksums import check_digests_if_listed, sealed_folder
from relscale.storage.tables import write_table

PART = "text"
MOST_READ = 1 << 28  # characters that are read to find documents for tests: half a minute of a stream


def build_streamed(dataset: HubDataset, folder: Path, source: str, seed: int) -> None:
    """Write the held-out documents of a streamed source and a manifest that lists its files, atomically.

    Parameters
    ----------
    dataset
        An entry of the config's section ``sources``. Files are read in order until the test split has
        ``test_documents`` documents, up to ``MOST_READ``.
    source
        Its key there, for messages.
    seed
        Random seed of the file order and of the split.

    Raises
    ------
    RelscaleError
        The files cannot be found or read, or the shares leave no text for training.
    """
    if dataset.held_out.validation + dataset.held_out.test >= 1:
        raise RelscaleError(f"sources.{source}: no document is left for training; lower held_out")
    stream = Stream(
        files=tuple(find_files(dataset, source, seed)),
        text=dataset.text,
        group=dataset.group,
        min_characters=dataset.min_characters,
        validation=dataset.held_out.validation,
        test=dataset.held_out.test,
        seed=seed,
    )
    read = Counter[str]()
    n_documents = dataset.test_documents if stream.test else 0
    documents = list(islice(_held_out(stream, dataset.path, read), n_documents))
    table = documents_table(documents, ["test"] * len(documents))
    with sealed_folder(folder) as partial:
        write_table(table, partial / DOCUMENTS_FILE)
        SourceManifest(
            kind=dataset.kind,
            settings=dataset.values(),
            seed=seed,
            revision=dataset.revision,
            stream=stream,
            read_for_tests=dict(read),
            documents=table.num_rows,
            sha256=file_sha256(partial / DOCUMENTS_FILE),
        ).write(partial / MANIFEST_FILE)


def open_stream(documents: str | Path) -> Stream | None:
    """The stream from which the documents were held out; None if there is no other text."""
    path = Path(documents).with_name(MANIFEST_FILE)
    if not path.is_file():
        return None
    check_digests_if_listed(path.parent, [MANIFEST_FILE])
    return SourceManifest.read(path).stream


def _held_out(stream: Stream, path: str, read: Counter[str]) -> Iterator[Document]:
    """Texts of the test split, each a document and a module, without copies; counts the text read."""
    known: set[str] = set()
    for file in stream.files:
        read["files"] += 1
        for row, text, group in read_texts(file, stream.text, stream.group):
            if read["characters"] >= MOST_READ:
                return
            read.update(documents=1, characters=len(text))
            if len(text) >= stream.min_characters and stream.split(text) == "test" and text not in known:
                known.add(text)
                name = f"{file.name}#{row}"
                yield Document(name, PART, group, path, name, "", "", "", text)
