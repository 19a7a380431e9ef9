"""The account of what is installed: whether anything native in it can reach what is made with it.

A lock file says it where its format does. Otherwise every installed package is looked at, natively, behind
the step that installs.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from xbuild.graph.model import sources_of
from xbuild.graph.scope import Scope
from xbuild.plan.facts.filesystem import Kind, Write, Writes, is_within
from xbuild.plan.facts.positions import ancestors
from xbuild.plan.model import Evidence, Probe, Question
from xbuild.plan.reading.cache_mounts import KEPT
from xbuild.plan.recipes.own_files import UntoldError, context_file
from xbuild.plan.recipes.recipe import context_path
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.node.manifests import INSTALLED, PackageJson, brings_modules, lock_at, locked
from xbuild.plan.toolchains.node.native_packages import Part, needed_variants, row_of
from xbuild.plan.toolchains.node.node_locks import FILES, NodeLock
from xbuild.text import expression, value

_FOLDERS = ("node_modules", ".yarn", ".pnp.cjs", ".pnp.loader.mjs")


@value()
class Account:
    """What is known of what is installed for a project: in which folder, by which lock file."""

    folder: str
    lock: NodeLock
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()


class UnansweredError(UntoldError):
    """A question would tell."""

    def __init__(self, text: str, question: Question) -> None:
        super().__init__(text, "plan or build with an engine")
        self.question = question


def is_installed(made: Write) -> bool:
    """Whether a write is of packages and tools that are installed, and not of what is made with them; so is a
    cache of theirs that no other machine writes to.
    """
    if made.by[2:3] == (INSTALLED,) or made.by == ("RUN", KEPT):
        return True
    return made.path is not None and any(part in _FOLDERS for part in made.path.split("/"))


def is_telling(made: Write) -> bool:
    """Whether a write is not the same everywhere, and may be read by what runs here."""
    return made.kind > Kind.FIXED and not made.is_package and not is_installed(made)


def _is_put_there(made: Write) -> bool:
    """Whether the project, or a command that installs nothing, puts something into a folder of packages."""
    if made.path is None or "node_modules" not in made.path.split("/") or made.by[2:3] == (INSTALLED,):
        return False
    if made.is_empty or made.is_change or made.is_package:
        return False
    return made.is_context or (made.by[:1] == ("RUN",) and made.by[1:] != (KEPT,))


def is_installed_in_cache(made: Write) -> bool:
    """Whether a cache that is the build machine's own is mounted where packages are installed."""
    return made.by == ("RUN", KEPT) and posixpath.basename(made.path or "") == "node_modules"


def _is_foreign(made: Write) -> bool:
    return made.kind in (Kind.TARGET, Kind.CROSS) and is_installed(made)


def open_account(call: Call, root: PackageJson) -> Account:
    """The lock file by which all was installed. Raises UntoldError where something else was."""
    if brings_modules(call, root):
        raise UntoldError(
            "node_modules comes with the build context, for whatever machine", "put it into .dockerignore"
        )
    folder, lock = _by_installer(call, root)
    modules = f"{folder}/node_modules".replace("//", "/")
    found = [w for w in call.writes if w.path is not None and is_within(w.path, folder) and is_installed(w)]
    put = next((w for w in found if _is_put_there(w)), None)
    if put is not None:
        raise UntoldError(
            f"line {put.place.line} puts files of its own among what is installed, into {put.path}"
        )
    unknown = next((w for w in found if w.kind is Kind.UNKNOWN), None)
    if unknown is not None:
        raise UntoldError(f"what `{unknown.text}` of line {unknown.place.line} leaves there cannot be told")
    own = [w for w in found if is_within(w.path or "/", modules) or "/.yarn" in (w.path or "")]
    if not own:
        raise UntoldError(f"nothing was installed into {folder} that is followed")
    copied = next((w for w in own if w.by[:1] in (("COPY",), ("ADD",))), None)
    if copied is not None and not _is_by_that_lock(call, copied, posixpath.join(folder, lock.file)):
        raise UntoldError(
            f"by which lock file line {copied.place.line} was installed cannot be told",
            "install in the same stage, or in one that this one derives from",
        )
    return Account(folder, lock)


def _by_installer(call: Call, root: PackageJson) -> tuple[str, NodeLock]:
    """The folder around into which something was installed, and the lock file of what did it."""
    for folder in ancestors(root.folder):
        modules = call.writes.exactly(posixpath.join(folder, "node_modules"))
        programs = {w.by[1] for w in modules if w.by[2:3] == (INSTALLED,)} & FILES.keys()
        if len(programs) > 1:
            raise UntoldError(f"{' and '.join(sorted(programs))} both install into {folder}")
        lock = lock_at(call, folder, tuple(programs)) if programs else None
        if lock is not None:
            return folder, lock
    found = locked(call, root.folder)
    others = [p for p, names in FILES.items() if found[1].file not in names and lock_at(call, found[0], (p,))]
    if others:
        raise UntoldError(f"there are lock files of {others[0]} and of another program in {found[0]}")
    return found


def _is_by_that_lock(call: Call, copied: Write, path: str) -> bool:
    """Whether what another stage has installed is by the lock file of the build context that stands at `path`
    here: there is no other, or it lies beside the packages there.
    """
    own, name = context_file(call, path), posixpath.basename(path)
    files = call.around.context.files()
    if sum(f.rpartition("/")[2] == name and "node_modules/" not in f for f in files) == 1:
        return True
    graph = call.scope.graph
    for edge in graph.edges_into(call.around.stage):
        line = graph.stages[edge.consumer].instructions[edge.instruction].first_line
        for stage in sources_of(edge.source) if line == copied.place.line else ():
            end = len(graph.stages[stage].instructions)
            there = replace(
                call, scope=Scope(graph, stage, end), instruction=end, writes=Writes(call.around.image)
            )
            beside = (posixpath.join(posixpath.dirname(p), name) for p in edge.paths if p is not None)
            return own is not None and all(context_path(there, p) == own for p in beside)
    return False


def checked(call: Call, account: Account, used: frozenset[str] | None = None) -> Account:
    """The account, if nothing native in it can reach what is made: with `used` of these packages, and what
    they bring, alone. Raises UntoldError.
    """
    lock = account.lock
    foreign = next(iter(call.writes.where(_is_foreign)), None)
    if foreign is not None:
        raise UntoldError(f"{foreign.path} of line {foreign.place.line} is for the target, and would not run")
    built = next((p.name for p in lock.packages if p.is_built), None)
    if built is not None:
        raise UntoldError(f"{built} comes from a repository, and is built here", "take a released version")
    for package in lock.packages:
        lacking = [n for n in needed_variants(package.optional) if n not in lock.names]
        if lacking and (used is None or package.name in used):
            raise UntoldError(
                f"{lock.file} has no {lacking[0]}, which a build machine may need",
                "make the lock file anew, for all platforms",
            )
    told = {p.name for p in lock.packages if (p.is_variant or p.has_script) and not p.is_elsewhere}
    if used is not None:
        return _settled(call, account, [n for n in told if _family(n, used)], lock.form)
    if lock.says_all:
        return _settled(call, account, told, lock.form)
    if call.writes.where(is_installed_in_cache):
        raise UntoldError("what is installed lies in a cache mount, where it cannot be looked at")
    question = _question(call, account)
    answer = _answer(call, question)
    if answer is None:
        _settled(call, account, told, lock.form)  # What is known to be wrong is told at once.
        raise UnansweredError(
            f"which packages have something native in them {lock.form} does not say: "
            "all that is installed has to be looked at, in the builder",
            question,
        )
    return _settled(call, account, {*told, *_installed(answer)}, "all that is installed was looked at")


def _family(name: str, used: frozenset[str]) -> bool:
    """Whether a package is one of these, or a variant of one."""
    row = row_of(name)
    return name in used or (row is not None and any(row_of(other) is row for other in used))


def _settled(call: Call, account: Account, natives: Iterable[str], how: str) -> Account:
    rows = {name: row_of(name) for name in sorted(natives)}
    unknown = [name for name, row in rows.items() if row is None]
    if unknown:
        raise UntoldError(
            f"{listed(unknown)} may have something native, and what that does to the output is not known"
        )
    bad = next(((name, row) for name, row in rows.items() if row and row.part is Part.MACHINE), None)
    if bad is not None and bad[1] is not None:
        raise UntoldError(f"{bad[0]}: {bad[1].what}", "leave it out of what the bundle is made with")
    computing = sorted({row.what for row in rows.values() if row and row.part is Part.COMPUTES})
    verb = "computes" if len(computing) == 1 else "compute"
    notes = (f"what {listed(computing, 6)} {verb} comes from the build machine",)
    evidence = Evidence(
        f"nothing native in what {account.lock.file} installs reaches the output ({how})", call.place
    )
    return Account(account.folder, account.lock, (evidence,), notes if computing else ())


def listed(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# -- the question

_SCAN = (
    'const fs=require("fs"),path=require("path");'
    "const walk=(d)=>{let all=[];try{all=fs.readdirSync(d,{withFileTypes:true})}catch{return}"
    "for(const e of all){const f=path.join(d,e.name);"
    "if(e.isDirectory()){walk(f);continue}if(!e.isFile())continue;"
    'const parts=f.split(path.sep),at=parts.lastIndexOf("node_modules");if(at<0)continue;'
    'const own=parts[at+1]||"",n=own.startsWith("@")?2:1,name=parts.slice(at+1,at+1+n).join("/"),'
    "rest=parts.slice(at+1+n);"
    'if(rest.length===1&&rest[0]==="package.json"){let j={};try{j=JSON.parse(fs.readFileSync(f,"utf8"))}'
    'catch{console.log("unread",name)}const s=j.scripts||{};'
    'if(s.preinstall||s.install||s.postinstall)console.log("script",j.name||name);'
    'if(j.cpu||j.libc)console.log("variant",j.name||name)}'
    'if(rest.length===1&&rest[0]==="binding.gyp")console.log("gyp",name);'
    "if(/\\.node$|\\.so(\\.|$)|^[^.]+$/.test(e.name)){let b=Buffer.alloc(4);try{const o=fs.openSync(f);"
    "fs.readSync(o,b,0,4,0);fs.closeSync(o)}catch{}"
    'if(b.toString("latin1")==="\\x7fELF")console.log("file",name)}}};'
    'process.argv.slice(1).forEach(walk);console.log("read")'
)
"""Run with folders: of every package that is installed below whether it is for some machines alone, has an
install script, a binding.gyp or an ELF file.
"""
_END = expression(r"^read$", 8)
_ROW = expression(r"^(?:script|variant|gyp|file|unread) (\S+)$", 8)


def _question(call: Call, account: Account) -> Question:
    program = "bun" if call.around.image.name.endswith("bun") else "node"
    folder = account.folder
    return Question(
        call.around.stage,
        call.number,
        f"packages of {folder}",
        f"which packages in {folder} have something native in them",
        Probe(f"{program} -e '{_SCAN}' {folder}", has_mounts=False),
        call.command.span.start,
        call.directory,
    )


def _answer(call: Call, question: Question) -> str | None:
    """What was answered to it, wherever in the RUN it was put: scripts are walked in texts of their own."""
    start, end = f"{question.stage}:{question.instruction}:", f":{question.name}"
    answers = call.around.knowledge.answers
    return next((answers[k] for k in sorted(answers) if k.startswith(start) and k.endswith(end)), None)


def _installed(answer: str) -> Iterator[str]:
    if _END.search(answer) is None:
        raise UntoldError("what is installed could not be looked at")
    yield from _ROW.findall(answer)
