"""Programs that read text and print it, or change it in place.

Sources: GNU coreutils 9.7, grep 3.12, sed 4.9, gawk 5.3 and findutils 4.10 manuals, jq 1.7 and yq 4 manuals,
BusyBox 1.37 (whose options are among these).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from xbuild.plan.facts.filesystem import Kind, is_in_any, join
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import (
    Environment,
    Program,
    anywhere,
    is_device,
    plain,
    source_kind,
    told_kind,
    word_kind,
    write,
)
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.text import expression

# -- sed


_SED_OPTIONS = (
    "-n,--quiet,--silent -e,--expression= -E,-r,--regexp-extended -i,--in-place[=] "
    "-u,--unbuffered -z,--null-data"
)
_SED_ADDRESS = expression(
    r"(?:\d+(?:~\d+)?|\$|/(?:\\.|\[(?:\\.|[^\]])*\]|[^/\\\[])*/I?|\\(?P<d>.)(?:\\.|(?!(?P=d)).)*(?P=d)I?|[+~]\d+)"
)
_SED_SUBSTITUTE = expression(
    r"s(?P<d>[^\\\n])(?:\\.|\[(?:\[[:.=].*?[:.=]\]|[^\]])*\]|(?!(?P=d)).)*(?P=d)"
    r"(?:\\.|(?!(?P=d)).)*(?P=d)[gpIiMm\d]*(?=[\s;}]|$)",
    re.DOTALL,
)
_SED_TRANSLITERATE = expression(
    r"y(?P<d>[^\\\n])(?:\\.|(?!(?P=d)).)*(?P=d)(?:\\.|(?!(?P=d)).)*(?P=d)", re.DOTALL
)
_SED_TEXT = expression(r"[aic]\\?[^\n]*(?:\\\n[^\n]*)*", re.DOTALL)
_SED_PLAIN = expression(r"[dDgGhHnNpPxlqQ=z](?:\s*\d+)?")
_SED_LABEL = expression(r"[:btT]\s*[\w.-]*")
_SED_COMMENT = expression(r"#[^\n]*")
_SED_STATUS = expression(r"[qQ]\s*[0-9]")
_SED_COMMANDS = (
    _SED_ADDRESS,
    _SED_SUBSTITUTE,
    _SED_TRANSLITERATE,
    _SED_COMMENT,
    _SED_LABEL,
    _SED_TEXT,
    _SED_PLAIN,
)


def is_plain_sed(script: str) -> bool:
    """Whether a sed script only prints and changes lines: no `w`, `W`, `r`, `R`, `e`, nor anything that is
    not known (POSIX sed, GNU sed manual, "sed scripts").
    """
    at = 0
    while at < len(script):
        if script[at] in " \t\n;{}!,":
            at += 1
            continue
        ends = (m.end() for pattern in _SED_COMMANDS if (m := pattern.match(script, at)) is not None)
        after = next((end for end in ends if end > at), None)
        if after is None:
            return False
        at = after
    return True


def _sed(call: Call, given: Reading) -> Effect | None:
    """`sed`: with `-i` its files stay what they were, as far as the words go; else it prints."""
    scripts = given.values("-e")
    files = given.operands
    if not scripts:
        scripts, files = files[:1], files[1:]
    if not scripts or any(s is None or not is_plain_sed(s) for s in scripts):
        return None
    kind = join((word_kind(call), call.stdin, *(source_kind(call, f) for f in files)))
    if not given.has("-i"):
        is_test = any(_SED_STATUS.search(s or "") for s in scripts)
        return replace(plain(call, kind, (), files), is_test=is_test)
    made = tuple(write(call, f, join((word_kind(call), source_kind(call, f)))) for f in files)
    # A copy of what was there stays beside it, or in the folder that the suffix names.
    suffixes = [s for s in given.values("-i") if s]
    kept = join(w.kind for w in made)
    made += tuple(write(call, _folder_of(s if "/" in s else f), kept) for s in suffixes for f in files)
    return plain(call, kind, made, files)


def _folder_of(path: str | None) -> str | None:
    return None if path is None else path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")


# -- awk


_AWK_REACHES_OUT = expression(
    r"\bsystem\b|\bgetline\b|\bPROCINFO\b|\bSYMTAB\b|\bARG[VC]\b"
    r"|\b(?:close|fflush|strftime|systime|mktime|rand|srand)\b"
)
_AWK_STRING = expression(r'"(?:\\.|[^"\\])*"|\\\n', re.DOTALL)
_AWK_INTO = r"(?:>|(?<!\|)\|(?!\|))"
_AWK_PRINTS_INTO = expression(rf"\bprintf?\b[^;}}]*{_AWK_INTO}|@")
_AWK_MAY_PRINT_INTO = expression(rf"\bprintf?\b.*{_AWK_INTO}|@", re.DOTALL)


def _reaches_out(program: str) -> bool:
    """Whether an awk program may do more than print: run others, write files, read more than its input.

    Where `>` stands behind a `print`, strings are left out before one looks whether it is of the same
    statement; with a slash in the program, which may begin a regular expression with a quote in it, nobody
    looks.
    """
    if _AWK_REACHES_OUT.search(program):
        return True
    if _AWK_MAY_PRINT_INTO.search(program) is None:
        return False
    return "/" in program or _AWK_PRINTS_INTO.search(_AWK_STRING.sub('""', program)) is not None


def _awk(call: Call, given: Reading) -> Effect | None:
    """An awk program may run others and write files, and read every variable; one read from a file is not
    looked into.
    """
    program = given.operands[0] if given.operands else None
    if program is None or _reaches_out(program):
        return None
    files = [f for f in given.operands[1:] if f is None or not re.match(r"[A-Za-z_]\w*=", f)]
    base = told_kind(call) if "ENVIRON" in program else word_kind(call)
    kind = join((base, call.stdin, *(source_kind(call, f) for f in files)))
    effect = replace(plain(call, kind, (), files), is_test="exit" in program)
    return effect if "ENVIRON" not in program else sees_all(effect)


def sees_all(effect: Effect) -> Effect:
    """The same, but every exported variable may be in what it prints."""
    return replace(effect, sees_environment=True)


# -- find


# What takes how many words behind it (GNU findutils manual, "Primary Index"; BusyBox find). What runs
# programs or writes files is not among them.
_FIND_WORDS = {
    **dict.fromkeys(
        words(
            "-name -iname -path -ipath -wholename -iwholename -regex -iregex -type -xtype "
            "-size -perm -user -group -maxdepth -mindepth -regextype -printf"
        ),
        1,
    ),
    **dict.fromkeys(
        words(
            "-print -print0 -prune -quit -not ! ( ) -a -and -o -or -depth -follow -mount -xdev -executable "
            "-empty -delete"
        ),
        0,
    ),
}


# What may be printed of a file: no time, and no number of the file system's.
_FIND_PRINTS = expression(r"(?:[^%]|%%|%-?\d*[pPfHhlmsugy])*", re.DOTALL)


_REMOVING = expression(r"-exec rm (-[rRfv]+ )*(-- )?\{\} [+;]")


def _removing(words: Sequence[str | None]) -> int:
    """How many words stand behind an `-exec` that removes what was found; 0 where it does more."""
    end = next((n for n, word in enumerate(words) if word in ("+", ";")), 0)
    text = " ".join(word or "?" for word in words[: end + 1])
    return end if _REMOVING.fullmatch(text) else 0


def _find(call: Call, given: Reading) -> Effect | None:
    """`find`: the names below its folders; an action that is not in the table may do anything."""
    words = tuple(itertools.dropwhile(lambda w: w in ("-H", "-L", "-P"), given.operands))
    start = next((n for n, w in enumerate(words) if w is not None and (w[:1] in "-(!," and w)), len(words))
    folders = words[:start] or (".",)
    at, removes = start, False
    while at < len(words):
        removing = _removing(words[at:])
        taking = removing or _FIND_WORDS.get(words[at] or "?")
        if taking is None or at + taking >= len(words):
            return None
        removes = removes or removing > 0 or words[at] == "-delete"
        if words[at] == "-printf" and not _FIND_PRINTS.fullmatch(words[at + 1] or "%"):
            return None
        at += 1 + taking
    kind = join((word_kind(call), *(source_kind(call, f) for f in folders)))
    made = tuple(write(call, f, kind) for f in folders) if removes and kind >= Kind.BUILD else ()
    return plain(call, kind, made, folders)


# -- tests


_FILE_TESTS = frozenset(words("-a -b -c -d -e -f -g -h -k -p -r -s -u -w -x -L -O -G -S"))
# They go by times and numbers of the file system.
_UNTOLD_TESTS = frozenset(words("-N -nt -ot -ef"))
_NAMES_MACHINE = expression(
    r"x86|amd64|i[3-6]86|aarch64|\barm|ppc|powerpc|s390|riscv|mips|loong|/ld-|linux-gnu|musl|/lib(?:x?32|64)\b",
    re.IGNORECASE,
)


def _tests(call: Call, given: Reading) -> Effect | None:
    """`[ … ]`: what its words say, and whether files are there that only some platforms have."""
    if not _UNTOLD_TESTS.isdisjoint(given.operands):
        return None
    asks = any(t in _FILE_TESTS for t in given.operands)
    seen = [existence(call, t) for t in given.operands] if asks else []
    return plain(call, join((word_kind(call), call.stdin, *seen)))


def existence(call: Call, text: str | None) -> Kind:
    """The kind of the answer to the question whether a file is there."""
    found = call.seen(text)
    if found is None or text is None:
        return Kind.BUILD if names_machine(call.around.text) else Kind.PORTABLE
    if "/" not in text and not call.writes.exactly(found):
        return Kind.PORTABLE
    if _NAMES_MACHINE.search(found) or is_in_any(found, ("/proc", "/sys", "/dev")):
        return Kind.BUILD
    made = [w for w in call.writes.covering(found) if w.path is not None and not w.is_package]
    kind = join(w.kind for w in made)
    return Kind.PORTABLE if kind <= Kind.CROSS else kind


def names_machine(text: str | None) -> bool:
    """Whether a word names an architecture, or what only some of them have."""
    return text is not None and _NAMES_MACHINE.search(text) is not None


# Inodes, devices, blocks and times are never twice the same; links, sizes, modes and owners are the file's.
_STATED = re.compile(r"(?:[^%]|%%|%[-#+ 0]*\d*[aAfFgGhnNsuU])*")


def _states(call: Call, given: Reading) -> Effect | None:
    formats = (*given.values("-c"), *given.values("--printf"))
    if not formats or any(f is None or not _STATED.fullmatch(f) for f in formats):
        return None
    kind = join((word_kind(call), *(source_kind(call, f) for f in given.operands)))
    return plain(call, kind, (), given.operands)


def _resolves(call: Call, given: Reading) -> Effect | None:
    """`readlink`, `realpath`: where a link leads; those of the kernel lead where the process has it."""
    named = (*given.operands, *given.values("--relative-to"))
    paths = tuple(call.seen(p) for p in named)
    if any(p is not None and is_in_any(p, ("/dev", "/proc")) for p in paths):
        return None
    return plain(call, join((word_kind(call), call.stdin, *(source_kind(call, p) for p in paths))), (), paths)


def _finds_program(call: Call, given: Reading) -> Effect | None:
    """`which`, `type`: whether a program is there, which is not asked of the machine unless it is named."""
    kind = Kind.BUILD if any(names_machine(t) for t in given.operands) else Kind.PORTABLE
    return plain(call, join((word_kind(call), kind)))


# -- sort, uniq, tee, grep


def _uniq(call: Call, given: Reading) -> Effect | None:
    """`uniq [INPUT [OUTPUT]]`."""
    if len(given.operands) > 2:
        return None
    kind = join((word_kind(call), *(source_kind(call, p) for p in given.operands[:1] or ("-",))))
    made = tuple(write(call, p, kind, is_file=True) for p in given.operands[1:] if p != "-")
    return plain(call, kind, made, given.operands[:1])


def _tee(call: Call, given: Reading) -> Effect | None:
    kind = join((word_kind(call), call.stdin))
    made = tuple(
        write(call, p, kind, is_file=not given.has("-a"))
        for p in given.operands
        if not is_device(p) or p == "-"
    )
    return plain(call, kind, made)


def _grep(call: Call, given: Reading) -> Effect | None:
    files: Sequence[str | None] = given.operands if given.has("-e", "-f") else given.operands[1:]
    if not files and given.has("-r", "-R"):
        files = (".",)
    read = (*files, *given.values("-f"))
    kind = join((word_kind(call), call.stdin, *(source_kind(call, p) for p in read)))
    return plain(call, kind, (), read)


def _jq(call: Call, given: Reading) -> Effect | None:
    """`jq`: a filter may read every variable (`env`, `$ENV`), and modules with `import`."""
    names = list(given.operands)
    program = names.pop(0) if names and not given.has("-f") else None
    if program is None or re.search(
        r"\b(?:import|include|input_filename|debug|stderr|JQ_BUILD_CONFIGURATION)\b", program
    ):
        return None
    asks = re.search(r"\benv\b|\$ENV\b", program) is not None
    base = told_kind(call) if asks else word_kind(call)
    kind = join((base, call.stdin, *(source_kind(call, p) for p in names)))
    effect = plain(call, kind, (), names)
    return sees_all(effect) if asks else effect


def _yq(call: Call, given: Reading) -> Effect | None:
    """`yq` 4: expressions read variables by `env`, `strenv` and `envsubst`, files by `load`."""
    names = [n for n in given.operands if n not in ("e", "eval", "ea", "eval-all")]
    program = names.pop(0) if names else None
    if program is None or re.search(r"\bload|\bsystem\b|\bsplitDoc\b|\beval\b", program):
        return None
    asks = re.search(r"env", program) is not None
    base = told_kind(call) if asks else word_kind(call)
    kind = join((base, call.stdin, *(source_kind(call, p) for p in names)))
    made = tuple(write(call, p, kind) for p in names) if given.has("-i") else ()
    effect = plain(call, kind, made, names)
    return sees_all(effect) if asks else effect


def _sums(call: Call, given: Reading) -> Effect | None:
    """`sha256sum`: of its files; with `-c` of those that a list names."""
    listed = anywhere(call) if given.has("-c") else Kind.PORTABLE
    kind = join((word_kind(call), call.stdin, listed, *(source_kind(call, p) for p in given.operands)))
    return plain(call, kind, (), given.operands)


_NUMBERED = "-n,--lines= -c,--bytes= -q,--quiet,--silent -v,--verbose -NUM"

PROGRAMS = (
    Program("sed", _SED_OPTIONS, does=_sed, instead=("-e",), variables=("POSIXLY_CORRECT",)),
    Program("awk gawk mawk", "-F,--field-separator= -v,--assign=", does=_awk, style=Style.FIRST),
    Program("find", style=Style.NONE, does=_find),
    Program("test [ [[", style=Style.NONE, does=_tests, is_test=True),
    Program("which", "-a -s", does=_finds_program, is_test=True),
    Program("type hash", "-a -f -p -P -t -r", does=_finds_program, is_test=True),
    Program("expr", style=Style.NONE, operands="text*", is_test=True),
    Program(
        "grep egrep fgrep",
        "-a,--text -A,--after-context= -B,--before-context= -c,--count -C,--context= "
        "-e,--regexp= -E,--extended-regexp -f,--file= -F,--fixed-strings "
        "-G,--basic-regexp -h,--no-filename -H,--with-filename -i,-y,--ignore-case -I "
        "-l,--files-with-matches -L,--files-without-match -m,--max-count= -n,--line-number "
        "-o,--only-matching -P,--perl-regexp -q,--quiet,--silent -r,--recursive -R,--dereference-recursive "
        "-s,--no-messages -v,--invert-match -w,--word-regexp -x,--line-regexp -z,--null-data "
        "--color[=] --include= --exclude= --exclude-dir= --line-buffered -NUM",
        does=_grep,
        is_test=True,
        variables=("GREP_OPTIONS",),
    ),
    Program(
        "cmp",
        "-b,--print-bytes -n,--bytes= -s,--quiet,--silent",
        "read*",
        is_test=True,
    ),
    Program(
        "diff",
        "-a,--text -b,--ignore-space-change -B,--ignore-blank-lines -i,--ignore-case -N,--new-file "
        "-q,--brief -r,--recursive -u -U,--unified= -w,--ignore-all-space -x,--exclude= --color[=]",
        "read*",
        is_test=True,
    ),
    Program(
        "cat",
        "-A,--show-all -b,--number-nonblank -e -E,--show-ends -n,--number -s,--squeeze-blank -t "
        "-T,--show-tabs -u -v,--show-nonprinting",
        "read*",
    ),
    Program("head", _NUMBERED, "read*"),
    Program("tail", _NUMBERED, "read*"),
    Program(
        "cut",
        "-b,--bytes= -c,--characters= -d,--delimiter= -f,--fields= --complement -s,--only-delimited "
        "--output-delimiter=",
        "read*",
    ),
    Program("tr", "-c,-C,--complement -d,--delete -s,--squeeze-repeats -t,--truncate-set1", "text*"),
    Program("wc", "-c,--bytes -m,--chars -l,--lines -L,--max-line-length -w,--words", "read*"),
    Program("base64", "-d,-D,--decode -w,--wrap=", "read*"),
    Program(
        "sha1sum sha224sum sha256sum sha384sum sha512sum md5sum b2sum",
        "-b,--binary -c,--check -w,--warn --ignore-missing --quiet --status --strict -s",
        does=_sums,
        is_test=True,
    ),
    Program("stat", "-c,--format= --printf= -L,--dereference", does=_states),
    Program(
        "readlink",
        "-f,--canonicalize -e,--canonicalize-existing -m,--canonicalize-missing -n,--no-newline "
        "-q,--quiet,-s,--silent",
        does=_resolves,
    ),
    Program(
        "realpath",
        "-e,--canonicalize-existing -m,--canonicalize-missing -q,--quiet --relative-to= "
        "-s,--strip,--no-symlinks",
        does=_resolves,
    ),
    Program(
        "ls",
        "-a,--all -A,--almost-all -C --color[=] -d,--directory -F -g -G,--no-group "
        "--group-directories-first -h,--human-readable -l -L,--dereference -n,--numeric-uid-gid -o -p "
        "-r,--reverse -R,--recursive -S -v -1",
        "read*",
        here=True,
    ),
    Program(
        "du",
        "-a,--all --apparent-size -b,--bytes -c,--total -d,--max-depth= -h,--human-readable -k -m "
        "-s,--summarize -x",
        "read*",
        here=True,
    ),
    Program(
        "tree",
        "-a -d -f -i -L= -I= -P= --noreport --dirsfirst",
        "read*",
        here=True,
    ),
    Program(
        "sort",
        "-b,--ignore-leading-blanks -d,--dictionary-order -f,--ignore-case -g,--general-numeric-sort "
        "-h,--human-numeric-sort -n,--numeric-sort -r,--reverse -V,--version-sort -k,--key= -o,--output=> "
        "-s,--stable -S,--buffer-size= -t,--field-separator= -u,--unique -z,--zero-terminated --parallel=",
        "read*",
        variables=("TMPDIR",),
    ),
    Program(
        "uniq",
        "-c,--count -d,--repeated -f,--skip-fields= -i,--ignore-case -s,--skip-chars= -u,--unique "
        "-w,--check-chars=",
        does=_uniq,
    ),
    Program("tee", "-a,--append", does=_tee),
    Program(
        "jq",
        "-n,--null-input -r,--raw-output -j,--join-output -c,--compact-output -e,--exit-status -s,--slurp "
        "-R,--raw-input -S,--sort-keys -M,--monochrome-output -C,--color-output -a,--ascii-output --tab "
        "-f,--from-file",
        does=_jq,
        settings=(".jq",),
        style=Style.GNU,
        is_extra=True,
    ),
    Program(
        "yq",
        "-i,--inplace -r,--unwrapScalar[=] -o,--output-format= -p,--input-format= -P,--prettyPrint "
        "-n,--null-input -e,--exit-status -M,--no-colors -C,--colors -I,--indent= -N,--no-doc -j,--tojson",
        does=_yq,
        is_extra=True,
    ),
    Program("basename", "-a,--multiple -s,--suffix=", "text*"),
    Program("dirname", "", "text*"),
    Program("seq", "-f,--format= -s,--separator= -w,--equal-width", "text*"),
    Program("envsubst", "-v,--variables", "text*", environment=Environment.WHOLE, is_extra=True),
)
