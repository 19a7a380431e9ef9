"""What a command line, an environment and settings must be for pip to run natively.

Every option that is not listed hands over. The names are those of pip 20.3 to 26.3, from its reference (`pip
help COMMAND`); `=` takes a value. Left out on purpose: what names another interpreter, root or machine
(--python, --root, --platform, --abi, --implementation, --python-version), and what was removed long ago
(--build). Runs in foreign images; Python 3.8 and later read this.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

GENERAL = (
    "-h,--help --debug --isolated --require-virtualenv,--require-venv -v,--verbose -V,--version -q,--quiet "
    "--log,--log-file,--local-log= --no-input --keyring-provider= --proxy= --no-proxy-env --retries= "
    "--timeout,--default-timeout= --exists-action= --trusted-host= --cert= --client-cert= --cache-dir= "
    "--no-cache-dir,--no-cache --disable-pip-version-check --no-color --no-python-version-warning "
    "--use-feature= --use-deprecated= --resume-retries="
)
_INDEX = (
    "-i,--index-url,--pypi-url= --extra-index-url= --no-index -f,--find-links= --pre --all-releases= "
    "--only-final= --no-binary= --only-binary= --prefer-binary --uploaded-prior-to= --refresh-package="
)
_RESOLVE = (
    _INDEX + " -r,--requirement= -c,--constraint= --build-constraint= --no-deps,--no-dependencies "
    "--only-deps,--only-dependencies --group= --requirements-from-script= --ignore-requires-python "
    "--src,--source,--source-dir,--source-directory= --no-build-isolation --use-pep517 --no-use-pep517 "
    "--check-build-dependencies -C,--config-settings= --global-option= --require-hashes --no-require-hashes "
    "--progress-bar= --no-clean"
)
COMMANDS = {
    "install": _RESOLVE + " -e,--editable= --dry-run -t,--target= --user --no-user --prefix= -U,--upgrade "
    "--upgrade-strategy= --force-reinstall -I,--ignore-installed --break-system-packages --install-option= "
    "--compile --no-compile --no-warn-script-location --no-warn-conflicts --root-user-action= --report=",
    "download": _RESOLVE + " -d,--dest,--destination-dir,--destination-directory=",
    "wheel": _RESOLVE + " -e,--editable= -w,--wheel-dir= --build-option= --no-verify",
    "uninstall": "-r,--requirement= -y,--yes --break-system-packages --root-user-action=",
    "list": _INDEX + " -e,--editable --exclude= --exclude-editable --include-editable --format= -l,--local "
    "--not-required -o,--outdated --path= -u,--uptodate --user",
    "freeze": "--all --exclude= --exclude-editable -f,--find-links= -l,--local --path= -r,--requirement= "
    "--user",
    "show": "-f,--files",
    "check": "",
    "hash": "-a,--algorithm=",
    "cache": "--format=",
    "help": "",
}
# `python -m`: the interpreter's own flags, the modules, and what these understand.
FLAGS = "-B -E -I -P -b -q -s -u -W= -m= -c="
MODULES = {
    "pip": "",
    "venv": "-h,--help --system-site-packages --symlinks --copies --clear --upgrade --without-pip --prompt= "
    "--upgrade-deps --without-scm-ignore-files",
    "ensurepip": "-h,--help --version -v,--verbose -U,--upgrade --user --altinstall --default-pip",
}
# Variables that the interpreter reads and that change neither its paths nor its kind. Of those that it reads,
# every other hands over; which it reads is found in the interpreter itself.
VARIABLES = (
    "PYTHONPATH PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONIOENCODING PYTHONUTF8 "
    "PYTHONNOUSERSITE PYTHONWARNINGS PYTHONFAULTHANDLER PYTHONCOERCECLOCALE PYTHONPYCACHEPREFIX "
    "PYTHONSAFEPATH PYTHONSTARTUP PYTHONUSERBASE PYTHONOPTIMIZE PYTHONNODEBUGRANGES PYTHONINTMAXSTRDIGITS"
)
# Of pip's own, beside its options: what it sets for the pip that it starts.
OWN_VARIABLES = (
    "_PIP_STANDALONE_CERT _PIP_USE_IMPORTLIB_METADATA _PIP_IN_BUILD_IGNORE_CONSTRAINTS "
    "PIP_BUILD_TRACKER PIP_REQ_TRACKER PIP_CONFIG_FILE"
)
IGNORED_SETTINGS = "version help"  # pip does not read these either


def options(text: str) -> "dict[str, bool]":
    """-r,--requirement= --pre: whether each name takes a value."""
    found = {}
    for word in text.split():
        for name in word.rstrip("=").split(","):
            found[name] = word.endswith("=")
    return found


def read(arguments: "Iterable[str]", known: "Mapping[str, bool]") -> "str | None":
    """The first option that is not known, or None. Options stand among operands, up to `--`."""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return None
        if word[:2] == "--":
            name, equals, _ = word.partition("=")
            if name not in known:
                return name
            if known[name] and not equals:
                del rest[:1]
        elif word[:1] == "-" and word != "-":
            why = _cluster(word, known, rest)
            if why:
                return why
    return None


def _cluster(word: str, known: "Mapping[str, bool]", rest: "list[str]") -> "str | None":
    """-qqr FILE: letters, of which the last may take the rest or the next word."""
    for at in range(1, len(word)):
        name = "-" + word[at]
        if name not in known:
            return name
        if known[name]:
            if at == len(word) - 1:
                del rest[:1]
            return None
    return None


def pip(arguments: "list[str]") -> "str | None":
    """Why a command line of pip hands over, or None: options, a command, options and operands."""
    general = options(GENERAL)
    at = 0
    while at < len(arguments) and arguments[at][:1] == "-":
        word = arguments[at]
        if word == "--":
            return "--"
        why = read([word], general)
        if why:
            return why
        name = word if word[:2] == "--" else "-" + word[-1]
        at += 2 if general.get(name) else 1
    if at >= len(arguments):
        return None
    command = arguments[at]
    if command not in COMMANDS:
        return command
    return read(arguments[at + 1 :], {**general, **options(COMMANDS[command])})


def module(name: str, arguments: "list[str]") -> "str | None":
    if name not in MODULES:
        return "-m " + name
    if name == "pip":
        return pip(arguments)
    return read(arguments, options(MODULES[name]))


def settings() -> "set[str]":
    """Names that a variable PIP_NAME and a line of pip's configuration may have."""
    names = set(IGNORED_SETTINGS.split())
    for text in (GENERAL, *COMMANDS.values()):
        names.update(name[2:] for name in options(text) if name[:2] == "--")
    return names


def environment(variables: "Mapping[str, str]", reads: "Collection[str]") -> "str | None":
    """Why the environment hands over, or None. `reads`: the names that this interpreter looks for."""
    known = settings()
    allowed = VARIABLES.split()
    own = OWN_VARIABLES.split()
    for name in sorted(name for name in variables if variables[name] and name not in own):
        is_setting = name[:4] == "PIP_" and name[4:].lower().replace("_", "-") in known
        is_read = name[:6] == "PYTHON" and name in reads and name not in allowed
        is_pip = name.lstrip("_")[:4] == "PIP_"
        if is_read or name[:8] == "_PYTHON_" or (is_pip and not is_setting):
            return name
    return None


def configuration(text: str) -> "str | None":
    """Why a pip.conf hands over, or None: keys as above, by lines; a line that goes on is part of a value."""
    known = settings()
    for line in text.splitlines():
        if not line.strip() or line[:1] in "#;[ \t":
            continue
        ends = [at for at in (line.find("="), line.find(":")) if at > 0]
        key = line[: min(ends)].strip().lower().replace("_", "-").lstrip("-") if ends else line
        if key not in known:
            return key
    return None


def interpreter(arguments: "list[str]") -> "tuple[list[str], str, str, list[str]] | None":
    """What follows the word python: (flags, kind, program, arguments), or None if it is nothing for us."""
    known = options(FLAGS)
    flags: list[str] = []
    rest = list(arguments)
    while rest and rest[0][:1] == "-" and len(rest[0]) > 1:
        word = rest.pop(0)
        for at in range(1, len(word)):
            name = "-" + word[at]
            if name not in known:
                return None
            if known[name]:
                value = word[at + 1 :] or (rest.pop(0) if rest else None)
                if value is None:
                    return None
                if name == "-m":
                    return flags, "module", value, rest
                if name == "-c":
                    return flags, "code", value, rest
                flags += [name, value]
                break
            flags.append(name)
    return (flags, "script", rest[0], rest[1:]) if rest else None


def is_bootstrap(code: str) -> bool:
    """The text by which ensurepip runs the pip in its wheels."""
    lines = code.split("\n")
    return (
        lines[:3] == ["", "import runpy", "import sys"]
        and len(lines) == 7
        and lines[3][:12] == "sys.path = ["
        and lines[3][-12:] == "] + sys.path"
        and lines[4][:16] == "sys.argv[1:] = ["
        and lines[5] == 'runpy.run_module("pip", run_name="__main__", alter_sys=True)'
    )


def is_runner(path: str) -> bool:
    """pip's own way of running pip for the requirements of a build."""
    return path.endswith("/pip/__pip-runner__.py")


# A `pip` is one of those that pip, its wheels and Debian write: nothing but a call of a function of pip's.
_LINES = ("import re", "import sys", "if __name__ == '__main__':", 'if __name__ == "__main__":')
_MODULES = ("pip._internal.cli.main", "pip._internal.main", "pip._internal", "pip")
_CUTS = (
    "sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])",
    "sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])",
    'sys.argv[0] = re.sub(r"(-script\\.pyw|\\.exe)?$", "", sys.argv[0])',
    "if sys.argv[0].endswith('.exe'):",
    'if sys.argv[0].endswith(".exe"):',
    "sys.argv[0] = sys.argv[0][:-4]",
    "sys.argv[0] = sys.argv[0].removesuffix('.exe')",
)


def script(text: str) -> "str | None":
    """The interpreter that a `pip` leads to, or None if it is another script."""
    lines = text.split("\n")
    first = lines[0].rstrip()
    interpreter = first[2:].lstrip(" \t")  # as the kernel does
    if first[:2] != "#!" or interpreter[:1] != "/" or " " in interpreter or "\t" in interpreter:
        return None
    body = [line.strip() for line in lines[1:]]
    body = [line for line in body if line and line[:1] != "#"]
    others = [line for line in body if line not in _LINES and line not in _CUTS]
    words = others[0].split() if others else []
    is_import = len(words) == 4 and words[0] == "from" and words[1] in _MODULES and words[2] == "import"
    return interpreter if is_import and others[1:] == [f"sys.exit({words[3]}())"] else None
