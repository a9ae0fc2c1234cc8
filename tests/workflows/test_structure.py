"""How workflow files are laid out: what the sandbox re-reads for every run stays small."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import workflows
from worker.build import WORKFLOWS
from worker.settings import WorkerSettings

ROOM = Path(str(workflows.__file__)).parent
FILES = sorted(path for path in ROOM.glob("*.py") if path.name != "__init__.py")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def decorated(node: ast.AST, *names: str) -> bool:
    """Has it a decorator `@workflow.<name>` or `@workflow.<name>(…)`?"""
    found = [ast.unparse(each).partition("(")[0] for each in getattr(node, "decorator_list", [])]
    return any(f"workflow.{name}" in found for name in names)


def workflows_in(path: Path) -> list[str]:
    return [
        node.name
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and decorated(node, "defn")
    ]


def imported(node: ast.stmt) -> list[str]:
    """The top-level packages that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [str(node.module).partition(".")[0]]
    return []


def test_the_packages_init_is_empty() -> None:
    assert (ROOM / "__init__.py").read_text() == ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestFile:
    def test_holds_one_workflow_class_at_most(self, path: Path) -> None:
        assert len(workflows_in(path)) <= 1

    def test_a_workflow_module_passes_our_own_imports_through(self, path: Path) -> None:
        if workflows_in(path):
            outside = {name for node in tree(path).body for name in imported(node)}
            assert outside <= {"temporalio", *sys.stdlib_module_names}

    def test_handles_messages_synchronously(self, path: Path) -> None:
        """Guard, set state, return: a handler that waits could be left unfinished at the end."""
        waiting = [
            node.name
            for node in ast.walk(tree(path))
            if isinstance(node, ast.AsyncFunctionDef)
            and (decorated(node, "signal", "update", "query") or node.name.startswith("_may_"))
        ]
        assert waiting == []


def test_every_workflow_class_is_registered() -> None:
    assert {name for path in FILES for name in workflows_in(path)} == {
        cls.__name__ for cls in WORKFLOWS
    }


def test_every_workflow_takes_its_state_from_init() -> None:
    """A signal can arrive before `run` has begun."""
    stateful = {"ReferralWorkflow", "AftercareWorkflow", "WebhookWorkflow"}
    marked = {
        path_class.name
        for path in FILES
        for path_class in ast.walk(tree(path))
        if isinstance(path_class, ast.ClassDef)
        for node in path_class.body
        if isinstance(node, ast.FunctionDef) and decorated(node, "init")
    }
    assert marked == stateful


def test_the_sandbox_is_on_unless_a_setting_says_otherwise() -> None:
    assert WorkerSettings.model_validate({"public_url": "http://guerdon.test"}).sandbox
