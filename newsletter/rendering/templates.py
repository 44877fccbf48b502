"""Templates: the files of a designer, read from one folder and from nowhere else."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from mjml import mjml2html

from newsletter.rendering.failure import RenderingError
from newsletter.rendering.guards import check_depth, protect_attributes
from newsletter.rendering.wrapping import heading, wrap

_SUFFIXES = frozenset({".mjml", ".txt", ".css"})
_PACKAGE = Path(__file__).resolve().parents[1]
_LINE_STARTS = re.compile(r"\n[ \t]*\n+")


class TemplateFolder:
    """The templates below a folder, by their relative name ("blocks/story.mjml").

    The names are listed once when the folder is opened; only what is on the list is ever read, so that a name with
    `..`, an absolute path or a link that leads outside finds nothing.
    """

    def __init__(self, root: Path) -> None:
        base = root.resolve()
        found = (path for path in sorted(base.rglob("*")) if path.suffix in _SUFFIXES and path.is_file())
        inside = {path.relative_to(base).as_posix(): path for path in found if path.resolve().is_relative_to(base)}
        self._sources = {name: path.read_text(encoding="utf-8") for name, path in inside.items()}
        if not self._sources:
            raise RenderingError(f"there are no templates in {root}: install the package again")
        self._html = self._environment(autoescape=True)
        self._text = self._environment(autoescape=False)

    @property
    def names(self) -> frozenset[str]:
        """The names of all templates."""
        return frozenset(self._sources)

    def source(self, name: str) -> str:
        """The source of a template; RenderingError where the list does not have it."""
        try:
            return self._sources[name]
        except KeyError:
            raise RenderingError(f"there is no template “{name[:80]}”: use one of {', '.join(self.names)}") from None

    def html(self, name: str, **context: object) -> str:
        """An MJML template as HTML, every value escaped."""
        return compile_mjml(self._merge(self._html, name, context), folder=self)

    def text(self, name: str, **context: object) -> str:
        """A text template as text: no run of blank lines is longer than one."""
        merged = self._merge(self._text, name, context)
        return _LINE_STARTS.sub("\n\n", merged).strip() + "\n"

    def _merge(self, environment: ImmutableSandboxedEnvironment, name: str, context: dict[str, object]) -> str:
        try:
            return environment.get_template(name).render(context)
        except jinja2.TemplateNotFound as error:
            raise RenderingError(f"there is no template “{error.name}”: restore it") from None
        except jinja2.TemplateError as error:
            raise RenderingError(f"template {name} cannot be used: {error.message or type(error).__name__}") from error

    def _environment(self, *, autoescape: bool) -> ImmutableSandboxedEnvironment:
        environment = ImmutableSandboxedEnvironment(
            loader=jinja2.DictLoader(self._sources),
            autoescape=autoescape,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,  # the engine refuses blanks between two tags that hold no line end
        )
        environment.filters["wrapped"] = wrap
        environment.filters["heading"] = heading
        return environment


def compile_mjml(mjml: str, *, folder: TemplateFolder) -> str:
    """MJML to HTML without a request to anywhere; RenderingError for what the engine refuses or would corrupt.

    An `mj-include` finds the templates of the folder and nothing else.
    """
    check_depth(mjml)
    try:
        return mjml2html(
            protect_attributes(mjml),
            disable_comments=True,
            fonts={},
            include_loader=lambda name: _included(folder, name),
        )
    except ValueError as error:
        raise RenderingError(f"the template is not valid MJML: {error}") from error


@cache
def own_templates() -> TemplateFolder:
    """The templates that come with the product: inside the package once installed, beside it in a checkout."""
    inside = _PACKAGE / "templates" / "email"
    return TemplateFolder(inside if inside.is_dir() else _PACKAGE.parent / "templates" / "email")


def _included(folder: TemplateFolder, name: str) -> str:
    source = folder.source(name)
    check_depth(source)
    return protect_attributes(source)
