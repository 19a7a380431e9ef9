"""Programs that fetch, and those that deal with repositories and keys.

What comes from an address is what its words say: the same for every machine, unless a word names it.

Sources: curl(1) 8.16, wget(1) 1.25 and BusyBox wget, git 2.51 documentation, openssl(1) 3.5, gpg(1) 2.4.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from xbuild.plan.facts.filesystem import EVERY, Kind, Write, join, kind_of
from xbuild.plan.facts.positions import ancestors
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import (
    Prints,
    Program,
    anywhere,
    is_device,
    plain,
    source_kind,
    told_kind,
    where,
    word_kind,
    write,
)
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.text import expression

_CURL = (
    "-f,--fail --fail-with-body -s,--silent -S,--show-error -L,--location --location-trusted "
    "-k,--insecure -o,--output= -O,--remote-name -J,--remote-header-name --output-dir= "
    "--create-dirs -D,--dump-header=> -c,--cookie-jar=> -v,--verbose -#,--progress-bar --no-progress-meter "
    "-i,--include,--show-headers -I,--head -w,--write-out= -H,--header= -A,--user-agent= -e,--referer= "
    "-X,--request= -d,--data,--data-ascii= --data-raw= --data-binary= --data-urlencode= "
    "-G,--get -u,--user= -n,--netrc --netrc-file=< -x,--proxy= --noproxy= --retry= "
    "--retry-delay= --retry-max-time= --retry-connrefused --retry-all-errors --connect-timeout= "
    "-m,--max-time= --max-redirs= --limit-rate= -y,--speed-time= -Y,--speed-limit= -C,--continue-at= "
    "-R,--remote-time --compressed --tlsv1 --tlsv1.2 --tlsv1.3 "
    "--tls-max= --proto= --proto-redir= --cacert=< -E,--cert= --key=< "
    "--ciphers= --http1.1 --http2 -4,--ipv4 -6,--ipv6 --ssl-reqd --url= -g,--globoff --resolve= "
    "-N,--no-buffer -b,--cookie= --oauth2-bearer="
)
_WGET = (
    "-q,--quiet -v,--verbose -nv,--no-verbose -O,--output-document= -o,--output-file=> "
    "-P,--directory-prefix= -c,--continue -N,--timestamping -nc,--no-clobber "
    "-r,--recursive -S,--server-response -T,--timeout= -t,--tries= -w,--wait= --waitretry= "
    "--retry-connrefused --retry-on-http-error= -U,--user-agent= --header= --user= --password= --post-data= "
    "--no-check-certificate --ca-certificate=< --progress= --show-progress --max-redirect= "
    "--content-disposition --trust-server-names -i,--input-file=< -4,--inet4-only -6,--inet6-only "
    "--no-proxy --https-only --secure-protocol= --no-hsts --no-cache --no-cookies -nH "
    "-nd,--no-directories -np,--no-parent -l,--level= -A,--accept= -R,--reject= --cut-dirs="
)


def addressed(call: Call, text: str | None) -> Kind:
    """The kind of what an address, or a path where one may stand, brings: a local file is read; what cannot
    be told may be one, if anything of the machine's was made here.
    """
    if text is None:
        return anywhere(call)
    scheme = text.partition(":")[0].lower()
    if re.search(r"[{\[]", scheme) or (scheme == "file" and re.search(r"[{\[%]", text)):
        return Kind.UNKNOWN
    if scheme == "file" and text != scheme:
        return source_kind(call, "/" + text[5:].lstrip("/").removeprefix("localhost/"))
    is_remote = "://" in text or _HOST.match(text) is not None
    return Kind.PORTABLE if is_remote else source_kind(call, text)


def _is_file(address: str) -> bool:
    return address.lower().startswith("file:")


_HOST = expression(r"[^/]+:")


# What is sent, and how a file is named in it.
_SENT = {
    **dict.fromkeys(("-d", "--data-binary", "--data-urlencode", "-H"), expression(r"[^@]*@(.*)", re.DOTALL)),
    "-b": expression(r"([^=]*)", re.DOTALL),
    "-E": expression(r"([^:]*).*", re.DOTALL),
}


def _curl(call: Call, given: Reading) -> Effect | None:
    if any(v is None or v.startswith("@") or "%output" in v for v in given.values("-w")):
        return None
    sent = [(o.value, _SENT[o.name].fullmatch(o.value or "")) for o in given.options if o.name in _SENT]
    files = [m[1] if value is not None and m else None for value, m in sent if value is None or m]
    files += [o.value for o in given.options if o.kind == "=<"]
    urls = [t if t is None or "://" in t or _is_file(t) else f"http://{t}" for t in given.operands]
    outputs = [p for p in given.values("-o") if not is_device(p)]
    folder = given.value("--output-dir", "")
    into = None if folder is None else folder or "."
    named = [_named_by(u, into) for u in (*urls, *given.values("--url"))] if given.has("-O") else []
    named = [into] if given.has("-J") and named else named
    kept = [*outputs, *named] if given.has("-C") else []
    kind = join((
        word_kind(call), *(source_kind(call, f) for f in (*files, *kept)),
        *(addressed(call, u) for u in (*urls, *given.values("--url"))),
    ))  # fmt: skip
    is_whole = not given.has("-C") and len(given.values("-o")) == 1  # there may be fewer addresses
    made = [_downloaded(call, folder, p, kind, is_whole=is_whole) for p in outputs]
    made += [write(call, o.value, kind) for o in given.options if o.kind == "=>" and not is_device(o.value)]
    made += [write(call, into, kind) for into in named]
    return plain(call, kind, made, files)


def _named_by(address: str | None, folder: str | None) -> str | None:
    """Where a file lands that is called as it is in its address; the folder where that cannot be told."""
    name = _NAME.search(address or "")
    return folder if folder is None or name is None else posixpath.join(folder, name[1])


_NAME = expression(r"^\w+://[^/?#\[{]+/(?:[^?#\[{]*/)?([\w.+-]*\w)$")


def _downloaded(call: Call, folder: str | None, path: str | None, kind: Kind, *, is_whole: bool) -> Write:
    """What `-o` writes; `#1` in it stands for what a pattern of the address matched."""
    if path is None or folder is None:
        return write(call, None, kind)
    into = f"{folder}/{path}" if folder else path
    if "#" in path:
        return write(call, posixpath.dirname(into.partition("#")[0]) or ".", kind)
    return write(call, into, kind, is_file=is_whole)


def _wget(call: Call, given: Reading) -> Effect | None:
    outputs = given.values("-O")
    if len(outputs) > 1:
        return None  # the first stays as it was
    is_whole = not given.has("-c", "-nc", "-N")
    read = [o.value for o in given.options if o.kind == "=<"]
    read += [] if is_whole else outputs or (given.value("-P", "."),)
    kind = join((word_kind(call), *(source_kind(call, path) for path in read)))
    made = [write(call, p, kind, is_file=is_whole) for p in outputs if not is_device(p)]
    made += [write(call, o.value, kind) for o in given.options if o.kind == "=>" and not is_device(o.value)]
    if not outputs:
        made.append(write(call, given.value("-P", "."), kind))
    return plain(call, kind, made)


# -- git


def _repository(call: Call, given: Reading, *, is_tree: bool) -> Kind:
    """The kind of the repository that git finds from where it is, and with `is_tree` of the files in it.

    One that nothing was written to here is the same for every machine.
    """
    folder = where(call, given.value("-C", "."))
    if folder is None:
        return Kind.UNKNOWN
    places = [*(posixpath.join(f, ".git") for f in ancestors(folder)), *([folder] if is_tree else [])]
    return join(kind_of(call.writes, p) for p in places if call.writes.touch(p))


_TREE_OPTIONS = ("--dirty", "--others", "--cached")
_TREE_VERBS = ("status", "diff", "ls-files")


def _asks_git(call: Call, given: Reading) -> Effect | None:
    """What it prints is the repository's, or that of the files in it."""
    if _has_other_settings(given):
        return None
    verb = next((t for t in call.texts[1:] if t in _TREE_VERBS), None)
    is_tree = verb is not None or given.has(*_TREE_OPTIONS)
    kind = join((word_kind(call), _repository(call, given, is_tree=is_tree)))
    if "ls-remote" in call.texts[1:]:
        kind = join((kind, *(addressed(call, t) for t in given.operands[:1] if t is None or "/" in t)))
    return plain(call, kind, _refreshed(call, given, kind) if is_tree else (), (given.value("-C", "."),))


def _refreshed(call: Call, given: Reading, kind: Kind) -> Iterator[Write]:
    """What compares files with the repository writes down in it when it did."""
    folder = where(call, given.value("-C", "."))
    if folder is None:
        yield write(call, None, Kind.UNKNOWN)
        return
    for place in (posixpath.join(f, ".git") for f in ancestors(folder)):
        if call.writes.touch(place) or place.startswith(posixpath.join(folder, ".git")):
            yield write(call, place, kind)


def _is_plain_setting(text: str | None) -> bool:
    """Whether a setting changes how git fetches and shows, and names no program to run."""
    return text is not None and (text.startswith(_PLAIN_SETTINGS) or _OTHER_HOST.match(text) is not None)


_PLAIN_SETTINGS = (
    "user.", "safe.", "advice.", "http.", "init.defaultBranch", "core.autocrlf", "core.eol", "color.",
    "fetch.", "clone.", "submodule.fetchJobs",
)  # fmt: skip
# Addresses that are asked for at another host.
_OTHER_HOST = expression(r"""url\.["']?((https?|ssh|git)://|[\w.-]+@[\w.-]+:)""")


def _has_other_settings(given: Reading) -> bool:
    return any(v is None or ("=" in v and not _is_plain_setting(v)) for v in given.values("-c"))


def _remotes(call: Call, given: Reading) -> Effect | None:
    """`git remote`: what a remote's address brings is fetched later."""
    made = _changes_tree(call, given)
    is_named = given.operands[:1] in (("add",), ("set-url",))
    addresses = given.operands[2:] if is_named else ()
    kind = join((made.output if made else Kind.UNKNOWN, *(addressed(call, t) for t in addresses)))
    return made and replace(made, output=kind, writes=tuple(replace(w, kind=kind) for w in made.writes))


def _changes_tree(call: Call, given: Reading) -> Effect | None:
    if _has_other_settings(given):
        return None
    kind = join((word_kind(call), _repository(call, given, is_tree=True)))
    folders = given.values("-C") or (".",)
    return plain(call, kind, (write(call, f, kind) for f in folders), folders)


def _begins(call: Call, given: Reading) -> Effect | None:
    """`git init`: a repository in its folder, or here."""
    made = _changes_tree(call, given)
    if made is None or not given.operands:
        return made
    base, folder = given.value("-C", "."), given.operands[-1]
    path = None if base is None or folder is None else posixpath.join(base, folder)
    return replace(made, writes=(*made.writes, write(call, path, made.output)))


def _submodules(call: Call, given: Reading) -> Effect | None:
    """`git submodule foreach` runs what it is given."""
    return _changes_tree(call, given) if given.operands[:1] in (("update",), ("init",), ("sync",)) else None


def _fetches(call: Call, given: Reading) -> Effect | None:
    """From an address, a folder, or a remote of the repository by its name."""
    made = _changes_tree(call, given)
    named = [t for t in given.operands[:1] if t is None or "/" in t or ":" in t]
    kind = join((made.output if made else Kind.UNKNOWN, *(addressed(call, t) for t in named)))
    return made and replace(made, output=kind, writes=tuple(replace(w, kind=kind) for w in made.writes))


def _applies(call: Call, given: Reading) -> Effect | None:
    kind = join((word_kind(call), call.stdin, *(source_kind(call, p) for p in given.operands)))
    kind = join((kind, _repository(call, given, is_tree=True)))
    return plain(call, kind, (write(call, given.value("-C", "."), kind),), (".", *given.operands))


def _clones(call: Call, given: Reading) -> Effect | None:
    if _has_other_settings(given):
        return None
    base = given.value("-C", ".")
    named = given.operands
    kind = join((word_kind(call), *(addressed(call, t) for t in named[:1])))
    if len(named) > 1:
        folders = [named[1]]
    else:
        url = named[0] if named else None
        name = posixpath.basename(url.rstrip("/").removesuffix("/.git")).removesuffix(".git") if url else "."
        name = name.rpartition(":")[2]
        folders = [name, f"{name}.git"] if given.has("--bare", "--mirror") else [name]
    paths = [None if base is None or f is None else posixpath.join(base, f) for f in folders]
    brought = frozenset((EVERY,))
    return plain(call, kind, (replace(write(call, path, kind), brought=brought) for path in paths))


def _configures(call: Call, given: Reading) -> Effect | None:
    """Settings, in a file of git's own or in that of the repository."""
    name = given.operands[0] if given.operands else "user."
    if not _is_plain_setting(name):
        return None
    kind = join((word_kind(call), _repository(call, given, is_tree=False)))
    files = (_in_home(call, ".gitconfig"), "/etc/gitconfig")
    if given.has("--get") or len(given.operands) < 2:
        written = (w.kind for path in files if path is not None for w in call.writes.exactly(path))
        return plain(call, join((kind, *written)))
    if given.has("--global", "--system") and not given.has("-f"):
        return plain(call, word_kind(call), (write(call, p, word_kind(call)) for p in files))
    return plain(call, kind, (write(call, given.value("-f", given.value("-C", ".")), kind),))


def _git(options: str, does: Callable[[Call, Reading], Effect | None]) -> Program:
    return Program("git", options, does=does)


_SHOWS = (
    "-NUM -n,--max-count= -q,--quiet -s --short[=] --porcelain[=] --format,--pretty= --oneline --abbrev[=] "
    "--abbrev-commit --tags -a,--all --always --dirty[=] --long --exact-match --match= --exclude= "
    "--first-parent --abbrev-ref[=] --verify --show-toplevel --git-dir --absolute-git-dir "
    "--is-inside-work-tree --is-shallow-repository --symbolic --show-current -l,--list --sort= "
    "--points-at= --count --date= --no-patch --no-ext-diff --name-only --name-status --stat -h,--heads -t "
    "--refs --exit-code --no-walk --max-parents= --no-color --cached --others --exclude-standard "
    "--no-merges"
)
_FETCHES = (
    "-q,--quiet -v,--verbose --progress -b,--branch= --depth= --single-branch "
    "--no-single-branch --recurse-submodules[=] --recursive --shallow-submodules -j,--jobs= --no-tags "
    "--tags -n,--no-checkout --bare --mirror -o,--origin= --filter= --sparse -f,--force -p,--prune "
    "--unshallow -t -c,--config= --all --ff-only --rebase[=] --no-rebase"
)
_CHANGES = (
    "-q,--quiet -f,--force -A --single-branch -b= -B= --detach -d --hard --soft --mixed --keep --merge -m= "
    "-x --init --recursive --remote --depth= -j,--jobs= --checkout --theirs --ours --track -t "
    "-3 -R --reject --whitespace= --directory= --index --cached -v,--verbose -c= -n -a,--all --no-verify "
    "--allow-empty --amend --no-edit --no-commit --no-ff --ff-only --initial-branch= --bare "
    "--include= --exclude= --stat --check --ignore-whitespace"
)


def _starts_git(call: Call) -> Iterator[str]:
    """`git lfs` runs `git-lfs` (gitcli(7)); it comes with no git."""
    yield from ("git-lfs",) if "lfs" in call.texts[1:] else ()


_VERBS = {
    **dict.fromkeys(
        words("rev-parse describe log status show rev-list diff ls-files ls-remote version"),
        _git(_SHOWS, _asks_git),
    ),
    **dict.fromkeys(words("tag branch"), _git(_SHOWS, _changes_tree)),
    "remote": _git(_SHOWS, _remotes),
    **dict.fromkeys(
        words("checkout reset clean switch restore add commit merge cherry-pick rm"),
        _git(_CHANGES, _changes_tree),
    ),
    **dict.fromkeys(("apply", "am"), _git(_CHANGES, _applies)),
    "init": _git(_CHANGES, _begins),
    "submodule": _git(_CHANGES, _submodules),
    **dict.fromkeys(("fetch", "pull"), _git(_FETCHES, _fetches)),
    "clone": _git(_FETCHES, _clones),
    "config": Program(
        "git",
        "--global --system --local -f,--file= --add --replace-all --unset --get --bool",
        does=_configures,
        style=Style.FIRST,
    ),
    "lfs": _git("--skip-smudge --local --force -f --system --include= --exclude= -I= -X=", _changes_tree),
}


def _openssl(call: Call, given: Reading) -> Effect | None:
    """`openssl`: keys and certificates; what is random is no matter of the machine. A password comes from a
    word, a variable, a file or the input.
    """
    passwords = given.values("-pass", "-passin", "-passout")
    if any(p is None or not p.startswith(("pass:", "file:", "env:", "stdin")) for p in passwords):
        return None
    if given.has("-keyout") and call.texts[1] != "req":
        return None  # no option of the others
    asks = any(p is not None and p.startswith("env:") for p in passwords)
    files = [o.value for o in given.options if o.kind == "=<"]
    files += [p[5:] for p in passwords if p is not None and p.startswith("file:")]
    if call.texts[1] in ("dgst", "sha256"):
        files += given.operands
    base = told_kind(call) if asks else word_kind(call)
    kind = join((base, call.stdin, *(source_kind(call, f) for f in files)))
    made = [write(call, o.value, kind, is_file=True) for o in given.options if o.kind == "=>"]
    if call.texts[1] == "req" and not given.has("-keyout"):
        made.append(write(call, ".", kind))  # a new key lands where the configuration says
    return replace(plain(call, kind, made, files), sees_environment=asks)


_OPENSSL = Program(
    "openssl",
    "-in=< -out=> -key=< -keyout=> -config=< -new -x509 -nodes -noenc -days= -subj= -newkey= -sha256 "
    "-sha384 -sha512 -sha1 -md5 -extensions= -addext= -text -noout -hex -base64 -d -e -a -A -r -binary "
    "-passout= -passin= -pass= -fingerprint -subject -issuer -dates -enddate -outform= -inform= "
    "-aes256 -aes-256-cbc -pbkdf2 -salt -batch -subject_hash -hash",
    does=_openssl,
    style=Style.LONG,
)


def _in_home(call: Call, name: str) -> str | None:
    """A path in the home folder; of a user that is not root it is taken to be below /home."""
    value, is_given = call.variables.get("HOME"), call.assignments.get("HOME") is not None
    if is_given or value is not None:
        return posixpath.join(value.text, name) if value is not None and value.text and not is_given else None
    return posixpath.join("/root" if call.scope.user() in ("", "root", "0") else "/home", name)


def _gpg(call: Call, given: Reading) -> Effect | None:
    """`gpg`: keys of its own home, and `-o`, or a file beside the one that it is given."""
    if "GNUPGHOME" in call.assignments or ("GNUPGHOME" in call.variables and not given.has("--homedir")):
        value = call.variables.get("GNUPGHOME")
        home = value.text if value is not None and "GNUPGHOME" not in call.assignments else None
    else:
        home = given.value("--homedir", _in_home(call, ".gnupg"))
    named = given.values("--keyring")
    rings = [r if r is None or "/" in r or home is None else posixpath.join(home, r) for r in named]
    kept = [p for p in (home, *rings) if p is None or call.writes.touch(where(call, p) or "/")]
    kind = join((word_kind(call), call.stdin, *(source_kind(call, p) for p in (*given.operands, *kept))))
    outputs = [o.value for o in given.options if o.kind == "=>"]
    # What only lists or imports leaves its output as it was.
    is_whole = given.has("--dearmor")
    made = [write(call, p, kind, is_file=is_whole) for p in outputs if p != "-"]
    made += [write(call, p, kind) for p in (home, *rings)]
    if not outputs:
        made += [
            write(call, None if p is None else posixpath.dirname(p) or ".", kind)
            for p in given.operands
            if p != "-" and given.has("--dearmor", "--armor", "-a")
        ]
    return plain(call, kind, made, given.operands)


PROGRAMS = (
    Program(
        "curl", _CURL, does=_curl, variables=("CURL_HOME",), settings=(".curlrc", ".netrc"), is_download=True
    ),
    Program(
        "wget",
        _WGET,
        does=_wget,
        variables=("WGETRC", "SYSTEM_WGETRC"),
        settings=(".wgetrc", ".netrc"),
        is_download=True,
    ),
    Program(
        "git",
        "-C= -c= --no-pager -P --bare --no-optional-locks --literal-pathspecs",
        verbs=_VERBS,
        still=words("rev-parse describe log status show rev-list config"),
        style=Style.FIRST,
        variables=words(
            "GIT_DIR GIT_WORK_TREE GIT_EXTERNAL_DIFF GIT_CONFIG GIT_CONFIG_GLOBAL GIT_CONFIG_COUNT "
            "GIT_CONFIG_PARAMETERS GIT_INDEX_FILE GIT_OBJECT_DIRECTORY"
        ),
        settings=(".gitconfig", ".git/"),
        starts=_starts_git,
    ),
    Program(
        "openssl",
        style=Style.FIRST,
        verbs=dict.fromkeys(
            words("req x509 genrsa rand dgst enc base64 passwd sha256"),
            _OPENSSL,
        ),
    ),
    Program(
        "gpg gpg2",
        "-o,--output=> --dearmor --armor -a --batch --yes --no-tty -q,--quiet -v,--verbose --import "
        "--export --keyserver= --recv-keys --recv-key --verify --homedir= --keyring= --no-default-keyring "
        "--trust-model= --keyserver-options= --fingerprint --list-keys --with-colons --show-keys "
        "--no-options",
        style=Style.FIRST,
        does=_gpg,
    ),
    Program("gpgconf", "--kill --homedir=", "text*", Prints.WORDS),
    Program("ssh-keyscan", "-t= -p= -T= -H", "text*"),
)
