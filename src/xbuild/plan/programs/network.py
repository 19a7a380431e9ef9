"""Programs that fetch, and those that deal with repositories and keys.

What comes from an address is what its words say: the same for every machine, unless a word names it.

Sources: curl(1) 8.16, wget(1) 1.25 and BusyBox wget, git 2.51 documentation, openssl(1) 3.5, gpg(1) 2.4.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from xbuild.plan.filesystem import Kind, join
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Prints, Program, is_device, plain, source_kind, word_kind, write
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect

_CURL = (
    "-f,--fail --fail-with-body --fail-early -s,--silent -S,--show-error -L,--location --location-trusted "
    "-k,--insecure -o,--output= -O,--remote-name --remote-name-all -J,--remote-header-name --output-dir= "
    "--create-dirs -D,--dump-header=> -c,--cookie-jar=> --trace=> --trace-ascii=> --stderr=> --libcurl=> "
    "--etag-save=> --hsts=> --alt-svc=> -v,--verbose -#,--progress-bar --no-progress-meter "
    "-i,--include,--show-headers -I,--head -w,--write-out= -H,--header= -A,--user-agent= -e,--referer= "
    "-X,--request= -d,--data,--data-ascii= --data-raw= --data-binary= --data-urlencode= --json= -F,--form= "
    "-G,--get -u,--user= -n,--netrc --netrc-optional --netrc-file=< -x,--proxy= --noproxy= --retry= "
    "--retry-delay= --retry-max-time= --retry-connrefused --retry-all-errors --connect-timeout= "
    "-m,--max-time= --max-redirs= --limit-rate= -y,--speed-time= -Y,--speed-limit= -C,--continue-at= "
    "-r,--range= -z,--time-cond= -R,--remote-time --compressed --tr-encoding --tlsv1 --tlsv1.2 --tlsv1.3 "
    "--tls-max= --proto= --proto-default= --proto-redir= --cacert=< --capath=< -E,--cert= --key=< "
    "--ciphers= --http1.0 --http1.1 --http2 --http3 -0 -4,--ipv4 -6,--ipv6 --ssl-reqd --ssl --url= "
    "-T,--upload-file=< --path-as-is -g,--globoff --interface= --resolve= --create-file-mode= "
    "-N,--no-buffer -q,--disable --etag-compare=< -Z,--parallel --parallel-max= --anyauth --basic --digest "
    "-b,--cookie= --post301 --post302 --no-keepalive --keepalive-time= --oauth2-bearer= --doh-url= "
    "--remove-on-error --skip-existing"
)
_WGET = (
    "-q,--quiet -v,--verbose -nv,--no-verbose -O,--output-document= -o,--output-file=> -a,--append-output=> "
    "--save-cookies=> -P,--directory-prefix= -c,--continue -N,--timestamping -nc,--no-clobber "
    "-r,--recursive -S,--server-response -T,--timeout= -t,--tries= -w,--wait= --waitretry= "
    "--retry-connrefused --retry-on-http-error= -U,--user-agent= --header= --user= --password= --post-data= "
    "--no-check-certificate --ca-certificate=< --progress= --show-progress --max-redirect= "
    "--content-disposition --trust-server-names -i,--input-file=< -4,--inet4-only -6,--inet6-only "
    "--no-proxy --https-only --secure-protocol= --no-hsts --no-cache --no-cookies -x -nH "
    "-nd,--no-directories -np,--no-parent -l,--level= -A,--accept= -R,--reject= --cut-dirs= -Y= --spider -k "
    "-E -p,--page-requisites -e="
)


def _curl(call: Call, given: Reading) -> Effect | None:
    kind = join((word_kind(call), *(source_kind(call, o.value) for o in given.options if o.kind == "=<")))
    if any(v is None or "@" in v for v in given.values("-w")):
        return None
    sent = [o.value for o in given.options if o.name in ("-d", "--data-binary", "--json", "-F") and o.value]
    files = [text.rpartition("@")[2] for text in sent if "@" in text]
    kind = join((kind, *(source_kind(call, f) for f in files), call.stdin if "-" in files else Kind.PORTABLE))
    folder = given.value("--output-dir", ".")
    made = [
        write(call, None if p is None or folder is None else posixpath.join(folder, p), kind, is_file=True)
        for p in given.values("-o")
        if not is_device(p)
    ]
    made += [write(call, o.value, kind) for o in given.options if o.kind == "=>" and not is_device(o.value)]
    if given.has("-O", "--remote-name-all"):
        made.append(write(call, folder, kind))
    return plain(call, kind, made, files)


def _wget(call: Call, given: Reading) -> Effect | None:
    if given.has("-e"):
        return None  # sets anything that a wgetrc can
    kind = join((word_kind(call), *(source_kind(call, o.value) for o in given.options if o.kind == "=<")))
    outputs = given.values("-O")
    made = [write(call, p, kind, is_file=True) for p in outputs if not is_device(p)]
    made += [write(call, o.value, kind) for o in given.options if o.kind == "=>" and not is_device(o.value)]
    if not outputs and not given.has("--spider"):
        made.append(write(call, given.value("-P", "."), kind))
    return plain(call, kind, made)


# -- git


def _asks_git(call: Call, _given: Reading) -> Effect | None:
    """What it prints is the repository's, which is the same for every machine."""
    return plain(call, word_kind(call), (), (".",))


def _is_plain_setting(text: str | None) -> bool:
    """Whether a setting changes how git fetches and shows, and names no program to run."""
    return text is not None and text.startswith(_PLAIN_SETTINGS)


_PLAIN_SETTINGS = (
    "user.", "safe.", "advice.", "url.", "http.", "init.", "core.autocrlf", "core.eol", "color.", "protocol.",
    "fetch.", "clone.", "submodule.fetchJobs",
)  # fmt: skip


def _has_other_settings(given: Reading) -> bool:
    return any(v is None or ("=" in v and not _is_plain_setting(v)) for v in given.values("-c"))


def _changes_tree(call: Call, given: Reading) -> Effect | None:
    if _has_other_settings(given):
        return None
    kind = word_kind(call)
    return plain(call, kind, (write(call, given.value("-C", "."), kind),), (".",))


def _submodules(call: Call, given: Reading) -> Effect | None:
    """`git submodule foreach` runs what it is given."""
    return _changes_tree(call, given) if given.operands[:1] in (("update",), ("init",), ("sync",)) else None


def _applies(call: Call, given: Reading) -> Effect | None:
    kind = join((word_kind(call), call.stdin, *(source_kind(call, p) for p in given.operands)))
    return plain(call, kind, (write(call, given.value("-C", "."), kind),), (".", *given.operands))


def _clones(call: Call, given: Reading) -> Effect | None:
    if _has_other_settings(given):
        return None
    kind = word_kind(call)
    base = given.value("-C", ".")
    named = given.operands
    if len(named) > 1:
        folder = named[1]
    else:
        url = named[0] if named else None
        folder = posixpath.basename(url.rstrip("/")).removesuffix(".git") if url else "."
    path = None if base is None or folder is None else posixpath.join(base, folder)
    return plain(call, kind, (write(call, path, kind),))


def _configures(call: Call, given: Reading) -> Effect | None:
    name = given.operands[0] if given.operands else "user."
    return plain(call, word_kind(call)) if _is_plain_setting(name) else None


def _git(options: str, does: Callable[[Call, Reading], Effect | None]) -> Program:
    return Program("git", options, does=does)


_SHOWS = (
    "-NUM -n,--max-count= -q,--quiet -s --short[=] --porcelain[=] --format,--pretty= --oneline --abbrev[=] "
    "--abbrev-commit --tags -a,--all --always --dirty[=] --long --exact-match --match= --exclude= "
    "--first-parent --abbrev-ref[=] --verify --show-toplevel --git-dir --absolute-git-dir -m,--modified "
    "--is-inside-work-tree --is-shallow-repository --symbolic --show-current -l,--list --sort= "
    "--points-at= --contains[=] --merged[=] --count --date= --since= --until= --no-patch --no-ext-diff "
    "--name-only --name-status --stat -h,--heads -t --refs --exit-code --no-walk --reverse --max-parents= "
    "--untracked-files[=] -u[=] --decorate[=] --no-color --cached --others --exclude-standard -z -r "
    "--recursive --symref --get-url -p --simplify-by-decoration --no-merges"
)
_FETCHES = (
    "-q,--quiet -v,--verbose --progress -b,--branch= --depth= --shallow-since= --single-branch "
    "--no-single-branch --recurse-submodules[=] --recursive --shallow-submodules -j,--jobs= --no-tags "
    "--tags -n,--no-checkout --bare --mirror -o,--origin= --filter= --sparse -f,--force -p,--prune "
    "--unshallow -t -c,--config= --update-head-ok -u --all --ff-only --rebase[=] --no-rebase -4 -6"
)
_CHANGES = (
    "-q,--quiet -f,--force -A --single-branch -b= -B= --detach -d --hard --soft --mixed --keep --merge -m= "
    "-x -X -p --orphan= --init --recursive --remote --depth= -j,--jobs= --reference= --checkout --theirs "
    "--ours --track -t --no-track --worktree --staged -s,--source= -N -3 -R --reject --whitespace= "
    "--directory= --index --cached --unsafe-paths -v,--verbose -c= -n -a,--all --no-verify --allow-empty "
    "--amend --no-edit -u --abort --continue --no-commit --no-ff --ff-only --initial-branch= --bare "
    "--include= --exclude= --stat --check --ignore-whitespace"
)

_VERBS = {
    **dict.fromkeys(
        words(
            "rev-parse describe log status show rev-list symbolic-ref diff ls-files ls-remote tag branch "
            "remote name-rev merge-base for-each-ref var shortlog version"
        ),
        _git(_SHOWS, _asks_git),
    ),
    **dict.fromkeys(
        words(
            "checkout reset clean init switch restore add commit merge cherry-pick stash rm mv "
            "sparse-checkout"
        ),
        _git(_CHANGES, _changes_tree),
    ),
    **dict.fromkeys(("apply", "am"), _git(_CHANGES, _applies)),
    "submodule": _git(_CHANGES, _submodules),
    **dict.fromkeys(("fetch", "pull"), _git(_FETCHES, _changes_tree)),
    "clone": _git(_FETCHES, _clones),
    "config": _git(
        "--global --system --local -f,--file= --add --replace-all --unset --get --bool", _configures
    ),
    "lfs": _git("--skip-smudge --local --force -f --system --include= --exclude= -I= -X=", _changes_tree),
}


def _openssl(call: Call, given: Reading) -> Effect | None:
    """`openssl`: keys and certificates; what is random is no matter of the machine."""
    kind = join(
        (word_kind(call), call.stdin, *(source_kind(call, o.value) for o in given.options if o.kind == "=<"))
    )
    made = [write(call, o.value, kind, is_file=True) for o in given.options if o.kind == "=>"]
    return plain(call, kind, made, (o.value for o in given.options if o.kind == "=<"))


_OPENSSL = Program(
    "openssl",
    "-in=< -out=> -key=< -keyout=> -CA=< -CAkey=< -config=< -extfile=< -inkey=< -certfile=< -new -x509 "
    "-nodes -noenc -days= -subj= -newkey= -sha256 -sha384 -sha512 -sha1 -md5 -req -extensions= -addext= "
    "-CAcreateserial -pubout -pubin -text -noout -hex -base64 -d -e -a -A -r -binary -export -passout= "
    "-passin= -pass= -name= -modulus -fingerprint -subject -issuer -dates -enddate -outform= -inform= "
    "-aes256 -aes-256-cbc -pbkdf2 -salt -set_serial= -reqexts= -utf8 -batch -verbose -quiet -nocerts "
    "-nokeys -topk8 -nocrypt -subject_hash -hash",
    does=_openssl,
    style=Style.LONG,
)


def _gpg(call: Call, given: Reading) -> Effect | None:
    """`gpg`: keys of its own home, and `-o`; that home is no content of an image."""
    kind = join(
        (word_kind(call), call.stdin, *(source_kind(call, p) for p in given.operands if p and "/" in p))
    )
    made = [
        write(call, o.value, kind, is_file=True) for o in given.options if o.kind == "=>" and o.value != "-"
    ]
    home = given.value("--homedir", "~/.gnupg")
    if home is not None and home.startswith("/"):
        made.append(write(call, home, word_kind(call)))
    keyring = given.value("--keyring")
    if keyring is not None:
        made.append(write(call, keyring, kind))
    return plain(call, kind, made)


PROGRAMS = (
    Program("curl", _CURL, does=_curl, variables=("CURL_HOME",)),
    Program("wget", _WGET, does=_wget, variables=("WGETRC", "SYSTEM_WGETRC")),
    Program(
        "git",
        "-C= -c= --git-dir= --work-tree= --no-pager -P --bare --no-optional-locks --literal-pathspecs",
        verbs=_VERBS,
        style=Style.FIRST,
        variables=("GIT_DIR", "GIT_WORK_TREE", "GIT_EXTERNAL_DIFF", "GIT_CONFIG", "GIT_CONFIG_GLOBAL"),
    ),
    Program(
        "openssl",
        style=Style.FIRST,
        verbs=dict.fromkeys(
            words(
                "req x509 genrsa rsa genpkey pkey ec ecparam rand dgst enc base64 pkcs12 pkcs8 passwd "
                "sha256 md5 dhparam verify"
            ),
            _OPENSSL,
        ),
    ),
    Program(
        "gpg gpg2",
        "-o,--output=> --dearmor --armor -a --batch --yes --no-tty -q,--quiet -v,--verbose --import "
        "--export --keyserver= --recv-keys --recv-key --verify --decrypt -d --homedir= --keyring= "
        "--no-default-keyring --trust-model= --import-ownertrust --keyserver-options= --status-fd= "
        "--fingerprint --list-keys -k --with-colons --show-keys --no-options --primary-keyring= "
        "--pinentry-mode= --passphrase= --delete-keys",
        does=_gpg,
    ),
    Program("gpgconf", "--kill --homedir=", "text*", Prints.WORDS),
    Program("ssh-keyscan", "-t= -p= -T= -H -4 -6", "text*"),
)
