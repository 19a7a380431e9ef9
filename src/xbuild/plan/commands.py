"""What common commands do to the filesystem: a table from program to a small function.

A command that is not in the table may do anything. Only effects that matter for the question "is this the same on
every platform" are stated; option letters are those of GNU coreutils, BusyBox, curl, wget, git and the package managers.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable

from xbuild.plan.filesystem import PACKAGE_FOLDERS, Kind, Write, absolute, join, kind_of
from xbuild.plan.model import Reason
from xbuild.plan.toolchain import Call, Effect

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


def has_flag(call: Call, letter: str, *longs: str) -> bool:
    """Whether a one-letter flag stands in any bundle (`-xzf`), or one of the long names."""
    return any(
        text is not None
        and (text in longs or (text.startswith("-") and not text.startswith("--") and letter in text[1:]))
        for text in call.texts[1:]
    )


def write(call: Call, path: str | None, kind: Kind, *, is_file: bool = False) -> Write:
    """A write to `path`, relative to where the command runs; a path that is not known is anywhere below there."""
    where = call.directory if path is None else absolute(path, call.directory)
    return Write(
        where, kind, call.place, call.spelled(), is_file and path is not None and not path.endswith("/")
    )


def source_kind(call: Call, path: str | None) -> Kind:
    """The kind of a file that the command reads."""
    if path is None:
        return Kind.UNKNOWN
    return kind_of(call.writes, absolute(path, call.directory), call.around.image.empty_folders)


# -- kinds of commands


def nothing(call: Call) -> Effect:
    """Writes nothing; prints what its words and its input say."""
    return Effect(output=join((word_kind(call), call.stdin)))


def prints_files(call: Call) -> Effect:
    """Writes nothing; prints what stands in the files it is given."""
    read = [source_kind(call, p) for p in operands(call) if p is not None and _looks_like_path(call, p)]
    return Effect(output=join((word_kind(call), call.stdin, *read)))


def _looks_like_path(call: Call, text: str) -> bool:
    """Whether a word of `grep`, `sed` or `cat` may name a file: an absolute path, or one that was written."""
    if text.startswith("/"):
        return text.count("/") < 12 and not text.endswith(("/d", "/p", "/g"))
    where = absolute(text, call.directory)
    return where is not None and bool(text) and not any(c in text for c in "{}|^$ ")


def prints_machine(_call: Call) -> Effect:
    """Prints something about the machine it runs on."""
    return Effect(output=Kind.BUILD)


def uname(call: Call) -> Effect:
    options = [t for t in call.texts[1:] if t]
    return Effect(output=Kind.PORTABLE if options and set(options) <= {"-s", "-o"} else Kind.BUILD)


def dpkg(call: Call) -> Effect:
    if has_flag(
        call, "i", "--install", "--unpack", "--configure", "--add-architecture", "--purge", "--remove"
    ):
        return packages(call)
    return Effect(output=Kind.BUILD)


def packages(call: Call) -> Effect:
    """A package manager: writes for the platform it runs on, where packages go."""
    if option(call, "--root", "-p", "--installroot", "--target", "-t", "--prefix", "--download-only")[0]:
        return anything(call)
    return Effect(
        writes=tuple(Write(f, Kind.BUILD, call.place, call.spelled()) for f in PACKAGE_FOLDERS),
        output=Kind.BUILD,
    )


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
    if call.texts[0] == "install" and has_flag(call, "d", "--directory"):
        return Effect(writes=tuple(write(call, p, word_kind(call)) for p in paths))
    if not paths:
        return Effect()
    sources = paths if into_folder else paths[:-1]
    destination = folder if into_folder else paths[-1]
    kind = join((word_kind(call), *(source_kind(call, p) for p in sources)))
    made = write(call, destination, kind, is_file=len(sources) == 1 and not into_folder)
    return Effect(writes=(made,))


def edits_files(call: Call) -> Effect:
    """`sed -i`, `perl -i`: the files stay what they were, as far as the words go; else prints."""
    if not has_flag(call, "i", "--in-place") and not any(
        t and t.startswith("--in-place") for t in call.texts
    ):
        return prints_files(call)
    paths = operands(call, ("-e", "-f", "--expression", "--file"))
    files = paths if option(call, "-e", "--expression", "-f", "--file")[0] else paths[1:]
    return Effect(writes=tuple(write(call, p, join((word_kind(call), source_kind(call, p)))) for p in files))


def tees(call: Call) -> Effect:
    kind = join((word_kind(call), call.stdin))
    return Effect(writes=tuple(write(call, p, kind, is_file=True) for p in operands(call)), output=kind)


def curl(call: Call) -> Effect:
    kind = word_kind(call)
    has_output, path = option(call, "-o", "--output")
    bundled = _bundled_output(call)
    if has_output or bundled is not None:
        target = path if has_output else bundled
        return Effect(writes=() if target == "-" else (write(call, target, kind, is_file=True),), output=kind)
    if has_flag(call, "O", "--remote-name", "--remote-name-all"):
        return Effect(writes=(write(call, option(call, "--output-dir")[1] or ".", kind),), output=kind)
    return Effect(output=kind)


def _bundled_output(call: Call) -> str | None:
    """The value of `o` at the end of a bundle of short flags: `-fsSLo FILE`."""
    for at, text in enumerate(call.texts[1:-1], 1):
        if text and text.startswith("-") and not text.startswith("--") and text.endswith("o"):
            return call.texts[at + 1]
    return None


def wget(call: Call) -> Effect:
    kind = word_kind(call)
    has_output, path = option(call, "-O", "--output-document")
    if not has_output:
        for at, text in enumerate(call.texts[1:-1], 1):
            if text and text.startswith("-") and not text.startswith("--") and text.endswith("O"):
                has_output, path = True, call.texts[at + 1]
    if has_output:
        return Effect(writes=() if path == "-" else (write(call, path, kind, is_file=True),), output=kind)
    return Effect(
        writes=(write(call, option(call, "-P", "--directory-prefix")[1] or ".", kind),), output=kind
    )


def tar(call: Call) -> Effect:
    first = call.texts[1] if len(call.texts) > 1 else None
    modes = (first or "") if first and not first.startswith("--") else ""
    extracting = "x" in modes or any(t in ("-x", "--extract", "--get") for t in call.texts)
    extracting = extracting or has_flag(call, "x")
    archive = _tar_archive(call, modes)
    folder = option(call, "-C", "--directory")[1]
    kind = word_kind(call)
    if extracting:
        held = source_kind(call, archive) if archive not in (None, "-") else call.stdin
        return Effect(writes=(write(call, folder or ".", join((kind, held))),))
    read = [source_kind(call, p) for p in operands(call, ("-C", "-f", "--file", "--directory"))[1:]]
    target = write(call, archive, join((kind, *read)), is_file=True)
    return Effect(writes=(target,) if archive != "-" else (), output=join((kind, *read)))


def _tar_archive(call: Call, modes: str) -> str | None:
    found, path = option(call, "--file")
    if found:
        return path
    for at, text in enumerate(call.texts[1:-1], 1):
        plain = text is not None and (text.startswith("-") and not text.startswith("--"))
        if text is not None and (plain or (at == 1 and text == modes)) and text.endswith("f"):
            return call.texts[at + 1]
    return None


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
    (
        "rev-parse",
        "describe",
        "log",
        "status",
        "show",
        "rev-list",
        "symbolic-ref",
        "diff",
        "ls-files",
        "ls-remote",
    )
    + (
        "tag",
        "branch",
        "remote",
        "config",
        "version",
        "name-rev",
        "merge-base",
        "for-each-ref",
        "var",
        "shortlog",
    )
)
_GIT_WRITES = frozenset(
    (
        "checkout",
        "fetch",
        "pull",
        "submodule",
        "reset",
        "apply",
        "am",
        "clean",
        "init",
        "switch",
        "restore",
        "lfs",
    )
    + ("worktree", "add", "commit", "merge", "cherry-pick", "stash")
)


def git(call: Call) -> Effect:
    words = operands(
        call, ("-c", "-C", "--git-dir", "--work-tree", "-b", "--branch", "--depth", "-j", "--jobs")
    )
    verb = words[0] if words else None
    kind = word_kind(call)
    if verb in _GIT_READS:
        return Effect(output=kind)
    folder = option(call, "-C")[1] or "."
    if verb == "clone":
        return Effect(writes=(write(call, _clone_folder(words), kind),))
    return Effect(writes=(write(call, folder, kind),), output=kind) if verb in _GIT_WRITES else anything(call)


def _clone_folder(words: tuple[str | None, ...]) -> str | None:
    if len(words) > 2:
        return words[2]
    url = words[1] if len(words) > 1 else None
    return posixpath.basename(url.rstrip("/")).removesuffix(".git") if url else "."


def accounts(call: Call) -> Effect:
    """useradd and kin: account tables and home folders."""
    paths = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/home")
    return Effect(writes=tuple(Write(p, word_kind(call), call.place, call.spelled()) for p in paths))


def certificates(call: Call) -> Effect:
    return Effect(writes=(Write("/etc/ssl/certs", Kind.PORTABLE, call.place, call.spelled()),))


def generates(call: Call) -> Effect:
    """A code generator whose text is the same on every platform."""
    return Effect(writes=(write(call, ".", word_kind(call)),), output=word_kind(call))


def finds(call: Call) -> Effect:
    if any(t in ("-exec", "-execdir", "-ok", "-okdir", "-fprint", "-fls") for t in call.texts):
        return anything(call)
    return Effect(output=word_kind(call))


def xx_info(_call: Call) -> Effect:
    return Effect(output=Kind.TARGET)


def openssl(call: Call) -> Effect:
    kind = word_kind(call)
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


_NOTHING = (
    "echo printf true false : test [ [[ (( exit return set unset shift ls pwd export readonly local declare typeset alias "
    "ulimit umask trap wait kill read sleep which type hash id whoami du df date basename dirname realpath readlink stat "
    "seq expr getent ps free nproc rm rmdir chmod chown chgrp setcap setfacl cd pushd popd sha256sum sha512sum sha1sum "
    "md5sum cmp diff tr wc uniq xx-verify gofmt golangci-lint staticcheck gosec govulncheck golint revive misspell "
    "shellcheck hadolint yamllint lsb_release ssh-keyscan git-lfs printenv sync break continue let shopt bash-completion "
    "gpg gpgconf apt-key hostname command env nice"
).split()
_PRINTS_FILES = "cat head tail grep egrep fgrep awk gawk mawk cut sort jq yq tac nl strings column".split()
_MACHINE = "arch dpkg-architecture lscpu getconf file ldd readelf objdump nm gcc cc g++ clang rpm hostnamectl".split()
_PACKAGES = (
    "apt-get apt aptitude apk yum dnf microdnf zypper ldconfig locale-gen xx-apt xx-apt-get xx-apk".split()
)
_ACCOUNTS = (
    "adduser useradd addgroup groupadd usermod groupmod passwd chpasswd deluser userdel groupdel".split()
)
_UNPACKS = "gzip gunzip xz unxz bzip2 bunzip2 zstd unzstd lz4 brotli pigz".split()
GENERATORS = frozenset(
    (
        "stringer mockgen mockery moq counterfeiter minimock enumer go-enum wire protoc protoc-gen-go protoc-gen-go-grpc buf "
        "sqlc templ swag controller-gen deepcopy-gen client-gen lister-gen informer-gen conversion-gen defaulter-gen openapi-gen "
        "easyjson ffjson msgp oapi-codegen gqlgen jsonenums go-bindata statik packr packr2 rice esc genny ifacemaker "
        "goyacc ragel peg gen-crd-api-reference-docs thrift go-swagger swagger kubebuilder xo ent addlicense gofumpt goimports"
    ).split()
)

HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_NOTHING, nothing),
    **dict.fromkeys(_PRINTS_FILES, prints_files),
    **dict.fromkeys(_MACHINE, prints_machine),
    **dict.fromkeys(_PACKAGES, packages),
    **dict.fromkeys(_ACCOUNTS, accounts),
    **dict.fromkeys(_UNPACKS, compresses),
    **dict.fromkeys(GENERATORS, generates),
    **dict.fromkeys(("mkdir", "touch", "truncate"), makes_paths),
    **dict.fromkeys(("cp", "mv", "install", "ln", "rsync"), copies),
    "uname": uname,
    "dpkg": dpkg,
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
