"""Importing subscribers from a CSV file in the console."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from starlette.responses import FileResponse, Response

from newsletter.errors import InvalidInput, NewsletterError, NotFound
from newsletter.runtime import Runtime
from newsletter.services import importing, lists
from newsletter.services.importing import ImportResult
from newsletter.web.forms import plain
from newsletter.web.visits import Call, Caller, Visit, Visiting, refused_to

# The faulty lines hold addresses: they are kept for as long as somebody corrects them, no longer.
_FAULTS_KEPT = timedelta(days=2)
_NAME = re.compile(r"[0-9a-f]{32}")


def show_import(visit: Visiting, list: str = "") -> Response:  # noqa: A002  the name in the address
    """The form for a CSV file."""
    return _page(visit, chosen_list=plain(list))


def import_subscribers(call: Caller) -> Response:
    """Import a file in short transactions of its own, or say what would become of it."""
    form, runtime = call.form, call.runtime
    name = secrets.token_hex(16)
    _forget_old(runtime, now=call.now)
    with refused_to(lambda fresh, error: _page(fresh, chosen_list=form.line("list"), error=error)):
        upload = form.upload("file")
        if upload is None:
            raise InvalidInput("choose a CSV file to import")
        result = importing.import_subscribers(
            runtime.transaction,
            upload.stream,
            list_slug=form.line("list"),
            file_name=upload.file_name,
            now=call.now,
            address_key=runtime.links.address_key,
            errors_path=_faults_path(runtime, name),
            dry_run=form.is_checked("dry_run"),
            confirmed=form.is_checked("confirmed"),
            actor_id=call.actor.user_id,
        )
    return _result_page(call, result, file_name=upload.file_name, faults=name if result.errors_file else "")


def show_faults(call: Caller, name: str) -> Response:
    """The lines of an import that could not be used, as a CSV file to correct and import again."""
    path = _faults_path(call.runtime, name)
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NotFound("this list of faulty lines is gone: import the file again to get it")
    return FileResponse(path, media_type="text/csv; charset=utf-8", filename="faulty-lines.csv")


def _result_page(call: Call, result: ImportResult, *, file_name: str, faults: str) -> Response:
    return call.page(
        "import_result.html",
        result=result,
        file_name=file_name,
        list_slug=call.form.line("list"),
        is_dry_run=call.form.is_checked("dry_run"),
        faults=faults,
    )


def _page(visit: Visit, *, chosen_list: str, error: NewsletterError | None = None) -> Response:
    return visit.page(
        "subscriber_import.html", lists=lists.list_summaries(visit.session), chosen=chosen_list, error=error
    )


def _faults_path(runtime: Runtime, name: str) -> Path:
    return runtime.settings.data_dir / "imports" / f"{name}.csv"


def _forget_old(runtime: Runtime, *, now: datetime) -> None:
    for path in (runtime.settings.data_dir / "imports").glob("*.csv"):
        if _NAME.fullmatch(path.stem) and path.stat().st_mtime < (now - _FAULTS_KEPT).timestamp():
            path.unlink(missing_ok=True)
