"""How a failure leaves the command line: one message on standard error, and an exit code."""

from __future__ import annotations

import errno
import os
import sys

from xbuild import __version__
from xbuild.errors import CancelledError, ContextError, EngineError, Exit, XbuildError

_REPORT = (
    "this is a fault of xbuild: run again with XBUILD_DEBUG=1 and report what it prints, with the Dockerfile"
)


def explain(error: BaseException) -> int:
    """Print what went wrong, and the exit code for it."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, BrokenPipeError):
        return _quiet_pipe()
    known = as_known(error)
    if known is not None:
        if debugging() and not isinstance(known, CancelledError):
            _traceback(error)
        _say(f"xbuild: {known}")
        return int(known.exit_code)
    if debugging():
        _traceback(error)
    text = str(error).partition("\n")[0]
    _say(f"xbuild: internal error: {type(error).__name__}{f': {text}' if text else ''}")
    _say(f"  xbuild {__version__}; {_REPORT}")
    return int(Exit.FAILED)


def as_known(error: BaseException) -> XbuildError | None:
    """The typed error that this is, or stands for."""
    if isinstance(error, XbuildError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return CancelledError("cancelled")
    if isinstance(error, OSError):
        return _from_os(error)
    return None


def _from_os(error: OSError) -> XbuildError | None:
    """Files and disks fail anywhere; these are the machine's faults, not ours."""
    file = str(error.filename) if error.filename is not None else None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EngineError(
            "no space left on the disk",
            file=file,
            hint="free some space, where output and temporary files go too: docker system df",
        )
    if file is not None and error.errno in (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EISDIR,
        errno.ENOENT,
        errno.ENAMETOOLONG,
        errno.ENOTDIR,
        errno.ELOOP,
    ):
        return ContextError(str(error.strerror), file=file, hint="check the path and its permissions")
    return None


def debugging() -> bool:
    """Whether the user asked for tracebacks."""
    return os.environ.get("XBUILD_DEBUG", "") not in ("", "0")


def _say(text: str) -> None:
    # A file name may hold bytes that are no UTF-8: shown escaped rather than failing here.
    print(text.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)


def _traceback(error: BaseException) -> None:
    import traceback

    traceback.print_exception(error)


def _quiet_pipe() -> int:
    """The reader went away (`xbuild plan | head`): nothing to say, and nothing to flush at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(Exit.FAILED)
