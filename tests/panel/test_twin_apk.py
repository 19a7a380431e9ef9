"""apk's twin on a real engine: stages on Alpine, assisted and emulated, must be one tree, and say the same.

Packages are the test bed's and some made here, with scripts and triggers, one that fails, and a newer apk.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.comparing import STAGE, Compared, compare, foreign
from tests.integration.solving import docker, engine

pytestmark = pytest.mark.panel

TWINS = Path(__file__).parents[2] / "src/xbuild/plan/twins"
MOUNT = "/.xbuild-7c1f"
BASE = "alpine:3.23"
# What a package's script can see of who started it.
SEEN = "{ env; command -v apk; uname -m; cat /etc/apk/arch; ls /; } | sort >/said/{}"
SCRIPTS = {
    "good": {
        "post-install": f"#!/bin/sh\n{SEEN.replace('{}', 'script')}\nadduser -S -D -H good\n",
        "pre-deinstall": "#!/bin/sh\necho gone >>/said/gone\n",
        "trigger": '#!/bin/sh\necho "trigger $*" >>/said/triggers\n',
    },
    "odd": {
        "pre-install": "#!/bin/sh\naddgroup -g 4321 odd\nadduser -S -D -H -u 1234 -G odd odd\n",
        "post-install": "#!/bin/sh\n"
        '{ echo "$#" "$@" "${0%[0-9]}"; umask; pwd; ulimit -n; '
        "readlink /proc/self/fd/0 | cut -d: -f1; } >/said/odd\n"
        "trap '' PIPE; yes | head -n 1 >>/said/odd\n",
    },
    "bad": {"post-install": "#!/bin/sh\necho out; echo err >&2; exit 3\n"},
    "worse": {"pre-install": "#!/nowhere/sh\n"},
}
PACKAGES = """\
#!/bin/sh
set -eu
odd=/trees/odd
mkdir -p "$odd/etc" "$odd/usr/bin"
echo theirs >"$odd/etc/odd.conf"
cp /bin/busybox "$odd/usr/bin/odd"
ln "$odd/usr/bin/odd" "$odd/usr/bin/same"
ln -s /nowhere "$odd/usr/bin/link"
chown -R 1234:4321 "$odd/usr/bin"
chmod 6711 "$odd/usr/bin/odd"
for name in good odd bad worse; do
    mkdir -p "/trees/$name/usr/share/triggers"
    echo "$name" >"/trees/$name/usr/share/$name"
    set -- --info "name:$name" --info version:1.0-r0 --info arch:noarch --files "/trees/$name"
    for script in /scripts/"$name".*; do
        set -- "$@" --script "${script#/scripts/"$name".}:$script"
    done
    [ ! -e "/scripts/$name.trigger" ] || set -- "$@" --trigger /usr/share/triggers
    apk mkpkg "$@" --output "/repository/$name-1.0-r0.apk"
done
mkdir -p /trees/touched/usr/share/triggers/new
apk mkpkg --info name:touched --info version:2.0-r0 --info arch:noarch --files /trees/touched \\
    --output /repository/touched-2.0-r0.apk
"""
# A server, started for each request, so that something is fetched.
SERVE = """\
#!/bin/sh
read -r method path version
while read -r line && [ "$line" != "$(printf '\\r')" ]; do :; done
if [ -f "$path" ]; then
    printf 'HTTP/1.0 200 OK\\r\\nLast-Modified: Sat, 28 Nov 2026 12:00:00 GMT\\r\\n'
    printf 'Content-Length: %s\\r\\n\\r\\n' "$(stat -c %s "$path")"
    cat "$path"
else
    printf 'HTTP/1.0 404 Not Found\\r\\nContent-Length: 0\\r\\n\\r\\n'
fi
"""
# Another apk: the same with something behind it, so that it is seen whether the image's own ran from then on.
NEWER = """\
#!/bin/sh
set -eu
mkdir -p /newer/sbin
cp /sbin/apk /newer/sbin/apk
echo newer >>/newer/sbin/apk
apk mkpkg --info name:apk-tools --info version:99-r0 --info "arch:$(cat /etc/apk/arch)" \\
    --info depends:libapk --info provides:cmd:apk=99-r0 --files /newer \\
    --output /repository/apk-tools-99-r0.apk
own=/repository/$(cat /etc/apk/arch)
mkdir -p "$own" /repository/noarch
apk mkndx --allow-untrusted --output "$own/APKINDEX.tar.gz" /repository/*.apk
mv /repository/apk-tools-*.apk "$own"
mv /repository/*.apk /repository/noarch
"""
ADD = "apk add --no-cache --allow-untrusted -X /repository"
FETCH = "apk add --allow-untrusted -X http://127.0.0.1:8000"
FETCHING = (
    f"{FETCH}/repository --no-cache odd",
    f"{FETCH}/repository good",
    f"{FETCH}/nowhere jq",
    f"apk del odd good; rm -r /repository/noarch/odd*; {FETCH}/repository odd",
    "apk del odd",
    "ls -l --full-time /var/cache/apk | grep -o '[^ ]* APKINDEX.*'",
)
FAILING = (
    f"{ADD} bad",
    f"{ADD} worse",
    "apk fix",
    "apk del bad worse",
)
REFUSED = (
    "apk add nosuch",
    "apk add curl=9",
    "apk add -X http://127.0.0.1:9/x curl",
    "apk update -X http://127.0.0.1:9/x",
    "apk del nosuch",
    "apk add --no-network",
)
OWN = (
    "LD_LIBRARY_PATH=/x apk info -e curl",
    "APK_CONFIG=/dev/null apk info -e curl",
    "apk --print-arch",
    "apk add --root=/ -h",
    "apk -V",
)
ASKED = (
    "apk info -W /bin/busybox",
    "sh -c 'apk info -e curl musl' | sort",
    "apk search -e curl",
    f"{ADD} --simulate good",
)
NEWER_APK = (
    "apk upgrade --allow-untrusted -X /repository",
    "apk info -v | grep -v kept | sort",
)


def told(commands: tuple[str, ...], name: str) -> str:
    """What commands say, and how they end, in a file."""
    return "{ " + " ".join(f"{command}; echo $?;" for command in commands) + f" }} >/said/{name} 2>&1"


STEPS = (
    "mkdir /said; apk add --no-cache curl ca-certificates tzdata sudo",
    "apk update && apk add --virtual .build-deps gcc make && apk del .build-deps",
    "apk add -U --virtual .kept jq | grep -v kept >/said/kept; apk fix --reinstall curl; apk upgrade -U",
    "ln -s /var/cache/apk /etc/apk/cache; apk add openssl git; apk cache clean; rm /etc/apk/cache",
    f"{ADD} good touched >/said/installed 2>&1; {ADD} --virtual x=1 busybox; apk del good",
    "nc -lk -p 8000 -e /serve.sh & sleep 1; echo mine >/etc/odd.conf; "
    + told(FETCHING, "fetched")
    + "; kill $!",
    told(FAILING, "bad"),
    told(REFUSED, "to"),
    told(OWN, "own"),
    told(ASKED, "info"),
    told(NEWER_APK, "newer"),
    "apk add zip",
    "printf '#!/bin/sh\\necho mine $*\\n' >/usr/bin/apk; chmod +x /usr/bin/apk; apk add x >/said/mine",
    "cat /said/newer /said/fetched >>/said/to; rm -r /repository",
)
ASSISTED = f"RUN --mount=type=bind,from=helper,target={MOUNT} . {MOUNT}/env; "


def stage(name: str, *, is_assisted: bool) -> str:
    lines = [f"FROM {BASE} AS {name}", "COPY --from=repository /repository /repository", "COPY serve.sh /"]
    return "\n".join([*lines, *((ASSISTED if is_assisted else "RUN ") + step for step in STEPS)]) + "\n"


def make(base: str) -> str:
    return f"""\
FROM --platform=$BUILDPLATFORM {base} AS make
COPY twins/helper /.xbuild-helper
COPY twins/apk /.xbuild-helper/apk
ARG BUILDARCH TARGETARCH
"""


PREPARE = """\
RUN --mount=type=bind,from=target,target=/.xbuild-target ["/bin/sh", "/.xbuild-helper/prepare.sh", "apk"]
FROM scratch AS helper
COPY --from=make /.xbuild-out/ /
"""
DOCKERFILE = f"""\
# syntax=docker/dockerfile:1
FROM {BASE} AS target
{make(BASE)}{PREPARE}\
FROM --platform=$BUILDPLATFORM {BASE} AS packages
COPY scripts /scripts
COPY packages.sh /
RUN mkdir /repository && sh /packages.sh
FROM {BASE} AS repository
COPY --from=packages /repository /repository
COPY newer.sh /
RUN sh /newer.sh
{stage("assisted", is_assisted=True)}\
{stage("emulated", is_assisted=False)}\
{STAGE}\
FROM scratch
COPY --from=compared /result/ /
"""


def _needs(*images: str) -> None:
    engine()
    for image in images:
        if docker("image", "inspect", image, check=False).returncode != 0:
            pytest.skip(f"there is no {image} here: tests/testbed/run images {image}")


def helper_of(folder: Path, target: str, native: str) -> dict[str, str]:
    """The small files of the helper for images in which something was changed."""
    shutil.copytree(TWINS, folder / "twins")
    text = f"# syntax=docker/dockerfile:1\nFROM {BASE} AS target\n{target}\n{make(BASE)}{native}\n{PREPARE}"
    (folder / "Dockerfile").write_text(text)
    options = ("--builder", "default", "--platform", foreign(), "--output", f"type=local,dest={folder}/out")
    docker("buildx", "build", *options, str(folder))
    found = (path for path in (folder / "out").iterdir() if path.name in ("why", "twins"))
    return {path.name: path.read_text() for path in found}


EDGE = """RUN sed -i 's/^PRETTY_NAME=.*/PRETTY_NAME="Alpine Linux edge"/' /etc/os-release"""
VERSION = "RUN sed -i 's/^V:3.0.8-r0$/V:3.0.9-r0/' /lib/apk/db/installed"
ANOTHER = "apk on the target platform is another one, or for another architecture"
OLD = "RUN printf '#!/bin/sh\\necho apk-tools 2.14.9, compiled for x.\\n' >/sbin/apk"


@pytest.mark.parametrize(
    ("target", "native", "why"),
    [
        (
            "RUN sed -i s/3.23/3.22/ /etc/os-release",
            "",
            "all: the base image is not of the same release on both platforms",
        ),
        (EDGE, EDGE, "all: the base image is no release of its distribution"),
        ("", "RUN rm /usr/bin/od", "all: the base image has no od"),
        ("", "RUN rm /usr/bin/sha256sum", "all: the base image has no sha256sum"),
        ("RUN rm /sbin/apk", "RUN rm /sbin/apk", "apk: the base image has no apk"),
        ("RUN rm /sbin/apk", "", "apk: the base image has no apk on the target platform"),
        ("RUN rm /etc/apk/arch", "", "apk: the base image does not say for which architecture it is"),
        ("RUN echo other >/etc/apk/arch", "", f"apk: {ANOTHER}"),
        ("RUN printf '#!/bin/sh\\n' >/sbin/apk", "", f"apk: {ANOTHER}"),
        ("", OLD, "apk: the base image has apk-tools 2, and only for 3 was it proved"),
        (
            VERSION,
            "",
            "apk: the base image has other versions of apk-tools libapk libcrypto3 libssl3 musl zlib on the "
            "target platform",
        ),
        (
            "COPY Dockerfile /.xbuild-7c1f/env",
            "",
            "all: the base image has a folder where twins would be mounted",
        ),
    ],
)
def test_bases_without_a_twin(tmp_path: Path, target: str, native: str, why: str) -> None:
    _needs(BASE)
    assert helper_of(tmp_path, target, native) == {"why": f"{why}\n"}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    _needs(BASE)
    folder = tmp_path_factory.mktemp("apk")
    shutil.copytree(TWINS, folder / "twins")
    (folder / "scripts").mkdir()
    for name, scripts in SCRIPTS.items():
        for kind, text in scripts.items():
            (folder / f"scripts/{name}.{kind}").write_text(text)
    (folder / "packages.sh").write_text(PACKAGES)
    (folder / "newer.sh").write_text(NEWER)
    (folder / "serve.sh").write_text(SERVE)
    (folder / "serve.sh").chmod(0o755)
    return compare(folder, DOCKERFILE)


def test_the_tree_is_that_of_the_emulated_build(compared: Compared) -> None:
    assert compared.differs == []
    assert compared.refused() == {}
    assert len(compared.paths) > 1500


def test_nothing_of_the_twin_stays(compared: Compared) -> None:
    assert compared.leaks == []


def test_what_apk_says_where_it_fails(compared: Compared) -> None:
    """An index that is not reached is told from a package that is not there."""
    said = compared.said
    assert "  nosuch (no such package):\n    required by: world[nosuch]\n" in said
    assert "http://127.0.0.1:9/x" in said


def test_which_ran_natively(compared: Compared) -> None:
    native, words = "apk: native", "apk: own: options that are not understood"
    another = "apk: own: another version"
    assert compared.twins == [
        *[native] * 12,
        *[native] * 6,  # which fetch
        *[native] * (len(FAILING) + len(REFUSED)),
        "apk: own: LD_LIBRARY_PATH is set",
        "apk: own: APK_CONFIG is set",
        *[words] * 3,
        *[native] * len(ASKED),
        native,  # which then starts the newer one by its name
        *[another] * 2,
    ]
    assert "Preupgrading:" in compared.said
