"""Facts about how code is written, as far as a program can see it."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.project.tree import project_files, text_of

MAX_FILE_LINES = 400
MAX_TEST_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_MEDIAN_FUNCTION_LINES = 10
LONG_FUNCTION_LINES = 30

Function = ast.FunctionDef | ast.AsyncFunctionDef


def product_files() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".py" and path.parts[0] in ("newsletter", "workers")]


def functions() -> Iterator[tuple[str, int]]:
    """Name and length in lines of each function of the product."""
    for path in product_files():
        if "versions" in path.parts:
            continue
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, Function):
                yield f"{path}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def public_definitions(path: Path) -> Iterator[ast.AST]:
    """Functions and classes that other modules may use, and their public methods."""
    for node in ast.parse(text_of(path)).body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (item for item in node.body if isinstance(item, Function) and not item.name.startswith("_"))


def is_overload_or_property_setter(node: ast.AST) -> bool:
    decorators = {ast.unparse(item) for item in getattr(node, "decorator_list", [])}
    return any(name == "overload" or name.endswith((".setter", ".overload")) for name in decorators)


def test_no_file_is_too_long_to_read() -> None:
    limits = {path: MAX_FILE_LINES for path in product_files() if "versions" not in path.parts}
    limits |= {
        path: MAX_TEST_FILE_LINES for path in project_files() if path.parts[0] == "tests" and path.suffix == ".py"
    }
    lengths = {path: text_of(path).count("\n") for path in limits}
    assert {str(path): lines for path, lines in lengths.items() if lines > limits[path]} == {}


def test_no_function_is_too_long_to_read() -> None:
    assert [name for name, lines in functions() if lines > MAX_FUNCTION_LINES] == []


def test_functions_are_short_in_general() -> None:
    lengths = [lines for _, lines in functions()]
    assert statistics.median(lengths) < MAX_MEDIAN_FUNCTION_LINES
    assert sum(lines <= LONG_FUNCTION_LINES for lines in lengths) >= 0.9 * len(lengths)


def test_everything_public_says_what_it_promises() -> None:
    silent = [
        f"{path}:{node.lineno} {node.name}"
        for path in product_files()
        if "versions" not in path.parts
        for node in public_definitions(path)
        if isinstance(node, Function | ast.ClassDef)
        if not ast.get_docstring(node) and not is_overload_or_property_setter(node)
    ]
    assert silent == []


def test_every_module_says_what_it_is_for() -> None:
    assert [
        str(path)
        for path in product_files()
        if text_of(path).strip() and not ast.get_docstring(ast.parse(text_of(path)))
    ] == []


def test_a_tests_name_is_a_statement() -> None:
    names = {
        node.name
        for path in project_files()
        if path.parts[0] == "tests" and path.suffix == ".py" and path.name.startswith("test_")
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, Function) and node.name.startswith("test_")
    }
    assert [name for name in names if name.count("_") < 3] == []
