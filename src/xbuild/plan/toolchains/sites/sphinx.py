"""Sphinx: `conf.py` is a program, so that only a plain one is trusted: settings, and extensions that a table
tells of.

Sources: Sphinx' "Configuration", "sphinx-build", "Extensions"; the pages of the extensions named.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Container, Iterator, Mapping

from xbuild.plan.programs.grammar import Reading
from xbuild.plan.programs.program import Program
from xbuild.plan.recipes.own_files import UntoldError, own_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.sites.site import (
    IMAGES,
    PYTHON,
    Found,
    builds,
    check_length,
    check_modules,
    known,
)
from xbuild.text import expression

_EXTENSIONS = frozenset(
    words(
        "sphinx.ext.autosectionlabel sphinx.ext.coverage sphinx.ext.duration sphinx.ext.extlinks "
        "sphinx.ext.githubpages sphinx.ext.intersphinx sphinx.ext.mathjax "
        "sphinx.ext.napoleon sphinx.ext.todo sphinx_copybutton sphinx_design sphinx_rtd_theme furo "
        "myst_parser recommonmark sphinx_tabs.tabs sphinx_togglebutton sphinx_inline_tabs sphinx_sitemap "
        "sphinxext.opengraph notfound.extension sphinx_reredirects sphinxcontrib.mermaid "
        "sphinxcontrib.httpdomain sphinx_last_updated_by_git sphinx_external_toc"
    )
)
"""Of text alone; autodoc and its like import the project, ifconfig has pages with expressions in Python."""
_DRAWING = ("sphinxext.opengraph",)
_MODULES: Mapping[str, tuple[str, ...]] = {
    "os": words("environ getenv path sep pathsep curdir pardir linesep getcwd fspath"),
    "os.path": words(
        "abspath join dirname basename normpath realpath relpath split splitext exists isfile isdir "
        "expanduser sep pardir"
    ),
    "sys": words("path stdout stderr"),
    "datetime": words("datetime date time timezone timedelta UTC"),
    "time": words("time strftime gmtime localtime mktime"),
    "pathlib": words("Path PurePath PurePosixPath"),
    "re": words(
        "sub compile match search fullmatch split findall escape I M S X IGNORECASE MULTILINE DOTALL"
    ),
    "__future__": words("annotations"),
    **dict.fromkeys(
        words("furo sphinx_rtd_theme alabaster"), words("get_html_theme_path get_path __version__ _version")
    ),
}
"""What of each does not ask for the machine."""
_FORBIDDEN = frozenset(
    words(
        "uname system popen platform cpu_count sysconf byteorder maxsize getsizeof hexversion implementation "
        "version_info exec eval compile __import__ open getattr globals execv execve spawnl spawnv fork "
        "modules _git listdir scandir glob rglob iterdir walk fwalk stat lstat vars locals dir setattr "
        "delattr"
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
_SETTINGS = frozenset(
    words(
        "project version release copyright author language today today_fmt html_title html_short_title "
        "html_baseurl html_theme_options html_context html_last_updated_fmt html_copy_source "
        "html_show_sourcelink suppress_warnings nitpicky todo_include_todos keep_warnings"
    )
)
"""What may be set on the command line."""
_CURE = "build the documentation in the stage for the target"


def _sphinx(call: Call, given: Reading, folder: str) -> Found:
    check_modules(call)
    where = given.value("-c")
    path = posixpath.join(call.seen(where) or folder if given.has("-c") else folder, "conf.py")
    text = own_text(call, path)
    if text is None:
        raise UntoldError(f"{path} is not in the build context", "COPY it from there")
    named = extensions(text, path)
    known(named, _EXTENSIONS, "the extension", _CURE)
    own = next((name for name in named if is_module(call, str(name).partition(".")[0])), None)
    if own is not None:
        raise UntoldError(f"the project has a module of the name of the extension {own}", _CURE)
    settings = [told.partition("=")[0].partition(".")[0] if told else told for told in given.values("-D")]
    known(settings, _SETTINGS, "the setting", _CURE)
    return Found((IMAGES,) if any(name in _DRAWING for name in named) else ())


def is_module(call: Call, name: str) -> bool:
    """Whether the build context has a module of that name, which `sys.path` may lead to."""
    ends = (f"/{name}.py", f"/{name}/__init__.py")
    return any(f"/{file}".endswith(ends) for file in call.around.context.files())


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
    modules = _imported(tree)
    bases = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name not in _MODULES)
        elif isinstance(node, ast.ImportFrom):
            yield from (a.name for a in node.names if a.name not in _MODULES.get(node.module or "", ()))
        elif isinstance(node, (ast.Name, ast.Attribute)):
            yield from _strange_name(node, modules, bases)
        elif isinstance(node, ast.Constant):
            is_system = isinstance(node.value, str) and _SYSTEM.match(node.value) is not None
            yield from ((str(node.value),) if is_system else ())
        elif isinstance(node, (ast.Lambda, ast.Await, ast.Yield, ast.NamedExpr)):
            yield "an expression that is not followed"


def _imported(tree: ast.Module) -> dict[str, str]:
    """The names under which modules are imported."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        for one in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
            base = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            module = base + (one.name if one.asname or base else one.name.partition(".")[0])
            if module in _MODULES:
                found[one.asname or one.name.partition(".")[0]] = module
    return found


def _strange_name(
    node: ast.Name | ast.Attribute, modules: Mapping[str, str], bases: Container[int]
) -> Iterator[str]:
    """A name that may tell the machine or run something; of a module those that are known not to."""
    name = node.id if isinstance(node, ast.Name) else node.attr
    module = _module(node.value, modules) if isinstance(node, ast.Attribute) else None
    is_handed_on = _module(node, modules) is not None and id(node) not in bases
    is_setting = isinstance(node.ctx, ast.Store) and _RUNNING.search(name) is not None
    is_inner = name.startswith("__") and name not in ("__file__", "__version__", "__name__")
    if name in _FORBIDDEN or is_handed_on or is_setting or is_inner:
        yield name
    elif module is not None and name not in _MODULES[module]:
        yield f"{module}.{name}"


def _module(node: ast.expr, modules: Mapping[str, str]) -> str | None:
    """The module that an expression names."""
    if isinstance(node, ast.Name):
        return modules.get(node.id)
    above = _module(node.value, modules) if isinstance(node, ast.Attribute) else None
    inner = f"{above}.{node.attr}" if isinstance(node, ast.Attribute) else None
    return inner if above is not None and inner in _MODULES else None


_SYSTEM = expression(r"/(?:proc|sys|lib\w*|usr/(?:lib|include)\w*|usr/local/lib)(?:/|$)")
_RUNNING = expression(r"_(?:cmd|command|program|executable|output_format)$")
"""Settings of extensions that name a program, or have one run (sphinxcontrib-mermaid)."""


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
    variables=PYTHON,
    is_extra=True,
    packages="python3-sphinx",
)
