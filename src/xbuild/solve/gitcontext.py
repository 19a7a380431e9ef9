"""A git repository as the build context: which commit is meant, and its tree for planning.

Addresses are read as BuildKit reads them (`frontend/dockerfile/dfgitutil`), a name is resolved as it does it
(`source/git`: a branch before a tag). git runs without the user's settings and hooks, as in BuildKit, and
gets the token through its environment. BuildKit is then told the very commit that was planned for
(docs/decisions/0071-git-contexts.md).
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from xbuild.errors import ContextError, EngineError, XbuildError
from xbuild.solve.options import BuildOptions, comma_separated, is_true, redact
from xbuild.solve.run import Completed, run
from xbuild.text import expression

_ANSWER_SECONDS = 120.0
_FETCH_SECONDS = 1800.0

_SCP = expression(r"(?P<remote>[\w-]+@[\w.-]+:[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?")
_COMMIT = expression(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SCHEMES = ("http", "https", "ssh", "git")
# In an address's query: what says which commit or folder, and is said by the fragment afterwards
_PINNED = ("ref", "tag", "branch", "subdir", "checksum", "commit", "fetch-by-commit")
_OTHER = ("keep-git-dir", "submodules", "mtime")

# Of the variables that steer git these are the user's way to reach a server; the rest stays away, as what a
# hook of git's has in its environment would lead into the repository that is being committed to.
_KEPT = ("GIT_SSH", "GIT_SSL_", "GIT_PROXY_", "GIT_HTTP_")
_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "http:https:git:ssh",
    "GIT_LFS_SKIP_SMUDGE": "1",
}


@dataclass(frozen=True)
class GitContext:
    """An address, read. `query` is what of it says something beside the commit and the folder."""

    remote: str
    ref: str = ""
    folder: str = ""
    checksum: str = ""
    query: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str:
        """What git is given."""
        return f"https://{self.remote}" if self.remote.startswith("github.com/") else self.remote

    @property
    def has_submodules(self) -> bool:
        return _is_on(dict(self.query).get("submodules", "true"))

    @property
    def keeps_git_folder(self) -> bool | None:
        """None where the address does not say it."""
        value = dict(self.query).get("keep-git-dir")
        return None if value is None else _is_on(value)

    def at(self, commit: str) -> str:
        """The address of exactly this commit, for buildx."""
        query = f"?{urlencode(self.query)}" if self.query else ""
        folder = f":{self.folder}" if self.folder else ""
        return f"{self.remote}{query}#{commit}{folder}"


def _is_on(text: str) -> bool:
    return text == "" or is_true(text)


@dataclass(frozen=True)
class GitTree:
    """A commit, and the folder of its tree that is the build context, below the `root` of that tree."""

    context: GitContext
    commit: str
    root: Path

    @property
    def folder(self) -> Path:
        return self.root / self.context.folder

    @property
    def address(self) -> str:
        return self.context.at(self.commit)

    def inside(self, path: Path) -> bool:
        """Whether a path leads to something of the tree, also through links."""
        return path.resolve().is_relative_to(self.root.resolve())


class UnreadableGitError(XbuildError):
    """Whether the context is there, or what it holds, cannot be told from here."""


def parse_git_context(text: str) -> GitContext | None:
    """The address of a git repository; None for what BuildKit does not take for one, or what is new here."""
    scp = _SCP.fullmatch(text)
    if scp is not None:
        return _read(scp["remote"], scp["query"] or "", scp["fragment"] or "")
    parts = urlsplit(f"//{text}" if text.startswith("github.com/") else text)
    if text.startswith("github.com/"):
        return _read(_without_options(parts).removeprefix("//"), parts.query, parts.fragment)
    is_web = parts.scheme in ("http", "https")
    if parts.scheme not in _SCHEMES or (is_web and not parts.path.endswith(".git")):
        return None
    return _read(_without_options(parts), parts.query, parts.fragment)


def _without_options(parts: SplitResult) -> str:
    return parts._replace(query="", fragment="").geturl()


def _read(remote: str, query: str, fragment: str) -> GitContext | None:
    ref, _, folder = fragment.partition(":")
    pairs = parse_qsl(query, keep_blank_values=True)
    said = dict(pairs)
    if len(said) != len(pairs) or not said.keys() <= {*_PINNED, *_OTHER} or "fetch-by-commit" in said:
        return None
    named = [said[name] for name in ("ref",) if name in said]
    named += [
        _full(said[name], f"refs/{kind}/")
        for name, kind in (("tag", "tags"), ("branch", "heads"))
        if name in said
    ]
    folders = [name for name in (_normal(folder), _normal(said.get("subdir", ""))) if name]
    checksums = [said[name] for name in ("checksum", "commit") if name in said]
    refs = {name for name in (ref, *named) if name}
    if len(refs) > 1 or len(set(folders)) > 1 or len(checksums) > 1:
        return None
    rest = tuple((name, value) for name, value in pairs if name in _OTHER)
    return GitContext(remote, next(iter(refs), ""), (folders or [""])[0], (checksums or [""])[0], rest)


def _full(name: str, prefix: str) -> str:
    return name if name.startswith(prefix) else prefix + name


def _normal(folder: str) -> str:
    return os.path.normpath(f"/{folder}").lstrip("/")


def with_git_token(options: BuildOptions, environ: Mapping[str, str]) -> BuildOptions:
    """With the token of the environment as the secret that BuildKit fetches a git context with, unless the
    options have one.
    """
    context = parse_git_context(options.context)
    if (
        context is None
        or not environ.get(_TOKEN)
        or any(name in _secrets(options) for name in _names(context))
    ):
        return options
    return options.with_flags(("secret", f"id={_TOKEN},env={_TOKEN}"))


_TOKEN, _HEADER = "GIT_AUTH_TOKEN", "GIT_AUTH_HEADER"


def _names(context: GitContext) -> tuple[str, ...]:
    """Names of secrets, in the order in which BuildKit looks for them."""
    host = urlsplit(context.url).netloc.rpartition("@")[2]
    return (f"{_HEADER}.{host}", f"{_TOKEN}.{host}", _HEADER, _TOKEN)


def _secrets(options: BuildOptions) -> dict[str, dict[str, str]]:
    """The secrets of a build by name, with their fields."""
    found: dict[str, dict[str, str]] = {}
    for text in options.values("secret"):
        pairs = (field.partition("=") for field in comma_separated(text))
        said = {key.strip().lower(): value for key, _, value in pairs}
        found[said.get("id", "")] = said
    return found


def _authorization(context: GitContext, options: BuildOptions, environ: Mapping[str, str]) -> str:
    """The value of the header, or nothing. As buildx finds secrets (`util/buildflags/secrets.go`)."""
    if not context.url.startswith(("http://", "https://")):
        return ""
    given = _secrets(options)
    for name in _names(context):
        if name in given:
            value = _value(name, given[name], environ)
            return value if name.startswith(_HEADER) else _basic(value)
    return _basic(environ[_TOKEN]) if environ.get(_TOKEN) else ""


def _basic(token: str) -> str:
    return "basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


def _value(name: str, said: Mapping[str, str], environ: Mapping[str, str]) -> str:
    file = said.get("src") or said.get("source")
    if said.get("env") or (not file and name in environ):
        return environ.get(said.get("env") or name, "")
    try:
        return Path(file or name).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ContextError(f"secret {name} cannot be read: {error}", hint="correct --secret") from error


def fetch(context: GitContext, options: BuildOptions, environ: Mapping[str, str], folder: Path) -> GitTree:
    """The tree of the commit that is meant, below `folder`.

    Raises ContextError for what is not in the repository, UnreadableGitError where that cannot be told here.
    """
    caller = _Git(Path(mkdtemp(dir=folder, prefix="git-")), _environment(context, options, environ))
    commit = _commit(context, caller)
    caller.must("init", "--quiet", "--template=")
    caller.must("remote", "add", "origin", context.url)  # what addresses of submodules are relative to
    commit = _take(context, commit, caller)
    if context.has_submodules and (caller.root / ".gitmodules").is_file():
        caller.must("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
    keeps = context.keeps_git_folder
    if keeps is None:
        keeps = is_true(options.build_args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR", ""))
    if not keeps:
        shutil.rmtree(caller.root / ".git")
    tree = GitTree(context, commit, caller.root)
    if not tree.folder.is_dir() or not tree.inside(tree.folder):
        raise ContextError(
            f"{redact(context.url)} has no folder {context.folder} in commit {commit}",
            hint="correct what stands behind the colon of the context",
        )
    return tree


def _environment(
    context: GitContext, options: BuildOptions, environ: Mapping[str, str]
) -> tuple[tuple[str, str | None], ...]:
    """What git sees of the environment: None takes a variable away."""
    gone = {name: None for name in environ if name.startswith("GIT_") and not name.startswith(_KEPT)}
    settings: dict[str, str | None] = {**gone, **_SETTINGS}
    if "GIT_SSH_COMMAND" not in environ and "GIT_SSH" not in environ:
        settings["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
    header = _authorization(context, options, environ)
    if header:
        # BuildKit `tokenScope`: one token serves all of github.com, any other its repository alone
        scope = "https://github.com/" if context.url.startswith("https://github.com/") else context.url
        settings |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{scope}.extraheader",
            "GIT_CONFIG_VALUE_0": f"Authorization: {header}",
        }
    return tuple(settings.items())


@dataclass(frozen=True)
class _Git:
    """git on one tree."""

    root: Path
    environment: tuple[tuple[str, str | None], ...]

    def ask(self, *words: str, seconds: float = _ANSWER_SECONDS) -> Completed:
        try:
            return run(("git", *words), environment=dict(self.environment), timeout=seconds)
        except EngineError as error:
            raise UnreadableGitError("git is not installed, or not on PATH") from error

    def call(self, *words: str) -> Completed:
        place = ("-C", str(self.root)) if words[0] == "init" else self._place
        return self.ask(*place, *words, seconds=_FETCH_SECONDS)

    @property
    def _place(self) -> Sequence[str]:
        return ("-C", str(self.root), f"--git-dir={self.root / '.git'}", f"--work-tree={self.root}")

    def must(self, *words: str) -> str:
        answer = self.call(*words)
        if not answer.ok:
            raise _unreadable(answer)
        return answer.text


def _unreadable(answer: Completed) -> UnreadableGitError:
    said = [line for line in answer.error_text.splitlines() if line.strip()]
    text = f"no answer within {answer.seconds:.0f} s" if answer.timed_out else " ".join(said)
    return UnreadableGitError(redact(text)[:400] or f"exit code {answer.exit_code}")


def _commit(context: GitContext, caller: _Git) -> str:
    """What a name stands for, a commit or an annotated tag, as BuildKit's `resolveMetadataFromURL` has it."""
    if _COMMIT.fullmatch(context.ref):
        return context.ref
    names = (context.ref, f"{context.ref}^{{}}") if context.ref else ("HEAD",)
    answer = caller.ask("ls-remote", "--", context.url, *names)
    if not answer.ok:
        raise _unreadable(answer)
    there = {name: value for value, _, name in (line.partition("\t") for line in answer.text.splitlines())}
    found = next((there[name] for name in _candidates(context.ref) if name in there), "")
    if not _COMMIT.fullmatch(found):
        raise ContextError(
            f"{redact(context.url)} has no {context.ref or 'default branch'}",
            expected="a branch, a tag, refs/… or the full name of a commit",
            hint="correct what stands behind the # of the context",
        )
    return found


def _candidates(ref: str) -> Iterator[str]:
    if not ref:
        yield "HEAD"
        return
    yield f"refs/{ref.removeprefix('refs/')}"
    yield f"refs/heads/{ref.removeprefix('refs/heads/')}"
    yield f"refs/tags/{ref.removeprefix('refs/tags/')}"


def _take(context: GitContext, wanted: str, caller: _Git) -> str:
    """Check the commit out; some servers give a commit only under a name of it."""
    fetching = ("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", context.url)
    answer = caller.call(*fetching, wanted)
    if not answer.ok:
        if not context.ref or _COMMIT.fullmatch(context.ref):
            raise _unreadable(answer)
        caller.must(*fetching, context.ref)
    commit = caller.must("rev-parse", "FETCH_HEAD^{commit}").strip()
    if not answer.ok and commit != caller.must("rev-parse", f"{wanted}^{{commit}}").strip():
        raise UnreadableGitError(f"{context.ref} has moved meanwhile")
    if (
        context.checksum
        and not commit.startswith(context.checksum)
        and not wanted.startswith(context.checksum)
    ):
        raise ContextError(
            f"{redact(context.url)}: {context.ref or 'the default branch'} is {commit}",
            expected=f"{context.checksum}, as the context says",
        )
    caller.must("-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit)
    return commit
