"""cargo: what it compiles for the target, and what it runs or compiles for the build machine.

Sources: The Cargo Book, "cargo build", "cargo install", "cargo tree", "Build Cache" (with `--target` what is
made goes to `target/<triple>/`, and build scripts and macros are for the machine that compiles).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from xbuild.dockerfile.model import Run
from xbuild.plan.cross.debian import insert_at, revision_note, why_no_compiler, why_not
from xbuild.plan.cross.libraries import SIDE_BY_SIDE
from xbuild.plan.facts.filesystem import TOOL_FOLDERS, Kind, Write, absolute, is_in_any, is_within, overlaps
from xbuild.plan.model import Evidence, Question, Reason
from xbuild.plan.programs.grammar import Grammar, Reading, Style, grammar, read
from xbuild.plan.programs.program import anything, open_words, patterns, plain, source_kind, word_kind
from xbuild.plan.recipes.own_files import written_by_tests
from xbuild.plan.recipes.recipe import copied_path
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Demand, Effect, Need
from xbuild.plan.toolchains.rust.cargo_settings import file_troubles, variable_troubles
from xbuild.plan.toolchains.rust.crate_judging import CrateJudgement, judge_crates, told
from xbuild.plan.toolchains.rust.crate_probe import (
    BuiltPackage,
    Crates,
    NotToldByCargoError,
    crates_probe,
    needed_for,
    read_crates,
    toolchain_probe,
)
from xbuild.plan.toolchains.rust.own_crates import (
    asks_for_nothing,
    crates_of_context,
    settings_places,
    unreadable,
)
from xbuild.plan.toolchains.rust.rust_image import CHOOSES_TOOLCHAIN, is_rust
from xbuild.plan.toolchains.rust.rust_programs import STRIP_OPTIONS, strip_effect
from xbuild.plan.toolchains.rust.triples import (
    GNU,
    MUSL,
    STRIP,
    TELLER,
    TOLD,
    c_library_of,
    ready_lines,
    rustup_lines,
    triples,
)
from xbuild.platforms import Platform
from xbuild.text import Span, expression

# `cargo build --help`; those that name a target, settings or another place for what is made are read by
# themselves or not at all.
_SELECTING = "-p,--package= --workspace --all --exclude= -F,--features= --all-features --no-default-features"
_COMMON = (
    f"{_SELECTING} -r,--release --profile= -j,--jobs= --keep-going --target= --target-dir= --manifest-path= "
    "--locked --offline --frozen --ignore-rust-version -v,--verbose -vv -q,--quiet --color= "
    "--message-format= --lib --bins --bin= --examples --example= --tests --test= --benches --bench= "
    "--all-targets"
)
_BUILD = grammar(_COMMON)
_INSTALL = grammar(f"{_COMMON} --path= --root= --no-track -f,--force --debug --version= --git= --registry=")
_PROGRAMS = ("cargo", "/usr/local/cargo/bin/cargo", "/root/.cargo/bin/cargo", "/usr/bin/cargo")
_PROFILES = {"dev": "debug", "test": "debug", "bench": "release"}
OWN_FOLDER = "build-machine"
"""Below the folder of what cargo makes: that of what is made for the build machine."""
_PROCESSORS = expression(r"""["']?\$\((nproc( --all)?|getconf _NPROCESSORS_ONLN)\)["']?""")


_CRATES, _READY = "crates", "toolchain"  # the names of questions


class RefusedError(Exception):
    """Why a command cannot be told of the target, and what has to be asked first."""

    def __init__(self, reason: Reason, questions: tuple[Question, ...] = ()) -> None:
        super().__init__(reason.text)
        self.reason, self.questions = reason, questions


def refused(call: Call, text: str, cure: str | None = None, *questions: Question) -> RefusedError:
    return RefusedError(Reason(f"`{call.spelled()}`: {text}", call.place, cure=cure), questions)


def judge(call: Call) -> Effect | None:
    """The effect of `cargo …`; None for other commands."""
    name = call.texts[0]
    beside = _BESIDE.get(name or "") or _REMOVERS.get(call.program_name)
    if beside is not None:
        return beside(call)
    if name not in _PROGRAMS:
        return None
    at = _verb(call)
    handler = _VERBS.get(call.texts[at] or "?") if at < len(call.texts) else _tells
    if handler is None:
        return anything(call)
    try:
        return handler(call)
    except RefusedError as error:
        if call.around.is_pinned_by_author:
            return anything(call)
        return replace(anything(call), reasons=(error.reason,), questions=error.questions)


def _verb(call: Call) -> int:
    """The index of the word that says what to do, or that behind the last."""
    found = (n for n, t in enumerate(call.texts) if n and (t is None or not t.startswith("-")))
    return next(found, len(call.texts))


# -- what compiles for the target


def _build(call: Call) -> Effect:
    if TOLD in _assigned_target(call) or call.around.is_pinned_by_author:
        return _told_already(call)
    given = _reading(call, _BUILD)
    own = _check(call, given)
    crates, judgement, questions = _asked(call, _selected(call, given), _programs(given), own)
    _check_read(call, given)
    folder = target_folder(call, given, crates)
    profile = _profile(call, given)
    if own is not None:
        return _built_for(own, call, given, crates, judgement, questions)
    names = tuple(n for n in _made(call, given, crates) if _is_used(call, folder, profile, n))
    if names:
        _check_place(call)
    if (
        call.may_fail_unseen or crates.failed is not None
    ):  # it is there to warm up: what leaves comes from a later one
        names = ()
    place = _shown(folder, call.directory)
    moves = "".join(
        f" && install -D {place}/{TOLD}/{profile}/{name} {place}/{profile}/{name}" for name in names
    )
    made = (
        *_own_writes(call, folder),
        *(
            Write(f"{folder}/{profile}/{n}", Kind.CROSS, call.place, call.spelled(), is_file=True)
            for n in names
        ),
    )
    behind = (moves, "with a target cargo writes to a folder of that target's own") if moves else None
    effect = _compiled(call, crates, judgement, made, questions, behind)
    # With a target the paths in its messages are others.
    return replace(effect, output=Kind.BUILD) if given.has("--message-format") else effect


def _built_for(
    c_library: str,
    call: Call,
    given: Reading,
    crates: Crates,
    judgement: CrateJudgement,
    questions: tuple[Question, ...],
) -> Effect:
    """What is compiled for the target that the author names: it lies in that target's folder."""
    folder, profile = target_folder(call, given, crates), _profile(call, given)
    names = _made(call, given, crates) if not call.may_fail_unseen and crates.failed is None else ()
    made = (
        Write(f"{folder}/{triple}/{profile}/{n}", Kind.CROSS, call.place, call.spelled(), is_file=True)
        for triple in triples(call.around.platforms, c_library)
        for n in names
    )
    effect = _compiled(call, crates, judgement, (_own_write(call, folder), *made), questions, None, c_library)
    return replace(effect, output=Kind.BUILD) if given.has("--message-format") else effect


def _install(call: Call) -> Effect:
    given = _reading(call, _INSTALL)
    bin_folder = posixpath.join(_install_root(call, given), "bin")
    path = given.value("--path")
    is_own = given.has("--path") or not given.operands
    names = tuple(_BROUGHT.get(n, (n,)) if n else () for n in (_plain_name(o) for o in given.operands))
    brought = tuple(n for some in names for n in some)
    if not is_own and not any(call.around.is_shipped(f"{bin_folder}/{n}") for n in brought):
        made = tuple(Write(f"{bin_folder}/{n}", Kind.BUILD, call.place, call.spelled()) for n in brought)
        rest = Write(bin_folder, Kind.BUILD, call.place, call.spelled(), is_listed=True)
        note = f"line {call.place.line}: `{call.spelled()}` is a tool for the build and stays native"
        _check_variables(call)
        _check_here(call)
        return Effect(writes=(*made, rest), output=Kind.BUILD, notes=(note,), runs_here=True)
    if TOLD in _assigned_target(call) or call.around.is_pinned_by_author:
        return _told_already(call)
    if not is_own:
        raise refused(
            call,
            "what it is made of is not in a lock file of the project's, so that it cannot be looked into",
            "build it in a stage of its own from its sources, with --path and --locked",
        )
    if given.has("--path") and path is None:
        raise refused(call, "what --path names cannot be told", "write it out")
    where = call.seen(path or ".")
    if where is None:
        raise refused(call, "where it runs cannot be told", "set WORKDIR")
    call = replace(call, directory=where)
    if not given.has("--locked", "--frozen") and not asks_for_nothing(call):
        raise refused(call, "without --locked it takes other packages than Cargo.lock names", "add --locked")
    own = _check(call, given)
    crates, judgement, questions = _asked(call, _selected(call, given), _programs(given), own)
    _check_read(call, given)
    programs = _made(call, given, crates, programs_alone=True)
    if not programs:
        raise refused(call, "the programs that it makes are not told", "write --bin NAME")
    made = (
        *_own_writes(call, target_folder(call, given, crates), own),
        *(Write(f"{bin_folder}/{n}", Kind.CROSS, call.place, call.spelled(), is_file=True) for n in programs),
        *(
            Write(posixpath.join(posixpath.dirname(bin_folder), n), Kind.BUILD, call.place, call.spelled())
            for n in (".crates.toml", ".crates2.json")
        ),
    )
    return _compiled(call, crates, judgement, made, questions, None, own)


_NEEDS = ("TARGETARCH", "TARGETVARIANT")


def _own_write(call: Call, folder: str) -> Write:
    """What cargo makes for the build machine. It makes no symbolic links there, through which something else
    could land elsewhere.
    """
    return Write(folder, Kind.BUILD, call.place, call.spelled(), is_listed=True)


def _own_writes(call: Call, folder: str, own: str | None = None) -> tuple[Write, ...]:
    """The same, and what lies in the target's folder beside programs that are put elsewhere, unless the
    author names the target.
    """
    named = triples(call.around.platforms) if own is None else ()
    return tuple(_own_write(call, path) for path in (folder, *(f"{folder}/{triple}" for triple in named)))


def _needs(call: Call) -> tuple[Need, ...]:
    return tuple(Need(name, call.instruction, "cargo") for name in _NEEDS)


def _compiled(
    call: Call,
    crates: Crates,
    judgement: CrateJudgement,
    made: tuple[Write, ...],
    questions: tuple[Question, ...],
    behind: tuple[str, str] | None,
    own: str | None = None,
) -> Effect:
    """`own` is the C library of a target that the author names, which it is not told again."""
    note = revision_note(call.around.image, call.around.platforms) if judgement.compiled else None
    return Effect(
        writes=made,
        output=Kind.CROSS,
        demand=Demand(
            (("CARGO_BUILD_TARGET", TOLD),) if own is None else (),
            "compile for the target",
            behind=behind,
            before=(_before(call, crates),),
        ),
        needs=_needs(call),
        evidence=(
            Evidence(f"`{call.spelled()}` compiles for the platform it is told", call.place),
            *(Evidence(text, call.place) for text in told(judgement)),
        ),
        notes=(f"line {call.place.line}: {note}",) if note is not None else (),
        questions=questions,
        compiles=True,
    )


def _told_already(call: Call) -> Effect:
    """What an earlier rewrite has written: what is made for the target is put in its place behind it."""
    is_by_variable = TOLD in _assigned_target(call)
    if not is_by_variable and TELLER not in call.around.text:
        return anything(call)
    given = _reading(call, _INSTALL)
    folder = target_folder(call, given, None)
    made = [*(_own_writes(call, folder) if is_by_variable else _told_by_author(call, given, folder))]
    if given.has("--root", "--path"):
        bins = posixpath.join(_install_root(call, given), "bin")
        made.append(Write(bins, Kind.CROSS, call.place, call.spelled()))
    return Effect(writes=tuple(made), output=Kind.CROSS, needs=_needs(call), compiles=True)


def _told_by_author(call: Call, given: Reading, folder: str) -> Iterator[Write]:
    """The same where the author names the target: the programs that the stage takes, and what lies beside."""
    own, profile = _own_target(call, given), _profile(call, given)
    if own is None:
        raise refused(call, "it compiles for the build machine")
    taken = re.findall(rf"(?<=/{re.escape(profile)}/)[\w-]+(?![\w./-])", call.around.text)
    named = triples(call.around.platforms, own)
    for place in (folder, *(f"{folder}/{triple}" for triple in named)):
        yield from (_own_write(call, f"{place}/{profile}/{name}") for name in _BESIDE_PROGRAMS)
    for place in (f"{folder}/{triple}" for triple in named):
        yield Write(place, Kind.CROSS, call.place, call.spelled(), is_listed=True)
        for name in sorted({*taken}.difference(_BESIDE_PROGRAMS)):
            path = f"{place}/{profile}/{name}"
            yield Write(path, Kind.CROSS, call.place, call.spelled(), is_file=True)


_BESIDE_PROGRAMS = words("build deps examples incremental .fingerprint")


def _put_in_place(call: Call) -> Effect | None:
    """`install -D` that puts what was compiled for the target where it would be without one."""
    raw = [word.raw for word in call.words]
    is_own = len(raw) == 4 and raw[1] == "-D" and raw[2].replace(f"/{TOLD}/", "/", 1) == raw[3] != raw[2]
    if not is_own:
        return None
    path = call.seen(call.texts[3])
    made = Write(path, Kind.CROSS, call.place, call.spelled(), is_file=path is not None)
    return Effect(writes=(made,), reads=(), output=Kind.TARGET, needs=_needs(call), sees_environment=False)


def _assigned_target(call: Call) -> str:
    return call.assignments["CARGO_BUILD_TARGET"][0].raw if "CARGO_BUILD_TARGET" in call.assignments else ""


# -- cargo chef: the packages in a layer of their own

_COOK = grammar(f"{_COMMON} --recipe-path= --no-build --no-std --check --clippy --zigbuild --timings --debug")


def _chef(call: Call) -> Effect:
    """LukeMathWalker/cargo-chef: `prepare` writes what a workspace requires into a file, the same on every
    machine; `cook` compiles that, with a stub in place of all sources.
    """
    step = call.texts[2] if call.texts[1:2] == ("chef",) and len(call.texts) > 2 else None
    if step == "prepare":
        kind = word_kind(call)
        path = _value_of(call, "--recipe-path") or "recipe.json"
        return plain(
            call, kind, (Write(call.seen(path), kind, call.place, call.spelled(), is_file=True),), (".",)
        )
    if step != "cook":
        return anything(call)
    is_told = any(word.raw == TOLD for word in call.words)
    if call.around.is_pinned_by_author and not is_told and TELLER not in call.around.text:
        return anything(call)
    given = _reading(_behind(call, 2), _COOK)
    is_named = call.around.is_pinned_by_author and not is_told
    folder = target_folder(call, given, None)
    if is_told or is_named:
        made = tuple(_told_by_author(call, given, folder)) if is_named else _own_writes(call, folder)
        return Effect(writes=made, output=Kind.CROSS, needs=_needs(call), compiles=True)
    if given.has("--check", "--clippy", "--zigbuild"):
        raise refused(call, "it does not compile for the image")
    own = _check(call, given)
    crates, questions = _asked_for_toolchain(call)
    if own == MUSL:
        _check_musl(call, crates, None)
    _check_read(call, given)
    end = call.words[2].span.end
    why = "compile for the target; its stubs are removed from the target's folder"
    told = ((Span(end, end), f" --target {TOLD}", why),) if own is None else ()
    return Effect(
        writes=(*_own_writes(call, folder, own), *_stubs(call)),
        output=Kind.CROSS,
        demand=Demand(words=told, before=(_before(call, crates),)),
        needs=_needs(call),
        evidence=(Evidence(f"`{call.spelled()}` compiles packages that later commands take", call.place),),
        questions=questions,
        compiles=True,
    )


def _behind(call: Call, at: int) -> Call:
    """The command without its word at `at`."""
    words_, texts, kinds = ((*x[:at], *x[at + 1 :]) for x in (call.words, call.texts, call.kinds))
    return replace(call, words=words_, texts=texts, kinds=kinds)


def _stubs(call: Call) -> tuple[Write, ...]:
    """What it writes beside: manifests and stubs of sources."""
    kind = word_kind(call)
    return (Write(call.directory, kind, call.place, call.spelled(), adds=True, is_listed=True),)


def _value_of(call: Call, option: str) -> str | None:
    following = (*call.texts[1:], None)
    for at, text in enumerate(call.texts):
        if text == option:
            return following[at]
        if text is not None and text.startswith(f"{option}="):
            return text.partition("=")[2]
    return None


def _asked_for_toolchain(call: Call) -> tuple[Crates, tuple[Question, ...]]:
    """What the builder says of its toolchain alone."""
    assert call.directory is not None
    question = Question(
        call.around.stage,
        call.number,
        _READY,
        f"which toolchain `{call.spelled()}` of line {call.place.line} uses",
        toolchain_probe(call.directory),
        call.command.span.start,
        call.directory,
    )
    refusal = why_no_compiler(call, call.packages, "it links for the target", "build for one platform")
    if refusal is not None:
        raise RefusedError(refusal)
    answer = call.around.knowledge.answers.get(question.key)
    if answer is None:
        text = "which toolchain it uses has to be asked, in the builder"
        raise refused(call, text, "plan or build with an engine", question)
    crates = _answered(call, answer)
    for why, cure in file_troubles(crates.files):
        raise refused(call, why, cure)
    return crates, (question,)


# -- what stands in the way


def _reading(call: Call, options: Grammar) -> Reading:
    """The words of the command without its verb."""
    at = _verb(call)
    words_, texts = ((*x[:at], *x[at + 1 :]) for x in (call.words, call.texts))
    inner = replace(call, words=words_, texts=texts)
    given = read(options, inner.texts[1:], open_words(inner), Style.GNU, patterns(inner))
    if given is None:
        raise refused(
            call,
            "it has an option that is not known",
            "write its options out, and none but those of cargo's help",
        )
    return given


def _check(call: Call, given: Reading) -> str | None:
    """Raises RefusedError where the command cannot be edited, or what it reads is not accounted for; else the
    C library of the target that the author names, if one is named.
    """
    if given.operands and not given.has("--path"):
        raise refused(call, "it has a word that is not known")
    if not call.is_editable:
        raise refused(
            call, "in exec form no variable is expanded", "write it in shell form: RUN cargo build …"
        )
    if call.condition >= Kind.BUILD:
        raise refused(call, "whether it runs depends on the machine", "test $TARGETARCH instead")
    if any(s.kind == "substitution" and call.script[s.span.start] == "`" for s in call.command.scopes):
        raise refused(call, "in backticks nothing can be added safely", "write $(…) in their place")
    for word, kind in zip(call.words, call.kinds, strict=True):
        if kind >= Kind.BUILD and not _PROCESSORS.fullmatch(word.raw):
            raise refused(call, f"`{word.raw}` depends on the machine or cannot be told", "write it out")
    own = _own_target(call, given)
    if call.directory is None:
        raise refused(call, "where it runs cannot be told", "set WORKDIR")
    removing = _REMOVING.finditer(call.around.text)
    if any(own is not None or m["front"] is None or m["name"] != "rm" for m in removing):
        raise refused(
            call,
            "another command removes some of what cargo keeps, which it would not find in a target's folder",
            _TOUCH,
        )
    _check_variables(call, but=() if own is None or given.has("--target") else (_TARGET,))
    _check_settings(call)
    _check_own_cargo(call)
    return own


_TARGET = "CARGO_BUILD_TARGET"


def _target_at(call: Call) -> int | None:
    """The index of the word that --target has as its value, or in it."""
    for n, text in enumerate(call.texts):
        if text is not None and text.partition("=")[0] == "--target":
            return n if "=" in text else n + 1
    return None


def _own_target(call: Call, given: Reading) -> str | None:
    """The C library of the target that the author names, the right one for each platform; None where none is
    named. Raises RefusedError.
    """
    at, variable, kind = _target_at(call), call.variables.get(_TARGET), Kind.PORTABLE
    named: Mapping[Platform, str] = {}
    if given.has("--target"):
        text, named = given.value("--target"), call.by_target.get(at if at is not None else "", {})
    elif _TARGET in call.assignments and call.assignments[_TARGET][0].value != "":
        word, kind = call.assignments[_TARGET]
        text, named = word.value, call.by_target.get(_TARGET, {})
    elif variable is not None and variable.origin != "shell" and variable.text != "":
        text, named, kind = variable.text, variable.by_target, variable.kind
    else:
        return None
    platforms = call.around.platforms or ()
    if text is not None:
        named = dict.fromkeys(platforms, text)
    found = c_library_of({p: name.removeprefix("--target=") for p, name in named.items()})
    is_whole = 0 < len(named) == len(platforms) and len(given.values("--target")) < 2
    if found is not None and is_whole and kind.is_right:
        return found
    which = f", {text}, which is that of one machine" if text else ""
    cure = next((cure for end, cure in _CURES.items() if (text or MUSL).endswith(end)), None)
    raise refused(call, f"it names its target itself{which}", cure)


_BY_MACHINE = (
    "for amd64 and arm64 name $(uname -m)-unknown-linux-musl in its place, and take the program from "
    "target/$(uname -m)-unknown-linux-musl/release/ by cp in a RUN, or from target/*/release/ by COPY --from"
)
_CURES = {GNU: "leave --target out, and the target's folder of what is taken", MUSL: _BY_MACHINE}


def _check_musl(call: Call, crates: Crates, judgement: CrateJudgement | None) -> None:
    """rustc can link for musl with nothing but what it brings."""
    if not crates.toolchain:
        raise refused(call, "the standard library for musl comes by rustup alone", "use a rust image")
    given = (v.text for v in call.variables.values())
    texts = (*crates.files.values(), call.around.text, *(text for text in given if text))
    if any("-crt-static" in text for text in texts):
        raise refused(call, "without crt-static it links with libraries of musl, which Debian does not have")
    linked = [m[1] for text in _sources(call) for m in _LINKED.finditer(text)]
    if judgement is not None:
        linked += (*judgement.compiled, *sorted(judgement.libraries))
    if linked:
        raise refused(
            call,
            f"it takes C for musl ({', '.join(linked)}), and Debian has no cross compiler for musl",
            "name $(uname -m)-unknown-linux-gnu in place of musl; or FROM --platform=$BUILDPLATFORM and "
            "cargo zigbuild (pip install ziglang cargo-zigbuild), which brings a C compiler for every target",
        )


def _zigbuild(call: Call) -> Effect:
    """messense/cargo-zigbuild."""
    if call.around.is_pinned_by_author:
        return anything(call)
    raise refused(
        call,
        "what zig brings and compiles is not followed",
        "it compiles for every platform: FROM --platform=$BUILDPLATFORM, and a target by $TARGETARCH",
    )


# Variables that choose the toolchain and the folders of its settings. The question does not see them where
# they are assigned in front of the command alone.
_ASKED_WITHOUT = words("CARGO_HOME HOME RUSTUP_HOME RUSTUP_TOOLCHAIN")


_ASKED_ABOUT = words("Cargo.toml Cargo.lock build.rs")


def _check_settings(call: Call) -> None:
    """The command has the settings and the toolchain that were asked about and made ready."""
    assert call.directory is not None
    for name in _ASKED_WITHOUT:
        if name in call.assignments:
            raise refused(call, f"cargo is asked without its {name}", f"set {name} by ENV, or export it")
    places = settings_places(call.directory, _home(call))
    made = [w for path in places for w in call.writes.exactly(path)]
    made += (w for name in _ASKED_ABOUT for w in call.writes.called(name))
    of_target = next((w for w in made if w.kind in _OF_TARGET), None)
    if of_target is not None:
        text = (
            f"line {of_target.place.line} makes {of_target.path} for each platform, and one of them is asked"
        )
        raise refused(call, text, "make it the same for all platforms")
    for mount in call.run.mounts:
        place = mount.get("target")
        target = absolute(place, call.scope.workdir()) if place else None
        if mount.type != "bind" and target and any(is_within(path, target) for path in places):
            raise refused(
                call,
                f"a mount over {target} hides or brings settings of cargo",
                "mount what is below it alone",
            )
    for path in call.around.context.files():
        if posixpath.basename(path) == "Cargo.toml" and _UNSTABLE.search(
            call.around.context.read(path) or ""
        ):
            raise refused(call, f"{path} asks for features of cargo that are not stable (cargo-features)")


_UNSTABLE = expression(r"^\s*cargo-features\s*=", re.MULTILINE)


_TOUCH = "touch the sources in its place, or remove all of target"
_LIES = "with a target lies in that target's folder"
# Parts of what cargo keeps that are removed, so that it compiles them anew; `front` is there where the
# command stands by itself.
_REMOVING = expression(
    r"(?P<front>(?:^|[;&|\n])\s*(?:RUN\s+(?:--\S+\s+)*)?)?\b(?P<name>rm|find)\b"
    r"(?=[^\n;&|]*(?:\btarget|TARGET_DIR\}?)[\"']?/(?!\$\(xbuild)\S)"
)
_KEPT = expression(r"(?P<folder>\"?(?:[\w./-]*/)?target/)(?=(?!\$\()[\w.-]+[/\"*\w.-]*$)")


def _removes(call: Call) -> Effect | None:
    """`rm`, `mv` or `find` of parts of what cargo keeps. With a target they lie in the target's folder: the
    words of an `rm` that name them are told so; other parts are remembered, for a later build.
    """
    program = call.around.programs.get(call.program_name)
    compiles = _COMPILING.search(call.around.text) is not None
    if program is None or not compiles or call.around.is_pinned_by_author:
        return None
    named = call.words[1:] if call.program_name == "rm" else ()
    found = [(word, match) for word in named if (match := _KEPT.match(word.raw)) is not None]
    places = [word.span.start + match.end("folder") for word, match in found]
    why = "with a target cargo keeps it in a folder of that target's own"
    # How these files are called depends on the machine, and no one looks at it.
    rest = [n for n, word in enumerate(call.words) if all(word is not other for other, _ in found)]
    inner = replace(
        call,
        words=tuple(call.words[n] for n in rest),
        texts=tuple(call.texts[n] for n in rest),
        kinds=tuple(call.kinds[n] for n in rest),
    )
    parts = tuple(_removed(inner))
    if not found and not parts:
        return None
    effect = program.effect(inner)
    made = tuple(Write(p, Kind.BUILD, call.place, call.spelled(), is_change=True) for p in parts)
    effect = replace(effect, writes=(*effect.writes, *made))
    if not found:
        return effect
    demand = Demand(words=tuple((Span(at, at), f"{TOLD}/", why) for at in places))
    return replace(effect, demand=demand, needs=_needs(call))


def _removed(call: Call) -> Iterator[str]:
    """The paths, or patterns of paths, of parts of what cargo keeps that the command takes away."""
    is_search = call.program_name == "find"
    if is_search and not {"-delete", "rm"} & {*call.texts}:
        return
    kept = {made.path for made in call.writes.where(_is_kept) if made.path is not None}
    for word, text in zip(call.words[1:], call.texts[1:], strict=True):
        path = call.seen(text) if text is not None and not text.startswith("-") else None
        if path is None or any(w.by[1:2] == ("cargo",) and _is_cross(w) for w in call.writes.exactly(path)):
            continue
        for folder in (*kept, *_FOLDER_OF_CARGO.findall(path)):
            # Braces are a pattern as well, but one that stands for less than all.
            is_whole = path == folder or (path == f"{folder}/*" and "{" not in word.raw)
            is_part = is_within(path, folder) and not is_whole
            if is_part or (is_search and overlaps(path, folder)):
                yield path if is_within(path, folder) and path != folder else f"{folder}/*"


_FOLDER_OF_CARGO = expression(r"^.*/target(?=/|$)")


def _is_kept(made: Write) -> bool:
    return made.by[1:2] == ("cargo",) and made.kind is Kind.BUILD and made.is_listed


def _is_removed(made: Write) -> bool:
    return made.is_change and made.by[1:2] in (("rm",), ("mv",), ("find",))


_OF_TARGET = (Kind.CROSS, Kind.TARGET)


def _is_cross(made: Write) -> bool:
    return made.kind in _OF_TARGET


def _strips(call: Call) -> Effect | None:
    """`strip` of what was compiled for the target: by the target's own."""
    given = read(_STRIP, call.texts[1:], open_words(call), Style.GNU, patterns(call))
    if given is None or not given.operands or call.around.is_pinned_by_author:
        return None
    compiled = (w for w in call.writes.where(_is_cross) if w.kind is Kind.CROSS or w.is_file)
    is_ready = any(made.by[1:2] == ("cargo",) for made in compiled)
    if not is_ready or any(source_kind(call, path) not in _OF_TARGET for path in given.operands):
        return None
    span = call.words[0].span
    why = "the build machine's cannot read programs of other machines"
    return replace(strip_effect(call, given), demand=Demand(words=((span, STRIP, why),)), needs=_needs(call))


_STRIP = grammar(STRIP_OPTIONS)


def _check_variables(call: Call, but: Sequence[str] = ()) -> None:
    for why, cure in variable_troubles(call, but):
        raise refused(call, why, cure)


def _check_own_cargo(call: Call) -> None:
    """Nothing else is called cargo or rustc, and the lock file is the project's."""
    for made in call.writes.called("Cargo.lock"):
        if made.by[1:2] == ("cargo",):
            text = f"line {made.place.line} makes its Cargo.lock, which may be another one each time"
            raise refused(call, text, "commit Cargo.lock, and COPY it")
    for name in ("cargo", "rustc"):
        for made in call.writes.called(name):
            if not made.is_package:
                raise refused(call, f"{made.path} of line {made.place.line} may not be Rust's {name}")


def _check_read(call: Call, given: Reading) -> None:
    """Nothing that cargo may read is wrong for the target."""
    assert call.directory is not None
    apart = (*TOOL_FOLDERS, "/usr/local/cargo", "/usr/local/rustup", "/root/.cargo", "/root/.rustup")
    kept = target_folder(call, given, None)
    included = tuple(dict.fromkeys(_included(call)))
    _check_included(call, included)
    for made in call.writes.where(_is_removed):
        if made.path is not None and made.path != kept and is_within(made.path, kept):
            text = f"line {made.place.line} removes some of what cargo keeps (`{made.text}`), which {_LIES}"
            raise refused(call, text, _TOUCH)
    for made in call.writes.where(_is_wrong):
        path = made.path
        is_beside = path is not None and is_in_any(path, apart) and not overlaps(path, call.directory)
        if is_beside and not _is_named(call, made, included):
            continue
        if path is not None and (_is_of_cargo(made) or (is_within(path, kept) and _is_apart(made))):
            continue
        what = "is for the build platform" if made.kind is Kind.BUILD else "cannot be told"
        raise RefusedError(
            Reason(
                f"`{call.spelled()}` may read what line {made.place.line} left (`{made.text}`), and that "
                f"{what}",
                made.place,
                path,
                "move that step to a stage of its own, or behind the build, or make its output the same "
                "for all platforms",
            )
        )


def _is_named(call: Call, made: Write, included: Sequence[str]) -> bool:
    """Whether a source of the project names a file, or the folder in which it lies, by its absolute path."""
    if made.path is None or made.is_package:
        return False
    if any(made.path.startswith(path) or is_within(path, made.path) for path in included):
        return True
    return made.is_file and any(made.path in text for text in _sources(call))


def _sources(call: Call) -> Iterator[str]:
    return (text for _, text in _named_sources(call))


def _named_sources(call: Call) -> Iterator[tuple[str, str]]:
    """The sources of the project by their paths: those of Rust, and what these have compiled under another
    ending.
    """
    context = call.around.context
    found = [(path, context.read(path) or "") for path in context.files() if path.endswith(".rs")]
    yield from found
    named = {posixpath.basename(m["text"]) for _, text in found for m in _COMPILED.finditer(text)}
    for path in context.files() if named else ():
        if posixpath.basename(path) in named and not path.endswith(".rs"):
            yield path, context.read(path) or ""


_STRING = r"(?:/\*.*?\*/\s*)?(?:b?r?#*)\"(?P<text>[^\"]*)\""
_COMPILED = expression(rf"(?:\binclude\s*!\s*[(\[{{]\s*|#\[\s*path\s*=\s*){_STRING}")
# What takes files into a program: macros of the standard library and of include_dir, rust-embed's attribute.
_INCLUDES = expression(
    r"(?:\binclude(?:_bytes|_str|_dir)?\s*!\s*[(\[{]\s*(?:concat\s*!\s*\(\s*)?|#\[\s*(?:folder|path)\s*=\s*)"
    rf"(?:(?P<named>env\s*!\s*\(\s*)?){_STRING}"
)


def _included(call: Call) -> Iterator[str]:
    """The paths out of the project, or how they begin, of what its sources take into a program; absolute."""
    folder = call.directory or "/"
    for file, text in _named_sources(call):
        for match in _INCLUDES.finditer(text):
            variable = call.variables.get(match["text"]) if match["named"] else None
            path = (variable.text or "" if variable is not None else "") if match["named"] else match["text"]
            if "\\" in path:
                raise refused(call, f"{file} takes in a file whose name is spelled out")
            if match["named"] and not path.startswith("/"):
                continue
            place = posixpath.normpath(posixpath.join(folder, posixpath.dirname(file), path))
            if path.startswith("/"):
                yield path
            elif not is_within(place, folder):
                yield place


# Where a file of one name is another one on each machine.
_OF_MACHINE = (
    *(f for f in TOOL_FOLDERS if posixpath.basename(f).startswith(("bin", "sbin", "lib"))),
    "/usr/games",
    "/proc",
    "/sys",
    "/usr/local/cargo",
    "/usr/local/rustup",
    "/root/.cargo",
    "/root/.rustup",
)


def _check_included(call: Call, included: Sequence[str]) -> None:
    """No program or library of the build machine is taken into a program for the target."""
    for path in included:
        made = tuple(call.writes.exactly(path))
        if is_in_any(path, _OF_MACHINE) and not (made and all(one.kind.is_right for one in made)):
            raise refused(
                call, f"a source takes in {path}, which is the build machine's", "COPY it into the project"
            )
    named = next((m[1] for text in _sources(call) for m in _NAMES_MACHINE.finditer(text)), None)
    if named is not None:
        raise refused(call, f"a source takes in {named}, which has the name of the build machine in it")
    for file, text in _named_sources(call):
        strange = next((why for pattern, why in _UNTOLD if pattern.search(text)), None)
        if strange is not None:
            raise refused(call, f"{file} {strange}")
        library = next((m[1] for m in _LINKED.finditer(text) if m[1] not in _OF_THE_C_LIBRARY), None)
        if library is not None:
            raise refused(call, f"{file} links with {library}, which may be there for one machine alone")


# Variables that cargo and rustup set where rustc runs: CARGO is cargo's path, in a folder named for the host.
_NAMES_MACHINE = expression(
    r"\b(?:option_)?env\s*!\s*[(\[{]\s*(?:/\*.*?\*/\s*)?r?#*"
    r"\"(RUSTUP_TOOLCHAIN|CARGO_BUILD_TARGET|LD_LIBRARY_PATH|CARGO|RUSTC|PATH)\""
)
_UNTOLD = (
    (
        expression(r"\b(?:option_)?env\s*!\s*[(\[{]\s*(?!r?#*\"|/\*|\))"),
        "takes in a variable whose name is put together",
    ),
    (
        expression(r"\b(?:option_env|include(?:_str|_bytes)?)\s+as\s+\w|\{[^{};]*\benv\s+as\s+\w"),
        "gives a macro that takes something in another name",
    ),
)
_LINKED = expression(r"#\[(?:\w+\([^)]*,\s*)?link\s*\([^)]*\bname\s*=\s*\"([^\"]*)\"")
_OF_THE_C_LIBRARY = frozenset(words("c m pthread dl rt util gcc_s gcc"))


def _is_of_cargo(made: Write) -> bool:
    """Whether cargo made it for the build machine, apart from what is for a target."""
    return made.by[1:2] == ("cargo",) and made.kind is Kind.BUILD


def _is_apart(made: Write) -> bool:
    """Whether what lies in the folder of what cargo makes is apart from what is for a target: what is for
    the build machine, and a cache that has a name of the target's own (`target_caches`).
    """
    return made.kind is Kind.BUILD or made.by == ("RUN",)


def _is_wrong(made: Write) -> bool:
    return not made.kind.is_right


def _check_place(call: Call) -> None:
    """What is made can be put in its place right behind the command."""
    scopes = call.command.scopes
    if any(s.kind in ("pipeline", "negation", "background") or s.condition for s in scopes):
        raise refused(
            call, "what it makes would have to be put in its place behind it", "give it a RUN of its own"
        )
    if _EXEC.search(call.script[call.command.span.start : call.words[0].span.start]):
        raise refused(call, "nothing runs behind `exec`", "leave exec out")


_EXEC = expression(r"\bexec\b")


# -- what cargo says


def _selected(call: Call, given: Reading) -> tuple[str, ...]:
    """The options that tell the packages and features, for cargo tree."""
    found: list[str] = []
    for option in given.options:
        if option.name in ("--all-features", "--no-default-features", "--workspace", "--all"):
            found.append("--workspace" if option.name == "--all" else option.name)
        elif option.name in ("-p", "--exclude", "-F", "--manifest-path"):
            if option.value is None:
                raise refused(call, f"the value of {option.name} cannot be told", "write it out")
            long = {"-p": "--package", "-F": "--features"}.get(option.name, option.name)
            found += [long, option.value]
    return tuple(found)


def _programs(given: Reading) -> tuple[str, ...]:
    """The programs that are built, where these are named, and nothing else is."""
    others = ("--bins", "--lib", "--examples", "--example", "--tests", "--test", "--benches", "--bench")
    if given.has("-p", "--workspace", "--all", "--all-targets", *others):
        return ()
    return tuple(name for name in given.values("--bin") if name is not None)


def _asked(
    call: Call, selected: Sequence[str], programs: Sequence[str], own: str | None
) -> tuple[Crates, CrateJudgement, tuple[Question, ...]]:
    """What the builder says of the packages, or what the context alone proves; if programs are named, of
    those that they need. `own` is the C library of the target that the author names. Raises RefusedError.
    """
    assert call.directory is not None
    platforms = call.around.platforms
    question = Question(
        call.around.stage,
        call.number,
        _CRATES,
        f"which packages `{call.spelled()}` of line {call.place.line} compiles, and what their build scripts "
        "and macros look at",
        crates_probe(call.directory, selected, triples(platforms, own or GNU)),
        call.command.span.start,
        call.directory,
    )
    knowledge = call.around.knowledge
    answer = knowledge.answers.get(question.key)
    refusal = why_no_compiler(call, call.packages, "it links for the target", "build for one platform")
    if refusal is not None:
        raise RefusedError(refusal)
    if answer is None:
        broken = unreadable(call)
        if broken is not None:
            raise refused(call, f"{broken} cannot be read", "correct it")
        crates = None if knowledge.may_ask else crates_of_context(call)
        if crates is None:
            raise refused(
                call,
                "what the build scripts and macros of its packages look at has to be asked, in the builder",
                "plan or build with an engine",
                question,
            )
    else:
        crates = _answered(call, answer)
    for why, cure in file_troubles(crates.files):
        raise refused(call, why, cure)
    if crates.failed is not None and not _is_followed(call):
        raise refused(call, f"cargo says: {crates.failed}", "commit a Cargo.lock that fits, and COPY it")
    judgement = judge_crates(needed_for(crates, programs), platforms)
    for why, cure in judgement.refused:
        raise refused(call, why, cure)
    if own == MUSL:
        _check_musl(call, crates, judgement)
    _check_libraries(call, judgement)
    return crates, judgement, (question,) if answer is not None else ()


_RELEASE = expression(r"rustc (\d+)\.(\d+)")
_OLDEST = (1, 56)
"""The Cargo Book, "Configuration", `env`."""


def _is_followed(call: Call) -> bool:
    """Whether a later RUN of the stage compiles again: where cargo cannot tell what this one compiles,
    without a lock file yet, it is there to warm up. What is compiled again, or not, is then asked there.
    """
    stage = call.scope.graph.stages[call.scope.stage]
    later = stage.instructions[call.instruction + 1 :]
    return any(isinstance(i, Run) and _COMPILING.search(i.logical.text) for i in later)


def _answered(call: Call, answer: str) -> Crates:
    try:
        crates = read_crates(answer)
    except NotToldByCargoError as error:
        raise refused(call, f"what cargo says cannot be read: {error}") from error
    if not crates.host.endswith("-linux-gnu"):
        raise refused(call, f"its compiler is for {crates.host or 'no known machine'}")
    release = _RELEASE.match(crates.release)
    if release is None or (int(release[1]), int(release[2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise refused(call, f"its compiler is older than {oldest}", f"use rust:{oldest} or later")
    if any(
        posixpath.dirname(path) in (_home(call), "/root/.cargo", "/usr/local/cargo") for path in crates.files
    ):
        raise refused(call, "cargo's own folder has settings in it", "keep them in .cargo of the project")
    return crates


def _check_libraries(call: Call, judgement: CrateJudgement) -> None:
    """Libraries that a build takes from the system can be had for the target."""
    alone = next((name for name in sorted(judgement.libraries) if name not in SIDE_BY_SIDE), None)
    if alone is not None:
        raise refused(call, f"{alone} is not known to be installable for several architectures side by side")
    if judgement.libraries:
        packages = frozenset(p for p in call.packages if not p.endswith("-dev"))
        debian = replace(call.around.image, name="debian")
        inner = replace(call, around=replace(call.around, image=debian))
        refusal = why_not(inner, packages, "it takes libraries of the system", "bring them with the project")
        if refusal is not None:
            raise RefusedError(refusal)


def _before(call: Call, crates: Crates) -> tuple[int, tuple[str, ...], str]:
    """The RUN that makes the targets ready, alike for all commands of the file."""
    platforms = call.around.platforms
    judgements = tuple(_answered_judgements(call))
    std = () if crates.toolchain else crates.std
    if not crates.toolchain and not std:
        raise refused(call, "where its standard library for the target comes from is not known", "use rustup")
    texts = (call.around.text, *(v.text or "" for v in call.variables.values()))
    has_musl = any(f"-linux-{MUSL}" in text for text in texts)
    toolchain = _own_toolchain(call, crates) if crates.toolchain else None
    rustup = rustup_lines(platforms, toolchain, has_musl=has_musl) if crates.toolchain else ()
    lines = ready_lines(
        platforms,
        (*std, *sorted({name for j in judgements for name in j.libraries & SIDE_BY_SIDE})),
        has_c=any(j.compiled for j in judgements),
        has_cxx=any(j.has_cxx for j in judgements),
        has_musl=has_musl,
        rustup=rustup,
        home=_home(call),
    )
    return insert_at(call), lines, "the standard library, the linker and the C compiler of each target"


def _answered_judgements(call: Call) -> Iterator[CrateJudgement]:
    """What follows from all that cargo was asked about."""
    for key, answer in call.around.knowledge.answers.items():
        if key.endswith(f":{_CRATES}"):
            try:
                yield judge_crates(read_crates(answer), call.around.platforms)
            except NotToldByCargoError:
                continue


def _own_toolchain(call: Call, crates: Crates) -> str | None:
    """The toolchain that the project asks for, or the stage has chosen; None where it is the image's own."""
    is_asked = any(posixpath.basename(path).startswith("rust-toolchain") for path in crates.files)
    is_chosen = CHOOSES_TOOLCHAIN.search(call.around.text) is not None
    if not is_asked and "RUSTUP_TOOLCHAIN" not in call.variables and not is_chosen:
        return None
    name = crates.toolchain.split()[0].removesuffix(f"-{crates.host}")
    if not _RELEASED.fullmatch(name):
        raise refused(call, f"its toolchain {name} is none that rustup brings", "name a release or a channel")
    return name


# The rustup Book, "Toolchains"; the rest are those that `rustup toolchain link` names.
_RELEASED = expression(
    r"(?:stable|beta|nightly|\d+\.\d+(?:\.\d+)?(?:-beta(?:\.\d+)?)?)(?:-\d{4}-\d\d-\d\d)?(?:-\w+-\w+-linux-\w+)?"
)


def _home(call: Call) -> str:
    variable = call.variables.get("CARGO_HOME")
    if variable is not None and variable.text:
        return variable.text.rstrip("/")
    if is_rust(call.around.image):
        return "/usr/local/cargo"
    user = call.variables.get("HOME")
    return posixpath.join((user.text if user is not None else None) or "/root", ".cargo")


# -- where things are


def target_folder(call: Call, given: Reading, crates: Crates | None) -> str:
    """The folder of what cargo makes (The Cargo Book, "Build Cache"). Raises RefusedError."""
    told_: list[str | None] = []
    if given.has("--target-dir"):
        told_.append(given.value("--target-dir"))
    elif "CARGO_TARGET_DIR" in call.assignments:
        told_.append(call.assignments["CARGO_TARGET_DIR"][0].value)
    elif (variable := call.variables.get("CARGO_TARGET_DIR")) is not None and variable.origin != "shell":
        told_.append(variable.text)
    elif crates is not None and crates.target_folder:
        told_.append(crates.target_folder)
    else:
        told_.append("target")
    found = absolute(told_[0], call.directory) if told_[0] else None
    if found is None:
        raise refused(call, "where it puts what it makes cannot be told", "set CARGO_TARGET_DIR by ENV")
    return found


def _shown(folder: str, directory: str | None) -> str:
    """A folder as it is written in a command that runs in `directory`."""
    if directory is not None and is_within(folder, directory) and folder != directory:
        return posixpath.relpath(folder, directory)
    return folder


def _profile(call: Call, given: Reading) -> str:
    if not given.has("--profile"):
        return "release" if given.has("-r") else "debug"
    name = given.value("--profile")
    if name is None:
        raise refused(call, "the profile cannot be told", "write it out")
    return _PROFILES.get(name, name)


def _install_root(call: Call, given: Reading) -> str:
    root = given.value("--root")
    if given.has("--root"):
        found = call.seen(root) if root is not None else None
        if found is None:
            raise refused(call, "where it installs cannot be told", "write --root out")
        return found
    variable = call.variables.get("CARGO_INSTALL_ROOT")
    if variable is not None and variable.origin != "shell":
        if variable.text is None:
            raise refused(call, "where it installs cannot be told", "write --root PATH")
        return variable.text
    return _home(call)


def _made(call: Call, given: Reading, crates: Crates, *, programs_alone: bool = False) -> tuple[str, ...]:
    """The names of the files that it makes, as far as they are sure."""
    if given.has("--bin"):
        return tuple(n for n in given.values("--bin") if n is not None)
    chosen = list(_chosen(call, given, crates))
    only = given.has("--lib", "--example", "--examples", "--test", "--tests", "--bench", "--benches")
    has_programs = not only or given.has("--bins", "--all-targets")
    has_libraries = not given.has("--bins") and (not only or given.has("--lib", "--all-targets"))
    programs = [n for p in chosen for n in p.programs] if has_programs else []
    libraries = [n for p in chosen for n in p.libraries] if has_libraries and not programs_alone else []
    return tuple(dict.fromkeys((*programs, *libraries)))


def _chosen(call: Call, given: Reading, crates: Crates) -> Iterator[BuiltPackage]:
    """The packages of the workspace that are built."""
    own = [p for p in crates.packages if p.folder in crates.members]
    names = given.values("-p")
    manifest = given.value("--manifest-path")
    where = call.seen(posixpath.dirname(manifest) or ".") if manifest else call.directory
    if given.has("--workspace", "--all"):
        yield from (p for p in own if p.name not in given.values("--exclude"))
    elif names:
        yield from (p for p in own if p.name in names)
    elif where != crates.root and any(p.folder == where for p in own):
        yield from (p for p in own if p.folder == where)
    else:
        # Before cargo 1.71 nobody tells: the package of the root, or all where it has none.
        root = [p.folder for p in own if p.folder == crates.root]
        yield from (p for p in own if p.folder in (crates.default or root or crates.members))


def _is_used(call: Call, folder: str, profile: str, name: str) -> bool:
    """Whether the stage names a file that is made, or another stage takes it."""
    if call.around.is_taken(f"{folder}/{profile}/{name}"):
        return True
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", call.around.text) is not None


def _plain_name(operand: str | None) -> str | None:
    return operand.partition("@")[0] if operand is not None else None


# Programs of packages that are called otherwise.
_BROUGHT: dict[str, tuple[str, ...]] = {
    "cargo-edit": words("cargo-add cargo-rm cargo-upgrade cargo-set-version"),
    "cargo-binutils": words(
        "cargo-nm cargo-objcopy cargo-objdump cargo-readobj cargo-size cargo-strip rust-nm"
    ),
    "diesel_cli": ("diesel",),
    "sqlx-cli": ("sqlx", "cargo-sqlx"),
    "sea-orm-cli": ("sea-orm-cli", "sea"),
    "refinery_cli": ("refinery",),
    "wasm-bindgen-cli": ("wasm-bindgen", "wasm-bindgen-test-runner", "wasm2es6js"),
    "ripgrep": ("rg",),
    "fd-find": ("fd",),
}


# -- what is for the build machine


def _natively(call: Call) -> Effect:
    """Tests, checks, documents: run or written here, in a folder of their own where the stage compiles for
    the target as well.
    """
    _check_variables(call)
    _check_here(call)
    folder = f"{_own_place(call)}/{OWN_FOLDER}"
    is_there = "CARGO_TARGET_DIR" in call.assignments
    is_beside = _COMPILING.search(call.around.text) is not None and not call.around.is_pinned_by_author
    demand = Demand()
    if is_beside and not is_there and call.is_editable and "--target-dir" not in call.texts:
        demand = Demand((("CARGO_TARGET_DIR", folder),), "it is for the build machine")
    path = absolute(folder, call.directory)
    whole = absolute(_own_place(call), call.directory)
    made = path if demand != Demand() or is_there else whole
    # A test works in the folder of its package (The Cargo Book, "cargo test"), and may write what it likes
    # there.
    is_test = call.texts[_verb(call)] in _TESTING and not call.around.is_pinned_by_author
    aside = (written_by_tests(call, call.directory),) if is_test else ()
    return Effect(
        writes=(*((replace(_own_write(call, made), adds=True),) if made else ()), *aside),
        output=Kind.BUILD,
        demand=demand,
        notes=(f"line {call.place.line}: `{call.spelled()}` now runs on the build platform",),
        runs_here=True,
    )


def _check_here(call: Call) -> None:
    """What is to run here is not made for the target."""
    at = _target_at(call)
    if at is not None and at < len(call.kinds) and call.kinds[at] in _OF_TARGET:
        raise refused(call, "it would make for the target what runs here", "leave --target out")


_TESTING = ("test", "t", "bench", "nextest")
_COMPILING = expression(r"\bcargo\b[^\n;&|]*\b(?:build|rustc|install|cook)\b")


def _own_place(call: Call) -> str:
    """The folder of what cargo makes, as it is written."""
    for name in ("CARGO_TARGET_DIR",):
        if name in call.assignments:
            return (call.assignments[name][0].value or "target").removesuffix(f"/{OWN_FOLDER}")
        variable = call.variables.get(name)
        if variable is not None and variable.origin != "shell" and variable.text:
            return variable.text
    return "target"


def _fetches(call: Call) -> Effect:
    """Sources of packages, and the lock file: the same on every machine."""
    kind = word_kind(call)
    folders = (f"{_home(call)}/registry", f"{_home(call)}/git")
    made = [Write(f, kind, call.place, call.spelled(), adds=True) for f in folders]
    lock = f"{call.directory}/Cargo.lock"
    is_there = copied_path(call, lock) is not None or not call.around.context.files()
    if call.directory is not None and (call.texts[_verb(call)] != "fetch" or not is_there):
        made.append(Write(lock, kind, call.place, call.spelled()))
    return replace(plain(call, kind, made), sees_environment=True)


def _begins(call: Call) -> Effect:
    """`cargo new` and `cargo init`: a manifest and a first source, the same on every machine."""
    kind = word_kind(call)
    at = _verb(call) + 1
    names = [t for t in call.texts[at:] if t is None or not t.startswith("-")]
    flags = {t for t in call.texts[at:] if t is not None and t.startswith("-")}
    if len(names) > 1 or not flags <= {"--bin", "--lib", "-q", "--quiet"}:
        return anything(call)
    made = Write(call.seen(names[0] if names else "."), kind, call.place, call.spelled(), is_listed=True)
    return plain(call, kind, (made,))


def _vendors(call: Call) -> Effect:
    kind = word_kind(call)
    path = call.texts[-1] if len(call.texts) > 1 and not (call.texts[-1] or "-").startswith("-") else "vendor"
    made = (Write(call.seen(path), kind, call.place, call.spelled()),)
    return plain(call, kind, made)


def _tells(call: Call) -> Effect:
    return plain(call, Kind.BUILD)


_REMOVERS = dict.fromkeys(words("rm mv find"), _removes)
_BESIDE = {"install": _put_in_place, "strip": _strips}
"""Programs of others that have to do with what cargo makes."""
_VERBS = {
    "build": _build,
    "b": _build,
    "install": _install,
    "chef": _chef,
    "zigbuild": _zigbuild,
    "fetch": _fetches,
    "update": _fetches,
    "generate-lockfile": _fetches,
    "vendor": _vendors,
    "new": _begins,
    "init": _begins,
    "test": _natively,
    "t": _natively,
    "bench": _natively,
    "check": _natively,
    "c": _natively,
    "clippy": _natively,
    "doc": _natively,
    "nextest": _natively,
    "fmt": _tells,
    "tree": _tells,
    "metadata": _tells,
    "version": _tells,
    "locate-project": _tells,
    "pkgid": _tells,
    "search": _tells,
    "audit": _tells,
    "deny": _tells,
    "help": _tells,
}
