"""The mapping: which columns of a department's CSV are person, amount, period and row.

Source: design.md 2.4.10, 7.3.
A small TOML beside the CSV; unknown keys are refused. One mapping describes one resource.
"""

from codecs import BOM_UTF8
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from model.documents.query import NOT_STATED, Coverage
from model.fields import Name, Strict, Text
from model.identifiers import IdentifierType
from model.limits import MAX_SETTINGS_BYTES, MAX_TOML_VALUES
from model.mistakes import explain
from model.money import Unit
from model.toml import TomlError, parse_toml
from node.records.problems import MappingProblem

ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Columns(Strict):
    """``[columns]``: names as they stand in the CSV's first line."""

    person: ColumnName
    person_type: Annotated[IdentifierType, Field(strict=False)] = IdentifierType.RESIDENT
    """Type of identifiers that are written without ``type:``."""
    amount: ColumnName | None = None
    """Absent for a resource that only counts rows."""
    period: ColumnName | None = None
    """``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; absent for stocks."""
    row: ColumnName | None = None
    """Key of the thing that the row is about; held by several people it counts once."""

    @model_validator(mode="after")
    def _distinct(self) -> "Columns":
        named = self.named
        for place, column in enumerate(named):
            if column in named[:place]:
                raise ValueError(f'column "{column}" is named twice')
        return self

    @property
    def named(self) -> list[str]:
        """The CSV columns that this mapping reads."""
        columns = (self.person, self.amount, self.period, self.row)
        return [column for column in columns if column is not None]


class Amount(Strict):
    """``[amount]``: how the amount column is written."""

    unit: Annotated[Unit, Field(strict=False)]
    empty: Literal["error", "unreadable"] = "error"
    """An empty cell is an error, or a row whose amount is unknown and raises the flag."""


class Mapping(Strict):
    """The whole file."""

    resource: Name
    title: Text
    title_zh: Annotated[str, StringConstraints(max_length=400)] = ""
    data_date: date
    """Date of these data, as the department states it; answers carry it."""
    covers_from: date | None = None
    covers_to: date | None = None
    """First and last day of the time that these data cover completely; answers carry them."""
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    delimiter: Literal[",", ";", "\t"] = ","
    columns: Columns
    amount: Amount | None = None

    @model_validator(mode="after")
    def _amount_both(self) -> "Mapping":
        if self.columns.amount is not None and self.amount is None:
            raise ValueError('[amount]: "unit" is needed because [columns] names an amount')
        if self.columns.amount is None and self.amount is not None:
            raise ValueError('[columns]: "amount" is needed because [amount] gives its unit')
        return self

    @model_validator(mode="after")
    def _coverage_both(self) -> "Mapping":
        first, last = self.covers_from, self.covers_to
        if (first is None) != (last is None):
            raise ValueError("give both covers_from and covers_to, or neither")
        if first is not None and last is not None and not first <= last <= self.data_date:
            raise ValueError("covers_from, covers_to and data_date must be in this order")
        return self

    @property
    def coverage(self) -> Coverage:
        """What answers say of the time that these data cover."""
        if self.covers_from is None or self.covers_to is None:
            return Coverage(first=NOT_STATED, last=NOT_STATED)
        return Coverage(first=self.covers_from.isoformat(), last=self.covers_to.isoformat())

    @property
    def unit(self) -> Unit:
        """Base unit of the amounts; pieces for a pure count."""
        return self.amount.unit.base if self.amount else Unit.COUNT


def parse_mapping(data: bytes, *, source: str = "mapping") -> Mapping:
    """Parse a mapping of at most 64 KiB. Raises MappingProblem naming table and key."""
    try:
        # Editors of Windows put a byte order mark before it.
        plain = data.removeprefix(BOM_UTF8)
        table = parse_toml(
            plain, source=source, max_bytes=MAX_SETTINGS_BYTES, max_values=MAX_TOML_VALUES
        )
        return Mapping.model_validate(table)
    except TomlError as error:
        raise MappingProblem(str(error)) from None
    except ValidationError as error:
        raise MappingProblem(f"{source}: {explain(error, Mapping)}") from None
