"""The starter: what it asks, what it starts, and that nothing of it shows."""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.plan.twins.mounting import Mount, Root, mounted

SCRIPT = "#!{mount}/bin/bash -p\n. {mount}/twin.sh\n"
ENVIRON = ("/usr/bin/cat", "/proc/self/environ")


class Room(Root):
    """A twin named `it`, for the program `tool`, with a `decide` of the test's own."""

    def __init__(self, mount: Mount, root: Path) -> None:
        super().__init__(mount, root)
        mount.add_tools()
        mount.add_starter("it/bin/tool", "it/word", "it/deep/er/tool", "it/late/tool/tool")
        self.author = self.write("author/tool", '#!/bin/sh\necho own $0 "$@"\n')
        self.decides("hand_over because")

    @property
    def tool(self) -> str:
        return f"{self.mount.folder}/it/bin/tool"

    @property
    def path(self) -> str:
        return f"{self.root}/first:{self.mount.folder}/it/bin:{self.root}/author:/usr/bin:/bin"

    def decides(self, text: str) -> None:
        self.mount.write("it/decide", SCRIPT.format(mount=self.mount.folder) + text + "\n")

    def starts(self, *words: str, more: str = "") -> None:
        """Natively, and nothing of the author's words."""
        arguments = "".join(f"argument {shlex.quote(word)}; " for word in words[1:])
        self.decides(f"native {words[0]}; {arguments} alone; {more}\ndecided")

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        found = words or ("tool", "a b", "")
        return subprocess.run(
            found,
            executable=self.tool if not words else None,
            capture_output=True,
            text=True,
            env={"PATH": self.path, **environment},
            cwd=self.root,
        )

    def said(self, text: str) -> tuple[str, str]:
        """What comes out of a shell, and what is said on descriptor 9 of it."""
        whole = f"{{ {{ {text}; }} 9>>/proc/self/fd/3; }} 3>&1 >{self.root}/out 2>&1 | cat"
        done = subprocess.run(
            ["bash", "-c", whole], capture_output=True, text=True, env={"PATH": self.path}, cwd=self.root
        )
        return (self.root / "out").read_text(), done.stdout


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with mounted() as mount:
        yield Room(mount, tmp_path)


def test_decide_is_told_everything_in_a_clean_environment(room: Room) -> None:
    text = """#!/bin/sh
    printf '%s|' "$@" >words; /usr/bin/env >seen
    /usr/bin/cat >input; /usr/bin/cat /proc/$PPID/environ >author.s
    """
    room.mount.write("it/decide", text.replace("    ", "").strip())
    room.run(LD_PRELOAD="", A="b")
    told = {name: (room.root / name).read_text() for name in ("words", "seen", "input", "author.s")}
    assert told["words"] == f"{room.tool}|{room.author}|tool|a b||"
    assert sorted(told["seen"].splitlines()) == [
        "LC_ALL=C",
        f"PATH={room.mount.folder}/bin",
        f"PWD={room.root}",
    ]
    assert told["input"] == ""
    assert told["author.s"] == f"PATH={room.path}\0LD_PRELOAD=\0A=b\0"


UNDECIDED = {
    "is not there": None,
    "does not start": "#!/nowhere\n",
    "fails": "#!/bin/sh\nprintf 'run /bin/true\\0end\\0'; exit 1\n",
    "is killed": "#!/bin/sh\nprintf 'run /bin/true\\0end\\0'; kill -9 $$\n",
    "says nothing": "#!/bin/sh\n",
    "does not end": "#!/bin/sh\nprintf 'run /bin/true\\0'\n",
    "ends in the middle": "#!/bin/sh\nprintf 'run /bin/true\\0end'\n",
    "goes on": "#!/bin/sh\nprintf 'run /bin/true\\0end\\0arg x\\0'\n",
    "says what is not known": "#!/bin/sh\nprintf 'run /bin/true\\0walk\\0end\\0'\n",
    "names no whole path": "#!/bin/sh\nprintf 'run true\\0end\\0'\n",
    "names nothing": "#!/bin/sh\nprintf 'end\\0'\n",
    "names what is not there": "#!/bin/sh\nprintf 'run /nowhere\\0end\\0'\n",
    "hands over": "#!/bin/sh\nprintf 'own because\\0end\\0'\n",
}


@pytest.mark.parametrize("case", UNDECIDED)
def test_the_author_s_program_wherever_it_is_not_decided(room: Room, case: str) -> None:
    text = UNDECIDED[case]
    decide = room.mount.folder / "it/decide"
    decide.unlink()
    if text is not None:
        room.mount.write("it/decide", text)
    done = room.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"own {room.author} a b \n", "")


VARIABLES = (
    "UID RANDOM LINENO IFS BASH_ENV BASH_FUNC_x%% SHELLOPTS POSIXLY_CORRECT COMP_WORDS EPOCHSECONDS SHLVL _ "
    "OLDPWD PWD LC_ALL LD_PRELOAD LD_LIBRARY_PATH PS4 a.b PYTHONHOME"
)


@pytest.mark.parametrize("is_native", [True, False])
@pytest.mark.parametrize("variable", VARIABLES.split())
def test_the_environment_is_the_author_s_byte_for_byte(room: Room, variable: str, is_native: bool) -> None:
    (room.root / "author/tool").unlink()
    (room.root / "author/tool").symlink_to("/usr/bin/cat")
    if is_native:
        room.starts(*ENVIRON)
    given = {"B": "1", variable: "/nowhere/at all", "PATH": room.path, "C": "1"}
    words = ["tool", "/proc/self/environ"]
    assisted = subprocess.run(words, executable=room.tool, capture_output=True, env=given)
    given["PATH"] = room.path.replace(f"{room.mount.folder}/it/bin:", "")
    plain = subprocess.run(words, executable="/usr/bin/cat", capture_output=True, env=given)
    assert assisted.stdout == plain.stdout
    assert assisted.stderr == plain.stderr


def test_what_bash_started_is_the_author_s_program(room: Room) -> None:
    room.starts(*ENVIRON)
    done = subprocess.run(["bash", "-c", "tool; :"], capture_output=True, text=True, env={"PATH": room.path})
    assert f"_={room.author}" in done.stdout.split("\0")


def test_variables_words_and_name(room: Room) -> None:
    room.decides(
        "native /usr/bin/bash; argument -c\n"
        "argument 'echo \"$0|$1|$2|$A|${B-none}|$C|$PATH\"'; argument zero\n"
        "setting A=2; setting C=3; no_setting B; setting PATH=/else; call_it named; decided"
    )
    assert room.run(A="1", B="1").stdout == "zero|a b||2|none|3|/else\n"
    room.decides(
        "native /usr/bin/bash; argument -c; argument 'cat /proc/$$/cmdline; :'; call_it named; decided"
    )
    assert room.run().stdout.split("\0")[0] == "named"


def test_a_word_in_front_of_the_author_s(room: Room) -> None:
    word = f"{room.mount.folder}/it/word"
    assert room.run(word, "tool", "x").stdout == f"own {room.author} x\n"
    room.starts("/usr/bin/echo", "native")
    assert room.run(word, "tool", "x").stdout == "native\n"
    assert room.run(word, "nosuch").returncode == 0
    room.decides("hand_over because")
    done = room.run(word, "nosuch")
    assert (done.returncode, done.stdout, done.stderr) == (127, "", "nosuch: not found\n")


def test_a_program_that_a_file_names(room: Room) -> None:
    deep = f"{room.mount.folder}/it/deep/er/tool"
    other = room.write("other/tool", "#!/bin/sh\necho other $0\n")
    room.mount.write("it/deep/er/tool.own", f"{other}\n")
    assert room.run(deep).stdout == f"other {other}\n"
    room.mount.write("it/deep/er/tool.own", "/usr/bin/cat\n")
    assert room.run(deep, "/proc/self/cmdline").stdout == "/usr/bin/cat\0/proc/self/cmdline\0"


def test_where_the_author_s_program_is_looked_for(room: Room) -> None:
    """Behind our own folder: what stands before it now was not there when the shell looked."""
    room.write("first/tool", "#!/bin/sh\necho first\n")
    assert room.run().stdout.startswith("own")
    assert room.run(PATH=f"{room.root}/first:{room.root}/author").stdout == "first\n"
    done = room.run(PATH=f"{room.mount.folder}/it/bin:/nowhere")
    assert (done.returncode, done.stderr) == (127, "tool: not found\n")


def test_a_program_that_a_run_may_bring(room: Room) -> None:
    """Started by a function of the shell, with no folder of ours in PATH, or by that folder."""
    late = f"{room.mount.folder}/it/late/tool/tool"
    room.write("first/tool", "#!/bin/sh\necho first\n")
    first = f"{room.root}/first:{room.root}/author"
    assert room.run(late, PATH=first).stdout == "first\n"
    behind = f"{room.root}/first:{room.mount.folder}/it/late/tool:{room.root}/author"
    assert room.run(late, PATH=behind).stdout.startswith("own")
    room.write("author/tool", "#!/bin/sh\nenv\n")
    assert str(room.mount.folder) not in room.run(late, PATH=behind).stdout


def test_a_program_that_may_not_be_started(room: Room) -> None:
    """Nobody asks for a twin of it; one behind it in the path is taken, as by every shell."""
    room.decides("native /usr/bin/true; decided")
    (room.root / "author/tool").chmod(0o644)
    done = room.run()
    assert (done.returncode, done.stderr) == (126, "tool: Permission denied\n")
    room.decides("hand_over because")
    room.write("later/tool", "#!/bin/sh\necho later\n")
    assert room.run(PATH=f"{room.path}:{room.root}/later").stdout == "later\n"


def test_a_tool_is_the_author_s_where_that_is_another_file(room: Room) -> None:
    """No `decide` is asked: size and time of what the path leads to behind us say it, at every start."""
    room.decides("hand_over asked")
    room.mount.add_starter("it/tools/tool")
    folder = room.mount.folder / "it/tools"
    native = room.write("native/tool", '#!/bin/sh\necho native "$1" "$PATH"\n')
    path = f"{folder}:{room.root}/author:/usr/bin:/bin"

    def record() -> None:
        seen = room.author.stat()
        time = f"{seen.st_mtime_ns // 10**9}.{seen.st_mtime_ns % 10**9:09}"
        (folder / "tool.same").write_text(f"{seen.st_size} {time} {native}\n")

    def call(path: str) -> str:
        return room.run("sh", "-c", "tool x 2>&1; echo $?", PATH=path).stdout

    for when in (1, 1_700_000_000 * 10**9, 1_700_000_000 * 10**9 + 42):
        os.utime(room.author, ns=(when, when))
        record()
        assert call(path) == f"native x {path}\n0\n"
    for name in ("LD_PRELOAD", "FAKEROOTKEY", "LOCPATH"):
        assert room.run("env", f"{name}=", "tool", PATH=path).stdout.startswith("own")
    other = room.write("other/tool", "#!/bin/sh\necho other $0 $PATH\n")
    assert call(f"{folder}:{other.parent}:{path}") == f"other {other} {folder}:{other.parent}:{path}\n0\n"
    os.utime(room.author, ns=(2, 2))
    assert call(path) == f"own {room.author} x\n0\n"
    record()
    room.author.unlink()
    assert call(path) == "tool: not found\n127\n"


def test_an_environment_that_cannot_be_read(room: Room) -> None:
    room.decides("read_environment /nowhere; native /usr/bin/true; decided")
    assert room.run().stdout.startswith("own")


def test_a_program_without_a_first_line(room: Room) -> None:
    room.write("author/tool", 'echo "shell $1"\n')
    assert room.run().stdout == "shell a b\n"


def test_long_words(room: Room) -> None:
    words = [f"{number:0100000}" for number in range(12)]
    room.decides("native /usr/bin/printf; argument '%s'; decided")
    done = subprocess.run(["tool", *words], executable=room.tool, capture_output=True, text=True)
    assert done.stdout == "".join(words)


@pytest.mark.parametrize("way", ["", "in_place"])
@pytest.mark.parametrize("text", ["exit 3", "kill -TERM $$", "kill -KILL $$"])
def test_how_it_ends(room: Room, text: str, way: str) -> None:
    room.starts("/usr/bin/bash", "-c", text, more=way)
    plain = subprocess.run(["bash", "-c", text])
    assert room.run().returncode == plain.returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_go_on(room: Room, number: signal.Signals) -> None:
    room.starts("/usr/bin/bash", "-c", "echo up; exec sleep 20")
    # What starts the tests may ignore signals (nohup), and a shell cannot take these back.
    words = ["env", "--default-signal", room.tool]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env={"PATH": room.path}) as started:
        assert started.stdout is not None
        started.stdout.readline()
        before = time.monotonic()
        started.send_signal(number)
        assert started.wait() == -number
        assert time.monotonic() - before < 10


IN_A_TERMINAL = """
[ -t 0 ] && [ -t 1 ] && echo up $$
while read -r line; do echo got $line; done
"""
# A shell with one job: it takes the terminal where that is stopped, and gives it back when it is told to.
SHELL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if not job:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
    os.execvp("tool", ["tool"])
while True:
    _, status = os.waitpid(job, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        break
    os.tcsetpgrp(0, os.getpgrp())
    print("stopped by", os.WSTOPSIG(status), flush=True)
    os.read(int(sys.argv[1]), 1)
    os.tcsetpgrp(0, job)
    os.killpg(job, signal.SIGCONT)
print("ended by", -os.waitstatus_to_exitcode(status), flush=True)
"""


def wait_for_state(process: int, state: str) -> None:
    for _ in range(600):
        if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == state:
            return
        time.sleep(0.05)
    pytest.fail(f"{process} does not come to {state}")


def typed(path: str) -> str:
    """What a terminal shows in which `tool` is stopped, goes on, gets a line, and is ended."""
    ours, theirs = pty.openpty()
    told, tell = os.pipe()
    words = [sys.executable, "-c", SHELL, str(told)]
    given = {"PATH": path, "PYTHONHOME": sys.base_prefix}
    shown = ""

    def until(text: str) -> None:
        nonlocal shown
        while text not in shown:
            assert select.select([ours], [], [], 60)[0], f"{text!r} does not come: {shown!r}"
            shown += os.read(ours, 4096).decode()

    shell = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=given, pass_fds=[told], start_new_session=True
    )
    try:
        until("up ")
        until("\r\n")
        program = shown.split()[1]
        os.write(ours, b"\x1a")
        until("stopped by")
        # The job is stopped when the starter is; what that has started comes to it as well, in its time.
        wait_for_state(int(program), "T")
        os.write(tell, b"x")
        os.write(ours, b"line\n")
        until("got line")
        os.write(ours, b"\x03")
        until("ended by 2\r\n")
        assert shell.wait(60) == 0
    finally:
        shell.kill()
        for descriptor in (ours, theirs, told, tell):
            os.close(descriptor)
    return shown.replace(program, "PID")


def test_a_terminal_and_its_signals(room: Room) -> None:
    """Stopped and continued as a job, ended by what is typed: the same as the author's program."""
    room.write("author/tool", f"#!/bin/bash{IN_A_TERMINAL}")
    room.starts("/usr/bin/bash", f"{room.author}", more="call_it tool")
    assisted, plain = typed(room.path), typed(f"{room.root}/author:/usr/bin:/bin")
    assert assisted == plain


def test_a_root_that_the_run_makes_for_itself(room: Room) -> None:
    """Nothing of ours is there, and nothing fails for it."""
    if os.geteuid() != 0:
        pytest.skip("only root may change its root")
    room.starts("/usr/bin/echo", "native")
    inside = room.root / "inside"
    room.write(f"{inside}{room.author}", '#!/bin/sh\necho "own $1 ${COMPILER_PATH-}"\n')
    text = """
    for folder in usr bin lib lib64 proc; do
        if [ -e /$folder ]; then mkdir -p inside/$folder; mount --rbind /$folder inside/$folder; fi
    done
    tool x
    exec chroot inside /bin/sh -c 'cd /; tool x; command -v tool; echo "$1" >&9' - y
    """
    words = ["unshare", "--mount", "bash", "-ec", f"exec 9>>/proc/self/fd/1\n{text}"]
    compilers = f"{room.mount.folder}/gcc/with"
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        cwd=room.root,
        env={"PATH": f"{room.path}:/usr/sbin:/sbin", "COMPILER_PATH": compilers},
    )
    said = ["xbuild-twin: it: native", "native", f"own x {compilers}", str(room.author), "y"]
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (said, "", 0)


def test_the_program_ends_with_the_starter(room: Room) -> None:
    room.starts("/usr/bin/bash", "-c", "echo $$; exec sleep 20")
    with subprocess.Popen([room.tool], stdout=subprocess.PIPE, env={"PATH": room.path}) as started:
        assert started.stdout is not None
        program = int(started.stdout.readline())
        started.kill()
        started.wait()
        for _ in range(200):
            try:
                if " Z " in Path(f"/proc/{program}/stat").read_text():
                    break
            except FileNotFoundError:
                break
            time.sleep(0.05)
        else:
            pytest.fail("it goes on")


def test_a_caller_that_ignores_its_children(room: Room) -> None:
    text = f"trap '' CHLD; exec {room.tool} x"
    assert room.run("sh", "-c", text).stdout == f"own {room.author} x\n"
    room.starts("/usr/bin/grep", "SigIgn", "/proc/self/status")
    seen = room.run("sh", "-c", text)
    plain = room.run("sh", "-c", "trap '' CHLD; exec grep SigIgn /proc/self/status")
    assert (seen.returncode, seen.stdout) == (0, plain.stdout)


def test_input_and_signals_blocked_are_the_author_s(room: Room) -> None:
    room.starts("/usr/bin/bash", "-c", "cat; grep -e SigBlk -e SigIgn /proc/$$/status")
    plain = subprocess.run(
        ["bash", "-c", "cat; grep -e SigBlk -e SigIgn /proc/$$/status"],
        input="in\n",
        capture_output=True,
        text=True,
    )
    done = subprocess.run([room.tool], input="in\n", capture_output=True, text=True, env={"PATH": room.path})
    assert done.stdout == plain.stdout


FILES = "/usr/bin/bash", "-c", "ls -l /proc/$$/fd 2>/dev/null | grep -c ' 9 -> '"


def test_what_is_said_goes_to_descriptor_9_alone(room: Room) -> None:
    assert room.said("tool x") == (f"own {room.author} x\n", "xbuild-twin: it: own: because\n")
    room.starts(*FILES)
    assert room.said("tool x") == ("0\n", "xbuild-twin: it: native\n")
    room.starts(*FILES, more="reporting")
    assert room.said("tool x") == ("1\n", "xbuild-twin: it: native\n")
    room.starts(*FILES, more="silently")
    assert room.said("tool x") == ("0\n", "")


def test_another_descriptor_9_is_left_alone(room: Room) -> None:
    room.starts(*FILES)
    for way in (">", ">>"):
        kept = room.root / "kept"
        done = room.run("bash", "-c", f"exec 9{way}{kept}; tool")
        assert (done.stdout, done.stderr, kept.read_text()) == ("1\n", "", "")


def test_a_crash_leaves_a_mark(room: Room) -> None:
    room.starts("/usr/bin/bash", "-c", "kill -SEGV $$")
    assert room.said("tool || true")[1] == (
        "xbuild-twin: it: native\nxbuild-twin: it: mark: ended by signal 11\n"
    )
    assert not Path(f"{room.mount.folder}-mark").exists()
    assert Path(f"{room.mount.memory}-mark").exists()


def test_a_mark_that_memory_does_not_take_is_a_file(room: Room) -> None:
    Path(f"{room.mount.memory}-mark").mkdir()
    room.starts("/usr/bin/bash", "-c", "kill -SEGV $$")
    assert "mark: ended by signal 11" in room.said("tool || true")[1]
    assert Path(f"{room.mount.folder}-mark").exists()


def test_a_mark_that_nobody_hears_is_a_file(room: Room) -> None:
    room.starts("/usr/bin/bash", "-c", "kill -SEGV $$")
    assert room.run().returncode == -signal.SIGSEGV
    assert Path(f"{room.mount.folder}-mark").exists()


def test_a_status_that_marks(room: Room) -> None:
    room.starts("/usr/bin/bash", "-c", "exit 97")
    assert room.said("tool")[1] == "xbuild-twin: it: native\n"
    room.starts("/usr/bin/bash", "-c", "exit 97", more="reporting")
    assert room.said("tool")[1] == "xbuild-twin: it: native\nxbuild-twin: it: mark: it cannot go on\n"


def test_hostile_variables(room: Room) -> None:
    room.decides(
        "read_environment /proc/$PPID/environ\n"
        'is_hostile it && hand_over "$why"; native /usr/bin/cat; decided'
    )
    assert room.run(LD_AUDIT="x").stdout.startswith("own")
    assert room.run(LD_AUDIT="").stdout == ""
    room.mount.write("it/hostile", "# remark\nOTHER_*\n")
    assert room.run(OTHER_ONE="x").stdout.startswith("own")
    assert room.run(OTHER="x").stdout == ""


def test_what_there_is_no_room_for(room: Room, tmp_path: Path) -> None:
    """A copy of the starter elsewhere stands for nothing."""
    copy = tmp_path / "tool"
    copy.write_bytes(Path(room.tool).read_bytes())
    copy.chmod(0o755)
    done = subprocess.run([copy], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (127, b"", b"")
    assert os.access(copy, os.X_OK)
