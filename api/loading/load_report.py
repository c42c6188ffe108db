"""What became of every line of a file of postings: loaded, changed on the way, or refused, and why."""

import os
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.loading.posting_rules import REASONS, RULES
from api.loading.postings import MappedPosting, RefusedPosting

_EXAMPLES = 3
_FIELDS_NAMED = 50
_LOGINS = 8


def shown(path: Path) -> str:
    """A file's name in letters that can be written anywhere, whatever bytes it is made of."""
    return os.fsencode(path).decode(errors="replace")


class Refusals(msgspec.Struct):
    """All lines refused for one reason, with the first few as examples."""

    meaning: str
    count: int = 0
    examples: list[str] = []


class LoadReport(msgspec.Struct):
    """Counts of lines: `lines == loaded + refused`; blank lines are counted apart.

    `changes` counts lines per rule of `posting_rules`, among those loaded; a line may be in several.
    `not_kept` counts, per field, the values that a job has no place for. Every line up to `up_to_line` is loaded, refused or
    blank; some after it may be too. `logins` are the founders of the companies with jobs, all with `password`; `login` has most.
    """

    file: str
    lines: int = 0
    up_to_line: int = 0
    blank: int = 0
    loaded: int = 0
    loaded_unchanged: int = 0
    refused: int = 0
    companies: int = 0
    changes: dict[str, int] = {}
    not_kept: dict[str, int] = {}
    refusals: dict[str, Refusals] = {}
    repeated_requests: int = 0
    seconds: float = 0.0
    login: str = ""
    password: str = ""
    logins: list[str] = []

    def count_loaded(self, mapped: MappedPosting) -> None:
        self.lines += 1
        self.loaded += 1
        self.loaded_unchanged += not mapped.changes
        for rule in mapped.changes:
            self.changes[rule] = self.changes.get(rule, 0) + 1
        for field in mapped.not_kept:
            if field in self.not_kept or len(self.not_kept) < _FIELDS_NAMED:
                self.not_kept[field] = self.not_kept.get(field, 0) + 1

    def count_refused(self, line: int, refused: RefusedPosting) -> None:
        self.lines += 1
        self.refused += 1
        meaning = REASONS.get(refused.reason, "refused by the API")
        refusals = self.refusals.setdefault(refused.reason, Refusals(meaning))
        refusals.count += 1
        if len(refusals.examples) < _EXAMPLES:
            refusals.examples.append(f"line {line}: {refused.detail[:200]}")

    @property
    def per_second(self) -> float:
        """Loaded jobs a second."""
        return self.loaded / self.seconds if self.seconds else 0.0

    def as_fields(self) -> dict[str, Any]:
        """For `--json`."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        fields["changes"] = {
            rule: {"count": count, "meaning": RULES[rule]} for rule, count in self._ordered(self.changes)
        }
        return fields | {"per_second": round(self.per_second, 1), "seconds": round(self.seconds, 3)}

    def show(self, console: Console) -> None:
        console.print(
            f"\n{escape(self.file)}: {self.lines:,} postings, [green]{self.loaded:,} loaded[/], "
            f"[{'red' if self.refused else 'green'}]{self.refused:,} refused[/], {self.companies:,} companies, "
            f"{self.seconds:.1f} s ({self.per_second:,.0f} jobs/s)",
            highlight=False,
        )
        if self.changes:
            table = Table("lines", "changed on the way", title_justify="left", box=None)
            for rule, count in self._ordered(self.changes):
                table.add_row(f"{count:,}", RULES[rule])
            if self.loaded_unchanged:
                table.add_row(f"{self.loaded_unchanged:,}", "nothing")
            console.print(table, highlight=False)
        if self.not_kept:
            kept = ", ".join(f"{escape(field)} ({count:,})" for field, count in self._ordered(self.not_kept))
            console.print(f"no place for: {kept}", highlight=False)
        for reason, refusals in self.refusals.items():
            heading = f"[red]{refusals.count:,} refused, {escape(reason)}[/]: {escape(refusals.meaning)}"
            console.print(heading, highlight=False)
            for example in refusals.examples:
                console.print(f"   {escape(example)}", highlight=False)
        if self.login:
            console.print(f"sign in as one of the companies: {self.login}  {self.password}", highlight=False)
        if len(self.logins) > 1:
            others = [login for login in self.logins if login != self.login]
            more = f" and {len(others) - _LOGINS:,} more (--json)" if len(others) > _LOGINS else ""
            named = ", ".join(others[:_LOGINS])
            console.print(f"as the others, with the same password: {named}{more}", highlight=False)

    @staticmethod
    def _ordered(counts: dict[str, int]) -> list[tuple[str, int]]:
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
