"""The helper's files under the shells that read them, with a folder of the test's in place of the mount."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.plan.twins.mounting import MEMORY, Mount, mounted
from xbuild.pipeline.helper import twin_files
from xbuild.plan.twins.twin import MOUNT, TERMINATOR

FILES = Path(__file__).parents[4] / "src/xbuild/plan/twins"
SHELLS = [shell for shell in ("dash", "bash", "bash --posix", "busybox sh") if shutil.which(shell.split()[0])]


def shell_scripts() -> list[str]:
    """Those with a suffix, and what a shell is named in the first line of."""
    first = {name: text.partition("\n")[0] for name, text in twin_files().items()}
    return [n for n, line in first.items() if n.endswith(".sh") or (line.startswith("#!") and "sh" in line)]


@pytest.mark.parametrize("name", twin_files())
def test_files_can_stand_in_a_heredoc(name: str) -> None:
    text = twin_files()[name]
    assert text.endswith("\n")
    assert "\r" not in text
    assert TERMINATOR not in text.splitlines()


@pytest.mark.parametrize("system", ["glibc", "musl"])
def test_a_function_has_a_name_of_its_own(system: str) -> None:
    """In what the helper's step reads: of two with one name the last counts for all."""
    files = twin_files()
    shared = files["helper/prepare.sh"] + files[f"helper/{system}.sh"]
    for name in (name for name in files if name.endswith("/prepare.sh") and not name.startswith("helper/")):
        found = re.findall(r"(?m)^(\w+)\(\)", shared + files[name])
        assert [each for each in set(found) if found.count(each) > 1] == []


@pytest.mark.parametrize("name", shell_scripts())
def test_scripts_can_be_parsed(name: str) -> None:
    text = twin_files()[name]
    native = "bin/bash" in text.partition("\n")[0] or name.endswith("twin.sh")
    subprocess.run(["bash" if native else "sh", "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("name", twin_files())
def test_no_architecture_is_named(name: str) -> None:
    """But for programs of each build machine, whose names end with it."""
    text = twin_files()[name]
    for word in ("amd64", "arm64", "aarch64", "x86_64", "x86-64", "linux-gnu", "/ld-linux"):
        assert word not in text


class Stand:
    """A mount, its `probe` a script of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("env.sh", "exec"):
            self.write("env" if name == "env.sh" else name, (FILES / "helper" / name).read_text())

    def moved(self, text: str) -> str:
        return text.replace(MEMORY, f"{self.folder}/memory").replace(MOUNT, str(self.folder))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.moved(text))
        path.chmod(0o755)
        return path

    def run(
        self, shell: str, options: str, text: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        words = [*shell.split(), *options.split(), "-c", self.moved(text)]
        inherited = {"PATH": os.environ["PATH"]}
        return subprocess.run(words, capture_output=True, text=True, env={**inherited, **environment})


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path / "mount")


PROBES = {
    "none": None,
    "does not start": "#!/nowhere/bash\n",
    "fails": "#!/bin/sh\necho /elsewhere; echo said >&2; exit 1\n",
    "nothing": "#!/bin/sh\nexit 0\n",
    "works": '#!/bin/sh\necho said >&2; cat; printf %s "one two:/twin/bin:$PATH"\n',
}
SHOW = 'echo "status $? options $- args $# $1"; set'
OF_THE_RUN = ("PATH=", "_=", "BASH_EXECUTION_STRING=", "PPID=", "PIPESTATUS=", "BASH_ARG", "EPOCH")


def shown(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stdout.splitlines() if not line.startswith(OF_THE_RUN)]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("options", ["", "-e", "-u", "-f", "-eu", "-x", "-eux"])
@pytest.mark.parametrize("probe", PROBES)
def test_env_leaves_the_shell_as_it_was(stand: Stand, shell: str, options: str, probe: str) -> None:
    text = PROBES[probe]
    if text is not None:
        stand.write("probe", text)
    plain = stand.run(shell, options, f"set -- a b; {SHOW}")
    sourced = stand.run(shell, options, f"set -- a b; . {MOUNT}/env; {SHOW}")
    assert sourced.returncode == plain.returncode
    assert shown(sourced) == shown(plain)
    added = [line for line in sourced.stderr.splitlines() if line not in plain.stderr.splitlines()]
    assert [line for line in added if not line.endswith(f"{stand.folder}/env")] == []


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("probe", PROBES)
def test_path_changes_only_when_the_probe_works(stand: Stand, shell: str, probe: str) -> None:
    text = PROBES[probe]
    if text is not None:
        stand.write("probe", text)
    before = os.environ["PATH"]
    done = stand.run(shell, "-eu", f". {MOUNT}/env; echo $PATH; [ ! -e /proc/self/fd/9 ] || echo copy")
    after = f"/twin/bin:{before}\ncopy\n" if probe == "works" else f"{before}\n"
    assert done.stdout == after
    assert done.stderr == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_where_native_programs_do_not_start_nothing_happens(stand: Stand, shell: str) -> None:
    """Stands in for an emulator that starts whatever an emulated process starts: to it, a native program is
    one of a machine that it does not know.
    """
    for name in ("probe", "twin.sh", "hostile"):
        stand.write(name, (FILES / "helper" / name).read_text())
    stand.write("twins", "apt\n")
    stand.write("apt/bin/cat", "#!/bin/sh\n")
    stand.write("apt/decide", "#!/bin/sh\n")
    foreign = bytearray(Path("/bin/true").read_bytes())
    foreign[18:20] = b"\xfe\xca"
    for name in ("bash", "od", "sed", "grep", "cat"):
        stand.write(f"bin/{name}", "").write_bytes(foreign)
    done = stand.run(
        shell, "-eu", f". {MOUNT}/env; echo $PATH; [ ! -e /proc/self/fd/9 ] || echo copy; cat </dev/null"
    )
    assert (done.stdout, done.stderr, done.returncode) == (os.environ["PATH"] + "\n", "", 0)


@dataclass(frozen=True)
class Probed:
    """A mount with a twin `it` for `tool` and `later`, where the shell is another machine's program."""

    mount: Mount
    root: Path

    def run(self, text: str, path: str, told: str = "", **environment: str) -> str:
        """What is printed; what the probe tells of the twin comes on standard error."""
        done = subprocess.run(
            ["bash", "-c", f". {self.mount.folder}/env; {text}"],
            capture_output=True, text=True, env={"PATH": path, **environment}, cwd=self.root,
        )  # fmt: skip
        assert done.stderr == (f"xbuild-twin: {told}\n" if told else "")
        return done.stdout

    def program(self, name: str) -> str:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\necho own\n")
        path.chmod(0o755)
        return str(path.parent)


@pytest.fixture
def probed(tmp_path: Path) -> Iterator[Probed]:
    foreign = bytearray(Path("/bin/true").read_bytes())
    foreign[18:20] = b"\xfe\xca"
    (tmp_path / "sh").write_bytes(foreign)
    with mounted() as mount:
        mount.add_tools()
        mount.write("env", mount.moved("helper/env.sh"))
        mount.write("probe", mount.moved("helper/probe", {"/bin/sh": str(tmp_path / "sh")}))
        mount.add_starter("starter")
        mount.write("twins", "it\n")
        mount.write("it/wrappers", "it/bin/tool\nit/late/later/later\n")
        mount.write("it/decide", "#!/bin/sh\n")
        mount.write("it/bin/tool", "#!/bin/sh\necho twin\n")
        mount.write("it/late/later/later", '#!/bin/sh\necho twin "$@"\n')
        mount.write("it/late/later/env", f'later() {{ {mount.folder}/it/late/later/later "$@"; }}\n')
        yield Probed(mount, tmp_path)


def test_folders_in_path(probed: Probed) -> None:
    """Just before the first folder with a program of the twin; what is not there yet has none."""
    tool, later, here = probed.program("a/tool"), probed.program("b/later"), probed.mount.folder
    assert probed.run("echo $PATH", f"/usr/bin:{tool}:/bin") == f"/usr/bin:{here}/it/bin:{tool}:/bin\n"
    both = f"{here}/it/bin:{tool}:{here}/it/late/later:{later}:/bin\n"
    assert probed.run("echo $PATH", f"{tool}:{later}:/bin") == both
    assert probed.run("echo $PATH", f"/usr/bin:{later}:/bin") == f"/usr/bin:{later}:/bin\n"


@pytest.mark.parametrize("name", ["it/bin/tool", "it/late/later/later", "it/decide", "it/probe"])
def test_a_twin_of_which_something_may_not_be_started(probed: Probed, name: str) -> None:
    """It is told, once: in silence nobody would know why a build is slow."""
    path = f"{probed.program('a/tool')}:/usr/bin:/bin"
    probed.mount.write("it/probe", "#!/bin/bash\n")
    assert probed.run("tool", path) == "twin\n"
    (probed.mount.folder / name).chmod(0o644)
    assert probed.run("tool", path, told="it: own: not all of it starts") == "own\n"


@pytest.mark.parametrize("content", [b"", b"#!/bin/bash\nexit 1\n", None])
def test_wrappers_that_do_not_start(probed: Probed, content: bytes | None) -> None:
    path = f"{probed.program('a/tool')}:/usr/bin:/bin"
    (probed.mount.folder / "starter").unlink()
    if content is not None:
        probed.mount.write("starter", content)
    assert probed.run("tool", path, told="all: own: wrappers do not start") == "own\n"


def test_a_variable_that_switches_twins_off_is_told(probed: Probed) -> None:
    path = f"{probed.program('a/tool')}:/usr/bin:/bin"
    assert probed.run("tool", path, told="it: own: LD_BIND_NOW is set", LD_BIND_NOW="1") == "own\n"


def test_what_a_run_may_bring_is_a_function_where_it_names_it(probed: Probed) -> None:
    tool, later = probed.program("a/tool"), probed.program("b/later")
    path = f"{tool}:/usr/bin:/bin"
    assert probed.run("later x", path) == "twin x\n"
    assert probed.run("PATH=$PATH:/b; later x", f"{tool}:{later}:/usr/bin:/bin") == "twin x\n"
    assert probed.run("bash -c 'type -P later' || echo none", path) == "none\n"
    assert probed.run("declare -F; echo latest ./later x-later", path) == "latest ./later x-later\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_status_before_env_stays(stand: Stand, shell: str) -> None:
    assert stand.run(shell, "", f"(exit 3); . {MOUNT}/env; echo $?").stdout == "3\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_descriptor_of_the_author_s_stays(stand: Stand, shell: str, tmp_path: Path) -> None:
    stand.write("probe", PROBES["works"] or "")
    text = f"exec 9>{tmp_path}/own; . {MOUNT}/env; echo kept >&9"
    assert stand.run(shell, "-eu", text).returncode == 0
    assert (tmp_path / "own").read_text() == "kept\n"


@pytest.mark.parametrize("has_twins", [False, True])
def test_exec_starts_the_program_with_its_words(stand: Stand, has_twins: bool) -> None:
    stand.write("probe", PROBES["works"] or "")
    if has_twins:
        stand.write("twins", "one two\n")
    text = f'{MOUNT}/exec printf "%s|" "a b" "" "*"; {MOUNT}/exec sh -c "exit 5"'
    done = stand.run("sh", "", text)
    assert (done.stdout, done.returncode) == ("a b||*|", 5)
    assert stand.run("sh", "", f"{MOUNT}/exec echo -n").stdout == ""
    assert stand.run("sh", "", f"{MOUNT}/exec touch {MEMORY}-mark").returncode == (97 if has_twins else 0)


MARKING = {
    "{}": 97,
    "{} || true": 97,
    "{}; exit 0": 97,
    "{}; sh -c true": 97,
    "({}; exit 3); :": 97,
    "set -eux; {}": 97,
    "x=$({}; echo)": 97,
    "exit 5": 5,
    "set -e; false; :": 1,
    "true": 0,
    "exec sh -c 'exit 4'": 4,
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", MARKING)
def test_a_shell_with_a_mark_does_not_end_well(stand: Stand, shell: str, text: str) -> None:
    stand.write("probe", PROBES["works"] or "")
    done = stand.run(shell, "", f". {MOUNT}/env; " + text.format(f"touch {MEMORY}-mark"))
    assert done.returncode == MARKING[text]
    assert "! -e" not in done.stderr
