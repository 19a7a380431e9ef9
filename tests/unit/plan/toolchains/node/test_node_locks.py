"""What each format of a lock file says, and what it does not."""

from __future__ import annotations

import json

import pytest

from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.toolchains.node.node_locks import LARGEST, NodeLock, NodePackage, machines, read_lock


def lock(file: str, text: str) -> NodeLock:
    return read_lock(file, text)


def named(found: NodeLock, name: str) -> NodePackage:
    return next(package for package in found.packages if package.name == name)


NPM = {
    "lockfileVersion": 3,
    "packages": {
        "": {"dependencies": {"a": "^1.0.0"}, "devDependencies": {"@s/b": "2.x"}},
        "packages/own": {"name": "@web/own", "optionalDependencies": {"c": "*"}},
        "node_modules/@web/own": {"resolved": "packages/own", "link": True},
        "node_modules/a": {"version": "1.0.1", "hasInstallScript": True, "optionalDependencies": {"n": "1"}},
        "node_modules/a/node_modules/@s/b": {"version": "2.1.0", "os": ["darwin"], "cpu": ["arm64"]},
        "node_modules/n": {"version": "1.0.0", "os": ["linux"], "cpu": ["x64"], "libc": ["musl"]},
        "node_modules/other": {"name": "real", "version": "3.0.0", "os": ["!win32"]},
        "node_modules/git": {"version": "1.0.0", "resolved": "git+ssh://git@example.com/a.git#1234"},
        "node_modules/file": {"version": "1.0.0", "resolved": "file:file-1.0.0.tgz"},
    },
}


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("file", ["package-lock.json", "npm-shrinkwrap.json"])
def test_npm(file: str, version: int) -> None:
    found = lock(file, json.dumps({**NPM, "lockfileVersion": version}))
    assert found.says_all
    assert found.form == f"{file} {version}"
    assert found.wanted == frozenset({"a@^1.0.0", "@s/b@2.x", "c@*"})
    assert named(found, "a") == NodePackage("a", "1.0.1", has_script=True, optional=("n",))
    assert named(found, "@s/b") == NodePackage("@s/b", "2.1.0", is_variant=True, is_elsewhere=True)
    assert named(found, "n").is_variant
    assert not named(found, "n").is_elsewhere
    assert named(found, "real") == NodePackage("real", "3.0.0")
    assert named(found, "git").is_built
    assert named(found, "file").is_local
    assert named(found, "@web/own").is_local


def test_npm_of_version_1_says_names_alone() -> None:
    tree = {"a": {"version": "1.0.0", "dependencies": {"b": {"version": "git+https://example.com/b.git#1"}}}}
    found = lock("package-lock.json", json.dumps({"lockfileVersion": 1, "dependencies": tree}))
    assert not found.says_all
    assert found.wanted is None
    assert found.names == {"a", "b"}
    assert named(found, "b").is_built


YARN_1 = """\
# yarn lockfile v1


"@s/b@^1.0.0", "@s/b@^1.1.0":
  version "1.1.0"
  resolved "https://registry.example.com/@s/b/-/b-1.1.0.tgz#abc"
  integrity sha512-none
  dependencies:
    c "^1.0.0"
  optionalDependencies:
    "@s/b-linux-x64" "1.1.0"
    plain "1"

c@^1.0.0:
  version "1.0.0"

alias@npm:real@^2.0.0:
  version "2.0.0"

"d@git+https://example.com/d.git":
  version "1.0.0"
  resolved "git+https://example.com/d.git#abc"

"e@github:someone/e":
  version "1.0.0"
  resolved "https://example.com/e.tgz"
"""


def test_yarn_1_says_names_alone() -> None:
    found = lock("yarn.lock", YARN_1)
    assert not found.says_all
    assert found.wanted is not None
    assert {"@s/b@^1.0.0", "@s/b@^1.1.0", "c@^1.0.0", "alias@npm:real@^2.0.0"} <= found.wanted
    assert named(found, "@s/b").optional == ("@s/b-linux-x64", "plain")
    assert named(found, "c") == NodePackage("c", "1.0.0")
    assert named(found, "d").is_built
    assert named(found, "real").version == "2.0.0"
    assert "alias" not in found.names


BERRY = """\
__metadata:
  version: 8
  cacheKey: 10c0

"@s/b-linux-x64@npm:1.1.0":
  version: 1.1.0
  resolution: "@s/b-linux-x64@npm:1.1.0"
  conditions: os=linux & cpu=x64 & libc=glibc
  languageName: node
  linkType: hard

"@s/b-darwin@npm:1.1.0":
  version: 1.1.0
  resolution: "@s/b-darwin@npm:1.1.0"
  conditions: (os=darwin | os=win32) & cpu=arm64
  languageName: node
  linkType: hard

"@s/b@npm:^1.0.0, @s/b@npm:^1.1.0":
  version: 1.1.0
  resolution: "@s/b@npm:1.1.0"
  dependencies:
    "@s/b-linux-x64": "npm:1.1.0"
    c: "npm:^1.0.0"
  dependenciesMeta:
    "@s/b-linux-x64":
      optional: true
  checksum: 10c0/none
  languageName: node
  linkType: hard

"own@workspace:packages/own":
  version: 0.0.0-use.local
  resolution: "own@workspace:packages/own"
  languageName: unknown
  linkType: soft

"d@https://example.com/d.git":
  version: 1.0.0
  resolution: "d@https://example.com/d.git#commit=abc"
  languageName: node
  linkType: hard
"""


def test_yarn_berry_says_variants_by_their_conditions() -> None:
    found = lock("yarn.lock", BERRY)
    assert not found.says_all
    assert found.wanted is not None
    assert {"@s/b@^1.0.0", "@s/b@^1.1.0"} <= found.wanted
    assert named(found, "@s/b").optional == ("@s/b-linux-x64",)
    assert named(found, "@s/b-linux-x64") == NodePackage("@s/b-linux-x64", "1.1.0", is_variant=True)
    assert named(found, "@s/b-darwin").is_elsewhere
    assert named(found, "own").is_local
    assert named(found, "d").is_built


PNPM_9 = """\
lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      '@s/b':
        specifier: ^1.0.0
        version: 1.1.0(c@1.0.0)
    devDependencies:
      c:
        specifier: ^1.0.0
        version: 1.0.0

packages:

  '@s/b@1.1.0':
    resolution: {integrity: sha512-none}
    engines: {node: '>=12'}
    peerDependencies:
      c: '*'

  '@s/b-linux-x64@1.1.0':
    resolution: {integrity: sha512-none}
    cpu: [x64]
    os: [linux]
    libc: [glibc]

  '@s/b-darwin@1.1.0':
    resolution: {integrity: sha512-none}
    os:
      - darwin
    cpu:
      - arm64

  c@1.0.0:
    resolution: {integrity: sha512-none}
    deprecated: |-
      a text that goes on: over
      several lines

  d@https://codeload.example.com/d/tar.gz/abc:
    resolution: {tarball: https://codeload.example.com/d/tar.gz/abc}
    version: 1.0.0

  own@file:packages/own:
    resolution: {directory: packages/own, type: directory}

snapshots:

  '@s/b@1.1.0(c@1.0.0)':
    dependencies:
      c: 1.0.0
    optionalDependencies:
      '@s/b-linux-x64': 1.1.0

  c@1.0.0: {}
"""


def test_pnpm_9_says_no_scripts() -> None:
    found = lock("pnpm-lock.yaml", PNPM_9)
    assert not found.says_all
    assert found.wanted == frozenset({"@s/b@^1.0.0", "c@^1.0.0"})
    assert named(found, "@s/b") == NodePackage("@s/b", "1.1.0", optional=("@s/b-linux-x64",))
    assert named(found, "@s/b-linux-x64") == NodePackage("@s/b-linux-x64", "1.1.0", is_variant=True)
    assert named(found, "@s/b-darwin").is_elsewhere
    assert named(found, "c") == NodePackage("c", "1.0.0")
    assert named(found, "d").is_built
    assert named(found, "own").is_local


PNPM_OLD = {
    "5.4": """\
lockfileVersion: 5.4

specifiers:
  '@s/b': ^1.0.0

dependencies:
  '@s/b': 1.1.0

packages:

  /@s/b/1.1.0_c@1.0.0:
    resolution: {integrity: sha512-none}
    requiresBuild: true
    dev: false

  /@s/b-linux-x64/1.1.0:
    resolution: {integrity: sha512-none}
    cpu: [x64]
    os: [linux]
    requiresBuild: true
    optional: true
""",
    "6.0": """\
lockfileVersion: '6.0'

dependencies:
  '@s/b':
    specifier: ^1.0.0
    version: 1.1.0

packages:

  /@s/b@1.1.0(c@1.0.0):
    resolution: {integrity: sha512-none}
    requiresBuild: true
    dev: false

  /@s/b-linux-x64@1.1.0:
    resolution: {integrity: sha512-none}
    cpu: [x64]
    os: [linux]
    requiresBuild: true
    optional: true
""",
}


@pytest.mark.parametrize("version", PNPM_OLD)
def test_pnpm_to_8_says_what_is_built(version: str) -> None:
    found = lock("pnpm-lock.yaml", PNPM_OLD[version])
    assert found.says_all
    assert found.wanted == frozenset({"@s/b@^1.0.0"})
    assert named(found, "@s/b") == NodePackage("@s/b", "1.1.0", has_script=True)
    assert named(found, "@s/b-linux-x64").is_variant


BUN = """\
{
  "lockfileVersion": 1,
  "workspaces": {
    "": { "name": "web", "dependencies": { "@s/b": "^1.0.0", }, },
    "packages/own": { "name": "own", "devDependencies": { "c": "1", }, },
  },
  "packages": {
    "@s/b": ["@s/b@1.1.0", "", { "optionalDependencies": { "@s/b-linux-x64": "1.1.0" } }, "sha512-none,}"],

    "@s/b-linux-x64": ["@s/b-linux-x64@1.1.0", "", { "os": "linux", "cpu": "x64" }, "sha512-none"],

    "own": ["own@workspace:packages/own"],

    "d": ["d@github:someone/d#abc", {}, "someone-d-abc"],
  }
}
"""


def test_bun_says_variants() -> None:
    found = lock("bun.lock", BUN)
    assert not found.says_all
    assert found.wanted == frozenset({"@s/b@^1.0.0", "c@1"})
    assert named(found, "@s/b").optional == ("@s/b-linux-x64",)
    assert named(found, "@s/b-linux-x64") == NodePackage("@s/b-linux-x64", "1.1.0", is_variant=True)
    assert named(found, "own").is_local
    assert named(found, "d").is_built


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("package-lock.json", ""),
        ("package-lock.json", "[]"),
        ("package-lock.json", "{"),
        ("package-lock.json", '{"lockfileVersion": 4, "packages": {}}'),
        ("package-lock.json", '{"lockfileVersion": 3}'),
        ("package-lock.json", '{"lockfileVersion": 3, "packages": []}'),
        ("package-lock.json", '{"lockfileVersion": 3, "packages": {"node_modules/a": 1}}'),
        ("package-lock.json", '{"lockfileVersion": 1, "dependencies": {"a": null}}'),
        ("package-lock.json", "[" * 200_000),
        ("yarn.lock", ""),
        ("yarn.lock", "  a: b\n"),
        ("yarn.lock", "# yarn lockfile v1\n\nno head\n"),
        ("yarn.lock", "# yarn lockfile v1\n\nhead:\n"),
        ("pnpm-lock.yaml", ""),
        ("pnpm-lock.yaml", "lockfileVersion: '10.0'\n"),
        ("pnpm-lock.yaml", "lockfileVersion: 4\n"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\npackages:\n<<<<<<< HEAD\n"),
        ("bun.lock", "{}"),
        ("bun.lock", '{"lockfileVersion": 2, "workspaces": {}}'),
        ("bun.lock", '{"lockfileVersion": 1, "workspaces": {}, "packages": {"a": []}}'),
        ("bun.lock", '{"lockfileVersion": 1, "workspaces": {}, "packages": {"a": ["a"]}}'),
        ("bun.lockb", "\x00"),
    ],
)
def test_bad_input_is_not_read(file: str, text: str) -> None:
    with pytest.raises(UntoldError):
        lock(file, text)


@pytest.mark.parametrize("file", ["package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"])
def test_a_lock_above_the_size_is_not_read(file: str) -> None:
    with pytest.raises(UntoldError, match="is not read"):
        lock(file, " " * (LARGEST + 1))


@pytest.mark.parametrize(
    ("os", "cpu", "libc", "found"),
    [
        ((), (), (), (False, False)),
        (["linux"], (), (), (False, False)),
        (["!win32"], (), (), (False, False)),
        (["darwin"], (), (), (False, True)),
        (["!linux"], (), (), (False, True)),
        ("win32", "x64", None, (True, True)),
        ("any", "any", None, (False, False)),
        ("none", ["any"], None, (False, False)),
        (["linux"], ["x64"], (), (True, False)),
        (["linux"], (), ["musl"], (True, False)),
        ((), ["!arm"], (), (True, False)),
    ],
)
def test_for_which_machines(os: object, cpu: object, libc: object, found: tuple[bool, bool]) -> None:
    assert machines(os, cpu, libc) == found


def test_a_package_under_another_name_is_the_one_that_it_stands_for() -> None:
    tree = {"vite": {"version": "npm:own@1.0.0"}, "b": {"version": "npm:@s/b@2.0.0"}}
    found = lock("package-lock.json", json.dumps({"lockfileVersion": 1, "dependencies": tree}))
    assert [(p.name, p.version) for p in found.packages] == [("own", "1.0.0"), ("@s/b", "2.0.0")]


def test_an_archive_of_the_project_is_local() -> None:
    text = (
        "lockfileVersion: '9.0'\n\npackages:\n\n"
        "  vite@file:tools/vite.tgz:\n    resolution: {integrity: sha512-a, tarball: file:tools/vite.tgz}\n"
        "    version: 1.0.0\n\n  c@1.0.0:\n    resolution: {integrity: sha512-b}\n"
    )
    assert [(p.name, p.is_local) for p in lock("pnpm-lock.yaml", text).packages] == [
        ("vite", True),
        ("c", False),
    ]
