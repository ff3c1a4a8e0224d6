"""The syntax tree of a module without what cannot change a number: the text of it, and what it imports.

Comments and positions are not in a tree. Left out besides are docstrings, annotations (those of a class's fields stay,
which dataclasses and pydantic read), imports for type checkers, the words of errors and assertions, the descriptions of
columns and settings, and the reason why a module cannot change a number.
"""

import ast
import symtable
from collections.abc import Callable
from typing import Any

CHANGES_NO_NUMBER = "reads code to digest it; another digest is another key as it is"

# Calls that declare a column (`relscale.storage.rows`) or a setting (pydantic), and the arguments that describe it.
DESCRIPTIONS = ("description", "title", "unit", "examples")

NO_NUMBER = "CHANGES_NO_NUMBER"  # the constant in which a module says why nothing in it can change a number


def reason(source: str) -> str:
    """What a module's code gives as ``CHANGES_NO_NUMBER``; empty where that is absent or not a plain text."""
    if NO_NUMBER not in source:  # as in most: to search is quicker than to parse
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
    """Take out of a module in ``package`` what cannot change a number, and imports that ``keeps_import`` does not want.

    That is asked about each imported thing by its full name: of ``from a import b`` it is ``a.b``. The names that stay
    are returned.
    """
    pruner = _Pruner(package, keeps_import)
    pruner.visit(tree)
    return tuple(dict.fromkeys(pruner.imports))


def text(node: ast.AST) -> str:
    """A tree as text, the same under every version of Python that reads it as the same tree."""
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


def texts(node: ast.AST) -> frozenset[str]:
    """All constants below a node that are text."""
    constants = (child.value for child in ast.walk(node) if isinstance(child, ast.Constant))
    return frozenset(value for value in constants if isinstance(value, str))


def used(tree: ast.Module, name: str) -> ast.Module:
    """The part of a module that its function ``name`` uses: the statements at its top that it needs, directly or not.

    Raises
    ------
    ValueError
        Nothing in it has this name.
    """
    by_name: dict[str, list[ast.stmt]] = {}
    waiting = []
    for statement in tree.body:
        bound = _bound(statement)
        for used in bound:
            by_name.setdefault(used, []).append(statement)
        if not bound and not _is_entrance(statement):  # it stands there for its effect
            waiting.append(statement)
    if name not in by_name:
        raise ValueError(f"nothing is called {name!r}")
    waiting += by_name[name]
    needed, names = set(map(id, waiting)), {name}
    while waiting:
        for used in _globals(waiting.pop()):
            names.add(used)
            new = [statement for statement in by_name.get(used, ()) if id(statement) not in needed]
            needed.update(map(id, new))
            waiting += new
    body = [statement for statement in tree.body if id(statement) in needed]
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            statement.names = [alias for alias in statement.names if _alias(alias) in names]
    return ast.Module(body=body, type_ignores=[])


def _bound(statement: ast.stmt) -> frozenset[str]:
    """The names that a statement at the top of a module gives a value."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return frozenset([statement.name])
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return frozenset(map(_alias, statement.names))
    (table,) = _scopes(statement, nested=False)
    return frozenset(
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    )


def _globals(statement: ast.stmt) -> frozenset[str]:
    """The names of its module that a statement reads."""
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


def _is_entrance(statement: ast.stmt) -> bool:
    """Whether it is ``if __name__ == "__main__":``."""
    return isinstance(statement, ast.If) and any(
        isinstance(child, ast.Name) and child.id == "__name__" for child in ast.walk(statement.test)
    )


class _Pruner(ast.NodeTransformer):
    def __init__(self, package: str, keeps_import: Callable[[str], bool]) -> None:
        self.package, self.keeps_import = package, keeps_import
        self.in_class = False
        self.imports: list[str] = []

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Bare texts, docstrings among them, do nothing."""
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
        """What stands there for type checkers is never executed."""
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
    """The full name of the module that names are taken from; empty for plain imports."""
    if isinstance(node, ast.Import):
        return ""
    parent = package.rsplit(".", node.level - 1)[0] if node.level else ""
    return ".".join(part for part in (parent, node.module) if part)


def _full_name(base: str, alias: ast.alias) -> str:
    return f"{base}.{alias.name}" if base else alias.name
