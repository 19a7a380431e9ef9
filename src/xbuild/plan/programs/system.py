"""Programs that ask the machine, or keep its accounts, and those of package managers.

Sources: GNU coreutils 9.7, shadow 4.17, Debian's adduser 3.152, BusyBox 1.37, dpkg(1) 1.22, apt-get(8) 3.0,
apk-tools 3.0, dnf 5, rpm 4.20.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xbuild.plan.facts.filesystem import FOR_ANOTHER, PACKAGE_FOLDERS, Kind, Write, join, without_glob
from xbuild.plan.facts.positions import first
from xbuild.plan.model import Reason
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import (
    Prints,
    Program,
    anything,
    asking_machines,
    plain,
    source_kind,
    word_kind,
    write,
)
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect, Need
from xbuild.text import expression

# -- the machine


def _uname(call: Call, given: Reading) -> Effect | None:
    """Every Linux says the same of its name and its operating system."""
    is_same = bool(given.options) and {o.name for o in given.options} <= {"-s", "-o"}
    is_release = bool({o.name for o in given.options} & {"-a", "-n", "-r", "-v"})
    return plain(call, Kind.PORTABLE if is_same else Kind.BUILD, (), _KERNEL if is_release else ())


# Where the kernel tells of the machine; under emulation too it is the builder's that does.
_KERNEL = ("/proc", "/sys")


def _asks_the_kernel(call: Call, _given: Reading) -> Effect | None:
    return plain(call, join((Kind.BUILD, word_kind(call), call.stdin)), (), _KERNEL)


# -- accounts and certificates


_ACCOUNT_TABLES = words(
    "/etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/subuid /etc/subgid /etc/passwd- /etc/group- "
    "/etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- /etc/.pwd.lock /var/mail /var/log"
)
_SKELETON = "/etc/skel"
_WRONG = (Kind.BUILD, Kind.UNKNOWN)


def _accounts(call: Call, given: Reading) -> Effect | None:
    """useradd and kin: account tables and home folders, with what a skeleton holds."""
    if call.program_name == "usermod" and given.has("-m"):
        return None
    kind = join((word_kind(call), call.stdin))
    has_own = first(call.writes.near(_SKELETON, _WRONG, packages=False)) is not None
    skeleton = Kind.BUILD if has_own else Kind.PORTABLE
    home = join((kind, skeleton))
    homes = ("/home", *given.values("-d"))
    made = (*(write(call, p, kind) for p in _ACCOUNT_TABLES), *(write(call, p, home) for p in homes))
    return plain(call, kind, made)


def _asks_accounts(call: Call, _given: Reading) -> Effect | None:
    """`id`, `getent`: what the tables say."""
    tables = ("/etc/passwd", "/etc/group", "/etc/hosts")
    return plain(call, join((word_kind(call), *(source_kind(call, t) for t in tables[:2]))), (), tables)


_CERTIFICATES = ("/usr/local/share/ca-certificates", "/usr/share/ca-certificates")


def _certificates(call: Call, _given: Reading) -> Effect | None:
    """The certificates of the distribution and of the project, in one file."""
    read = (*_CERTIFICATES, "/etc/ca-certificates.conf")
    kind = join((word_kind(call), *(source_kind(call, p) for p in read)))
    return plain(call, kind, (Write("/etc/ssl/certs", kind, call.place, call.spelled()),), read)


# -- packages


def packages(call: Call, names: tuple[str | None, ...] = (), *, is_distribution: bool = False) -> Effect:
    """A package manager: writes for the platform it runs on, where packages lie, those of a vendor below
    /opt, where a distribution's own have nothing (Debian Policy 9.1.1, Fedora and Alpine packaging
    guidelines). A name that cannot be read is "?".
    """
    folders = PACKAGE_FOLDERS if is_distribution else (*PACKAGE_FOLDERS, "/opt")
    made = tuple(Write(f, Kind.BUILD, call.place, call.spelled(), is_package=True) for f in folders)
    told = tuple("?" if n is None else n for n in names)
    return replace(plain(call, Kind.BUILD, made), packages=told)


# Where package managers are told what there is (apt 3.0, apk-tools 3.0, dnf 5).
_LISTS_OF_PACKAGES = ("/etc/apt", "/etc/apk", "/etc/yum.repos.d")
_FILES = (".deb", ".rpm", ".apk")


def _installs(call: Call, given: Reading) -> Effect | None:
    names = given.operands
    files = [n for n in names if n is not None and (n.startswith((".", "/")) or n.endswith(_FILES))]
    is_told = not files and None not in names and call.around.image.is_plain
    is_distribution = is_told and all(_is_as_it_came(call, folder) for folder in _LISTS_OF_PACKAGES)
    return _for_target(call, files) or packages(call, names, is_distribution=is_distribution)


def _is_as_it_came(call: Call, folder: str) -> bool:
    return first(call.writes.near(folder, tuple(Kind), packages=False)) is None


def _for_target(call: Call, files: Sequence[str | None]) -> Effect | None:
    """Packages chosen for the target cannot be installed on the machine that a pinned stage runs on."""
    if call.around.is_pinned_by_author:
        return None
    paths = [call.seen(f) for f in files if f is not None]
    found = [*_LISTS_OF_PACKAGES, *(without_glob(p) for p in paths if p is not None)]
    kinds = [k for k in FOR_ANOTHER if any(first(call.writes.named(p, (k,))) is not None for p in found)]
    kind = join(k for k in (*kinds, *call.kinds) if k in FOR_ANOTHER)
    if kind not in FOR_ANOTHER:
        return None
    text = f"`{call.spelled()}` installs packages chosen for the target, which would fail"
    cure = "use $BUILDARCH, or install them in a stage of the target's own"
    if kind is Kind.FIXED:
        text = f"`{call.spelled()}` installs packages fetched for one machine alone, and another may build"
        cure = "fetch them by $BUILDARCH"
    questions = asking_machines(call) if kind is Kind.FIXED else ()
    reason = Reason(text, call.place, cure=cure)
    return replace(anything(call), reasons=(reason,), questions=questions, cannot_run=True)


def _asks_packages(call: Call, _given: Reading) -> Effect | None:
    return packages(call)


_HARMLESS_SETTINGS = expression(
    r"Acquire::|(?i:dpkg)::(Options::=--force-|Use-Pty\b)|APT::(Install-|Get::|Color\b)|quiet\b"
)


def _apt(call: Call, given: Reading) -> Effect | None:
    """Settings that may send packages elsewhere are not followed."""
    settings = given.values("-o")
    if any(s is None or not _HARMLESS_SETTINGS.match(s.strip("\"'")) for s in settings):
        return None
    return _installs(call, given)


def _asks_apt(call: Call, given: Reading) -> Effect | None:
    return packages(call) if _apt(call, given) is not None else None


_APT = (
    "-y,--yes,--assume-yes --assume-no -q,--quiet[=] -qq -o,--option= "
    "-t,--target-release,--default-release= -f,--fix-broken -m,--fix-missing,--ignore-missing "
    "--no-install-recommends --install-recommends --no-install-suggests --install-suggests "
    "--allow-unauthenticated --allow-downgrades --allow-remove-essential --allow-change-held-packages "
    "--allow-releaseinfo-change --allow-insecure-repositories --force-yes --reinstall --purge "
    "--auto-remove,--autoremove --no-upgrade --only-upgrade --no-remove --print-uris "
    "-s,--simulate,--dry-run -V,--verbose-versions -u,--show-upgraded --trivial-only --no-show-progress "
    "--arch-only --indep-only -P,--build-profiles= --show-progress -d,--download-only --with-new-pkgs "
    "--ignore-hold --error-on= --no-cache"
)
_APK = (
    "-q,--quiet -v,--verbose -U,--update-cache --no-cache --no-progress --purge -u,--upgrade -l,--latest "
    "-t,--virtual= -X,--repository= --allow-untrusted --force --force-overwrite --force-broken-world -f "
    "--cache-max-age= --no-chown --update -a,--available --initdb --no-scripts --no-interactive "
    "-i,--interactive --simulate -L,--contents -d,--description -e,--installed -W,--who-owns -r,--rdepends "
    "-R,--depends --all --exact --rdeps"
)
_DNF = (
    "-y,--assumeyes -q,--quiet -v,--verbose --setopt= --enablerepo= --disablerepo= --repo= --nodocs "
    "--nogpgcheck --allowerasing --skip-broken --best --nobest --refresh -x,--exclude= --noplugins "
    "--releasever= --nodeps --no-allow-downgrade --install-weak-deps= --setopt-weak= -C --security "
    "--enable --disable --reset --save -t -R="
)


def _dnf(call: Call, given: Reading) -> Effect | None:
    settings = given.values("--setopt")
    is_plain = all(
        s is not None
        and s.startswith(("tsflags=", "install_weak_deps=", "keepcache=", "sslverify=", "skip_"))
        for s in settings
    )
    return _installs(call, given) if is_plain else None


def _verbs(
    options: str, installing: str, asking: str, does: Callable[[Call, Reading], Effect | None] = _installs
) -> dict[str, Program]:
    return {
        **dict.fromkeys(installing.split(), Program("verb", options, does=does)),
        **dict.fromkeys(
            asking.split(), Program("verb", options, does=_asks_apt if does is _apt else _asks_packages)
        ),
    }


def _managed(names: str, options: str, installing: str, asking: str, does=_installs, **more) -> Program:  # type: ignore[no-untyped-def]
    return Program(names, options, style=Style.FIRST, verbs=_verbs(options, installing, asking, does), **more)


_DPKG_ASKS = (
    "-l,--list -L,--listfiles -s,--status -S,--search -p,--print-avail --print-architecture "
    "--print-foreign-architectures --get-selections -V,--verify -C,--audit --compare-versions "
    "--validate-version -I,--info -c,--contents -W,--show -f,--showformat="
)
_DPKG_INSTALLS = (
    "-i,--install --unpack --configure --add-architecture= --remove-architecture= -r,--remove -P,--purge "
    "--force-all --force-architecture --force-depends --force-overwrite --force-confold --force-confdef "
    "--force-confnew -a,--pending -R,--recursive --triggers-only --no-triggers --set-selections"
)


def _dpkg(call: Call, given: Reading) -> Effect | None:
    names = {o.name for o in given.options}
    if names and names <= {o.split("=")[0].split(",")[0] for o in _DPKG_ASKS.split()}:
        return plain(call, Kind.BUILD)
    return _from_files(call, given, "-i", "--unpack") if names else None


def _rpm(call: Call, given: Reading) -> Effect | None:
    if given.has("-q", "-E", "-V", "--version"):
        return plain(call, Kind.BUILD)
    return _from_files(call, given, "-i", "-U", "-F")


def _from_files(call: Call, given: Reading, *installing: str) -> Effect | None:
    """Every operand is a file, or a name where nothing is installed."""
    if not given.has(*installing):
        return packages(call, given.operands)
    return _for_target(call, given.operands) or packages(call, given.operands)


def _caches_libraries(call: Call, given: Reading) -> Effect | None:
    """`ldconfig`: the names and the cache of the folders that the machine's loader searches."""
    return None if given.operands else packages(call)


# -- tonistiigi/xx


def _xx_packages(call: Call, _given: Reading) -> Effect | None:
    """`xx-apk add` and `xx-apt install` put packages for the target under a folder of their own."""
    return replace(packages(call), needs=(Need("TARGETPLATFORM", call.instruction, call.program_name),))


def _xx_info(call: Call, _given: Reading) -> Effect | None:
    effect = plain(call, Kind.TARGET)
    return replace(effect, needs=(Need("TARGETPLATFORM", call.instruction, "xx-info"),))


PROGRAMS = (
    Program(
        "uname",
        "-a,--all -s,--kernel-name -n,--nodename -r,--kernel-release -v,--kernel-version -m,--machine "
        "-p,--processor -i,--hardware-platform -o,--operating-system",
        does=_uname,
    ),
    Program("arch getconf", style=Style.NONE, operands="text*", prints=Prints.MACHINE),
    Program("lscpu nproc hostnamectl df free ps", "", "text*", style=Style.NONE, does=_asks_the_kernel),
    Program("dpkg-architecture", style=Style.NONE, operands="text*", prints=Prints.MACHINE),
    Program(
        "id whoami groups",
        "-u,--user -g,--group -G,--groups -n,--name -r,--real",
        does=_asks_accounts,
    ),
    Program("hostname", "-f -s -i -d", "text", Prints.WORDS),
    Program("lsb_release", "-a,--all -i,--id -d,--description -r,--release -c,--codename -s,--short", ""),
    Program(
        "date",
        "-d,--date= -I,--iso-8601[=] -R,--rfc-email --rfc-3339= -u,--utc,--universal",
        "text*",
    ),
    Program("getent", does=_asks_accounts),
    Program("ldconfig", "-v,--verbose -p,--print-cache", does=_caches_libraries),
    Program("locale-gen", "--purge --lang=", does=_asks_packages),
    Program(
        "adduser useradd addgroup groupadd usermod groupmod passwd chpasswd deluser userdel delgroup "
        "groupdel",
        "-r,--system -S -D -H -M,--no-create-home -m,--create-home -N,--no-user-group -U,--user-group "
        "-u,--uid= -g,--gid= -G,--groups= -s,--shell= -d,-h,--home-dir,--home= -c,--comment= "
        "-p,--password= -o,--non-unique -l -L --disabled-password --disabled-login --gecos= "
        "--ingroup= --group --quiet -q --no-log-init -a,--append",
        does=_accounts,
    ),
    Program(
        "update-ca-certificates",
        "-f,--fresh -v,--verbose",
        does=_certificates,
    ),
    Program("apt-key", style=Style.NONE, operands="text*", does=_asks_packages),
    _managed(
        "apt-get apt aptitude apt-cache apt-mark",
        _APT,
        "update upgrade install remove purge clean autoremove autopurge autoclean dist-clean dist-upgrade "
        "full-upgrade build-dep reinstall check satisfy hold unhold auto manual",
        "list show policy search version stats showhold showmanual madison depends rdepends",
        _apt,
        variables=("APT_CONFIG",),
    ),
    _managed("apk", _APK, "add del update upgrade fix cache", "info search list policy version stats audit"),
    _managed(
        "yum dnf microdnf tdnf dnf5",
        _DNF,
        "install upgrade update remove erase clean makecache groupinstall group reinstall localinstall "
        "module config-manager autoremove distro-sync downgrade swap",
        "info list search check-update repolist",
        _dnf,
    ),
    Program("dpkg", f"{_DPKG_ASKS} {_DPKG_INSTALLS}", does=_dpkg, style=Style.GNU),
    Program(
        "rpm",
        "-q,--query -a -i,--install -U,--upgrade -F -e,--erase -v -h,--hash --import --nodeps --force "
        "-E,--eval= -V,--verify --quiet --qf,--queryformat= --nosignature --nodigest --replacepkgs -p -l "
        "--noscripts --ignorearch",
        does=_rpm,
    ),
    Program("xx-apt xx-apt-get xx-apk", style=Style.NONE, does=_xx_packages),
    Program("xx-info", style=Style.NONE, does=_xx_info),
    Program("xx-verify", style=Style.NONE, operands="text*", prints=Prints.WORDS),
)
