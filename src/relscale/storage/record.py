"""Records: JSON files that a stage writes for later stages, as frozen types with one reader and one writer."""

import json
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from relscale.errors import Damaged

CHANGES_NO_NUMBER = "reads and writes records; results digest the values that they depend on"


class Record(BaseModel):
    """Base of all records: frozen, without undeclared keys; keys without a value are not written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a record.

        Raises
        ------
        Damaged
            The file is missing or was not written by `write`.
        """
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except ValidationError as error:
            raise Damaged(Path(path), reason(error)) from error

    def write(self, path: str | Path) -> None:
        """Write the record; the caller renames the file atomically."""
        text = json.dumps(self.model_dump(mode="json", exclude_unset=True), indent=2)
        Path(path).write_text(text + "\n", encoding="utf-8")


def reason(error: ValidationError) -> str:
    """The first validation error and its location."""
    first = error.errors(include_url=False)[0]
    location = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"{location} is missing"
    return f"{location}: {first['msg']}" if location else first["msg"]
