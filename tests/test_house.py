"""The plan of the house, held against the imports: who may know whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def imports(path: Path) -> set[str]:
    """Full names of all modules a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def starts(name: str, *heads: str) -> bool:
    return any(name == head or name.startswith(head + ".") for head in heads)


FORBIDDEN = {
    "ssn": ("app", "gradio", "plotly"),
    "ssn/models": ("ssn.faces", "ssn.training", "ssn.gallery", "ssn.evaluation", "ssn.explanation", "ssn.recognizer"),
    "ssn/faces": ("ssn.training.distill.run", "ssn.gallery", "ssn.evaluation", "ssn.explanation", "ssn.recognizer"),
    "ssn/evaluation": ("ssn.training", "ssn.commands"),
    "ssn/gallery": ("ssn.training", "ssn.commands", "ssn.evaluation"),
    "ssn/explanation": ("ssn.training", "ssn.commands"),
    "app": ("torch", "captum", "ssn.training", "ssn.models.network", "ssn.models.light_cnn"),
}


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_knows_only_whom_it_may(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imports(path)
        if starts(name, *FORBIDDEN[room])
    }
    assert not found


def test_public_functions_and_classes_of_the_library_say_what_they_are():
    silent = []
    for path in sorted((ROOT / "ssn").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body and not ast.get_docstring(tree):
            silent.append(str(path.relative_to(ROOT)))
        for node in tree.body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                silent.append(f"{path.relative_to(ROOT)}:{node.name}")
    assert not silent
