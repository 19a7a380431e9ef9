"""Git contexts: addresses, the commit that is meant, its tree, and where the token goes and where not."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.solve.gitserver import GitServer, commit, git, publish, repository, serving
from xbuild.errors import ContextError, UsageError
from xbuild.solve.gitcontext import GitContext, fetch, parse_git_context, with_git_token
from xbuild.solve.inputs import Inputs, read_inputs
from xbuild.solve.options import parse_build_arguments

SHA = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "t0k3n-of-a-friend"
BASIC = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
FROM_ENVIRONMENT = "id=GIT_AUTH_TOKEN,env=GIT_AUTH_TOKEN"
URL = "https://h/r.git"
OF_HOST = "id=GIT_AUTH_TOKEN.h,env=Y"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://h/o/r.git", GitContext("https://h/o/r.git")),
        ("https://h/o/r.git#main", GitContext("https://h/o/r.git", "main")),
        ("https://h/o/r.git#:sub/", GitContext("https://h/o/r.git", "", "sub")),
        ("https://h/o/r.git#a/b:/x/../y", GitContext("https://h/o/r.git", "a/b", "y")),
        ("https://h/o/r.git#:../../etc", GitContext("https://h/o/r.git", "", "etc")),
        ("http://u:p@h:1/r.git#v1", GitContext("http://u:p@h:1/r.git", "v1")),
        ("git://h/r#v1", GitContext("git://h/r", "v1")),
        ("ssh://git@h/r.git", GitContext("ssh://git@h/r.git")),
        ("git@h.example:o/r.git#v1:s", GitContext("git@h.example:o/r.git", "v1", "s")),
        ("github.com/o/r#v1", GitContext("github.com/o/r", "v1")),
        ("https://h/r.git?ref=main&subdir=s", GitContext("https://h/r.git", "main", "s")),
        ("https://h/r.git?tag=v1", GitContext("https://h/r.git", "refs/tags/v1")),
        ("https://h/r.git?branch=b#refs/heads/b:s", GitContext("https://h/r.git", "refs/heads/b", "s")),
        (f"https://h/r.git?checksum={SHA}#b", GitContext("https://h/r.git", "b", "", SHA)),
        ("https://h/r.git?submodules=0&keep-git-dir", GitContext(
            "https://h/r.git", query=(("submodules", "0"), ("keep-git-dir", "")))),
        # not git's, or something that is new here: the builder decides
        ("https://h/o/r", None),
        ("https://h/o/r.tar.gz#main", None),
        ("ftp://h/r.git", None),
        ("https://h/r.git?ref=a#b", None),
        ("https://h/r.git?ref=a&ref=b", None),
        ("https://h/r.git?new=1", None),
        ("https://h/r.git?fetch-by-commit&commit=1", None),
        (".", None),
        ("-", None),
        ("", None),
    ],
)  # fmt: skip
def test_addresses(text: str, read: GitContext | None) -> None:
    assert parse_git_context(text) == read


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("https://h/r.git", f"https://h/r.git#{SHA}"),
        ("https://h/r.git#main:s", f"https://h/r.git#{SHA}:s"),
        ("https://h/r.git?ref=main&subdir=s&submodules=0", f"https://h/r.git?submodules=0#{SHA}:s"),
        ("github.com/o/r#v1:s", f"github.com/o/r#{SHA}:s"),
        ("git@h:r.git", f"git@h:r.git#{SHA}"),
    ],
)
def test_the_address_of_a_commit(text: str, pinned: str) -> None:
    context = parse_git_context(text)
    assert context is not None
    assert context.at(SHA) == pinned
    again = parse_git_context(pinned)
    assert again is not None
    assert (again.ref, again.folder) == (SHA, context.folder)


DOCKERFILE = "FROM golang:1.21\nCOPY . /src\n"


@dataclass
class Repo:
    """`r.git` at a server, of which the work tree is here."""

    server: GitServer
    work: Path

    @property
    def url(self) -> str:
        return f"{self.server.url}/r.git"

    def push(self) -> None:
        publish(self.work, self.server, "r.git")


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's settings of git must not matter: these would rewrite every address and refuse every tree."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        '[url "http://127.0.0.1:1/"]\n\tinsteadOf = http://\n[core]\n\tautocrlf = true\n'
    )
    monkeypatch.setenv("HOME", str(home))
    for name in [n for n in os.environ if n.startswith("GIT_")]:
        monkeypatch.delenv(name)


with_and_without_token = pytest.mark.parametrize("server", ["", TOKEN], ids=["open", "token"], indirect=True)


@pytest.fixture
def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GitServer]:
    token = getattr(request, "param", "")
    if token:
        monkeypatch.setenv("GIT_AUTH_TOKEN", token)
    with serving(tmp_path / "served", token) as found:
        yield found


@pytest.fixture
def repo(server: GitServer, tmp_path: Path) -> Repo:
    work = repository(tmp_path / "work")
    commit(
        work, {"Dockerfile": DOCKERFILE, "a": "1", "sub/Dockerfile": "FROM scratch\n", ".dockerignore": "a\n"}
    )
    found = Repo(server, work)
    found.push()
    return found


def read(tmp_path: Path, *words: str) -> Inputs:
    folder = tmp_path / "temporary"
    folder.mkdir(exist_ok=True)
    return read_inputs(parse_build_arguments(words), None, folder)


@with_and_without_token
def test_the_default_branch_at_its_commit(repo: Repo, tmp_path: Path) -> None:
    found = read(tmp_path, repo.url)
    head = git(repo.work, "rev-parse", "HEAD")
    assert found.context == f"{repo.url}#{head}"
    assert found.dockerfile is not None
    assert (found.dockerfile.text, found.dockerfile.path) == (DOCKERFILE, "Dockerfile")
    assert found.context_dir is not None
    assert (found.context_dir / "a").read_text() == "1"
    assert not (found.context_dir / ".git").exists()
    assert found.is_inside


def test_a_folder(repo: Repo, tmp_path: Path) -> None:
    found = read(tmp_path, f"{repo.url}#main:sub")
    assert found.context.endswith(":sub")
    assert found.dockerfile is not None
    assert found.dockerfile.text == "FROM scratch\n"


def test_no_ignore_file_counts(repo: Repo, tmp_path: Path) -> None:
    """BuildKit applies none to a git context."""
    assert read(tmp_path, repo.url).ignore == b"# the context is no local folder: nothing is left out\n"


def test_branch_before_tag_and_all_forms_of_names(repo: Repo, tmp_path: Path) -> None:
    first = git(repo.work, "rev-parse", "HEAD")
    git(repo.work, "tag", "both")
    git(repo.work, "tag", "-a", "annotated", "-m", "x")
    second = commit(repo.work, {"a": "2"})
    git(repo.work, "branch", "both")
    git(repo.work, "update-ref", "refs/pull/1/merge", first)
    repo.push()
    for name, wanted in {
        "both": second,
        "refs/tags/both": first,
        "tags/both": first,
        "refs/heads/both": second,
        "heads/both": second,
        "annotated": first,
        "refs/pull/1/merge": first,
        "pull/1/merge": first,
        first: first,
        "": second,
    }.items():
        assert read(tmp_path, f"{repo.url}#{name}").context == f"{repo.url}#{wanted}", name
    assert read(tmp_path, f"{repo.url}?checksum={second[:8]}#main").context == f"{repo.url}#{second}"


def test_a_server_that_gives_commits_by_name_only(repo: Repo, tmp_path: Path) -> None:
    for name in ("allowAnySHA1InWant", "allowTipSHA1InWant", "allowReachableSHA1InWant"):
        git(repo.server.root / "r.git", "config", f"uploadpack.{name}", "false")
    git(repo.server.root / "r.git", "config", "protocol.version", "0")
    first = git(repo.work, "rev-parse", "HEAD")
    assert read(tmp_path, f"{repo.url}#main").context == f"{repo.url}#{first}"


@pytest.mark.parametrize("name", ["nothing", "0123abc", "main^", "-x", "ma*"])
def test_what_is_not_there(name: str, repo: Repo, tmp_path: Path) -> None:
    with pytest.raises(ContextError, match="has no"):
        read(tmp_path, f"{repo.url}#{name}")


def test_a_folder_that_is_not_there(repo: Repo, tmp_path: Path) -> None:
    (repo.work / "link").symlink_to("/etc")
    commit(repo.work, {})
    repo.push()
    for name in ("nothing", "a", "link"):
        with pytest.raises(ContextError, match=f"has no folder {name}"):
            read(tmp_path, f"{repo.url}#main:{name}")


def test_another_commit_than_the_checksum(repo: Repo, tmp_path: Path) -> None:
    with pytest.raises(ContextError, match="the default branch is"):
        read(tmp_path, f"{repo.url}?checksum=0000000")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/r.git", "{server}/nothing.git"])
def test_what_cannot_be_fetched_is_left_to_the_builder(url: str, repo: Repo, tmp_path: Path) -> None:
    url = url.format(server=repo.server.url)
    found = read(tmp_path, url)
    assert (found.dockerfile, found.context, found.context_dir) == (None, url, None)
    assert "could not be fetched here" in found.reason


def test_without_git(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git is not installed" in read(tmp_path, repo.url).reason


def test_a_dockerfile_outside_the_tree_is_not_read(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("FROM secret\n")
    (repo.work / "Leak").symlink_to(tmp_path / "secret")
    commit(repo.work, {})
    repo.push()
    for name in ("Leak", "../../secret", "nothing"):
        found = read(tmp_path, "-f", name, repo.url)
        assert found.dockerfile is None
        assert found.context.startswith(f"{repo.url}#")  # the commit all the same


def test_a_dockerfile_of_ones_own(repo: Repo, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("FROM own\n")
    found = read(tmp_path, "-f", str(own), repo.url)
    assert found.dockerfile is not None
    assert (found.dockerfile.text, found.is_inside, found.context_dir is None) == ("FROM own\n", False, False)


@with_and_without_token
def test_submodules(repo: Repo, server: GitServer, tmp_path: Path) -> None:
    other = repository(tmp_path / "other")
    commit(other, {"inner": "there"})
    publish(other, server, "r.git/../other.git")
    (repo.work / ".gitmodules").write_text('[submodule "m"]\n\tpath = m\n\turl = ../other.git\n')
    git(repo.work, "update-index", "--add", "--cacheinfo", f"160000,{git(other, 'rev-parse', 'HEAD')},m")
    git(repo.work, "add", ".gitmodules")
    git(repo.work, "commit", "--quiet", "-m", "m")
    repo.push()
    found = read(tmp_path, repo.url)
    if server.token:
        # the token is for its own repository alone, as in BuildKit: the tree cannot be had here
        assert found.context_dir is None
        assert TOKEN not in found.reason
        return
    assert found.context_dir is not None
    assert (found.context_dir / "m/inner").read_text() == "there"
    without = read(tmp_path, f"{repo.url}?submodules=false")
    assert without.context_dir is not None
    assert not (without.context_dir / "m/inner").exists()


def test_git_s_own_folder_stays_where_that_is_wanted(repo: Repo, tmp_path: Path) -> None:
    for words in (
        ["--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", repo.url],
        [f"{repo.url}?keep-git-dir=1"],
    ):
        found = read(tmp_path, *words)
        assert found.context_dir is not None
        assert (found.context_dir / ".git").is_dir()


def test_a_hook_s_environment_leads_nowhere(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """xbuild below `git commit`: its index and repository are not touched."""
    index = repo.work / ".git/index"
    before = index.read_bytes()
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    monkeypatch.setenv("GIT_DIR", str(repo.work / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(repo.work))
    (repo.work / "a").write_text("not committed")
    found = read(tmp_path, repo.url)
    assert found.context_dir is not None
    assert (found.context_dir / "a").read_text() == "1"
    assert (repo.work / "a").read_text() == "not committed"
    assert index.read_bytes() == before


# -- the token


def _noting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git in front of the real one, which notes its words and the token's place in its environment."""
    folder = tmp_path / "bin"
    folder.mkdir()
    real = next(p for d in os.environ["PATH"].split(":") if (p := Path(d) / "git").exists())
    notes = tmp_path / "notes"
    (folder / "git").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {notes}\nexec {real} "$@"\n')
    (folder / "git").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return notes


def test_the_token_is_in_no_command_line_and_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = _noting(tmp_path, monkeypatch)
    work = repository(tmp_path / "work")
    commit(work, {"Dockerfile": DOCKERFILE})
    with serving(tmp_path / "served", TOKEN) as server:
        publish(work, server, "r.git")
        notes.unlink(missing_ok=True)
        monkeypatch.setenv("GIT_AUTH_TOKEN", TOKEN)
        found = read(tmp_path, f"{server.url}/r.git")
        assert found.dockerfile is not None
        monkeypatch.setenv("GIT_AUTH_TOKEN", f"{TOKEN}-wrong")
        refused = read(tmp_path, f"{server.url}/r.git")
    told = notes.read_text() + repr(found) + refused.reason
    assert "ls-remote" in told
    assert TOKEN not in told
    assert BASIC not in told
    left = [path.read_bytes() for path in (tmp_path / "temporary").rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in data or BASIC.encode() in data for data in left)


@pytest.mark.parametrize(
    ("secret", "environment"),
    [
        ("id=GIT_AUTH_TOKEN,env=MINE", {"MINE": TOKEN}),
        ("id=GIT_AUTH_TOKEN", {"GIT_AUTH_TOKEN": TOKEN}),
        ("id=GIT_AUTH_TOKEN,src={file}", {"GIT_AUTH_TOKEN": "another"}),
        ("type=file,id=GIT_AUTH_TOKEN.{host},src={file}", {"GIT_AUTH_TOKEN": "another"}),
        ("id=GIT_AUTH_HEADER,env=MINE", {"MINE": f"basic {BASIC}"}),
    ],
)  # fmt: skip
def test_the_token_as_a_secret_of_the_build(
    secret: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text(TOKEN)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    work = repository(tmp_path / "work")
    commit(work, {"Dockerfile": DOCKERFILE})
    with serving(tmp_path / "served", TOKEN) as server:
        publish(work, server, "r.git")
        spelled = secret.format(file=tmp_path / "file", host=f"127.0.0.1:{server.port}")
        assert read(tmp_path, "--secret", spelled, f"{server.url}/r.git").dockerfile is not None


def test_a_secret_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ContextError, match="secret GIT_AUTH_TOKEN cannot be read"):
        read(tmp_path, "--secret", "id=GIT_AUTH_TOKEN,src=/nowhere", "http://127.0.0.1:1/r.git")


@pytest.mark.parametrize(
    ("words", "environment", "secrets"),
    [
        ([URL], {"GIT_AUTH_TOKEN": "x"}, (FROM_ENVIRONMENT,)),
        ([URL], {}, ()),
        ([URL], {"GIT_AUTH_TOKEN": ""}, ()),
        (["."], {"GIT_AUTH_TOKEN": "x"}, ()),
        (["https://h/r.tar.gz"], {"GIT_AUTH_TOKEN": "x"}, ()),
        (["--secret", OF_HOST, URL], {"GIT_AUTH_TOKEN": "x"}, (OF_HOST,)),
        (["--secret", "id=other", URL], {"GIT_AUTH_TOKEN": "x"}, ("id=other", FROM_ENVIRONMENT)),
    ],
)  # fmt: skip
def test_buildkit_gets_the_token_of_the_environment(
    words: list[str], environment: dict[str, str], secrets: tuple[str, ...]
) -> None:
    options = with_git_token(parse_build_arguments(words, {}), environment)
    assert options.values("secret") == secrets
    assert json.dumps(options.to_argv()).count('"x"') == 0


def test_another_server_gets_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A submodule elsewhere is asked for without."""
    monkeypatch.setenv("GIT_AUTH_TOKEN", TOKEN)
    inner = repository(tmp_path / "inner")
    work = repository(tmp_path / "work")
    with serving(tmp_path / "there") as elsewhere, serving(tmp_path / "here", TOKEN) as server:
        wanted = commit(inner, {"inner": "x"})
        publish(inner, elsewhere, "o.git")
        commit(
            work,
            {
                "Dockerfile": DOCKERFILE,
                ".gitmodules": f'[submodule "m"]\n\tpath = m\n\turl = {elsewhere.url}/o.git\n',
            },
        )
        git(work, "update-index", "--add", "--cacheinfo", f"160000,{wanted},m")
        git(work, "commit", "--quiet", "-m", "m")
        publish(work, server, "r.git")
        found = read(tmp_path, f"{server.url}/r.git")
        assert found.context_dir is not None
        assert (found.context_dir / "m/inner").exists()
        assert set(elsewhere.authorizations) == {""}


def test_a_secret_that_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        fetch(
            GitContext("http://127.0.0.1:1/r.git"),
            parse_build_arguments(["--secret", '"id=x', "."]),
            {},
            tmp_path,
        )
