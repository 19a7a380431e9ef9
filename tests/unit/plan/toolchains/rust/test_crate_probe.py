"""What cargo's answer says, and what is not taken for one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from xbuild.plan.toolchains.rust.crate_probe import (
    MOST,
    NotToldByCargoError,
    crates_probe,
    needed_for,
    read_crates,
)

WHOLE = """\
rustc x86_64-unknown-linux-gnu rustc 1.83.0 (90b35a623 2024-11-26)
toolchain 1.83.0-x86_64-unknown-linux-gnu (default)
std
file /src/.cargo/config.toml
| [net]
| retry = 2

library openssl /usr/lib/x86_64-linux-gnu/pkgconfig
tree aarch64-unknown-linux-gnu
app v0.1.0 (/src)|default,fast
own-macro v1.0.0 (proc-macro)|
with-c v1.2.3+4|
scripts 1 1
package app 0.1.0
id path+file:///src#app@0.1.0
"kind":["bin"],"crate_types":["bin"],"name":"app","src_path":"/src/src/main.rs","edition":"2021"
"kind":["bin"],"crate_types":["bin"],"name":"n","src_path":"/n","edition":"2021","required-features":["x"]
"kind":["cdylib","rlib"],"crate_types":["cdylib","rlib"],"name":"app-c","src_path":"/l","edition":"2021"
"manifest_path":"/src/Cargo.toml"
package own-macro 1.0.0
id #own-macro@1.0.0
macro
| Command
uses quote
"manifest_path":""
package with-c 1.2.3+4
id #with-c@1.2.3+4
script
| mod more;

module more
| fn done() {}

"manifest_path":""
"workspace_members":["path+file:///src#app@0.1.0"]
"workspace_default_members":["app 0.1.0 (path+file:///src)"]
"target_directory":"/src/target"
"workspace_root":"/src"
{"id":"path+file:///src#app@0.1.0","dependencies":["#own-macro@1.0.0","#dev@1.0.0"]
{"id":"#own-macro@1.0.0","dependencies":[]
{"id":"#with-c@1.2.3+4","dependencies":[]
end
"""


def test_a_whole_answer() -> None:
    crates = read_crates(WHOLE)
    assert (crates.host, crates.release) == (
        "x86_64-unknown-linux-gnu",
        "rustc 1.83.0 (90b35a623 2024-11-26)",
    )
    assert crates.toolchain == "1.83.0-x86_64-unknown-linux-gnu (default)"
    assert crates.files == {"/src/.cargo/config.toml": "[net]\nretry = 2"}
    assert crates.system == {"openssl": "/usr/lib/x86_64-linux-gnu/pkgconfig"}
    assert (crates.members, crates.default) == (("/src",), ("/src",))
    assert (crates.root, crates.target_folder) == ("/src", "/src/target")
    app, macro, with_c = crates.packages
    assert with_c.modules == ("more",)
    assert (app.name, app.source, app.folder, app.is_own) == ("app", "/src", "/src", True)
    assert app.features == {"default", "fast"}
    assert (app.programs, app.libraries) == (("app",), ("libapp_c.so",))
    assert (macro.macro, macro.helpers, macro.script) == (("Command",), ("quote",), None)
    assert (with_c.version, with_c.script, with_c.macro) == ("1.2.3+4", "mod more;\nfn done() {}", None)


def test_names_of_other_packages() -> None:
    row = '"kind":["lib"],"crate_types":["lib"],"name":"md5"\n"rename":"machine"\n'
    crates = read_crates(WHOLE.replace("id #own-macro@1.0.0\n", f"id #own-macro@1.0.0\n{row}"))
    app, macro, _ = crates.packages
    assert (macro.called, macro.renamed, macro.libraries) == (("md5",), ("machine",), ())
    assert (app.called, app.libraries) == ((), ("libapp_c.so",))


def test_a_line_that_ends_a_comment_or_a_text_is_shown(tmp_path: Path) -> None:
    script = crates_probe("/src", (), ("t",)).script
    told = re.search(r"scan\(\) \{ (sed .*? \"\$1\");", script)
    assert told is not None
    own = tmp_path / "build.rs"
    own.write_text('  // plain\n/*\n//*/ one();\nlet a = r"\n//"; two();\n')
    found = subprocess.run(("sh", "-c", told[1], "sh", str(own)), capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["| /*", "| //*/ one();", '| let a = r"', '| //"; two();']


def test_what_a_macro_names_of_the_machine_is_shown(tmp_path: Path) -> None:
    told = re.search(r"grep -rhoE '[^']*'", crates_probe("/src", (), ("t",)).script)
    assert told is not None
    text = 'read("/proc/cpuinfo"); join("a/proc/b"); env::var("OWN");\n'
    (tmp_path / "lib.rs").write_text(text)
    command = f'{told[0]} "$1"'
    found = subprocess.run(
        ("sh", "-c", command, "sh", str(tmp_path)), capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines() == ['"/proc/cpuinfo', 'env::var("OWN"']


def test_what_a_program_needs() -> None:
    crates = read_crates(WHOLE)
    assert crates.edges["path+file:///src#app@0.1.0"] == ("#own-macro@1.0.0", "#dev@1.0.0")
    assert [p.name for p in needed_for(crates, ("app",)).packages] == ["app", "own-macro"]
    assert needed_for(crates, ()) == crates
    assert needed_for(crates, ("app", "other")) == crates
    without = WHOLE.replace('{"id":"path+file:///src#app@0.1.0"', '{"id":"path+file:///src/app#0.1.0"')
    assert len(needed_for(read_crates(without), ("app",)).packages) == 3


def test_cargo_fails() -> None:
    crates = read_crates("rustc h r\nfailed\n| error: no lock file\n|   more\n")
    assert crates.failed == "error: no lock file more"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "not whole"),
        (WHOLE.replace("\nend\n", "\n"), "not whole"),
        (
            WHOLE.replace('"kind":["bin"],"crate_types":["bin"],"name":"app",', '"kind":["bin"],"new":1,'),
            "kind",
        ),
        (WHOLE.replace("app v0.1.0 (/src)|default,fast", "| failed"), "does not tell what is built"),
        (WHOLE.replace("package with-c 1.2.3+4", "package with-c 1.2.3"), "where with-c 1.2.3"),
        (WHOLE.replace("end\n", "what is this\nend\n"), "what is this"),
        (WHOLE.replace("scripts 1 1", "scripts 2 1"), "which packages have build scripts"),
        (WHOLE.replace("scripts 1 1\n", ""), "which packages have build scripts"),
        (WHOLE.replace("v1.0.0 (proc-macro)", "v1.0.0"), "is a macro"),
        (WHOLE.replace("with-c v1.2.3+4|", "with-c v1.2.3+4 (proc-macro)|"), "is a macro"),
        ("x" * (MOST + 1), "characters"),
    ],
)
def test_no_answer(answer: str, why: str) -> None:
    with pytest.raises(NotToldByCargoError, match=why):
        read_crates(answer)


def test_what_may_hold_a_token_is_not_printed() -> None:
    script = crates_probe("/src", (), ("aarch64-unknown-linux-gnu",)).script
    assert "token" in script.partition("config.toml")[2]
    assert "\n" not in script
    assert "credentials" not in script


def test_options_are_quoted() -> None:
    script = crates_probe("/src", ("--features", "a b", "--manifest-path", "x y/Cargo.toml"), ("t",)).script
    assert "--features 'a b'" in script
    assert "--manifest-path 'x y/Cargo.toml' --all-features --filter-platform t" in script
    assert "metadata --format-version 1 --locked  --filter" in crates_probe("/src", (), ("t",)).script
