"""Sphinx: `conf.py` is a program, so that only a plain one is trusted: settings, and extensions that a table
tells of.

Sources: Sphinx' "Configuration", "sphinx-build", "Extensions"; the pages of the extensions named.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator

from xbuild.plan.programs.grammar import Reading
from xbuild.plan.programs.program import Program
from xbuild.plan.recipes.own_files import UntoldError, own_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.sites.site import Found, builds, check_length, known

_EXTENSIONS = frozenset(
    words(
        "sphinx.ext.autosectionlabel sphinx.ext.coverage sphinx.ext.duration sphinx.ext.extlinks "
        "sphinx.ext.githubpages sphinx.ext.ifconfig sphinx.ext.intersphinx sphinx.ext.mathjax "
        "sphinx.ext.napoleon sphinx.ext.todo sphinx_copybutton sphinx_design sphinx_rtd_theme furo "
        "myst_parser recommonmark sphinx_tabs.tabs sphinx_togglebutton sphinx_inline_tabs sphinx_sitemap "
        "sphinxext.opengraph notfound.extension sphinx_reredirects sphinxcontrib.mermaid "
        "sphinxcontrib.httpdomain sphinx_last_updated_by_git sphinx_external_toc"
    )
)
"""Of text alone; autodoc and its like import the project."""
_MODULES = frozenset(words("os sys datetime pathlib time __future__ furo sphinx_rtd_theme alabaster re"))
_FORBIDDEN = frozenset(
    words(
        "uname system popen platform cpu_count sysconf byteorder maxsize getsizeof hexversion implementation "
        "version_info exec eval compile __import__ open getattr globals execv execve spawnl spawnv fork "
        "modules _git listdir scandir glob rglob iterdir"
    )
)
"""Names that would ask the machine, or run and read what is not looked into."""
_PLAIN = (
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.Expr,
    ast.Import,
    ast.ImportFrom,
)
_CURE = "build the documentation in the stage for the target"


def _sphinx(call: Call, given: Reading, folder: str) -> Found:
    where = given.value("-c")
    path = posixpath.join(call.seen(where) or folder if given.has("-c") else folder, "conf.py")
    text = own_text(call, path)
    if text is None:
        raise UntoldError(f"{path} is not in the build context", "COPY it from there")
    known(extensions(text, path), _EXTENSIONS, "the extension", _CURE)
    return Found()


def extensions(text: str, path: str) -> tuple[object, ...]:
    """The extensions that a plain `conf.py` names. Raises UntoldError for one that is not plain."""
    check_length(text, path)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        raise UntoldError(f"{path} does not parse as Python") from None
    for statement in tree.body:
        if not isinstance(statement, _PLAIN):
            line = getattr(statement, "lineno", 0)
            raise UntoldError(f"line {line} of {path} does more than set something", _CURE)
    strange = next(_strange(tree), None)
    if strange is not None:
        raise UntoldError(f"{path} names {strange}, which may tell the machine", _CURE)
    return tuple(name for node in tree.body for name in _extended(node))


def _strange(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] not in _MODULES)
        elif isinstance(node, ast.ImportFrom):
            yield from (() if (node.module or "").partition(".")[0] in _MODULES else (str(node.module),))
            yield from (a.name for a in node.names if a.name in _FORBIDDEN or a.name == "*")
        elif isinstance(node, (ast.Name, ast.Attribute)):
            name = node.id if isinstance(node, ast.Name) else node.attr
            yield from ((name,) if name in _FORBIDDEN else ())
        elif isinstance(node, (ast.Lambda, ast.Await, ast.Yield, ast.NamedExpr)):
            yield "an expression that is not followed"


def _extended(node: ast.stmt) -> Iterator[object]:
    """What is said of `extensions`: a list of names, set or added to; anything else is no name."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    is_named = any(isinstance(t, ast.Name) and t.id == "extensions" for t in targets)
    if is_named:
        told = getattr(node, "value", None)
        items = told.elts if isinstance(told, (ast.List, ast.Tuple)) else [told]
        yield from (i.value if isinstance(i, ast.Constant) else ast.dump(i or ast.Pass()) for i in items)
    elif any(isinstance(n, ast.Name) and n.id == "extensions" for n in ast.walk(node)):
        yield "extensions that are calculated"


SPHINX = Program(
    "sphinx-build",
    "-b,--builder= -M= -a,--write-all -E,--fresh-env -d,--doctree-dir=/ -j,--jobs= -c,--conf-dir=< "
    "-D,--define= -A,--html-define= -t,--tag= -n,--nitpicky -v,--verbose -q,--quiet -Q,--silent "
    "-w,--warning-file=> -W,--fail-on-warning --keep-going -N,--no-color --color -T,--show-traceback",
    does=builds(_sphinx, source=0, output=1),
    is_extra=True,
    packages="python3-sphinx",
)
