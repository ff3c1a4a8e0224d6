"""The endings of the files that are written by a name that the user chose."""

from dataclasses import dataclass
from pathlib import Path

from relscale.errors import RelscaleError

CHANGES_NO_NUMBER = "names of files"


@dataclass(frozen=True)
class Kind:
    """A kind of file and its endings."""

    name: str
    endings: tuple[str, ...]

    def check(self, path: Path) -> None:
        """Refuse a file name with another ending, or none."""
        if path.suffix not in self.endings:
            raise RelscaleError(f"{path}: the name of a {self.name} ends in {' or '.join(self.endings)}")


TABLE = Kind("table", (".parquet", ".csv"))
PAGE = Kind("page", (".html",))  # a report, or a figure, whose pictures are written beside it
CONFIG = Kind("config", (".yaml", ".yml"))
DOCUMENT = Kind("Markdown page", (".md",))
