"""Root file systems from Debian packages, without running a single program of theirs.

What the packages' installation scripts would have done, as far as images need it, is done here by hand:
the dpkg database, users and groups, alternatives, certificates.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from .debian import merge_usr, unpack_one
from .process import run

# Links that dpkg would not find in any package, and with them the trees that exist per architecture.
LIBRARY_LINKS = {"amd64": ("lib64",), "ppc64el": ("lib64",)}

ALTERNATIVES = {
    "awk": "mawk", "pager": "more", "which": "which.debianutils", "cc": "gcc", "c++": "g++",
    "c89": "c89-gcc", "c99": "c99-gcc", "fakeroot": "fakeroot-sysv",
}  # fmt: skip

PAM = {
    "common-auth": "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\n"
    "auth required pam_permit.so\n",
    "common-account": "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n"
    "account requisite pam_deny.so\naccount required pam_permit.so\n",
    "common-password": "password [success=1 default=ignore] pam_unix.so obscure yescrypt\n"
    "password requisite pam_deny.so\npassword required pam_permit.so\n",
    "common-session": "session required pam_unix.so\n",
    "common-session-noninteractive": "session required pam_unix.so\n",
}

HOST_CERTIFICATES = Path("/usr/local/share/ca-certificates")
HOST_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
BUNDLE = "etc/ssl/certs/ca-certificates.crt"


def install(packages: Iterable[Path], root: Path, architecture: str, status: str) -> str:
    """Unpack packages into a layer and note them in its dpkg database; returns the new status file."""
    merge_usr(root, LIBRARY_LINKS.get(architecture, ()))
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True, exist_ok=True)
    status += "".join([_install_one(package, root, info) for package in packages])
    (info.parent / "status").write_text(status)
    (info / "format").write_text("1\n")  # file names carry the architecture
    (info.parent / "available").touch()
    _link_alternatives(root)
    return status


def _install_one(package: Path, root: Path, info: Path) -> str:
    files = unpack_one(package, root)
    control_folder = info / f".{package.name}"
    run("dpkg-deb", "-e", package, control_folder)
    control = (control_folder / "control").read_text()
    name = re.findall(r"^Package: (\S+)", control, re.MULTILINE)[0]
    if re.search(r"^Multi-Arch: same", control, re.MULTILINE):
        name += ":" + re.findall(r"^Architecture: (\S+)", control, re.MULTILINE)[0]
    (info / f"{name}.list").write_text("".join(f"{path}\n" for path in files))
    conffiles = _conffiles(control_folder / "conffiles", root)
    for member in control_folder.iterdir():
        if member.name != "control":
            shutil.copy2(member, info / f"{name}.{member.name}")
    shutil.rmtree(control_folder)
    noted = re.sub(
        r"^(Package: .*)$", r"\1\nStatus: install ok installed", control.strip(), count=1, flags=re.MULTILINE
    )
    return f"{noted}\n{conffiles}\n"


def _conffiles(listing: Path, root: Path) -> str:
    lines = []
    for path in listing.read_text().split("\n") if listing.exists() else []:
        if path.startswith("/") and (root / path[1:]).is_file():
            digest = hashlib.md5((root / path[1:]).read_bytes(), usedforsecurity=False).hexdigest()
            lines.append(f" {path} {digest}\n")
    return f"Conffiles:\n{''.join(lines)}" if lines else ""


def finish_base(root: Path, mirrors: str) -> None:
    """What makes unpacked packages a system: users, a shell, places for data, package sources."""
    master = root / "usr/share/base-passwd"
    users = (master / "passwd.master").read_text().replace(":*:", ":x:")
    groups = (master / "group.master").read_text().replace(":*:", ":x:")
    _write(root, "etc/passwd", users + "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n")
    _write(root, "etc/group", groups)
    _write(root, "etc/shadow", _locked(users + "_apt:", ":*:20000:0:99999:7:::"), 0o640, 42)
    _write(root, "etc/gshadow", _locked(groups, ":*::"), 0o640, 42)
    for name, text in PAM.items():
        _write(root, f"etc/pam.d/{name}", text)
    _copy_templates(root)
    if not (root / "usr/bin/sh").exists():
        (root / "usr/bin/sh").symlink_to("dash")
    if (root / "usr/share/zoneinfo/Etc/UTC").exists():
        _write(root, "etc/timezone", "Etc/UTC\n")
        _link(root / "etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
    _write(root, "etc/apt/sources.list.d/debian.sources", mirrors)
    _write(root, "etc/apt/apt.conf.d/docker-no-recommends-cache", 'Acquire::Languages "none";\n')
    make_places(root)


def _copy_templates(root: Path) -> None:
    for template, target in {
        "usr/share/libc-bin/nsswitch.conf": "etc/nsswitch.conf",
        "usr/share/base-files/nsswitch.conf": "etc/nsswitch.conf",
        "usr/share/base-files/profile": "etc/profile",
        "usr/share/base-files/motd": "etc/motd",
        "usr/share/base-files/dot.bashrc": "root/.bashrc",
        "usr/share/base-files/dot.profile": "root/.profile",
    }.items():
        if (root / template).exists() and not (root / target).exists():
            _write(root, target, (root / template).read_text())


def make_places(root: Path) -> None:
    for name, mode in {
        "tmp": 0o1777,
        "var/tmp": 0o1777,
        "root": 0o700,
        "run": 0o755,
        "run/lock": 0o1777,
    }.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(mode)
    for name in ("home", "proc", "sys", "dev", "mnt", "opt", "srv", "media", "boot", "var/cache", "var/log"):
        (root / name).mkdir(parents=True, exist_ok=True)
    _link(root / "var/run", "/run")
    _link(root / "var/lock", "/run/lock")


def add_certificates(root: Path) -> None:
    """Debian's certificates where its package is, this machine's own in any case."""
    shipped = sorted((root / "usr/share/ca-certificates").glob("**/*.crt"))
    own = sorted(HOST_CERTIFICATES.glob("**/*.crt"))
    if shipped:
        names = [str(path.relative_to(root / "usr/share/ca-certificates")) for path in shipped]
        _write(root, "etc/ca-certificates.conf", "".join(f"{name}\n" for name in names))
        _write(root, BUNDLE, "".join(_pem(path) for path in (*shipped, *own)))
        for path in shipped:
            _link(root / f"etc/ssl/certs/{path.stem}.pem", f"/{path.relative_to(root)}")
    elif own and HOST_BUNDLE.exists():
        _write(root, BUNDLE, HOST_BUNDLE.read_text())
    for path in own:
        _write(root, f"usr/local/share/ca-certificates/{path.name}", _pem(path))


def _link_alternatives(root: Path) -> None:
    for name, program in ALTERNATIVES.items():
        if (root / "usr/bin" / program).exists():
            _link(root / "etc/alternatives" / name, f"/usr/bin/{program}")
            _link(root / "usr/bin" / name, f"/etc/alternatives/{name}")
            _write(
                root,
                f"var/lib/dpkg/alternatives/{name}",
                f"auto\n/usr/bin/{name}\n\n/usr/bin/{program}\n20\n\n",
            )


def _locked(lines: str, rest: str) -> str:
    return "".join(f"{line.split(':')[0]}{rest}\n" for line in lines.splitlines())


def _pem(path: Path) -> str:
    return path.read_text().rstrip("\n") + "\n"


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_symlink() and not path.exists():
        path.symlink_to(target)


def _write(root: Path, name: str, text: str, mode: int = 0o644, group: int = 0) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    os.chown(path, 0, group)
