"""The plan of the house, held against the imports: who may know whom, and that nobody knows in circles."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LIBRARY = (
    {"errors", "places"},
    {"console", "files", "machine", "memory"},
    {"faces", "models"},
    {"people", "recognizer"},
    {"data", "gallery", "explanation", "export"},
    {"training", "evaluation", "visibility"},
    {"ablation", "answers"},
    {"commands"},
    {"__main__"},
)
"""The rooms of ``ssn``, bottom first. A room imports from rooms below it, never from one beside it or above."""

SCREEN = (
    {"kit"},
    {"explainers", "first_start", "event_stream", "flags", "page_state", "faults"},
    {"security"},
    {"session", "services"},
    {"workbench"},
    {"gallery", "evaluation", "model", "live", "api"},
    {"tabs"},
    {"page"},
    {"launch"},
)
"""The rooms of ``app``, likewise; all of them may know ``ssn``."""

NOT_ON_SCREEN = ("gradio", "plotly", "app")
"""What ``ssn`` does not know."""
MATHEMATICS = ("torch", "torchvision", "captum", "scipy", "sklearn", "numpy.linalg", "numpy.fft")
"""What ``app`` does not import; of the models it sees what they are called and what they say, not how they work."""
ALGEBRA = {"linalg", "fft", "dot", "vdot", "inner", "outer", "matmul", "einsum", "tensordot", "svd"}
VALUES_OF_MODELS = {"ssn.models.card", "ssn.models.checkpoint", "ssn.models.block_maps"}
FILE_ACCESS = ("os", "io", "json", "pathlib", "shutil", "tempfile", "sqlite3", "safetensors", "PIL", "ssn.files")
"""What no module of ``ssn.models`` imports but those of ``CHECKPOINTS``."""
CHECKPOINTS = {"ssn.models.checkpoint", "ssn.models.visibility_file"}
"""Where networks are read from files and written to them."""


def module_of(path: Path) -> str:
    """``ssn/faces/align.py`` → ``ssn.faces.align``; a package's ``__init__`` is the package."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


MODULES = {module_of(path): path for top in ("ssn", "app") for path in sorted((ROOT / top).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of all modules that are imported, wherever in the file: also within functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are written in full"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from names & MODULES.keys() or {node.module or ""}


GRAPH = {name: set(imports(tree)) & MODULES.keys() - {name} for name, tree in TREES.items()}


def within(name: str, heads: Iterable[str]) -> bool:
    """Is ``name`` one of ``heads``, or in it?"""
    return any(name == head or name.startswith(head + ".") for head in heads)


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The strongly connected components of more than one node (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    result = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for following in graph[node]:
            if following not in index:
                visit(following)
                low[node] = min(low[node], low[following])
            elif following in stack:
                low[node] = min(low[node], index[following])
        if low[node] == index[node]:
            place = stack.index(node)
            part = set(stack[place:])
            del stack[place:]
            if len(part) > 1:
                result.append(part)

    for node in graph:
        if node not in index:
            visit(node)
    return result


def room_of(module: str) -> str:
    """``ssn.faces.align`` → ``ssn.faces``."""
    return ".".join(module.split(".")[:2])


def test_the_search_for_circles_finds_them():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"a", "e"}, "f": {"g"}, "g": {"f"}}
    assert sorted(map(sorted, circles(graph))) == [["b", "c"], ["f", "g"]]


def test_no_module_is_imported_by_what_it_imports():
    assert circles(GRAPH) == []


def test_no_room_is_imported_by_what_it_imports():
    rooms: dict[str, set[str]] = {room_of(name): set() for name in GRAPH}
    for name, known in GRAPH.items():
        rooms[room_of(name)] |= {room_of(other) for other in known} - {room_of(name)}
    assert circles(rooms) == []


@pytest.mark.parametrize(("top", "floors"), [("ssn", LIBRARY), ("app", SCREEN)])
def test_every_room_has_its_place_and_knows_only_what_lies_below(top, floors):
    height = {room: number for number, rooms in enumerate(floors) for room in rooms}
    wrong = []
    for name, known in GRAPH.items():
        if name == top or not within(name, [top]):
            continue
        room = name.split(".")[1]
        assert room in height, f"{name} has no place in the plan"
        for other in known:
            below = within(other, [top]) and other != top and height.get(other.split(".")[1], -1)
            if other.split(".")[0] == top and other.split(".")[1:2] != [room] and not below < height[room]:
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_the_library_knows_no_screen():
    wrong = {(name, used) for name in TREES if within(name, ["ssn"]) for used in imports(TREES[name])}
    assert {(name, used) for name, used in wrong if within(used, NOT_ON_SCREEN)} == set()


def algebra(tree: ast.AST) -> Iterator[int]:
    """Lines with a matrix product or a function of linear algebra."""
    for node in ast.walk(tree):
        product = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult)
        if product or (isinstance(node, ast.Attribute) and node.attr in ALGEBRA):
            yield node.lineno


def test_the_screen_holds_no_mathematics():
    wrong = []
    for name in (name for name in TREES if within(name, ["app"])):
        for used in imports(TREES[name]):
            inner = within(used, ["ssn.models"]) and used not in VALUES_OF_MODELS
            if within(used, MATHEMATICS) or within(used, ["ssn.training"]) or inner:
                wrong.append(f"{name} imports {used}")
        wrong += [f"{name}:{line} computes" for line in algebra(TREES[name])]
    assert wrong == []
    assert list(algebra(ast.parse("a @ b\nnumpy.linalg.norm(a)\na * b"))) == [1, 2]


def test_networks_read_and_write_no_files():
    modules = {name for name in TREES if within(name, ["ssn.models"])} - CHECKPOINTS
    assert len(modules) > 8
    assert {(name, used) for name in modules for used in imports(TREES[name]) if within(used, FILE_ACCESS)} == set()


def test_public_functions_and_classes_of_the_library_say_what_they_are():
    silent = []
    for name, tree in TREES.items():
        if not within(name, ["ssn"]):
            continue
        if tree.body and not ast.get_docstring(tree):
            silent.append(name)
        for node in tree.body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                silent.append(f"{name}:{node.name}")
    assert silent == []


def test_no_file_is_longer_than_three_hundred_lines():
    long = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in long.items() if lines > 300} == {}
