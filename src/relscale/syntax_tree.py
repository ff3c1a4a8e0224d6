"""Reduction of a module's syntax tree to the code that can change a number; its text and its imports.

Syntax trees have no comments and positions. Also removed are docstrings, annotations (except those of class fields,
which dataclasses and pydantic read), imports for type checkers, messages of errors and assertions, descriptions of
columns and settings, and the reason why a module cannot change a number.
"""

import ast
import symtable
from collections.abc import Callable
from typing import Any

CHANGES_NO_NUMBER = "reads code for digests; another digest is another key in any case"

# Calls that declare a column (`relscale.storage.rows`) or a setting (pydantic), and the arguments that describe it.
DESCRIPTIONS = ("description", "title", "unit", "examples")

NO_NUMBER = "CHANGES_NO_NUMBER"  # the constant that gives the reason why a module cannot change a number


def reason(source: str) -> str:
    """The constant ``CHANGES_NO_NUMBER`` in a module's source; empty if absent or not a string literal."""
    if NO_NUMBER not in source:  # true of most modules; searching is faster than parsing
        return ""
    return next((value for value in map(_reason, ast.parse(source).body) if value), "")


def _reason(statement: ast.stmt) -> str:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))) if (
            name == NO_NUMBER
        ):
            return value
    return ""


def prune(tree: ast.Module, package: str, keeps_import: Callable[[str], bool]) -> tuple[str, ...]:
    """Remove code that cannot change a number from a module in ``package``, and return the remaining imports.

    An import stays if ``keeps_import`` is true of its full name, which is ``a.b`` for ``from a import b``.
    """
    pruner = _Pruner(package, keeps_import)
    pruner.visit(tree)
    return tuple(dict.fromkeys(pruner.imports))


def text(node: ast.AST) -> str:
    """A tree as text, equal in all versions of Python that parse the same tree."""
    pieces: list[str] = []
    _write(node, pieces.append)
    return "".join(pieces)


def _write(value: Any, write: Callable[[str], None]) -> None:
    if isinstance(value, ast.AST):
        write(f"{type(value).__name__}(")
        for name in value._fields:
            part = getattr(value, name, None)
            if part is not None and part != [] and name not in ("ctx", "kind", "type_comment"):
                write(f"{name}=")
                _write(part, write)
        write(")")
    elif isinstance(value, list):
        write("[")
        for part in value:
            _write(part, write)
        write("]")
    else:
        write(f"{value!r},")


def string_constants(node: ast.AST) -> frozenset[str]:
    """All string constants below a node."""
    constants = (child.value for child in ast.walk(node) if isinstance(child, ast.Constant))
    return frozenset(value for value in constants if isinstance(value, str))


def needed_by(tree: ast.Module, name: str) -> ast.Module:
    """The top-level statements of a module that its function ``name`` needs, directly or not.

    Raises
    ------
    ValueError
        The module does not define this name.
    """
    by_name: dict[str, list[ast.stmt]] = {}
    pending = []
    for statement in tree.body:
        bound = _bound(statement)
        for bound_name in bound:
            by_name.setdefault(bound_name, []).append(statement)
        if not bound and not _is_main_block(statement):  # executed for its effect
            pending.append(statement)
    if name not in by_name:
        raise ValueError(f"nothing is called {name!r}")
    pending += by_name[name]
    needed, names = set(map(id, pending)), {name}
    while pending:
        for read_name in _globals(pending.pop()):
            names.add(read_name)
            new = [statement for statement in by_name.get(read_name, ()) if id(statement) not in needed]
            needed.update(map(id, new))
            pending += new
    body = [statement for statement in tree.body if id(statement) in needed]
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            statement.names = [alias for alias in statement.names if _alias(alias) in names]
    return ast.Module(body=body, type_ignores=[])


def _bound(statement: ast.stmt) -> frozenset[str]:
    """The names that a top-level statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return frozenset([statement.name])
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return frozenset(map(_alias, statement.names))
    (table,) = _scopes(statement, nested=False)
    return frozenset(
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    )


def _globals(statement: ast.stmt) -> frozenset[str]:
    """The global names that a statement reads."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return frozenset()
    return frozenset(
        symbol.get_name()
        for scope in _scopes(statement)
        for symbol in scope.get_symbols()
        if symbol.is_referenced() and (scope.get_type() == "module" or symbol.is_global())
    )


def _scopes(statement: ast.stmt, nested: bool = True) -> list[symtable.SymbolTable]:
    scopes = [symtable.symtable(ast.unparse(statement), "", "exec")]
    for scope in scopes if nested else ():
        scopes += scope.get_children()
    return scopes


def _alias(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _is_main_block(statement: ast.stmt) -> bool:
    """Whether a statement is ``if __name__ == "__main__":``."""
    return isinstance(statement, ast.If) and any(
        isinstance(child, ast.Name) and child.id == "__name__" for child in ast.walk(statement.test)
    )


class _Pruner(ast.NodeTransformer):
    def __init__(self, package: str, keeps_import: Callable[[str], bool]) -> None:
        self.package, self.keeps_import = package, keeps_import
        self.in_class = False
        self.imports: list[str] = []

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Bare strings, including docstrings, have no effect."""
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if _reason(node) else self.generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> ast.AST | None:
        base = _base(node, self.package)
        node.names = [alias for alias in node.names if self.keeps_import(_full_name(base, alias))]
        self.imports += [_full_name(base, alias) for alias in node.names]
        return node if node.names else None

    visit_ImportFrom = visit_Import

    def visit_If(self, node: ast.If) -> Any:
        """Code for type checkers is never executed."""
        test = node.test
        name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
        if name == "TYPE_CHECKING":
            return [self.visit(child) for child in node.orelse]
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        in_class, self.in_class = self.in_class, False
        self.generic_visit(node)
        self.in_class = in_class
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        in_class, self.in_class = self.in_class, True
        self.generic_visit(node)
        self.in_class = in_class
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        if self.in_class:
            return node
        return None if node.value is None else ast.Assign(targets=[node.target], value=node.value)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("column", "Field"):
            node.args = [argument for argument in node.args if not _is_text(argument)]
            node.keywords = [argument for argument in node.keywords if argument.arg not in DESCRIPTIONS]
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        node.msg = None
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        self.generic_visit(node)
        for child in ast.walk(node):
            if isinstance(child, ast.Constant) and isinstance(child.value, str):
                child.value = ""
        return node


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _base(node: ast.Import | ast.ImportFrom, package: str) -> str:
    """The full name of the module of a ``from`` import; empty for plain imports."""
    if isinstance(node, ast.Import):
        return ""
    parent = package.rsplit(".", node.level - 1)[0] if node.level else ""
    return ".".join(part for part in (parent, node.module) if part)


def _full_name(base: str, alias: ast.alias) -> str:
    return f"{base}.{alias.name}" if base else alias.name
