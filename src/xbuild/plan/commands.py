"""What common commands do to the filesystem: a table from program to a small function.

A command that is not in the table may do anything. Only effects that matter for the question "is this the
same on every platform" are stated; option letters are those of GNU coreutils, BusyBox, curl, wget, git and
the package managers.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from xbuild.graph.model import PLATFORM_ARGS
from xbuild.plan.filesystem import (
    PACKAGE_FOLDERS,
    TOOL_FOLDERS,
    Kind,
    Write,
    absolute,
    is_in_any,
    join,
    kind_of,
    without_glob,
)
from xbuild.plan.model import Reason
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect, Need

Handler = Callable[[Call], Effect]


def judge(call: Call) -> Effect | None:
    """The effect of a command of the table, or None when it is not in it."""
    name = call.texts[0] if call.texts else None
    if name is None:
        return None
    handler = HANDLERS.get(
        posixpath.basename(name) if name.startswith(("/bin/", "/usr/bin/", "/sbin/")) else name
    )
    return handler(call) if handler else None


# -- reading a call


def word_kind(call: Call) -> Kind:
    """What the words of a command, its input and the conditions around it depend on."""
    return join((*call.kinds, call.condition))


def told_kind(call: Call) -> Kind:
    """What a program started here is told: words, input, conditions, assignments, exported variables."""
    exported = (v.kind for v in call.variables.values() if v.origin == "export")
    assigned = (kind for _, kind in call.assignments.values())
    return join((word_kind(call), *exported, *assigned))


def operands(call: Call, with_value: Iterable[str] = ()) -> tuple[str | None, ...]:
    """The arguments that are no options; `with_value` are options whose value is the next word."""
    found: list[str | None] = []
    takes_value = frozenset(with_value)
    skip = rest = False
    for text in call.texts[1:]:
        if skip:
            skip = False
        elif rest or text is None or not text.startswith("-") or text == "-":
            found.append(text)
        elif text == "--":
            rest = True
        elif text in takes_value:
            skip = True
    return tuple(found)


def option(call: Call, *names: str) -> tuple[bool, str | None]:
    """Whether an option stands there, and its value: `-o X`, `-oX`, `--output X`, `--output=X`."""
    texts = call.texts
    for at, text in enumerate(texts[1:], 1):
        if text is None:
            continue
        for name in names:
            if text == name:
                return True, texts[at + 1] if at + 1 < len(texts) else None
            if name.startswith("--") and text.startswith(name + "="):
                return True, text[len(name) + 1 :]
            if not name.startswith("--") and len(name) == 2 and text.startswith(name) and len(text) > 2:
                return True, text[2:]
    return False, None


def values(call: Call, letter: str, with_value: str, *longs: str) -> list[str | None]:
    """All values of an option, in bundles too: `-sSLo FILE`, `-sSLoFILE`, `--output FILE`. `with_value` are
    the letters of all short options that take a value.
    """
    found: list[str | None] = []
    texts = call.texts
    for at, text in enumerate(texts[1:], 1):
        if text is None or not text.startswith("-"):
            continue
        following = texts[at + 1] if at + 1 < len(texts) else None
        if text.startswith("--"):
            name, equals, value = text.partition("=")
            if name in longs:
                found.append(value if equals else following)
            continue
        taking = next((n for n, c in enumerate(text[1:], 1) if c in with_value), None)
        if taking is not None and text[taking] == letter:
            found.append(text[taking + 1 :] or following)
    return found


def has_flag(call: Call, letter: str, *longs: str) -> bool:
    """Whether a one-letter flag stands in any bundle (`-xzf`), or one of the long names."""
    return any(
        text is not None
        and (text in longs or (text.startswith("-") and not text.startswith("--") and letter in text[1:]))
        for text in call.texts[1:]
    )


def write(call: Call, path: str | None, kind: Kind, *, is_file: bool = False) -> Write:
    """A write to `path`, seen from where the command runs; one that is not known may be anywhere."""
    where = absolute(path, call.directory) if path is not None else None
    is_exact = where is not None and path is not None and without_glob(where) == where and path[-1:] != "/"
    return Write(
        without_glob(where) if where is not None else None,
        kind,
        call.place,
        call.spelled(),
        is_file and is_exact,
    )


def source_kind(call: Call, path: str | None) -> Kind:
    """The kind of a file that the command reads."""
    if path is None:
        return Kind.UNKNOWN
    return kind_of(call.writes, absolute(path, call.directory))


# -- kinds of commands


def nothing(call: Call) -> Effect:
    """Writes nothing; prints what its words and its input say."""
    return Effect(output=join((word_kind(call), call.stdin)))


def prints_folders(call: Call) -> Effect:
    """`ls`, `du`: what stands in the folders that are named, or in this one."""
    effect = prints_files(call)
    return effect if operands(call) else replace(effect, output=join((effect.output, source_kind(call, "."))))


_FILE_TESTS = frozenset(words("-a -b -c -d -e -f -g -h -k -p -r -s -u -w -x -L -N -O -G -S -nt -ot -ef"))
_NAMES_MACHINE = re.compile(
    r"x86|amd64|i[3-6]86|aarch64|\barm|ppc|powerpc|s390|riscv|mips|loong|/ld-|linux-gnu|musl|/lib(?:x?32|64)\b",
    re.IGNORECASE,
)


def tests(call: Call) -> Effect:
    """`[ … ]`: what its words say, and whether files are there that only some platforms have."""
    if not any(t in _FILE_TESTS for t in call.texts[1:]):
        return nothing(call)
    return Effect(output=join((word_kind(call), *(_existence(call, t) for t in call.texts[1:]))))


def _existence(call: Call, text: str | None) -> Kind:
    """The kind of the answer to the question whether a file is there."""
    if text is None or "/" not in text:
        where = absolute(text, call.directory) if text is not None else None
        if where is None or not call.writes.exactly(where):
            return Kind.PORTABLE
    else:
        where = absolute(text, call.directory)
    if where is None:
        return Kind.PORTABLE
    if _NAMES_MACHINE.search(where) or is_in_any(where, ("/proc", "/sys", "/dev")):
        return Kind.BUILD
    made = [w for w in call.writes.covering(where) if w.path is not None and not w.is_package]
    kind = join(w.kind for w in made)
    return Kind.PORTABLE if kind is Kind.CROSS else kind


_RUNS_IN_AWK = re.compile(
    r"\bsystem\b|\bgetline\b|\bPROCINFO\b|(?<!\|)\|\s*[\"&]|\bprintf?\b[^;}]*>|^-f|^--file|^-i"
)


def awk(call: Call) -> Effect:
    """An awk program may run others and write files; one that is read from a file is not looked into."""
    program = next(iter(operands(call, ("-v", "-F", "--assign", "--field-separator"))), None)
    if program is None or any(t is not None and _RUNS_IN_AWK.search(t) for t in call.texts[1:]):
        return anything(call)
    return prints_files(call)


def prints_files(call: Call) -> Effect:
    """Writes nothing; prints what stands in the files it is given."""
    read = [source_kind(call, p) for p in operands(call) if p is not None and _looks_like_path(call, p)]
    return Effect(output=join((word_kind(call), call.stdin, *read)))


def edits_or_prints(call: Call) -> Effect:
    """`yq -i`, `sort -o`: change a file of theirs when told to; else print."""
    if not has_flag(call, "i", "--inplace", "--in-place") and not option(call, "-o", "--output")[0]:
        return prints_files(call)
    kind = join((word_kind(call), call.stdin))
    named = [p for p in operands(call) if p is None or _looks_like_path(call, p)]
    kind = join((kind, *(source_kind(call, p) for p in named)))
    has_output, path = option(call, "-o", "--output")
    made = [path] if has_output and call.texts[0] == "sort" else named
    return Effect(writes=tuple(write(call, p, kind) for p in made), output=kind)


def read_kind(call: Call, texts: Iterable[str | None]) -> Kind:
    """The kind of the files among these words, also behind `=`."""
    parts = [part for text in texts if text is not None for part in (text, text.partition("=")[2])]
    return join(source_kind(call, part) for part in parts if part and _looks_like_path(call, part))


def _looks_like_path(call: Call, text: str) -> bool:
    """Whether a word of `grep`, `sed` or `cat` may name a file: an absolute path, or one that was written
    or comes with the base image.
    """
    if text.startswith("/"):
        return text.count("/") < 12 and not text.endswith(("/d", "/p", "/g"))
    where = absolute(text, call.directory)
    if where is None or not text or any(c in text for c in "{}|^$ "):
        return False
    where = without_glob(where)
    if is_in_any(where, TOOL_FOLDERS):
        return True
    return call.writes.touch(where)


def prints_machine(_call: Call) -> Effect:
    """Prints something about the machine it runs on."""
    return Effect(output=Kind.BUILD)


def loads(call: Call) -> Effect:
    """`ldd` asks the program's loader (glibc `elf/ldd.bash.in`), and `objdump -d` reads the instructions of
    its own machine: both fail for a program of another. Of a static one ldd says the same everywhere.
    """
    text = call.around.text
    is_static = "CGO_ENABLED=0" in text and "CGO_ENABLED=1" not in text
    is_alike = is_static if call.texts[0] == "ldd" else not any(has_flag(call, c) for c in "dDS")
    read = next((t for t in operands(call) if source_kind(call, t) in (Kind.CROSS, Kind.TARGET)), None)
    if read is None or is_alike:
        return prints_machine(call)
    text = f"`{call.spelled()}` asks a tool of the build machine about `{read}`, which is made for the target"
    cure = "drop it, or use readelf, which reads programs of every machine"
    return replace(anything(call), reasons=(Reason(text, call.place, cure=cure),))


def uname(call: Call) -> Effect:
    options = [t for t in call.texts[1:] if t]
    return Effect(output=Kind.PORTABLE if options and set(options) <= {"-s", "-o"} else Kind.BUILD)


_DPKG_ASKS = frozenset(
    words(
        "-l -L -s -S -p --list --listfiles --status --search --print-avail --version --print-architecture "
        "--print-foreign-architectures --get-selections --verify --audit --compare-versions"
    )
)
_DPKG_INSTALLS = frozenset(
    words("-i --install --unpack --configure --add-architecture --remove-architecture -r -P --purge --remove")
)


def dpkg(call: Call) -> Effect:
    given = {t for t in call.texts[1:] if t is not None and t.startswith("-")}
    if given & _DPKG_ASKS:
        return Effect(output=Kind.BUILD)
    if given & _DPKG_INSTALLS and not any(w.startswith(("--root", "--instdir", "--admindir")) for w in given):
        return packages(call, operands(call))
    return anything(call)


def rpm(call: Call) -> Effect:
    if any(
        t and (t.startswith("-q") or t in ("--query", "--eval", "-E", "--version", "-V"))
        for t in call.texts[1:]
    ):
        return Effect(output=Kind.BUILD)
    if option(call, "--root", "--prefix", "--relocate", "--dbpath")[0]:
        return anything(call)
    return packages(call)


_PACKAGE_VERBS = frozenset(
    words(
        "update upgrade install add del remove purge clean autoremove autoclean dist-clean distclean "
        "dist-upgrade full-upgrade "
        "makecache groupinstall reinstall info search list show policy build-dep fix cache localinstall "
        "in rm ref refresh check-update erase module config-manager check version stats audit"
    )
)
_ELSEWHERE = (
    "--root",
    "-p",
    "--installroot",
    "--prefix",
    "--download-only",
    "--downloadonly",
    "-R",
    "-o",
    "--option",
)
_ASKS_PACKAGES = frozenset(["info", "search", "list", "show", "policy", "version", "check-update", "stats"])


def package_manager(call: Call) -> Effect:
    """apt, apk, dnf, …: anything when told to work elsewhere or asked for something that is not a plain
    verb.
    """
    folder = next((option(call, name)[1] for name in _ELSEWHERE if option(call, name)[0]), None)
    is_harmless = folder is not None and folder.startswith(
        ("Acquire::", "Dpkg::", "DPkg::", "APT::", "tsflags")
    )
    if folder is not None and not is_harmless:
        return anything(call)
    named = operands(
        call, ("-o", "--option", "-t", "--target-release", "--virtual", "-c", "-X", "--repository", "-a")
    )
    verb = named[0] if named else None
    if verb not in _PACKAGE_VERBS and (named or any(t is None for t in call.texts[1:])):
        return anything(call)
    return packages(call, () if verb in _ASKS_PACKAGES else named[1:])


def packages(call: Call, names: tuple[str | None, ...] = ()) -> Effect:
    """A package manager: writes for the platform it runs on, where packages go. A name that cannot be read
    is "?".
    """
    return Effect(
        writes=tuple(
            Write(f, Kind.BUILD, call.place, call.spelled(), is_package=True) for f in PACKAGE_FOLDERS
        ),
        output=Kind.BUILD,
        packages=tuple("?" if n is None else n for n in names),
    )


def compiler(call: Call) -> Effect:
    """A C compiler: for the machine it runs on, unless it is only asked something."""
    given = call.texts[1:]
    if given and all(
        t and (t.startswith(("-dump", "-print", "--print", "--version", "-v", "-###"))) for t in given
    ):
        return Effect(output=Kind.BUILD)
    made = (write(call, option(call, "-o")[1] or ".", Kind.BUILD), write(call, ".", Kind.BUILD))
    return Effect(writes=made, output=Kind.BUILD)


def gpg(call: Call) -> Effect:
    has_output, path = option(call, "-o", "--output")
    kind = join((word_kind(call), call.stdin))
    return Effect(writes=(write(call, path, kind),) if has_output else (), output=kind)


def environment(call: Call) -> Effect:
    """`env`, `nice` or `command` that still stands in front: alone it prints, with options it may run
    anything.
    """
    given = call.texts[1:]
    if call.texts[0] == "command" and given[:1] in (("-v",), ("-V",)):
        return nothing(call)
    return prints_variables(call) if not given else anything(call)


def prints_variables(call: Call) -> Effect:
    """`printenv`, `export`, `declare` and kin: with no name they print whatever is set.

    That is never the same everywhere: the shell's own variables name the machine (bash manual, HOSTTYPE),
    and a pinned stage declares platform ARGs that the original did not have.
    """
    names = [t for t in call.texts[1:] if t is None or not t.startswith("-")]
    if not names and not call.command.exports:
        return Effect(output=Kind.BUILD)
    assigned = {a.span for a in call.command.exports}
    told = re.compile(r"[\"']?[A-Za-z_]\w*=")
    pairs = zip(call.words[1:], call.texts[1:], strict=True)
    untold = [w for w, t in pairs if (t is None or "*" in t) and not told.match(w.raw)]
    if call.texts[0] != "printenv" and any(word.span not in assigned for word in untold):
        text = f"what `{call.spelled()}` sets cannot be told"
        return replace(anything(call), reasons=(Reason(text, call.place, cure="write the names out"),))
    if call.texts[0] == "printenv" and any(n is None or n in PLATFORM_ARGS for n in names):
        return Effect(output=Kind.BUILD)
    known = (call.variables[n].kind for n in names if n is not None and n in call.variables)
    return Effect(output=join((word_kind(call), call.stdin, *known)))


def shell_options(call: Call) -> Effect:
    """`set`: `-a` exports all that is assigned, given become `$1` and so on."""
    given = call.texts[1:]
    if any(
        t is None or (t.startswith("-") and "a" in t and not t.startswith("--")) or t == "allexport"
        for t in given
    ):
        return anything(call)
    return nothing(call) if given else prints_variables(call)


def sources(call: Call) -> Effect:
    """`. /etc/os-release` sets names of the distribution; any other file may do anything."""
    is_release = operands(call) in (("/etc/os-release",), ("/usr/lib/os-release",))
    is_own = any(w.path is None or "os-release" in w.path for w in call.writes)
    return Effect() if is_release and call.around.image.is_plain and not is_own else anything(call)


def xx_packages(call: Call) -> Effect:
    """tonistiigi/xx: `xx-apk add` and `xx-apt install` put packages for the target under a folder of their
    own.
    """
    effect = packages(call)
    return replace(effect, needs=(Need("TARGETPLATFORM", call.instruction, call.texts[0] or "xx"),))


def anything(call: Call) -> Effect:
    """Not looked into: may write anything anywhere."""
    return Effect(writes=(Write(None, Kind.UNKNOWN, call.place, call.spelled()),), output=Kind.UNKNOWN)


def makes_paths(call: Call) -> Effect:
    """mkdir, touch, truncate: the paths exist afterwards, with nothing of the platform in them."""
    paths = operands(call, ("-m", "--mode", "-d", "-t", "-r", "-s"))
    return Effect(writes=tuple(write(call, p, word_kind(call)) for p in paths))


def copies(call: Call) -> Effect:
    """cp, mv, install, ln, rsync: the last operand (or `-t`) gets what the others hold."""
    into_folder, folder = option(call, "-t", "--target-directory")
    paths = operands(
        call, ("-t", "--target-directory", "-m", "--mode", "-o", "-g", "--owner", "--group", "-S")
    )
    if call.texts[0] == "install" and has_flag(call, "s", "--strip"):
        return anything(call)
    if call.texts[0] == "install" and has_flag(call, "d", "--directory"):
        return Effect(writes=tuple(write(call, p, word_kind(call)) for p in paths))
    if not paths:
        return Effect()
    sources = paths if into_folder else paths[:-1]
    destination = folder if into_folder else paths[-1]
    kind = join((word_kind(call), *(source_kind(call, p) for p in sources)))
    names = _names_in_folder(call, sources, destination)
    if names is not None:
        is_whole = (
            not has_flag(call, "r", "--recursive") and not has_flag(call, "R") and not has_flag(call, "a")
        )
        return Effect(writes=tuple(write(call, name, kind, is_file=is_whole) for name in names))
    made = write(call, destination, kind, is_file=len(sources) == 1 and not into_folder)
    if call.texts[0] == "ln" and has_flag(call, "s", "--symbolic") and sources and made.path is not None:
        made = _linked(call, made, sources[0], destination or "")
    return Effect(writes=(made,))


def _linked(call: Call, made: Write, source: str | None, destination: str) -> Write:
    """A symbolic link: its target is seen from where the link stands."""
    folder = made.path if destination.endswith("/") else posixpath.dirname(made.path or "/")
    target = absolute(source, folder) if source is not None else None
    kind = join((word_kind(call), source_kind(call, target)))
    return replace(made, link=target or "/", kind=kind)


def _names_in_folder(
    call: Call, sources: Sequence[str | None], destination: str | None
) -> tuple[str, ...] | None:
    """What `cp a b folder/` and `mv a b /usr/local/bin` make in the folder, if all names are known."""
    where = absolute(destination, call.directory) if destination is not None else None
    if call.texts[0] not in ("cp", "mv") or where is None or destination is None:
        return None
    if not (destination.endswith("/") or where in TOOL_FOLDERS):
        return None
    names = [posixpath.basename(s) if s is not None else "" for s in sources]
    if any(n in ("", ".", "..") or without_glob(n) != n for n in names):
        return None
    return tuple(posixpath.join(where, n) for n in names)


# `s/…/…/e` runs what it made, `w` writes it to a file.
_RUNS_IN_SED = re.compile(
    r"(?:^|[;{}\s\d$/])s([/|#,@!:~])(?:\\.|(?!\1).)*\1(?:\\.|(?!\1).)*\1[gpIiMm\d]*[ew]"
)


def edits_files(call: Call) -> Effect:
    """`sed -i`: the files stay what they were, as far as the words go; else prints."""
    if any(t is not None and _RUNS_IN_SED.search(t) for t in call.texts[1:]):
        return anything(call)
    if not has_flag(call, "i", "--in-place") and not any(
        t and t.startswith("--in-place") for t in call.texts
    ):
        return prints_files(call)
    paths = operands(call, ("-e", "-f", "--expression", "--file"))
    files = paths if option(call, "-e", "--expression", "-f", "--file")[0] else paths[1:]
    return Effect(writes=tuple(write(call, p, join((word_kind(call), source_kind(call, p)))) for p in files))


def tees(call: Call) -> Effect:
    kind = join((word_kind(call), call.stdin))
    is_whole = not has_flag(call, "a", "--append")
    return Effect(writes=tuple(write(call, p, kind, is_file=is_whole) for p in operands(call)), output=kind)


_CURL_VALUES = "AbCcDdEeFHhKmoPQrTtUuwXxYyz"
_WGET_VALUES = "oaeiBtOTwQUARDIXlP"


def curl(call: Call) -> Effect:
    """Every `-o` and what else it writes; with a file of options it may do anything."""
    kind = word_kind(call)
    if values(call, "K", _CURL_VALUES, "--config"):
        return anything(call)
    folder = next(iter(values(call, "", _CURL_VALUES, "--output-dir")), ".")
    outputs = values(call, "o", _CURL_VALUES, "--output")
    others = [
        *values(call, "D", _CURL_VALUES, "--dump-header", "--trace", "--trace-ascii", "--stderr"),
        *values(call, "c", _CURL_VALUES, "--cookie-jar", "--libcurl", "--etag-save", "--hsts", "--alt-svc"),
    ]
    paths = [None if p is None or folder is None else posixpath.join(folder, p) for p in outputs if p != "-"]
    made = [write(call, p, kind, is_file=True) for p in (*paths, *(p for p in others if p != "-"))]
    if any(
        t is not None and (t.startswith("--remote-name") or _has_letter(t, "O", _CURL_VALUES))
        for t in call.texts[1:]
    ):
        made.append(write(call, folder, kind))
    return Effect(writes=tuple(made), output=kind)


def _has_letter(text: str, letter: str, with_value: str) -> bool:
    """Whether a bundle of short options has a letter that takes no value."""
    if not text.startswith("-") or text.startswith("--"):
        return False
    end = next((n for n, c in enumerate(text) if n and c in with_value), len(text))
    return letter in text[1:end]


def wget(call: Call) -> Effect:
    kind = word_kind(call)
    if values(call, "e", _WGET_VALUES, "--execute", "--config", "--use-askpass"):
        return anything(call)
    outputs = values(call, "O", _WGET_VALUES, "--output-document")
    logs = values(call, "o", _WGET_VALUES, "--output-file")
    logs += values(call, "a", _WGET_VALUES, "--append-output", "--save-cookies", "--warc-file")
    made = [write(call, p, kind, is_file=True) for p in (*outputs, *logs) if p not in ("-", "/dev/null")]
    if not outputs:
        folder = next(iter(values(call, "P", _WGET_VALUES, "--directory-prefix")), ".")
        made.append(write(call, folder, kind))
    return Effect(writes=tuple(made), output=kind)


_TAR_VALUES = "fCTXbIHVgKNLF"
_TAR_LONG_VALUES = frozenset(
    words(
        "--file --directory --files-from --exclude-from --exclude --transform --xform --owner --group --mode "
        "--mtime --use-compress-program --format --strip-components --blocking-factor --label --newer --sort "
        "--suffix --record-size --hole-detection --warning --exclude-tag --pax-option"
    )
)


def tar(call: Call) -> Effect:
    """Unpacks into `-C` or here; packs what is named, seen from each `-C`."""
    modes, given, named = _tar_words(call)
    if any(t is None for t in call.texts[1:2]) or any(
        t and t.startswith(("--to-command", "--checkpoint-action", "--rsh", "--info-script", "-P", "--abs"))
        for t in call.texts[1:]
    ):
        return anything(call)
    kind = word_kind(call)
    folders = [t for name, t in given if name in ("C", "--directory")]
    archive = next((t for name, t in given if name in ("f", "--file")), "-")
    held = call.stdin if archive == "-" else source_kind(call, archive)
    if "x" in modes:
        return Effect(writes=tuple(write(call, f, join((kind, held))) for f in folders or ["."]))
    if "t" in modes or "d" in modes:
        return Effect(output=join((kind, held)))
    if any(name in ("T", "--files-from") for name, _ in given):
        kind = Kind.UNKNOWN
    places = [absolute(f, call.directory) if f is not None else None for f in (".", *folders)]
    read = [
        Kind.UNKNOWN if p is None or place is None else source_kind(call, posixpath.join(place, p))
        for p in named
        for place in (places if not (p or "").startswith("/") else ["/"])
    ]
    kind = join((kind, *read, *([held] if "c" not in modes and archive != "-" else [])))
    made = () if archive == "-" else (write(call, archive, kind, is_file="c" in modes),)
    return Effect(writes=made, output=kind)


def _tar_words(call: Call) -> tuple[str, list[tuple[str, str | None]], list[str | None]]:
    """The letters that say what to do, the options with their values, and the operands."""
    modes, given, named = "", [], []
    waiting: list[str] = []
    is_rest = False
    for at, text in enumerate(call.texts[1:]):
        if waiting:
            given.append((waiting.pop(0), text))
        elif is_rest or text is None or text == "-":
            named.append(text)
        elif text == "--":
            is_rest = True
        elif text.startswith("--"):
            name, equals, value = text.partition("=")
            if equals:
                given.append((name, value))
            elif name in _TAR_LONG_VALUES:
                waiting = [name]
            modes += {"--extract": "x", "--get": "x", "--create": "c", "--list": "t", "--diff": "d"}.get(
                name, "r" if name in ("--append", "--update", "--concatenate") else ""
            )
        elif text.startswith("-"):
            taking = next((n for n, c in enumerate(text) if n and c in _TAR_VALUES), None)
            modes += text[1:taking]
            if taking is not None and text[taking + 1 :]:
                given.append((text[taking], text[taking + 1 :]))
            elif taking is not None:
                waiting = [text[taking]]
        elif at == 0:
            modes += "".join(c for c in text if c not in _TAR_VALUES)
            waiting = [c for c in text if c in _TAR_VALUES]
        else:
            named.append(text)
    return modes, given, named


def unpacks(call: Call) -> Effect:
    """unzip: into `-d` or here."""
    paths = operands(call, ("-d", "-x"))
    archive = paths[0] if paths else None
    kind = join((word_kind(call), source_kind(call, archive)))
    return Effect(writes=(write(call, option(call, "-d")[1] or ".", kind),))


def compresses(call: Call) -> Effect:
    """gzip, xz, zstd and their kin: beside the file they are given."""
    paths = operands(call)
    kind = join((word_kind(call), call.stdin, *(source_kind(call, p) for p in paths)))
    made = tuple(write(call, posixpath.dirname(p) or "." if p is not None else None, kind) for p in paths)
    return Effect(writes=made, output=kind)


_GIT_READS = frozenset(
    words(
        "rev-parse describe log status show rev-list symbolic-ref diff ls-files ls-remote tag branch "
        "remote config "
        "config version name-rev merge-base for-each-ref var shortlog"
    )
)
_GIT_WRITES = frozenset(
    words(
        "checkout fetch pull submodule reset apply am clean init switch restore lfs worktree add "
        "commit merge "
        "merge cherry-pick stash"
    )
)


def git(call: Call) -> Effect:
    named = operands(
        call, ("-c", "-C", "--git-dir", "--work-tree", "-b", "--branch", "--depth", "-j", "--jobs")
    )
    verb = named[0] if named else None
    kind = word_kind(call)
    if verb in _GIT_READS:
        return Effect(output=kind)
    folder = option(call, "-C")[1] or "."
    if verb == "clone":
        return Effect(writes=(write(call, _clone_folder(named), kind),))
    return Effect(writes=(write(call, folder, kind),), output=kind) if verb in _GIT_WRITES else anything(call)


def _clone_folder(named: tuple[str | None, ...]) -> str | None:
    if len(named) > 2:
        return named[2]
    url = named[1] if len(named) > 1 else None
    return posixpath.basename(url.rstrip("/")).removesuffix(".git") if url else "."


def accounts(call: Call) -> Effect:
    """useradd and kin: account tables and home folders."""
    paths = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/home")
    return Effect(writes=tuple(Write(p, word_kind(call), call.place, call.spelled()) for p in paths))


def certificates(call: Call) -> Effect:
    return Effect(writes=(Write("/etc/ssl/certs", Kind.PORTABLE, call.place, call.spelled()),))


_COMPILING = frozenset(("mockgen", "easyjson", "ffjson", "ent", "kubebuilder", "buf"))


def runs_what_it_compiles(call: Call) -> bool:
    """Whether a generator compiles a program with go and runs it; mockgen does not for `-source`."""
    program = posixpath.basename(call.texts[0] or "")
    is_read_only = program == "mockgen" and any(
        t and t.lstrip("-").startswith("source") for t in call.texts[1:]
    )
    return program in _COMPILING and not is_read_only


def generates(call: Call) -> Effect:
    """A code generator whose text is the same on every platform, unless it is given a program for the
    target, told of the machine, or puts files that are not the same everywhere into its output.
    """
    kind = join((told_kind(call), read_kind(call, call.texts[1:])))
    if posixpath.basename(call.texts[0] or "") in EMBEDDERS:
        read = [argument.partition("=")[2] or argument for argument in call.texts[1:] if argument]
        kind = join((kind, *(source_kind(call, path) for path in (".", *read))))
    return Effect(writes=(write(call, ".", kind if not kind.is_right else told_kind(call)),), output=kind)


def fetches_modules(call: Call) -> Effect:
    """The tools from before Go modules: sources into the vendor folder of the project."""
    return Effect(writes=(write(call, ".", word_kind(call)),))


def finds(call: Call) -> Effect:
    if any(t in ("-exec", "-execdir", "-ok", "-okdir", "-fprint", "-fls") for t in call.texts):
        return anything(call)
    starts = []
    for text in call.texts[1:]:
        if text is None or text.startswith(("-", "(", "!")):
            break
        starts.append(source_kind(call, text))
    return Effect(output=join((word_kind(call), *(starts or [source_kind(call, ".")]))))


def xx_info(call: Call) -> Effect:
    return Effect(output=Kind.TARGET, needs=(Need("TARGETPLATFORM", call.instruction, "xx-info"),))


def openssl(call: Call) -> Effect:
    if call.texts[1:2] in (("version",), ("speed",), ("info",), (None,)):
        return Effect(output=Kind.BUILD)
    kind = join((word_kind(call), call.stdin, read_kind(call, call.texts[2:])))
    outputs = [v for name in ("-out", "-keyout") for found, v in [option(call, name)] if found]
    return Effect(writes=tuple(write(call, p, kind, is_file=True) for p in outputs), output=kind)


def refuses(text: str, cure: str) -> Handler:
    """A command that is known not to work in a pinned stage."""

    def handler(call: Call) -> Effect:
        return Effect(
            writes=(Write(None, Kind.UNKNOWN, call.place, call.spelled()),),
            reasons=(Reason(f"`{call.spelled()}` {text}", call.place, cure=cure),),
        )

    return handler


_NOTHING = words(
    "echo printf true false : (( exit return unset shift pwd "
    "ulimit umask wait kill read sleep which type hash id whoami date basename dirname "
    "seq expr getent ps rm rmdir chmod chown chgrp setcap setfacl cd pushd "
    "popd xx-verify gofmt golangci-lint staticcheck gosec govulncheck golint revive misspell "
    "shellcheck hadolint yamllint lsb_release ssh-keyscan sync break continue let shopt "
    "gpgconf apt-key hostname mktemp"
)
_PRINTS_FILES = words(
    "cat head tail grep egrep fgrep cut jq tac nl strings column stat sha256sum realpath readlink "
    "sha512sum sha1sum md5sum cmp diff tr wc uniq git-lfs od xxd hexdump base64 rev fold paste join comm"
)
_MACHINE = words("arch dpkg-architecture lscpu getconf file readelf nm hostnamectl nproc df free")
_COMPILERS = ["gcc", "cc", "g++", "c++", "clang", "clang++", "c99"]
_PACKAGES = ["apt-get", "apt", "aptitude", "apk", "yum", "dnf", "microdnf", "zypper", "tdnf"]
_ACCOUNTS = words(
    "adduser useradd addgroup groupadd usermod groupmod passwd chpasswd deluser userdel groupdel"
)
_UNPACKS = ["gzip", "gunzip", "xz", "unxz", "bzip2", "bunzip2", "zstd", "unzstd", "lz4", "brotli", "pigz"]
EMBEDDERS = frozenset(["go-bindata", "statik", "packr", "packr2", "rice", "esc"])
GENERATORS = frozenset(
    words(
        "stringer mockgen mockery moq counterfeiter minimock enumer go-enum wire protoc protoc-gen-go "
        "protoc-gen-go-grpc buf sqlc templ swag controller-gen deepcopy-gen client-gen lister-gen "
        "informer-gen conversion-gen defaulter-gen openapi-gen easyjson ffjson msgp oapi-codegen gqlgen "
        "jsonenums go-bindata statik packr packr2 rice esc genny ifacemaker goyacc ragel peg gen-crd-api- "
        "reference-docs thrift go-swagger swagger kubebuilder xo ent addlicense gofumpt goimports"
    )
)

HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_NOTHING, nothing),
    **dict.fromkeys(_PRINTS_FILES, prints_files),
    **dict.fromkeys(_MACHINE, prints_machine),
    **dict.fromkeys(("ldd", "objdump"), loads),
    **dict.fromkeys(("ls", "du", "tree"), prints_folders),
    **dict.fromkeys(("test", "[", "[["), tests),
    **dict.fromkeys(("awk", "gawk", "mawk"), awk),
    **dict.fromkeys(_COMPILERS, compiler),
    **dict.fromkeys(_PACKAGES, package_manager),
    **dict.fromkeys(("ldconfig", "locale-gen"), packages),
    **dict.fromkeys(("xx-apt", "xx-apt-get", "xx-apk"), xx_packages),
    **dict.fromkeys(("env", "nice", "command"), environment),
    **dict.fromkeys(("printenv", "export", "readonly", "local", "declare", "typeset"), prints_variables),
    **dict.fromkeys(("yq", "sort"), edits_or_prints),
    **dict.fromkeys(_ACCOUNTS, accounts),
    **dict.fromkeys(_UNPACKS, compresses),
    **dict.fromkeys(GENERATORS, generates),
    **dict.fromkeys(("dep", "glide", "govendor", "godep"), fetches_modules),
    **dict.fromkeys(("mkdir", "touch", "truncate"), makes_paths),
    **dict.fromkeys(("cp", "mv", "install", "ln", "rsync"), copies),
    "uname": uname,
    "dpkg": dpkg,
    "rpm": rpm,
    "gpg": gpg,
    "set": shell_options,
    ".": sources,
    "source": sources,
    "sed": edits_files,
    "tee": tees,
    "curl": curl,
    "wget": wget,
    "tar": tar,
    "unzip": unpacks,
    "git": git,
    "find": finds,
    "openssl": openssl,
    "update-ca-certificates": certificates,
    "xx-info": xx_info,
    "strip": refuses(
        "runs the build machine's binutils, which cannot read other machines' files",
        "drop it and pass -ldflags='-s -w' to go build, which leaves out the same symbols",
    ),
    "upx": refuses(
        "packs a binary with a tool that xbuild cannot vouch for on other platforms",
        "drop it, or pack in a stage of its own",
    ),
}
