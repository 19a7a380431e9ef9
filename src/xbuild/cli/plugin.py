"""xbuild as a plugin of docker's command line: `xbuild plugin install`, and how docker calls it.

docker starts `docker-xbuild [its own flags] xbuild ARGUMENTS`, and tells it to end by closing a socket
(docker/cli, `cli-plugins/manager`, `cli-plugins/socket` and `cmd/docker`).
"""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from xbuild.cli.main import COMMANDS, PLUGIN
from xbuild.cli.screen.output import print_lines
from xbuild.errors import UsageError
from xbuild.solve.options import boolean_flag, read_words, value_flag

_SOCKET = "DOCKER_CLI_PLUGIN_SOCKET"

# docker/cli `flags/options.go`, `InstallFlags`
_DOCKER_FLAGS = (
    value_flag("config"),
    value_flag("context", "c"),
    boolean_flag("debug", "D"),
    value_flag("host", "H"),
    value_flag("log-level", "l"),
    boolean_flag("tls"),
    value_flag("tlscacert"),
    value_flag("tlscert"),
    value_flag("tlskey"),
    boolean_flag("tlsverify"),
)

_MARK = "# Written by `xbuild plugin install`, and removed by `xbuild plugin install --remove`."
_SCRIPT = """\
#!/bin/sh
{mark}
exec {python} -P -c 'import sys; sys.argv[0] = "{name}"
from xbuild.cli.main import main
sys.exit(main())' "$@"
"""

_HELP = """\
Usage: xbuild plugin install [OPTIONS]

{summary}.

Afterwards `docker xbuild build …` is `xbuild build …`, with docker's global flags (--context, --host,
--config and so on) in front of `xbuild`. The file starts this Python: install it again when xbuild has moved.

Options:
  --dry-run  show what would be written or removed, and change nothing
  --remove   remove the file, if it is one that this command has written
"""


# -- called by docker


def arguments_from_docker(argv: Sequence[str]) -> list[str]:
    """The words for xbuild of a call by docker; its global flags go on to every docker that we start.

    Also `help xbuild …` and `__complete xbuild …`, in which the plugin's name is the second word.
    """
    given, words = read_words(argv, _DOCKER_FLAGS, is_mixed=False)
    unknown = next((each.words[0] for each in given if each.flag is None), None)
    if unknown is not None:
        raise UsageError(f"docker's global option {unknown} is not known", hint="put it behind xbuild")
    flags = [each.to_argv() for each in given if each.flag and each.flag.name != "config"]
    for each in given:
        if each.flag and each.flag.name == "config":
            os.environ["DOCKER_CONFIG"] = each.value
    if flags:
        from xbuild.solve.engine import hand_on

        hand_on(flags)
    if words[1:2] == ["xbuild"] and words[0] in ("help", "__complete", "__completeNoDesc"):
        return _asked(words[0], words[2:])
    return words[1:] if words[:1] == ["xbuild"] else words


def _asked(what: str, rest: list[str]) -> list[str]:
    if what != "help":
        return [what, *rest]
    return [rest[0], "--help"] if rest else ["--help"]


def end_with_docker() -> None:
    """End as after SIGTERM when docker closes its socket, which it does when it was told to end itself.

    The kernel says so by SIGIO: a thread that waits would stand in the way of starting processes.
    """
    address = os.environ.pop(_SOCKET, "")
    if not address:
        return
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(f"\0{address[1:]}" if address.startswith("@") else address)
    except OSError:
        line.close()
        return
    line.setblocking(False)

    def look(_number: int, _frame: object) -> None:
        try:
            is_over = not line.recv(1)
        except BlockingIOError:
            is_over = False
        except OSError:
            is_over = True
        if is_over:
            line.close()
            os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGIO, look)
    fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) | os.O_ASYNC)
    os.kill(os.getpid(), signal.SIGIO)  # it may have been closed before the kernel was asked


# -- installed


def main(arguments: Sequence[str]) -> int:
    if "--help" in arguments or "-h" in arguments:
        print_lines(_HELP.format(summary=COMMANDS["plugin"]).splitlines())
        return 0
    flags = set(arguments[1:])
    if not arguments or arguments[0] != "install" or flags - {"--dry-run", "--remove"}:
        raise UsageError(
            f"plugin {' '.join(arguments)!r} is not known",
            expected="install, with --dry-run or --remove",
            hint="xbuild plugin --help",
        )
    path = plugin_path(os.environ)
    change = _remove if "--remove" in flags else _install
    print_lines(change(path, is_dry="--dry-run" in flags))
    return 0


def plugin_path(environ: Mapping[str, str]) -> Path:
    """Where docker looks for the plugin of this user."""
    folder = environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path.home() / ".docker") / "cli-plugins" / PLUGIN


def script() -> str:
    """What docker starts: this Python, whose modules are not looked for in the caller's folder."""
    return _SCRIPT.format(mark=_MARK, python=shlex.quote(sys.executable), name=PLUGIN)


def _is_ours(path: Path) -> bool:
    """Whether this command wrote the file. A link is nobody's work of ours."""
    if path.is_symlink() or not path.is_file():
        return False
    return _MARK.encode() in path.read_bytes().splitlines()[1:2]


def _install(path: Path, *, is_dry: bool) -> list[str]:
    if os.path.lexists(path) and not _is_ours(path):
        raise UsageError(
            f"{path} is there, and `xbuild plugin install` has not written it",
            expected="no file of that name, or one of its own",
            hint="remove it first",
        )
    if is_dry:
        return [f"would write {path}:", *script().splitlines()]
    from xbuild.pipeline.files import write_whole

    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, script().encode())
    path.chmod(0o755)
    return [f"{path} is written: docker xbuild --help"]


def _remove(path: Path, *, is_dry: bool) -> list[str]:
    if not os.path.lexists(path):
        return [f"there is no {path}"]
    if not _is_ours(path):
        raise UsageError(
            f"{path} was not written by `xbuild plugin install`",
            hint="remove it by hand, if nothing needs it",
        )
    if is_dry:
        return [f"would remove {path}"]
    path.unlink()
    return [f"{path} is removed"]
