"""How well mails that came back are understood, counted against a table of what is expected.

What is counted, and against what (one row of the table is one recipient of one mail; byte-identical mails under a
second name are left out):

- recipients found: rows of class hard, soft, block or delayed whose address, or its alias, is in the report;
  of all such rows. No own token is used: everything is read from the mail.
- precision of hard: rows that we call hard and that are hard, or may be called either (`either_ok`); of all rows that
  we call hard, whatever their class.
- hard found: rows of class hard that we call hard; of all rows of class hard, those without an address included.
- blocks called hard, blocks found: rows of class block that we call hard, or block; of all rows of class block.
- complaints: rows of class complaint in a mail that we call a complaint; of all such rows.
- delays: rows of class delayed in a mail that we call delayed; of all such rows.
- counted though no bounce: rows of any other class (complaint, unsubscribe, autoreply, delivered, other, notbounce)
  in a mail that we call a bounce; of all such rows.
- strangers: addresses in our report of a bounced or delayed mail that the table does not have; a plain count.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from newsletter.inbound import Report, ReportKind, Verdict, understand

Row = dict[str, str]

CORPUS = Path(__file__).resolve().parents[2] / "../shared/bounces/dev"
BOUNCED = frozenset({"hard", "soft", "block"})
TOLD = BOUNCED | {"delayed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Counts by name (`of_…` are the denominators), and the rows that were judged wrongly, one line each."""

    counts: Counter[str]
    errors: tuple[str, ...]

    def share(self, part: str, whole: str) -> float:
        """A part of a whole; 1 where there is nothing to count."""
        return self.counts[part] / self.counts[whole] if self.counts[whole] else 1.0

    def table(self) -> str:
        """The score for people, then the errors."""
        lines = [
            f"{label:28} {self.counts[part]:4} of {self.counts[whole]:4}  {self.share(part, whole):7.1%}"
            for label, part, whole in LINES
        ]
        return "\n".join([*lines, f"{'strangers':28} {self.counts['strangers']:4}", *self.errors])


LINES = (
    ("recipients found", "found", "of_told"),
    ("precision of hard", "rightly_hard", "of_called_hard"),
    ("hard found", "hard_found", "of_hard"),
    ("blocks called hard", "block_called_hard", "of_block"),
    ("blocks found", "block_found", "of_block"),
    ("complaints", "complaints_found", "of_complaint"),
    ("delays", "delays_found", "of_delayed"),
    ("counted though no bounce", "wrongly_bounced", "of_no_bounce"),
)


def read_rows(table: Path) -> dict[str, list[Row]]:
    """The rows of a table by file; a second name of the same mail is left out."""
    rows: dict[str, list[Row]] = defaultdict(list)
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if not row.get("dup_of"):
                rows[row["file"]].append(row)
    return dict(rows)


def score(folder: Path) -> Score:
    """Read every mail that the folder's expected.tsv names, and count."""
    counts: Counter[str] = Counter()
    errors: list[str] = []
    for name, rows in sorted(read_rows(folder / "expected.tsv").items()):
        report = understand((folder / name).read_bytes())
        errors += [f"  {name}: {error}" for error in count_mail(counts, rows, report)]
    return Score(counts=counts, errors=tuple(errors))


def count_mail(counts: Counter[str], rows: list[Row], report: Report) -> list[str]:
    """Add one mail's rows to the counts; what is wrong with the report, one line for each row."""
    wrong = [_count(counts, row, report) for row in rows]
    counts["strangers"] += len(_strangers(rows, report))
    return [error for error in wrong if error]


def _count(counts: Counter[str], row: Row, report: Report) -> str:
    expected, verdict = row["class"], _verdict_for(row, report)
    called = str(verdict.bounce_class or "") if verdict else ""
    may_be_either = row["either_ok"] == "yes"
    counts[f"of_{expected}"] += 1
    if expected in TOLD:
        counts["of_told"] += 1
        counts["found"] += verdict is not None
        counts["delays_found"] += expected == "delayed" and report.kind == ReportKind.DELAYED
    else:
        counts["of_no_bounce"] += 1
        counts["wrongly_bounced"] += report.kind == ReportKind.BOUNCE
        counts["complaints_found"] += expected == "complaint" and report.kind == ReportKind.COMPLAINT
    if called == "hard":
        counts["of_called_hard"] += 1
        counts["rightly_hard"] += expected == "hard" or may_be_either
    counts["hard_found"] += expected == called == "hard"
    counts["block_found"] += expected == called == "block"
    counts["block_called_hard"] += expected == "block" and called == "hard"
    return "" if may_be_either else _error(expected, called, report, verdict)


def _verdict_for(row: Row, report: Report) -> Verdict | None:
    names = {row[column].lower() for column in ("recipient", "alias") if row[column]}
    return next((verdict for verdict in report.recipients if verdict.address in names), None)


def _error(expected: str, called: str, report: Report, verdict: Verdict | None) -> str:
    if expected in BOUNCED:
        is_right = called == expected
    else:
        is_right = report.kind == {"notbounce": "other"}.get(expected, expected)
    if is_right:
        return ""
    reason = f"{verdict.category} by {verdict.rule}" if verdict else "its recipient was not found"
    return f"{expected} was called {called or report.kind}: {reason}"


def _strangers(rows: list[Row], report: Report) -> list[str]:
    if rows[0]["class"] not in TOLD:
        return []
    known = {row[column].lower() for row in rows for column in ("recipient", "alias")}
    return [verdict.address for verdict in report.recipients if verdict.address and verdict.address not in known]
