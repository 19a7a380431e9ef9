"""Programs of packages that scripts call beside bundlers, and node itself.

Sources: the packages' READMEs: rimraf, del-cli, mkdirp, cpx, copyfiles, cpy-cli, ncp, shx, cross-env,
dotenv-cli, npm-run-all, concurrently, husky, patch-package, prisma, turbo, nx, lerna.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from xbuild.plan.facts.filesystem import Kind, join, without_glob
from xbuild.plan.programs.program import plain, source_kind, where, word_kind, write
from xbuild.plan.recipes.own_files import UntoldError, context_file
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.node.accounts import checked, is_telling, open_account
from xbuild.plan.toolchains.node.installs import check_surroundings, installs_tools, is_loading, put
from xbuild.plan.toolchains.node.manifests import manifest, members, standing
from xbuild.plan.toolchains.node.npm_scripts import ScriptLine, quoted, rephrased, run, seen_kind, with_hooks
from xbuild.plan.toolchains.node.sources_read import check_configuration, check_text, check_variables
from xbuild.text import expression

Rule = Callable[[Call], Effect]

TESTS = words("jest vitest mocha ava karma tap tape c8 nyc ng-test")
CHECKS = words(
    "eslint prettier stylelint biome oxlint commitlint knip tslint standard lint-staged depcheck madge "
    "only-allow is-ci check-node-version attw publint size-limit bundlesize"
)


def _operands(call: Call) -> tuple[str | None, ...]:
    return tuple(t for t in call.texts[1:] if t is None or not t.startswith("-"))


def _removes(call: Call) -> Effect:
    """rimraf, del: nothing is left of what they name."""
    return plain(call, word_kind(call), reads=_operands(call))


def _makes_folders(call: Call) -> Effect:
    made = (replace(write(call, p, word_kind(call)), is_empty=True) for p in _operands(call))
    return plain(call, word_kind(call), made)


def _copies(call: Call) -> Effect:
    """The last operand gets what the others hold."""
    paths = [p.strip("'\"") if p is not None else None for p in _operands(call)]
    if len(paths) < 2 or None in paths:
        raise UntoldError("what it copies cannot be told")
    kind = join((word_kind(call), *(source_kind(call, p) for p in paths)))
    if not kind.is_right:
        raise UntoldError("what it copies is for the machine, or cannot be told")
    target = without_glob(paths[-1] or ".")
    return replace(
        plain(call, kind, (replace(write(call, target, kind), adds=True, is_listed=True),)), reads=(None,)
    )


def _is_shx(call: Call) -> Effect:
    return rephrased(call, quoted(call.texts[1:]))


def _sets(call: Call) -> Effect:
    """cross-env: variables, and the command behind them."""
    rest = call.texts[1:]
    count = next((n for n, t in enumerate(rest) if t is None or not _ASSIGNMENT.match(t)), len(rest))
    pairs = [str(t).partition("=") for t in rest[:count]]
    given = " ".join(f"{name}={quoted((text or '',)) if text else ''}" for name, _, text in pairs)
    told = rest[count:]
    if call.program_name == "cross-env-shell" and len(told) == 1 and told[0] is not None:
        return rephrased(call, f"export {given}\n{told[0]}" if given else told[0])
    return rephrased(call, f"{given} {quoted(told)}")


_ASSIGNMENT = expression(r"[A-Za-z_]\w*=")


def _with_files(call: Call) -> Effect:
    """dotenv: variables out of files of the project, and a command."""
    rest = call.texts[1:]
    files: list[str | None] = [".env", ".env.local", ".env-cmdrc", ".env-cmdrc.json"]
    while rest and rest[0] in ("-e", "-f", "--env-file", "-c", "-o"):
        if rest[0] in ("-e", "-f", "--env-file"):
            files += rest[1:2]
            rest = rest[2:]
        else:
            rest = rest[1:]
    _check_variables_of(call, files)
    if rest[:1] == ("--",):
        rest = rest[1:]
    if not rest or rest[0] is None or rest[0].startswith("-"):
        raise UntoldError("what it runs cannot be told")
    return rephrased(call, quoted(rest))


def _check_variables_of(call: Call, files: Iterable[str | None]) -> None:
    """Files of variables take nothing of the machine, and set nothing that has another program run. Raises
    UntoldError.
    """
    for name in files:
        path = call.seen(name) if name is not None else None
        if path is None:
            raise UntoldError("which file of variables it reads cannot be told")
        text = standing(call, path) or ""
        check_variables(context_file(call, path) or path, text)
        bad = next((n for n in _SET.findall(text) if is_loading(n) or n in ("NODE_OPTIONS", "PATH")), None)
        if bad is not None:
            raise UntoldError(f"{name} sets {bad}, which is not known to leave the machine alone")


_SET = expression(r"[\"'\w]*?\b([A-Za-z_]\w*)[\"']?\s*[=:]")


def _several(call: Call) -> Effect:
    """run-s, run-p, npm-run-all: scripts of the project by their names."""
    found = manifest(call, call.directory)
    lines: list[ScriptLine] = []
    for told in _operands(call):
        if told is None or "{" in told:
            raise UntoldError("which scripts it runs cannot be told")
        name, *rest = told.split(" ")
        pattern = name.replace("**", "*")
        names = [n for n in found.scripts if _is_meant(n, pattern)]
        if not names:
            raise UntoldError(f"{found.file} has no script {name[:60]}")
        lines += [line for n in names for line in with_hooks(found, n, " ".join(rest))]
    is_at_once = call.program_name == "run-p" or not {"-p", "--parallel", "-lp"}.isdisjoint(call.texts)
    return run(call, (*lines, *lines) if is_at_once else lines)


def _is_meant(name: str, pattern: str) -> bool:
    return name == pattern or ("*" in pattern and fnmatchcase(name, pattern))


def _at_once(call: Call) -> Effect:
    """concurrently: commands, and `npm:NAME`."""
    if any(t is None or (t.startswith("-") and t not in _TOGETHER) for t in call.texts[1:]):
        raise UntoldError("its options are not known")
    told = [t for t in _operands(call) if t is not None]
    plain_text = [re.sub(r"^(npm|yarn|pnpm|bun):", r"\1 run ", t) for t in told]
    if any("*" in t for t in plain_text) or not told:
        raise UntoldError("which scripts it runs cannot be told")
    # Each may see what any other has written.
    return rephrased(call, "\n".join(f"( {t} )" for t in (*plain_text, *plain_text)))


_TOGETHER = frozenset(words("--kill-others --kill-others-on-fail -k --raw -r -g --group"))


def _checks(call: Call) -> Effect:
    """Linters: they print, and may change sources by rules that are the same everywhere."""
    return plain(call, Kind.BUILD)


def tests(call: Call) -> Effect:
    """Tests run on the build machine now; what they report is not shipped as it is."""
    folder = call.directory or "/"
    reports = (
        "coverage",
        "reports",
        "test-results",
        "test-report",
        "playwright-report",
        ".nyc_output",
        "junit.xml",
    )
    named = tuple(dict.fromkeys((*reports, *_reports_told(call), *_reports_set(call))))
    writes = tuple(put(call, posixpath.normpath(posixpath.join(folder, name))) for name in named)
    where = f"{call.place.file}:{call.place.line}" if call.place.file else f"line {call.place.line}"
    note = f"{where}: `{call.spelled()}` now runs on the build machine"
    return replace(plain(call, Kind.BUILD), writes=writes, notes=(note,), reads=(None,))


_REPORTING = expression(r"-\w|--?[\w.-]*(?:[Oo]utput|[Rr]eport|[Cc]overage|[Rr]esults)[\w.-]*")
_REPORTED = expression(
    r"""(?<![\w-])['"]?\b(?:coverageDirectory|reportsDirectory|output(?:File|Directory|Dir|Path)?|report-?[dD]ir"""
    r"""|reportFilename|temp-?[dD]ir(?:ectory)?)['"]?\s*[:=]\s*([^\n]*)"""
)
_QUOTED = expression(r"""['"`](?:<rootDir>/)?([\w./@-]+)['"`]""")
_VARIABLE = expression(r"(?:JEST|VITEST|MOCHA|NYC|KARMA|TAP|JUNIT)_\w*(?:OUTPUT|REPORT|FILE|DIR)\w*")
_BARE = expression(r"([\w./@-]+)\s*")
_OF_TESTS = words(
    "jest.config.* vitest.config.* vitest.workspace.* vite.config.* .nycrc* .c8rc* .mocharc* karma.conf.* "
    "ava.config.* .taprc package.json"
)


def _reports_told(call: Call) -> Iterator[str]:
    """What options name as a place for reports, or may: a path behind one."""
    for at, text in enumerate(call.texts[1:], 1):
        name, is_joined, told = (text or "").partition("=")
        if _REPORTING.fullmatch(name):
            behind = call.texts[at + 1] if at + 1 < len(call.texts) else None
            place = told if is_joined else behind or ""
            yield from (place.rpartition("=")[2],) if place and not place.startswith("-") else ()
    texts = {n: v.text for n, v in call.variables.items()}
    texts.update({n: word.value for n, (word, _) in call.assignments.items()})
    yield from (text for name, text in texts.items() if text and _VARIABLE.fullmatch(name))


def _reports_set(call: Call) -> Iterator[str]:
    """What the settings of test runners name as such a place. Raises UntoldError where that is computed."""
    found = manifest(call, call.directory)
    start = posixpath.dirname(found.file)
    for file in call.around.context.files(start):
        name = posixpath.basename(file)
        if "node_modules/" in file or not any(fnmatchcase(name, pattern) for pattern in _OF_TESTS):
            continue
        inner = posixpath.dirname(posixpath.relpath(file, start or "."))
        for told in _REPORTED.findall(call.around.context.read(file) or ""):
            bare = _BARE.fullmatch(told) if name.startswith(".") else None
            texts = (bare[1],) if bare is not None else _QUOTED.findall(told)
            if not texts and told.strip()[:1] not in ("{", "[", "("):
                raise UntoldError(f"where tests put their reports cannot be told ({file})")
            yield from (posixpath.join(found.folder, inner, text) for text in texts)


def _aside(*folders: str) -> Rule:
    """It leaves what is not shipped, in folders of the project."""

    def rule(call: Call) -> Effect:
        there = (posixpath.join(call.directory or "/", f) for f in folders)
        return replace(installs_tools(call, tuple(there)), reads=(None,))

    return rule


def _patches(call: Call) -> Effect:
    """patch-package: text of the project's own, into what is installed."""
    modules = posixpath.join(call.directory or "/", "node_modules")
    return replace(plain(call, Kind.BUILD), writes=(put(call, modules),), reads=(None,))


_OUTPUT = expression(r'\boutput\s*=\s*"([^"]+)"')


def _generates_client(call: Call) -> Effect:
    """prisma generate: a client that names the engine of this machine, and brings it along."""
    found = manifest(call, call.directory)
    start = posixpath.dirname(found.file)
    outputs: list[str] = []
    for file in call.around.context.files(start):
        if file.endswith(".prisma") and "node_modules/" not in file:
            told = _OUTPUT.findall(call.around.context.read(file) or "")
            outputs += [
                posixpath.join(posixpath.dirname(posixpath.relpath(file, start or ".")), t) for t in told
            ]
    own = tuple(write(call, posixpath.join(found.folder, o), Kind.BUILD) for o in outputs)
    return replace(
        plain(call, Kind.BUILD),
        writes=(put(call, posixpath.join(found.folder, "node_modules")), *own),
        reads=(None,),
    )


def _refuses(why: str) -> Rule:
    def rule(_call: Call) -> Effect:
        raise UntoldError(why)

    return rule


_REMOTE = "what it builds may come from a cache elsewhere, made on another machine"
_MACHINE = "what it makes is for the machine that it runs on"
RULES: dict[str, Rule] = {
    **dict.fromkeys(words("rimraf del del-cli trash"), _removes),
    **dict.fromkeys(words("mkdirp make-dir"), _makes_folders),
    **dict.fromkeys(words("copyfiles cpx cpx2 cpy cpy-cli ncp copyup"), _copies),
    "shx": _is_shx,
    **dict.fromkeys(words("cross-env cross-env-shell"), _sets),
    **dict.fromkeys(words("dotenv env-cmd dotenvx"), _with_files),
    **dict.fromkeys(words("run-s run-p npm-run-all npm-run-all2"), _several),
    **dict.fromkeys(words("concurrently conc"), _at_once),
    **dict.fromkeys(CHECKS, _checks),
    **dict.fromkeys(TESTS, tests),
    **dict.fromkeys(
        words("husky lefthook simple-git-hooks opencollective opencollective-postinstall"), _aside(".husky")
    ),
    "ngcc": _aside("node_modules"),
    "patch-package": _patches,
    **dict.fromkeys(words("turbo nx lerna rush moon wireit lage"), _refuses(_REMOTE)),
    **dict.fromkeys(
        words(
            "pkg nexe bytenode electron electron-builder electron-forge electron-rebuild node-gyp ncc "
            "prebuildify postject"
        ),
        _refuses(_MACHINE),
    ),
    **dict.fromkeys(
        words("puppeteer playwright cypress react-snap"), _refuses("a headless browser is for the machine")
    ),
}


def prisma(call: Call) -> Effect:
    """prisma: `generate` and checks."""
    verb = call.texts[1] if len(call.texts) > 1 else None
    if verb == "generate":
        return _generates_client(call)
    if verb in ("validate", "format", "version"):
        return plain(call, Kind.BUILD)
    raise UntoldError("what it does is not known")


RULES["prisma"] = prisma

# -- node


def runs_by_loader(call: Call) -> Effect:
    """tsx, ts-node and their like run what node does, in other languages."""
    check_surroundings(call)
    account = open_account(call, manifest(call, call.directory))
    if call.program_name not in account.lock.names and f"@{call.program_name}" not in account.lock.names:
        raise UntoldError(f"{call.program_name} is not in {account.lock.file}")
    _check_preloaded(call)
    return runs_node(call)


def _check_preloaded(call: Call) -> None:
    """No tsconfig.json has ts-node load another compiler or a module. Raises UntoldError."""
    for file in call.around.context.files():
        if fnmatchcase(posixpath.basename(file), "tsconfig*.json") and "node_modules/" not in file:
            text = call.around.context.read(file) or ""
            if '"ts-node"' in text and re.search(r'"(?:require|compiler|transpiler|swc)"\s*:', text):
                raise UntoldError(f"{file} has ts-node load what is not followed")


def runs_node(call: Call) -> Effect:
    """A program of the project, if nothing in it may take something from the machine.

    It is taken to write into the project's folder, where it runs or where its words say. Raises UntoldError.
    """
    check_surroundings(call)
    rest = list(call.texts[1:])
    while rest and rest[0] is not None and _HARMLESS.fullmatch(rest[0]):
        rest.pop(0)
    if not rest or rest[0] is None:
        raise UntoldError("what it runs cannot be told")
    if rest[0] in ("-e", "-p", "-pe", "--eval", "--print") and len(rest) > 1 and rest[1] is not None:
        return _evaluates(call, rest[1])
    if rest[0].startswith("-"):
        raise UntoldError(f"its option {rest[0][:30]} is not known")
    path = _script(call, rest[0])
    found = manifest(call, call.directory)
    account = open_account(call, found) if _is_installed(call) else None
    root = manifest(call, account.folder) if account is not None else found
    local = (root, found, *members(call, root))
    known = account.lock.names if account is not None else frozenset[str]()
    check_configuration(call, (path,), known, local)
    text = standing(call, path) or ""
    if _PACKAGES.search(text):
        raise UntoldError(f"{context_file(call, path)} takes files out of node_modules")
    checked_account = checked(call, account) if account is not None else None
    kind = join((seen_kind(call), call.stdin, *(w.kind for w in call.writes.where(is_telling))))
    if not kind.is_right:
        raise UntoldError("what it reads depends on the machine, or cannot be told")
    named = (where(call, t) for t in rest[1:] if t is not None and t.startswith(("/", "../")))
    places = tuple(dict.fromkeys((found.folder, *(n for n in named if n))))
    return Effect(
        writes=tuple(replace(write(call, p, kind), adds=True, is_listed=True) for p in places),
        reads=(None,),
        output=kind,
        evidence=checked_account.evidence if checked_account is not None else (),
        notes=checked_account.notes if checked_account is not None else (),
        toolchain="node",
    )


_HARMLESS = expression(
    r"--max[-_]old[-_]space[-_]size=\d+|--no-warnings|--openssl-legacy-provider|--enable-source-maps|"
    r"--experimental-(?!loader|sea|config|default-config|policy)\w[\w-]*|--trace-\w+|--disable-warning=\w+"
)
_PACKAGES = expression(r"['\"`/]node_modules\b(?!['\"`]\s*\))")


def _script(call: Call, name: str) -> str:
    base = call.seen(name)
    for ending in ("", ".js", ".cjs", ".mjs", ".ts", "/index.js", "/index.ts"):
        if (
            base is not None
            and context_file(call, base + ending)
            and standing(call, base + ending) is not None
        ):
            return base + ending
    raise UntoldError(f"{name[:60]} is not in the build context")


def _is_installed(call: Call) -> bool:
    """Whether the lock file has a say in what it does: whether anything was installed."""
    return any(made.path is not None and "node_modules" in made.path.split("/") for made in call.writes)


def _evaluates(call: Call, text: str) -> Effect:
    """`node -p "require('./package.json').version"`."""
    check_text("its script", text)
    if re.search(r"\b(?:write|rm|mkdir|copy|cp|append|unlink|rename|spawn|exec)\w*\s*\(|\bimport\b", text):
        raise UntoldError("what its script does cannot be told")
    strange = next((n for n in _required(text) if not n.endswith(".json")), None)
    if strange is not None:
        raise UntoldError(f"its script loads {strange[:60]}")
    kind = join((seen_kind(call), *(source_kind(call, n) for n in _required(text))))
    return plain(call, kind, reads=tuple(_required(text)))


def _required(text: str) -> Iterator[str]:
    yield from (m[1] for m in re.finditer(r"require\(\s*['\"`]([^'\"`]+)['\"`]\s*\)", text))
