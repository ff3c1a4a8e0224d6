"""Losses of a run on the training documents of a table, computed once and cached in the store."""

from pathlib import Path

import pyarrow as pa

from relscale.corpora.documents import read_documents
from relscale.design.architecture import Architecture
from relscale.errors import Damaged
from relscale.provenance import code_digest, digest, file_digest
from relscale.storage.checked_parquet import read_parquet
from relscale.storage.lock import locked
from relscale.storage.tables import write_table
from relscale.training.document_loss import document_losses
from relscale.training.manifest import TrainedModel


def kept_losses(
    model: TrainedModel, architecture: Architecture, documents: Path, part: str | None, store: Path
) -> dict[str, float]:
    """Bits per byte of each training document of a table, by id.

    Parameters
    ----------
    model, architecture
        A finished run.
    documents, part
        The table, and a part of it; None for all.
    store
        The file is ``losses/<key>.parquet`` in it; the key is of the run, the documents and the code.
    """
    code = code_digest("relscale.training.document_loss")
    key = digest([model.key, file_digest(documents), part, code])
    path = store / "losses" / f"{key}.parquet"
    with locked(store / "locks" / f"losses-{key}.lock"):
        try:
            stored = read_parquet(path, ["id", "bits_per_byte"]) if path.is_file() else None
        except Damaged:
            stored = None
        if stored is None:
            table = read_documents(documents, part, "train")
            scored = document_losses(Path(model.path), architecture, table["text"].to_pylist())
            stored = pa.table({"id": table["id"], "bits_per_byte": scored})
            write_table(stored, path)
    return dict(zip(stored["id"].to_pylist(), stored["bits_per_byte"].to_pylist(), strict=True))
