"""pip's twin: what it understands, when it hands over, and what it does, with this Python in both parts."""

from __future__ import annotations

import ensurepip
import hashlib
import importlib.util
import marshal
import os
import py_compile
import shutil
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from tests.unit.plan.twins.mounting import OPENSSL, Mount, mounted
from xbuild.pipeline.helper import twin_files
from xbuild.plan.twins.pip import understood

FILES = Path(__file__).parents[4] / "src/xbuild/plan/twins"
MACHINE = "imagined"
SUFFIX = ".cpython-imagined.so"
MARKED = 97

UNDERSTOOD = (
    "",
    "--version",
    "-V",
    "install x",
    "install --no-cache-dir -r requirements.txt",
    "install --no-cache /wheels/x.whl",
    "install -rrequirements.txt -Uqq",
    "install --upgrade pip setuptools wheel",
    "install --target=/deps -c constraints.txt -r requirements.txt",
    "install --prefix /install x --no-warn-script-location",
    "install -i https://example.com/simple --extra-index-url https://example.com x",
    "install --user -e .[dev] --no-build-isolation --config-settings a=b",
    "install --break-system-packages --root-user-action=ignore x",
    "install --target --python x",
    "install x -- --python",
    "-q --timeout 60 --retries=3 install x",
    "--no-cache-dir -qv install x",
    "wheel -w /wheels --no-deps .",
    "download -d /d x",
    "uninstall -y x",
    "list --format=json",
    "freeze --all",
    "show -f x",
    "check",
    "cache purge",
    "hash -a sha256 x",
    "install --help",
)
HANDED_OVER = {
    "--python /v/bin/python install x": "--python",
    "--python=/v install x": "--python",
    "install x --python /v/bin/python": "--python",
    "install --root /mnt x": "--root",
    "install --platform linux_x --only-binary=:all: -t /t x": "--platform",
    "download --python-version 3.9 x": "--python-version",
    "install --abi=abi3 x": "--abi",
    "install --implementation cp x": "--implementation",
    "install --requir x": "--requir",
    "install -Ub /b x": "-b",
    "install -Z x": "-Z",
    "-Z install x": "-Z",
    "-- install x": "--",
    "list --user=x --bad": "--bad",
    "debug": "debug",
    "config set a b": "config",
    "completion --bash": "completion",
    "nosuch": "nosuch",
}


@pytest.mark.parametrize("line", UNDERSTOOD)
def test_a_command_line_is_understood(line: str) -> None:
    assert understood.pip(line.split()) is None


@pytest.mark.parametrize("line", HANDED_OVER)
def test_every_other_option_and_command_hands_over(line: str) -> None:
    assert understood.pip(line.split()) == HANDED_OVER[line]


LEFT_OUT = {"--python", "--root", "--platform", "--abi", "--implementation", "--python-version"}


@pytest.mark.parametrize("command", understood.COMMANDS)
def test_the_options_are_those_of_this_pip(command: str) -> None:
    """Each takes a value as here, and is known or among those left out."""
    commands = pytest.importorskip("pip._internal.commands")
    parser = commands.create_command(command).parser
    known = {**understood.options(understood.GENERAL), **understood.options(understood.COMMANDS[command])}
    groups = [parser.option_list, *(group.option_list for group in parser.option_groups)]
    for option in (option for group in groups for option in group):
        names = {*option._short_opts, *option._long_opts}
        if not names & LEFT_OUT:
            assert {name: known.get(name) for name in names} == dict.fromkeys(names, option.takes_value())


WORDS = {
    "-m pip install x": ([], "module", "pip", ["install", "x"]),
    "-mpip list": ([], "module", "pip", ["list"]),
    "-Im venv /v": (["-I"], "module", "venv", ["/v"]),
    "-u -B -W ignore::Warning -m pip": (["-u", "-B", "-W", "ignore::Warning"], "module", "pip", []),
    "-Wignore -m pip": (["-W", "ignore"], "module", "pip", []),
    "/x/pip/__pip-runner__.py install x": ([], "script", "/x/pip/__pip-runner__.py", ["install", "x"]),
    "-S -m pip": None,
    "-i -m pip": None,
    "-X utf8 -m pip": None,
    "--version": None,
    "-m": None,
    "-": ([], "script", "-", []),
    "": None,
}


@pytest.mark.parametrize("line", WORDS)
def test_what_follows_python_is_read_as_the_interpreter_reads_it(line: str) -> None:
    assert understood.interpreter(line.split()) == WORDS[line]


MODULES = {
    "venv": ("--copies --system-site-packages /v", "--upgrade-deps --prompt x /v"),
    "ensurepip": ("--upgrade --default-pip",),
    "pip": ("install x",),
}


def test_modules_and_their_options() -> None:
    for name, lines in MODULES.items():
        assert [understood.module(name, line.split()) for line in lines] == [None] * len(lines)
    assert understood.module("ensurepip", ["--root", "/mnt"]) == "--root"
    assert understood.module("venv", ["--bad", "/v"]) == "--bad"
    assert understood.module("http.server", []) == "-m http.server"


ENVIRONMENTS: dict[str, tuple[dict[str, str], str | None]] = {
    "an image's own": ({"PYTHON_VERSION": "3.11.2", "PYTHON_PIP_VERSION": "23", "LANG": "C.UTF-8"}, None),
    "usual": ({"PYTHONUNBUFFERED": "1", "PIP_NO_CACHE_DIR": "1", "PYTHONPATH": "/app"}, None),
    "settings": ({"PIP_INDEX_URL": "x", "PIP_DEFAULT_TIMEOUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}, None),
    "of pip for pip": ({"_PIP_STANDALONE_CERT": "/x", "PIP_BUILD_TRACKER": "/x", "PIP_NO_INPUT": "1"}, None),
    "empty": ({"PYTHONHOME": "", "PIP_PYTHON": ""}, None),
    "home": ({"PYTHONHOME": "/x"}, "PYTHONHOME"),
    "newer": ({"PYTHON_JIT": "1"}, "PYTHON_JIT"),
    "not read by this interpreter": ({"PYTHON_ENV": "production"}, None),
    "cross": ({"_PYTHON_HOST_PLATFORM": "x"}, "_PYTHON_HOST_PLATFORM"),
    "another interpreter": ({"PIP_PYTHON": "/x"}, "PIP_PYTHON"),
    "another platform": ({"PIP_PLATFORM": "x"}, "PIP_PLATFORM"),
    "another root": ({"PIP_ROOT": "/x"}, "PIP_ROOT"),
    "of pip's own": ({"_PIP_RUNNING_IN_SUBPROCESS": "1"}, "_PIP_RUNNING_IN_SUBPROCESS"),
}


@pytest.mark.parametrize("case", ENVIRONMENTS)
def test_an_environment(case: str) -> None:
    variables, why = ENVIRONMENTS[case]
    reads = ("PYTHONHOME", "PYTHONUNBUFFERED", "PYTHONPATH", "PYTHON_JIT")
    assert understood.environment(variables, reads) == why


CONFIGURATIONS = {
    "[global]\nindex-url = https://x\nextra_index_url =\n    https://y\n    https://z\n": None,
    "# remark\n\n[install]\nno-cache-dir: true\n; remark\n[list]\nformat=columns\n": None,
    "[global]\npython = /x\n": "python",
    "[install]\nroot=/x\n": "root",
    "[global]\nPlatform : x\n": "platform",
    "[global]\nodd\n": "odd",
}


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration(text: str) -> None:
    assert understood.configuration(text) == CONFIGURATIONS[text]


OF_WHEELS = """\
#!/usr/local/bin/python3.11
# -*- coding: utf-8 -*-
import re
import sys
from pip._internal.cli.main import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
"""
NEWER = """\
#!/v/bin/python
import sys
from pip._internal.cli.main import main
if __name__ == '__main__':
    if sys.argv[0].endswith('.exe'):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit(main())
"""
OF_THE_BED = """\
#!/usr/local/bin/python3.11
import sys
from pip._internal.cli.main import main
sys.exit(main())
"""
SCRIPTS = {
    OF_WHEELS: "/usr/local/bin/python3.11",
    NEWER: "/v/bin/python",
    OF_THE_BED: "/usr/local/bin/python3.11",
    OF_WHEELS.replace("import main", "import cli").replace(
        "exit(main", "exit(cli"
    ): "/usr/local/bin/python3.11",
    # As Debian's trixie has it.
    OF_THE_BED.replace("#!", "#! "): "/usr/local/bin/python3.11",
    OF_THE_BED.replace("pip._internal.cli.main", "other"): None,
    OF_THE_BED.replace("sys.exit(main())", "sys.exit(other())"): None,
    OF_THE_BED + "sys.exit(main())\n": None,
    OF_THE_BED.replace("import sys\n", "import sys\nimport keyring\n"): None,
    OF_THE_BED.replace("sys.exit(main())", "main()"): None,
    OF_THE_BED.replace("3.11\n", "3.11 -E\n"): None,
    OF_THE_BED.replace("/usr/local/bin/python3.11", "/usr/bin/env python3"): None,
    OF_THE_BED.replace("#!/", "#! bin/"): None,
    "#!/bin/sh\n'''exec' \"/a b/python\" \"$0\" \"$@\"\n' '''\nimport sys\nsys.exit(main())\n": None,
    "\x7fELF": None,
    "": None,
}


@pytest.mark.parametrize("text", SCRIPTS)
def test_only_a_pip_that_calls_pip_leads_to_its_interpreter(text: str) -> None:
    assert understood.script(text) == SCRIPTS[text]


def test_the_text_by_which_ensurepip_runs_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    ensurepip._run_pip(["install", "pip"], ["/tmp/pip.whl"])  # type: ignore[attr-defined]
    (command,) = asked
    found = understood.interpreter(command[1:])
    assert found is not None
    assert found[:2] == (["-W", "ignore::DeprecationWarning"], "code")
    assert understood.is_bootstrap(found[2])
    assert not understood.is_bootstrap(found[2].replace('"pip"', '"other"'))


# -- the whole of it: this Python as the image's and as the native one, for a machine that there is not


FAKE = """\
import os, subprocess, sys

def main():
    words = sys.argv[1:]
    print(os.uname().machine)
    exec(os.environ["DOES"])
    return 0
"""


class Image:
    """A mount and an image's files below a folder."""

    def __init__(self, mount: Mount, root: Path) -> None:
        self.root, self.home = root, mount.folder / "pip"
        self.python = os.path.realpath(sys._base_executable)  # type: ignore[attr-defined]
        (root / "files").mkdir()
        for name in twin_files():
            if name.startswith("pip/"):
                places = {"/etc/ld.so.preload": f"{root}/ld.so.preload"}
                (root / "files" / name[4:]).write_text(mount.moved(name, places))
        self.setup = load(root / "files/setup.py")
        self.home.mkdir(parents=True)
        shutil.copy(self.python, self.home / "start")
        self.setup.libraries(str(self.home), sysconfig.get_path("stdlib"))
        dynload = f"{sysconfig.get_path('stdlib')}/lib-dynload"
        library = next(self.home.glob("lib/*"))
        (library / "lib-dynload").symlink_to(dynload)
        mount.add_starter("pip/bin/pip", "pip/python")
        for name in ("decide", "hostile"):
            mount.write(f"pip/{name}", mount.moved(f"pip/{name}"))
        mount.write("hostile", mount.moved("helper/hostile"))
        mount.write("openssl", mount.moved("helper/openssl"))
        self.recorded = {
            "python": self.python,
            "prefix": sys.base_prefix,
            "sums": {self.python: hashlib.sha256(Path(self.python).read_bytes()).hexdigest()},
            "reads": ("PYTHONHOME",),
            "openssl": str(root / "openssl.cnf"),
            "libc": str(root / "libc.so.6"),
            "release": b" release version 2.36.",
            "machine": MACHINE,
            "multiarch": sys.implementation._multiarch,
            "suffix": SUFFIX,
            "own_suffix": sysconfig.get_config_var("EXT_SUFFIX"),
            "dynload": dynload,
            "own_dynload": f"{library}/lib-dynload",
        }
        (root / "libc.so.6").write_text("stable release version 2.36.\n")
        self.record()
        self.pip = self.script(
            root / "author/pip", OF_THE_BED.replace("/usr/local/bin/python3.11", self.python)
        )
        for name in ("pip/__init__.py", "pip/_internal/__init__.py", "pip/_internal/cli/__init__.py"):
            self.script(root / "site" / name, "")
        self.script(root / "site/pip/_internal/cli/main.py", FAKE)
        self.script(root / "site/pip/__main__.py", "from pip._internal.cli.main import main\nmain()\n")

    def script(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def record(self) -> None:
        (self.home / "recorded").write_bytes(marshal.dumps(self.recorded, 2))

    def start(
        self, *words: str, does: str = "", is_assisted: bool = True, **variables: Any
    ) -> subprocess.CompletedProcess[str]:
        """`pip ...` by PATH, or `python ...` by the replaced word."""
        path = f"{self.root}/author:/usr/bin:/bin"
        inherited = {
            "PYTHONPATH": str(self.root / "site"),
            "DOES": does,
            "HOME": str(self.root),
            "LC_ALL": "C",
        }
        inherited["PATH"] = f"{self.home}/bin:{path}" if is_assisted else path
        if is_assisted and words[0] != "pip":
            words = (str(self.home / "python"), *words)
        return subprocess.run(
            words,
            executable=str(self.home / "bin/pip" if is_assisted else self.pip) if words[0] == "pip" else None,
            capture_output=True,
            text=True,
            cwd=self.root,
            env={**inherited, **variables},
        )


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"of_the_twin_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    with mounted() as mount:
        made = Image(mount, tmp_path_factory.mktemp("image"))
        started = subprocess.run([str(made.home / "start"), "-IBS", "-c", "import _hashlib"], check=False)
        if started.returncode:
            pytest.skip("this Python does not start from a copy of its program")
        yield made


@pytest.fixture
def image(shared: Image) -> Iterator[Image]:
    before = dict(shared.recorded)
    yield shared
    shared.recorded = before
    shared.record()


def is_native(done: subprocess.CompletedProcess[str]) -> bool:
    return done.stdout.partition("\n")[0] == MACHINE


ASKS = """
import json, locale, os, platform, sys, sysconfig
main = sys.modules["__main__"]
print(json.dumps({
    "argv": sys.argv, "orig": getattr(sys, "orig_argv", None), "path": sys.path,
    "prefix": sys.prefix, "base": sys.base_prefix,
    "executable": sys.executable, "environment": dict(os.environ), "main": sorted(vars(main)),
    "file": main.__file__, "paths": sysconfig.get_paths(), "user": sys.modules["site"].ENABLE_USER_SITE,
    "encoding": locale.getpreferredencoding(False), "flags": [sys.flags.isolated, sys.flags.utf8_mode],
    "pipe": str(__import__("signal").getsignal(13)), "hook": sys.flags.optimize,
}))
"""
CALLS = (("pip", "install", "x"), ("PYTHON", "-m", "pip", "install", "x"), ("PYTHON", "-uB", "-mpip", "list"))


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_a_native_pip_sees_what_the_authors_would(image: Image, words: tuple[str, ...]) -> None:
    words = tuple(image.python if word == "PYTHON" else word for word in words)
    assisted, plain = (image.start(*words, does=ASKS, is_assisted=flag) for flag in (True, False))
    assert is_native(assisted), assisted.stderr
    assert not is_native(plain)
    assert (assisted.returncode, assisted.stderr) == (0, "")
    assert assisted.stdout.splitlines()[1:] == plain.stdout.splitlines()[1:]


@pytest.mark.parametrize("place", ["", "./", "bin/../"])
def test_a_path_from_the_working_folder(image: Image, place: str) -> None:
    """RUN .venv/bin/pip install x; the same for the environment's python."""
    folder = image.root / "here"
    if not folder.exists():
        image.start(image.python, "-m", "venv", "--without-pip", str(folder), is_assisted=False)
        image.script(
            folder / "bin/pip", OF_THE_BED.replace("/usr/local/bin/python3.11", f"{folder}/bin/python")
        )
        (image.root / "bin").mkdir()
    for words in ((f"{place}here/bin/pip", "list"), (f"{place}here/bin/python", "-m", "pip", "list")):
        assisted, plain = (image.start(*words, does=ASKS, is_assisted=flag) for flag in (True, False))
        assert is_native(assisted), assisted.stderr
        assert (assisted.returncode, assisted.stderr) == (0, "")
        assert assisted.stdout.splitlines()[1:] == plain.stdout.splitlines()[1:]


def _code_of(data: bytes) -> tuple[bytes, Any]:
    """Magic number, source's time and size; and the code, by this Python, which has written it."""
    return data[:16], marshal.loads(data[16:])


def test_the_same_bytecode_is_written(image: Image) -> None:
    written = []
    for flag in (True, False):
        cache = image.root / f"cache-{flag}"
        image.start(
            "pip", "list", is_assisted=flag, PYTHONPYCACHEPREFIX=str(cache), PYTHONDONTWRITEBYTECODE=""
        )
        written.append({str(p.relative_to(cache)): p.read_bytes() for p in cache.rglob("*.pyc")})
    assert written[0].keys() == written[1].keys()
    # `marshal` marks an object by how often it is held just then: two runs of one Python may differ.
    assert [name for name, data in written[0].items() if _code_of(data) != _code_of(written[1][name])] == []
    assert not [name for name, content in written[0].items() if str(image.home).encode() in content]


def test_what_is_said_goes_to_the_ninth_descriptor_alone(image: Image) -> None:
    """Only where it was opened for appending, as `env` does: another pipe there is the author's."""
    call = (str(image.home / "bin/pip"), "install", "x")
    variables = {"PATH": f"{image.home}/bin:{image.root}/author:/usr/bin:/bin", "LC_ALL": "C"}
    does = "words == ['x'] or subprocess.run([sys.executable, '-m', 'pip', 'x'])"
    variables.update(PYTHONPATH=str(image.root / "site"), DOES=does)
    said = {}
    for way in (">>", ">"):
        text = f'{{ "$@" 9{way}/proc/self/fd/1 >/dev/null; }} 2>&1 | cat'
        said[way] = subprocess.run(
            ["sh", "-c", text, "-", *call], capture_output=True, text=True, check=True, env=variables
        ).stdout
    assert said == {
        ">>": "xbuild-twin: pip: native\nxbuild-twin: pip: own: x is not understood\n",
        ">": "",
    }


ENDS = {"sys.exit(3)": 3, "sys.exit('said')": 1, "1/0": 1, "os._exit(7)": 7, "os.kill(os.getpid(), 15)": -15}
CRASHES = ("os.abort()", "os.kill(os.getpid(), 11)")


@pytest.mark.parametrize("does", ENDS)
def test_it_ends_as_the_authors_would(image: Image, does: str) -> None:
    assisted, plain = (image.start("pip", "list", does=does, is_assisted=flag) for flag in (True, False))
    assert assisted.returncode == plain.returncode == ENDS[does]
    assert assisted.stderr == plain.stderr


@pytest.mark.parametrize("does", CRASHES)
def test_a_crash_is_one(image: Image, does: str) -> None:
    assert image.start("pip", "list", does=does).returncode in (-6, -11)


def test_signals_are_sent_on(image: Image) -> None:
    does = "import signal, time; signal.signal(15, lambda *_: sys.exit(5)); os.kill(os.getppid(), 15)"
    does += "; time.sleep(9)"
    assert image.start("pip", "list", does=does).returncode == 5


def test_what_is_started_is_the_images_but_for_pip(image: Image) -> None:
    shows = "import os; print(os.uname().machine)"
    does = f"""
if "again" not in words:
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", "{shows}"])
    subprocess.run([sys.executable, "-m", "pip", "list", "--exclude", "again"])
    subprocess.run(["pip", "list", "--exclude", "again"])
"""
    real = os.uname().machine
    assert image.start("pip", "list", does=does).stdout.split() == [MACHINE, real, MACHINE, real]


FOREIGN = "try:\n    import foreign\nexcept ImportError:\n    print('no')\n"


def test_a_foreign_module_hands_over_before_the_first_effect(image: Image) -> None:
    (image.root / f"site/foreign{SUFFIX}").write_bytes(b"\x7fELF")
    image.script(image.root / "site/sitecustomize.py", FOREIGN)
    try:
        done = image.start("pip", "list", does="")
    finally:
        (image.root / "site/sitecustomize.py").unlink()
    assert done.stdout.split() == ["no", os.uname().machine]


EFFECTS = ("", "open('made', 'w').close()\n", "os.mkdir('folder')\n", "subprocess.run(['true'])\n")


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_foreign_module_is_a_mark_after_it(image: Image, effect: str) -> None:
    (image.root / f"site/foreign{SUFFIX}").write_bytes(b"\x7fELF")
    (image.root / "folder").rmdir() if (image.root / "folder").exists() else None
    assert image.start("pip", "list", does=effect + FOREIGN).returncode == MARKED


def test_a_library_by_name_is_a_mark(image: Image) -> None:
    does = "import ctypes\ntry:\n    ctypes.CDLL('libnone.so')\nexcept OSError:\n    pass"
    assert image.start("pip", "list", does=does).returncode == MARKED


HOSTILE = ("PYTHONHOME", "PIP_PYTHON", "PIP_PLATFORM", "GCONV_PATH", "OPENSSL_CONF", "LD_BIND_NOW")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_variable_hands_over(image: Image, name: str) -> None:
    value = sys.base_prefix if name == "PYTHONHOME" else "1"
    done = image.start("pip", "list", is_assisted=True, **{name: value})
    assert done.stdout == f"{os.uname().machine}\n"


def test_what_is_not_understood_hands_over(image: Image) -> None:
    for words in (
        ("pip", "--python", "x"),
        ("pip", "nosuch"),
        (image.python, "-c", "import os; print(os.uname().machine)"),
    ):
        assert image.start(*words).stdout == f"{os.uname().machine}\n"


def test_settings_hand_over(image: Image) -> None:
    settings = image.script(image.root / ".config/pip/pip.conf", "[global]\nplatform = x\n")
    assert not is_native(image.start("pip", "list"))
    settings.write_text("[global]\ntimeout = 5\n")
    assert is_native(image.start("pip", "list"))
    settings.unlink()


def test_another_interpreter_hands_over(image: Image) -> None:
    image.recorded["sums"] = {image.python: "0" * 64}
    image.record()
    assert not is_native(image.start("pip", "list"))
    image.recorded.update(python="/usr/bin/other", sums={})
    image.record()
    assert not is_native(image.start("pip", "list"))


def test_another_release_of_the_c_library_hands_over(image: Image) -> None:
    """Another one decides which wheels fit; an upgrade of the same release does not."""
    library = Path(image.recorded["libc"])
    for text, expected in (("release version 2.36.\nx", True), ("release version 2.41.\n", False)):
        library.write_text(f"stable {text}")
        assert is_native(image.start("pip", "list")) is expected
    library.write_text("stable release version 2.36.\n")


def test_another_release_of_musl_hands_over(image: Image) -> None:
    library = Path(image.recorded["libc"])
    image.recorded["release"] = b"\x001.2.5\x00"
    image.record()
    for text, expected in ((b"x\x001.2.5\x00y", True), (b"x\x001.2.51\x00y", False)):
        library.write_bytes(text)
        assert is_native(image.start("pip", "list")) is expected
    library.write_text("stable release version 2.36.\n")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (
            b"musl libc (x86_64)\nVersion 1.2.5\nDynamic Program Loader\n",
            ("/lib/ld-musl-aarch64.so.1", b"\x001.2.5\x00"),
        ),
        (b"usage\n", None),
    ],
)
def test_setup_asks_musl_for_its_release(
    image: Image, monkeypatch: pytest.MonkeyPatch, said: bytes, found: tuple[str, bytes] | None
) -> None:
    done = subprocess.CompletedProcess[bytes]([], 1, stderr=said)
    monkeypatch.setattr(subprocess, "run", lambda *_given, **_named: done)
    if found is None:
        with pytest.raises(SystemExit) as ended:
            image.setup.c_library("aarch64-linux-musl")
        assert ended.value.code == 3
    else:
        assert image.setup.c_library("aarch64-linux-musl") == found


@pytest.mark.parametrize("error", [OSError(22, "Invalid argument"), ValueError("unrecognized name")])
def test_an_interpreter_that_takes_musl_for_glibc(
    image: Image, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before Python 3.11; recorded of Alpine's musl."""

    def confstr(_: str) -> str:
        raise error

    monkeypatch.setattr(os, "confstr", confstr)
    with pytest.raises(SystemExit) as ended:
        image.setup.c_library("aarch64-linux-gnu")
    assert ended.value.code == 3
    assert capsys.readouterr().out == "the interpreter takes its C library for another one\n"


def test_a_preloaded_library_of_the_whole_system_hands_over(image: Image) -> None:
    preloaded = image.script(image.root / "ld.so.preload", "")
    assert not is_native(image.start("pip", "list"))
    preloaded.unlink()
    assert is_native(image.start("pip", "list"))


def test_another_release_hands_over(image: Image) -> None:
    release = image.script(image.root / "os-release", "ID=debian\n")
    image.recorded["sums"] = {
        **image.recorded["sums"],
        str(release): hashlib.sha256(release.read_bytes()).hexdigest(),
    }
    image.record()
    assert is_native(image.start("pip", "list"))
    release.write_text("ID=debian\nVERSION_ID=1\n")
    assert not is_native(image.start("pip", "list"))


@pytest.mark.parametrize("text", OPENSSL)
def test_a_configuration_of_openssl_that_loads_code(image: Image, text: str) -> None:
    path = image.script(image.root / "openssl.cnf", text)
    assert is_native(image.start("pip", "list")) is not OPENSSL[text]
    path.unlink()
    assert is_native(image.start("pip", "list"))


def test_a_virtual_environment_leads_to_the_same_interpreter(image: Image) -> None:
    for flag, folder in (("--symlinks", "links"), ("--copies", "copies")):
        made = [image.root / f"{folder}-{assisted}" for assisted in (True, False)]
        for assisted, target in zip((True, False), made, strict=True):
            done = image.start(
                image.python, "-m", "venv", flag, "--without-pip", str(target), is_assisted=assisted
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        texts = [(target / "pyvenv.cfg").read_text().replace(str(target), "/v") for target in made]
        assert texts[0] == texts[1]
        pip = f"{made[0]}/bin/pip"
        image.script(Path(pip), OF_THE_BED.replace("/usr/local/bin/python3.11", f"{made[0]}/bin/python"))
        assert is_native(image.start(pip, "list"))
        assert is_native(image.start(f"{made[0]}/bin/python", "-m", "pip", "list"))
        (made[0] / "pyvenv.cfg").write_text("home = /usr/nowhere\n")
        assert not is_native(image.start(pip, "list"))


def test_pip_behind_an_activate(image: Image) -> None:
    """The word leads to the twin, PATH to the environment, and what is started sees no folder of ours."""
    folder = image.root / "activated"
    image.start(image.python, "-m", "venv", "--without-pip", str(folder), is_assisted=False)
    image.script(folder / "bin/pip", OF_THE_BED.replace("/usr/local/bin/python3.11", f"{folder}/bin/python"))
    does = "print(sys.argv, sys.prefix, subprocess.check_output(['env'], text=True))"
    said = []
    for word, place in ((f"{image.home}/python", f"{image.home}/bin:"), ("", "")):
        text = f". {folder}/bin/activate; {word} pip install x"
        variables = {"PATH": f"{place}{image.root}/author:/usr/bin:/bin", "DOES": does, "LC_ALL": "C"}
        variables["PYTHONPATH"] = str(image.root / "site")
        done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, env=variables)
        assert done.stderr == ""
        said.append(done.stdout.splitlines())
    assert said[0][0] == MACHINE
    assert said[1][0] != MACHINE
    assert said[0][1:] == said[1][1:]


def test_a_program_that_is_not_there(image: Image) -> None:
    done = image.start("python9.9", "-m", "pip")
    assert (done.returncode, done.stdout, done.stderr) == (127, "", "python9.9: not found\n")


def test_where_there_is_no_twin_the_words_are_started() -> None:
    plain = FILES / "pip/plain.python"
    done = subprocess.run(
        ["sh", str(plain), "sh", "-c", "echo $1; exit 3", "-", "a b"], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, b"a b\n", b"")


def test_setup_finds_the_variables_that_an_interpreter_reads(image: Image) -> None:
    found = image.setup.variables_read(b"\0PYTHONHOME\0PYTHONPATH\0_PYTHON_X\0PYTHON\0x=PYTHONNO\0")
    assert found == {"PYTHONHOME", "PYTHONPATH", "_PYTHON_X"}
    assert (
        "PYTHONHOME" in image.setup.variables_read(Path(image.python).read_bytes())
        or image.setup.shared_library()
    )


def test_setup_that_meets_a_full_disk_has_failed(image: Image, tmp_path: Path) -> None:
    """It refuses what would be refused another time, too: nothing else ends with 3."""
    root, out, stdlib = tmp_path / "target", tmp_path / "out", sysconfig.get_path("stdlib")
    release = str(os.confstr("CS_GNU_LIBC_VERSION")).split()[-1]
    multiarch = sys.implementation._multiarch
    told = "\0{}\0{}".format(sys.version.split(" ", 1)[0], sys.version.rpartition("[")[2])
    for path in (image.python, *image.setup.shared_library()):
        data = bytearray(Path(path).read_bytes())
        data[18:20] = b"\xfe\xca"
        image.script(root / path[1:], "").write_bytes(bytes(data) + told.encode())
    image.script(root / f"lib/{multiarch}/libc.so.6", f"stable release version {release}.\n")
    (root / stdlib[1:]).parent.mkdir(parents=True, exist_ok=True)
    (root / stdlib[1:]).symlink_to(stdlib)
    words = [image.python, "-sB", str(image.root / "files/setup.py"), str(out), str(root), image.python]
    out.mkdir()
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (out / "recorded").unlink()
    (out / "recorded").symlink_to("/dev/full")
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "OSError: [Errno 28] No space left on device\n"
    image.script(root / f"lib/{multiarch}/libc.so.6", "stable release version 0.1.\n")
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "another release of the C library on the target platform\n")


def test_setup_follows_links_inside_the_target(image: Image) -> None:
    root = image.root / "target"
    (root / "usr/real").mkdir(parents=True)
    (root / "usr/real/file").write_text("")
    (root / "absolute").symlink_to("/usr/real")
    (root / "usr/relative").symlink_to("../absolute/file")
    (root / "loop").symlink_to("loop")
    assert image.setup.in_root(str(root), "/usr/relative") == "/usr/real/file"
    assert image.setup.in_root(str(root), "/absolute/./file") == "/usr/real/file"
    with pytest.raises(OSError, match="loop"):
        image.setup.in_root(str(root), "/loop")


DEPENDING = {
    "x = 10.0 ** 3": True,
    "x = 10 ** -5": True,
    "x = [f(2 ** 0.5)]": True,
    "x = 2 ** 64": False,
    "x = y ** 0.5": False,
    "x = -(2.5 ** 3) + y": True,
    "x = (2 **\n 1.5)": True,
    "x = 1j": False,
    "x = 1 + 2j": False,
    "x = (1 + 2j,)[0] * 3": True,
    "x = b'a'[0] ** 0.5": True,
    "x = y[0] * 2j": False,
    "x = (2.5  # base (\n  ** 1.5)": True,
    "x = (2.5" + " " * 90 + "** 1.5)": True,
    "x = (1 + 2j) * 3": True,
    "x = 1 / (2j - 1)": True,
    "x = 1 + (1j * 1.5) * y": True,
    "x = 3.J * 2": True,
    "def f(*a, **b): return f(*a, **b)": False,
    "x = {**a, 'k': 10 ** 2}": False,
    "x = True ** -1": True,
    "x = 1.e5 ** 3": True,
    "x = a.e5 ** 3": False,
    "x = 1e-5 ** 2": True,
    "x = 0xFF ** -1": True,
    "x = 10 ** 9 - 5 ** 2": False,
    "x = 2 ** 3 ** -1": True,
    "x = 2 ** 3.": True,
    "x = a.join(b)": False,
    "x = 'to **do** so, **kwargs, **/*.py, a[1]**2'": False,
    "x = '10.0 ** 3, 1j * 2j'": False,
    "x = 0.1 + 0.2 * 3 / 7 // 1.5 % 2": False,
}


@pytest.mark.parametrize("text", DEPENDING)
def test_constants_whose_digits_depend_on_the_machine(text: str) -> None:
    native = load(FILES / "pip/native.py")
    assert native.depends(text.encode(), "x.py") is DEPENDING[text]


OPERANDS = (
    *("2", "2.5", "2.", ".5", "1e5", "1.e5", "1e-5", "0xFF", "1_0", "True", "3j", "3.J"),
    *("y", "y2", "y.e5", "y[1]", "(2.5)", "(1j, 2)[0]", "-1", "'a'", "f(2)"),
)
GAPS = ("", " ", "  ", "\n", "\\\n", "  # (\n  ", " " * 90)


def test_the_cheap_look_misses_no_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    native, random, seen = load(FILES / "pip/native.py"), Random(1), 0
    cheap = native.may_depend
    monkeypatch.setattr(native, "may_depend", lambda _: True)
    for _ in range(4000):
        words = [random.choice(OPERANDS)]
        for _ in range(random.randint(1, 3)):
            operator = random.choice(("**", "**", "*", "-", ","))
            words += [random.choice(GAPS), operator, random.choice(GAPS), random.choice(OPERANDS)]
        text = f"x = ({''.join(words)})\n"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            is_found = native.depends(text.encode(), "x.py")
        seen += is_found
        assert cheap(text.encode()) or not is_found, text
    assert seen > 400


def test_bytecode_wherever_it_is_written() -> None:
    native = load(FILES / "pip/native.py")
    for path in ("/p/usr/x.cpython-311.pyc.140", "/x/__pycache__/y", b"/p/x.pyc"):
        assert native.is_bytecode(path)
    for path in ("/p/x.py", "/p/x.pyc.d/y", "/p/pyc"):
        assert not native.is_bytecode(path)


def test_bytecode_with_such_is_made_by_the_image_s_interpreter(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "it.py"
    source.write_text("x = 10.0 ** 3\n")
    does = f"import py_compile; py_compile.compile({str(source)!r}, {str(tmp_path / '__pycache__/it.pyc')!r})"
    written = []
    for is_assisted in (True, False):
        assert image.start("pip", "list", does=does, is_assisted=is_assisted).returncode == 0
        written.append((tmp_path / "__pycache__/it.pyc").read_bytes())
    assert written[0] == written[1]
    native = load(FILES / "pip/native.py")
    external = native.external
    for name in ("SourceLoader", "_write_atomic"):
        monkeypatch.setattr(external, name, getattr(external, name))
    monkeypatch.setattr(
        external.SourceLoader, "source_to_code", external.SourceLoader.source_to_code, raising=True
    )
    monkeypatch.setattr(native, "compile_there", lambda *told: b"there" + repr(told).encode())
    native.compile_elsewhere()
    py_compile.compile(str(source), str(tmp_path / "__pycache__/it.pyc"))
    made = (tmp_path / "__pycache__/it.pyc").read_bytes()
    assert made[16:] == b"there" + repr((b"x = 10.0 ** 3\n", str(source), 0)).encode()
    source.write_text("x = 1\n")
    py_compile.compile(str(source), str(tmp_path / "__pycache__/it.pyc"))
    assert b"there" not in (tmp_path / "__pycache__/it.pyc").read_bytes()


def test_one_interpreter_of_the_image_s_compiles_all_such(image: Image, tmp_path: Path) -> None:
    """Each as by a fresh one; names with bytes that are no text, and what cannot be compiled."""
    texts = (
        "x = 10.0 ** 3\n",
        f"y = [{'(1j * 2.5), ' * 30000}]\n",
        "def f(): return 2 ** 0.5, 'é'\n",
        "x = (1 +\n",
    )
    files = [tmp_path / f"{number}\udcff.py" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    does = f"""
import gc
there = next(o for o in gc.get_objects() if getattr(o, "__name__", "") == "compile_there")
for path in {[str(file) for file in files]!r}:
    print(__import__("hashlib").sha256(there(open(path, "rb").read(), path, 0)).hexdigest(), flush=True)
"""
    done = image.start("pip", "list", does=does)
    plain = "import hashlib, marshal, sys; data = sys.stdin.buffer.read(); path = sys.argv[1]; " + (
        "code = compile(data, path, 'exec'); print(hashlib.sha256(marshal.dumps(code)).hexdigest())"
    )
    sums = [
        subprocess.run(
            [image.python, "-IBS", "-c", plain, str(file)], input=file.read_bytes(), capture_output=True
        ).stdout.decode()
        for file in files
    ]
    assert sums[-1] == ""
    assert done.returncode == MARKED
    assert done.stdout.splitlines()[1:] == "".join(sums).splitlines()
    assert "SyntaxError" in done.stderr


def test_the_codes_of_marks_are_one() -> None:
    assert f"MARKED = {MARKED}" in (FILES / "pip/native.py").read_text()
    assert f"MARKED = {MARKED}" in (FILES / "helper/starter.c").read_text()


@pytest.mark.parametrize("name", ["decide", "native", "setup", "understood"])
def test_the_files_are_for_python_3_8(name: str) -> None:
    import ast

    ast.parse((FILES / f"pip/{name}.py").read_text(), feature_version=(3, 8))
