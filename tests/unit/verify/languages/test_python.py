"""Python in images: planted faults by kind, and what must not raise an alarm."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.verify.builder import Elf, Item, symlink
from tests.unit.verify.languages.python_trees import Python, package, told, verify, without
from xbuild.verify.checks import Allow, CheckKind

ARM = Python("arm64")
AMD = Python("amd64")
SITE = "/usr/local/lib/python3.13/site-packages"


def whole(python: Python) -> list[Item]:
    """An image as it should be: an interpreter, a package with modules, two that require each other."""
    return [
        *python.installation(),
        *python.numpy(),
        *python.pure("fastapi", requires=["starlette>=0.40", "uvicorn ; extra == 'all'"]),
        *python.pure("starlette", "0.41"),
    ]


@pytest.mark.parametrize(
    "kind",
    [
        Python(), Python(version="3.8"), Python(libc="musl"), Python(version="3.14", flags="t"),
        Python(prefix="usr"), Python(prefix="opt/conda"),
    ],
)  # fmt: skip
def test_an_image_as_it_should_be(kind: Python) -> None:
    images = [replace(kind, architecture=name) for name in ("amd64", "arm64", "386")]
    assert told(verify(*((each, whole(each)) for each in images))) == []


# --- planted faults ---


def test_a_wheel_for_another_machine() -> None:
    assert told(verify((ARM, [*ARM.installation(), *AMD.numpy()]))) == [
        f"linux/arm64 failure machine {SITE}/numpy.libs/libblas-0cf96a72.so.3: is for x86-64 (64-bit"
        " AArch64 | 64-bit x86-64)",
        f"linux/arm64 failure machine {SITE}/numpy/core.cpython-313-x86_64-linux-gnu.so: is for x86-64"
        " (64-bit AArch64 | 64-bit x86-64)",
        f"linux/arm64 failure package {SITE}/numpy-2.1.0.dist-info/WHEEL: is a wheel for another platform"
        " (linux_aarch64 | cp313-cp313-manylinux_2_17_x86_64)",
    ]


def test_a_wheel_for_musl_where_the_interpreter_has_glibc() -> None:
    musl = Python(libc="musl")
    assert told(verify((ARM, [*ARM.installation(), *musl.numpy()]))) == [
        f"linux/arm64 failure abi {SITE}/numpy/core.cpython-313-aarch64-linux-musl.so: is a module that no"
        " interpreter loads here (.cpython-313-aarch64-linux-gnu.so | .cpython-313-aarch64-linux-musl.so)",
        f"linux/arm64 failure abi {SITE}/numpy.libs/libblas-0cf96a72.so.3: is for another C library than the"
        " interpreter's (glibc | musl)",
        f"linux/arm64 failure package {SITE}/numpy-2.1.0.dist-info/WHEEL: is a wheel for another C library"
        " (manylinux_aarch64 | cp313-cp313-musllinux_1_2_aarch64)",
    ]


def test_a_wheel_for_glibc_where_the_interpreter_has_musl() -> None:
    musl = Python(libc="musl")
    found = told(verify((musl, [*musl.installation(), *ARM.numpy()])))
    assert [line.split(": ")[1].split(" (")[0] for line in found] == [
        "is a module that no interpreter loads here",
        "is for another C library than the interpreter's",
        "is a wheel for another C library",
    ]


def test_a_module_of_another_version() -> None:
    planted = [Item(f"{ARM.site}/fast.cpython-312-aarch64-linux-gnu.so", ARM.library())]
    assert told(verify((ARM, [*whole(ARM), *planted]))) == [
        f"linux/arm64 failure abi {SITE}/fast.cpython-312-aarch64-linux-gnu.so: is a module that no"
        " interpreter loads here (.cpython-313-aarch64-linux-gnu.so | .cpython-312-aarch64-linux-gnu.so)"
    ]


def test_a_wheel_of_another_version() -> None:
    old = Python(version="3.12")
    found = told(verify((ARM, [*ARM.installation(), *old.numpy(ARM.site)])))
    assert found[1:] == [
        f"linux/arm64 failure package {SITE}/numpy-2.1.0.dist-info/WHEEL: is a wheel for another interpreter"
        " (cp313 | cp312-cp312-manylinux_2_17_aarch64)"
    ]


def test_a_module_named_for_the_build_machine() -> None:
    """Its code is for the platform, its name is not: no interpreter finds it."""
    planted = [Item(f"{ARM.site}/fast{AMD.suffix}", ARM.library())]
    (line,) = told(verify((ARM, [*whole(ARM), *planted])))
    assert "failure abi" in line


def test_an_environment_whose_python_leads_nowhere() -> None:
    broken = ARM.venv("opt/venv", python="/usr/bin/python3.13")
    assert told(verify((ARM, [*whole(ARM), *broken]))) == [
        "linux/arm64 failure interpreter /opt/venv/pyvenv.cfg: the environment cannot be used:"
        " /opt/venv/bin/python leads nowhere (a program | /usr/bin/python3.13)"
    ]


def test_an_environment_in_a_circle() -> None:
    broken = ARM.venv("opt/venv", python="python3")
    (line,) = told(verify((ARM, [*whole(ARM), *broken])))
    assert "leads nowhere" in line


@pytest.mark.parametrize(
    ("home", "version", "message"),
    [
        ("/opt/python/bin", "3.13", "its home /opt/python/bin has no interpreter (3.13 | )"),
        ("/usr/local/bin", "3.12", "its home /usr/local/bin has another Python (3.12 | 3.13)"),
    ],
)
def test_an_environment_with_another_home(home: str, version: str, message: str) -> None:
    broken = ARM.venv("opt/venv", python="/usr/local/bin/python3", home=home, version=version)
    (line,) = told(verify((ARM, [*whole(ARM), *broken])))
    assert line.endswith(message)


def test_an_environment_with_an_interpreter_for_another_machine() -> None:
    items = [Item("usr/local/bin/python3.13", AMD.program()), *ARM.venv("opt/venv")]
    outcome = verify((ARM, items))
    assert [(check.kind, check.path) for check in outcome.failures] == [
        (CheckKind.MACHINE, "/usr/local/bin/python3.13")
    ]


def test_an_environment_that_is_only_a_library_folder() -> None:
    broken = ARM.venv("opt/venv", python="/usr/bin/python3.13")
    env = ["PYTHONPATH=/opt/venv/lib/python3.13/site-packages"]
    (line,) = told(verify((ARM, [*whole(ARM), *broken]), env=env))
    assert line.startswith("linux/arm64 warning")
    assert told(verify((ARM, [*whole(ARM), *without(broken, "/bin/")]))) == []


def test_a_requirement_that_one_platform_lacks() -> None:
    lacking = without(whole(ARM), "starlette")
    assert told(verify((AMD, whole(AMD)), (ARM, lacking))) == [
        f"across failure differs {SITE}/starlette-0.41.dist-info/METADATA: linux/arm64 has no starlette,"
        " which fastapi there requires (linux/amd64: 0.41 | linux/arm64: none)"
    ]


def test_a_package_that_nothing_requires_on_one_platform() -> None:
    lacking = without(whole(ARM), "numpy")
    (line,) = told(verify((ARM, lacking), (AMD, whole(AMD))))
    assert line == (
        f"across warning differs {SITE}/numpy-2.1.0.dist-info/METADATA: only linux/amd64 has numpy"
        " (linux/amd64: 2.1.0 | linux/arm64: none); nothing that is installed on linux/arm64 requires it"
    )


PROJECT = b'[project]\nname = "app"\ndependencies = ["numpy>=2", "x"]\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [("requirements.txt", b"-r x\nNumPy==2.1.0 \\\n  --hash=sha256:0\n"), ("pyproject.toml", PROJECT)],
)
def test_a_requirement_of_the_project_that_one_platform_lacks(name: str, text: bytes) -> None:
    project = Item(f"srv/{name}", text, 0o644)
    images = (AMD, [*whole(AMD), project]), (ARM, [*without(whole(ARM), "numpy"), project])
    (line,) = told(verify(*images))
    assert line.startswith("across failure")
    assert f"linux/arm64 has no numpy, which /srv/{name} there requires" in line


def test_a_requirement_of_the_project_with_a_marker() -> None:
    project = Item("srv/requirements.txt", b"numpy; platform_machine != 'aarch64' # no wheel\n", 0o644)
    images = (AMD, [*whole(AMD), project]), (ARM, [*without(whole(ARM), "numpy"), project])
    (line,) = told(verify(*images))
    assert line.startswith("across ok")


def test_a_requirement_that_is_installed_elsewhere() -> None:
    other = Python(prefix="opt/other")
    lacking = [*without(whole(ARM), "starlette"), *other.pure("starlette", "0.41")]
    also = [*whole(AMD), *replace(other, architecture="amd64").pure("starlette", "0.41")]
    (line,) = told(verify((AMD, also), (ARM, lacking)))
    assert line.startswith("across warning")


def test_no_packages_at_all_on_one_platform() -> None:
    (line,) = told(verify((AMD, whole(AMD)), (ARM, ARM.installation())))
    assert line.startswith(f"across failure differs {SITE}/")
    assert f"only linux/amd64 has packages in {SITE}" in line


def test_a_whole_python_on_one_platform_may_be_meant() -> None:
    bundled = Python("amd64", "3.11", prefix="opt/tool")
    more = [*bundled.installation(), *bundled.pure("helper")]
    (line,) = told(verify((AMD, [*whole(AMD), *more]), (ARM, whole(ARM))))
    assert line.startswith("across warning differs /opt/tool/")


def test_a_version_that_differs() -> None:
    images = [
        (each, [*each.installation(), *each.pure("flask", version)])
        for each, version in ((AMD, "3.1"), (ARM, "3.0"))
    ]
    assert told(verify(*images)) == [
        f"across failure differs {SITE}/flask-3.1.dist-info/METADATA: platforms differ in the version of"
        " flask (linux/amd64: 3.1 | linux/arm64: 3.0)"
    ]


def test_a_local_version_that_differs() -> None:
    images = [
        (each, [*each.installation(), *each.pure("torch", version)])
        for each, version in ((AMD, "2.5+cpu"), (ARM, "2.5"))
    ]
    (line,) = told(verify(*images))
    assert line.startswith("across warning")


def test_files_that_one_platform_lacks() -> None:
    lacking = without(whole(ARM), "numpy/core", "starlette/__init__")
    assert sorted(told(verify((AMD, whole(AMD)), (ARM, lacking)))) == [
        f"across failure differs {SITE}/numpy-2.1.0.dist-info/METADATA: linux/arm64 lacks files of numpy:"
        " numpy/core.cpython-313-aarch64-linux-gnu.so",
        f"across failure differs {SITE}/starlette-0.41.dist-info/METADATA: linux/arm64 lacks files of"
        " starlette: starlette/__init__.py",
        f"linux/arm64 warning package {SITE}/numpy-2.1.0.dist-info/METADATA: lists what is not there:"
        " numpy/core.cpython-313-aarch64-linux-gnu.so",
    ]


def test_a_library_that_the_wheel_brought_along() -> None:
    (line,) = told(verify((ARM, without(whole(ARM), "libblas"))))
    assert line == (
        f"linux/arm64 failure library {SITE}/numpy/core{ARM.suffix}: does not find what its wheel brought"
        " along: libblas-0cf96a72.so.3"
    )


@pytest.mark.parametrize(
    ("own", "is_found"),
    [({}, True), ({"rpath": "some.libs"}, True), ({"runpath": "some.libs"}, False)],
    ids=["no path", "RPATH", "RUNPATH"],
)
def test_a_library_that_its_loader_tells_where_others_are(own: dict[str, str], *, is_found: bool) -> None:
    """What a library needs is also looked for where the RPATH of its loader leads, if it has no RUNPATH."""
    planted = [
        Item(
            f"{ARM.site}/some/fast{ARM.suffix}",
            ARM.library("libpq-e8a033dd.so.5", rpath="$ORIGIN/../some.libs"),
        ),
        Item(f"{ARM.site}/some.libs/libpq-e8a033dd.so.5", ARM.library("libssl-3e69114b.so.1", **own)),
        Item(f"{ARM.site}/some.libs/libssl-3e69114b.so.1", ARM.library()),
    ]
    found = told(verify((ARM, [*whole(ARM), *planted])))
    assert found == [] if is_found else "libssl-3e69114b.so.1" in found[0]


def test_libraries_whose_module_was_replaced() -> None:
    """psycopg2 over psycopg2-binary: what the latter brought along is loaded by nothing any more."""
    module = Item(
        f"{ARM.site}/some/fast{ARM.suffix}", ARM.library("libpq-e8a033dd.so.5", rpath="$ORIGIN/../x")
    )
    libraries = [
        Item(
            f"{ARM.site}/some.libs/libpq-e8a033dd.so.5",
            ARM.library("libssl-3e69114b.so.1", rpath="$ORIGIN/y"),
        ),
        Item(
            f"{ARM.site}/some.libs/libssl-3e69114b.so.1", ARM.library("libz-11111111.so.1", rpath="$ORIGIN/y")
        ),
    ]
    replaced = Item(module.path, ARM.library())
    assert told(verify((ARM, [*whole(ARM), replaced, *libraries]))) == []
    assert len(told(verify((ARM, [*whole(ARM), module, *libraries])))) == 2


def test_a_module_that_is_told_another_place_than_its_libraries_have() -> None:
    planted = [
        Item(
            f"{ARM.site}/some/fast{ARM.suffix}", ARM.library("libpq-e8a033dd.so.5", rpath="$ORIGIN/elsewhere")
        ),
        Item(f"{ARM.site}/some.libs/libpq-e8a033dd.so.5", ARM.library()),
    ]
    (line,) = told(verify((ARM, [*whole(ARM), *planted])))
    assert "does not find what its wheel brought along: libpq-e8a033dd.so.5" in line


def test_how_another_interpreter_was_built() -> None:
    """The standard library of the build machine under an interpreter of the platform."""
    folder = "usr/local/lib/python3.13"
    foreign = Item(f"{folder}/_sysconfigdata__linux_x86_64-linux-gnu.py", b"x")
    items = [*without(whole(ARM), "_sysconfigdata"), foreign]
    assert told(verify((ARM, items))) == [
        f"linux/arm64 failure machine /{foreign.path}: is the configuration of an interpreter for another"
        " platform (aarch64-linux-gnu | _sysconfigdata__linux_x86_64-linux-gnu.py)"
    ]
    assert told(verify((ARM, [*whole(ARM), foreign]))) == []


def test_a_newer_glibc_than_the_image_has() -> None:
    glibc = Elf("arm64", kind=3, soname="libc.so.6").build()
    glibc += b"GNU C Library (Debian GLIBC 2.31-13) stable release version 2.31.\n"
    new = package(
        "fast", "1", {"fast.abi3.so": ARM.library()}, tags=["cp39-abi3-manylinux_2_34_aarch64"], site=ARM.site
    )
    items = [*whole(ARM), Item("usr/lib/aarch64-linux-gnu/libc.so.6", glibc), *new]
    (line,) = told(verify((ARM, items)))
    sysroot = Item("opt/conda/sysroot/lib64/libc.so.6", glibc.replace(b"2.31", b"2.17"))
    assert told(verify((ARM, [*items, sysroot]))) == [line]
    assert line.endswith(
        "is a wheel for a newer glibc (glibc 2.31 at most | cp39-abi3-manylinux_2_34_aarch64)"
    )


def test_packages_for_an_interpreter_that_there_is_not() -> None:
    old = Python(version="3.12")
    (line,) = told(verify((ARM, [*whole(ARM), *old.numpy()])))
    assert line.startswith("linux/arm64 warning interpreter")
    assert (
        "no interpreter of the image looks into /usr/local/lib/python3.12/site-packages (3.13 | 3.12)" in line
    )


def test_an_interpreter_of_another_version_on_one_platform() -> None:
    newer = Python(version="3.14")
    items = [*newer.installation(), *without(whole(ARM), "usr/local/bin", "lib-dynload", "_sysconfigdata")]
    lines = [line for line in told(verify((AMD, whole(AMD)), (ARM, items))) if "failure" in line]
    assert len(lines) == 1
    assert f"an interpreter looks into {SITE} on linux/amd64, none on linux/arm64" in lines[0]
    assert lines[0].endswith("(linux/amd64: 3.13 | linux/arm64: 3.14)")


def magic(number: int) -> bytes:
    return number.to_bytes(2, "little") + b"\r\n" + bytes(12)


@pytest.mark.parametrize(
    ("path", "number", "warns"),
    [
        ("pkg/__pycache__/a.cpython-313.pyc", 3571, False),
        ("pkg/__pycache__/a.cpython-313.opt-1.pyc", 3531, True),
        ("pkg/__pycache__/a.cpython-312.pyc", 3531, False),
        ("pkg/a.pyc", 3571, False),
        ("pkg/a.pyc", 3531, True),
    ],
)
def test_compiled_files(path: str, number: int, warns: bool) -> None:
    (*found,) = told(verify((ARM, [*whole(ARM), Item(f"{ARM.site}/{path}", magic(number), 0o644)])))
    assert [line.split(f"/{path}: ")[0] for line in found] == ([f"linux/arm64 warning build {SITE}"] * warns)


def test_compiled_files_all_for_another_python() -> None:
    """One package may bring them along in its wheel; a whole folder was compiled elsewhere."""
    compiled = [
        Item(f"{ARM.site}/{n}/__pycache__/a.cpython-312.pyc", magic(3531), 0o644) for n in ("a", "b", "c")
    ]
    (line,) = told(verify((ARM, [*whole(ARM), *compiled])))
    assert line.endswith("are for another Python and of no use (cpython-313 | cpython-312)")
    own = Item(f"{ARM.site}/a/__pycache__/a.cpython-313.pyc", magic(3571), 0o644)
    assert told(verify((ARM, [*whole(ARM), *compiled, own]))) == []


def test_compiled_files_beside_their_source_are_not_used() -> None:
    items = [Item(f"{ARM.site}/a.pyc", magic(62211), 0o644), Item(f"{ARM.site}/a.py", b"#", 0o644)]
    assert told(verify((ARM, [*whole(ARM), *items]))) == []


# --- who put it there, and what is allowed ---


def test_what_came_with_the_base_image_is_a_warning() -> None:
    wrong = [*whole(ARM), Item(f"{ARM.site}/x.cpython-312-aarch64-linux-gnu.so", ARM.library())]
    (line,) = told(verify((ARM, [Item("etc/x", b"x")]), base=wrong, base_layers=1))
    assert line.startswith("linux/arm64 warning abi")
    assert line.endswith("came with the base image")


def test_exceptions_name_a_package_or_a_path() -> None:
    images = [
        (each, [*each.installation(), *each.pure("flask", version)])
        for each, version in ((AMD, "3.1"), (ARM, "3.0"))
    ]
    allow = [Allow("flask", "pinned by hand")]
    (line,) = told(verify(*images, allow=allow))
    assert line.startswith("across ok differs")
    assert line.endswith("allowed: pinned by hand")
    broken = (ARM, [*whole(ARM), *ARM.venv("opt/venv", python="/nowhere")])
    assert told(verify(broken, allow=[Allow("opt/venv/**", "for tests")])) == []


# --- no false alarm ---


def test_ordinary_slimming() -> None:
    """Bytecode, tests, metadata, whole folders and sources that were compiled in place are missing."""
    files = {
        "big/__init__.py": b"", "big/core.py": b"", "big/tests/test_core.py": b"",
        "big/extra/__init__.py": b"", "big/__pycache__/core.cpython-313.pyc": b"", "big/data.json": b"",
        "big/fast.pyi": b"",
    }  # fmt: skip
    slim = [
        *without(
            package("big", "1", files, site=ARM.site),
            "tests", "__pycache__", "extra", "data.json", ".pyi", "INSTALLER", "big/core.py",
        ),
        Item(f"{ARM.site}/big/core.pyc", magic(3571), 0o644),
    ]  # fmt: skip
    assert told(verify((ARM, [*whole(ARM), *slim]))) == []
    assert told(verify((ARM, [*whole(ARM), *without(slim, "RECORD", "WHEEL", "METADATA")]))) == []
    assert told(verify((ARM, [*whole(ARM), *without(slim, "site-packages/big/")]))) == []


def test_markers_explain_what_one_platform_has() -> None:
    marker = "platform_system == 'Linux' and platform_machine == 'x86_64'"
    images = [
        (each, [*each.installation(), *each.pure("torch", requires=[f"cublas==12.1 ; {marker}", "sympy"])])
        for each in (AMD, ARM)
    ]
    for each, items in images:
        items += each.pure("sympy")
    images[0][1].extend([*AMD.pure("cublas", "12.1", requires=["nvcc"]), *AMD.pure("nvcc")])
    assert told(verify(*images)) == [
        f"across ok differs {SITE}/cublas-12.1.dist-info/METADATA: only linux/amd64 has cublas, nvcc;"
        " a marker asks for it there only"
    ]


def test_markers_explain_versions() -> None:
    requires = [
        "numpy==1.21 ; platform_machine == 'aarch64'",
        "numpy==1.19 ; platform_machine != 'aarch64'",
    ]
    images = [
        (each, [*each.installation(), *each.pure("cv", requires=requires), *each.pure("numpy", version)])
        for each, version in ((AMD, "1.19"), (ARM, "1.21"))
    ]
    (line,) = told(verify(*images))
    assert line.startswith("across ok")


def test_requirements_that_differ_between_wheels() -> None:
    """The wheel for one machine says that it requires what the other's does not."""
    images = [
        (AMD, [*AMD.installation(), *AMD.pure("scikit", requires=["mkl"]), *AMD.pure("mkl")]),
        (ARM, [*ARM.installation(), *ARM.pure("scikit")]),
    ]
    (line,) = told(verify(*images))
    assert line.startswith("across ok")


def test_extras_are_not_required() -> None:
    images = [(each, whole(each)) for each in (AMD, ARM)]
    images[0][1].extend(AMD.pure("uvicorn"))
    (line,) = told(verify(*images))
    assert line.startswith("across warning")


def test_names_are_one_however_they_are_spelt() -> None:
    images = [
        (each, [*each.installation(), *each.pure("app", requires=["zope.interface"]), *each.pure(name)])
        for each, name in ((AMD, "zope.interface"), (ARM, "zope_interface"))
    ]
    assert told(verify(*images)) == []


def test_modules_for_several_versions() -> None:
    names = [f"fast.cpython-{version}-aarch64-linux-gnu.so" for version in ("311", "312", "313")]
    several = [Item(f"{ARM.site}/{name}", ARM.library()) for name in names]
    assert told(verify((ARM, [*whole(ARM), *several]))) == []
    fallback = [several[0], Item(f"{ARM.site}/fast.py", b"#", 0o644)]
    assert told(verify((ARM, [*whole(ARM), *fallback]))) == []


def test_several_interpreters_in_one_image() -> None:
    old = Python(version="3.11", prefix="usr")
    items = [
        *whole(ARM),
        *old.installation(),
        *old.numpy(),
        *old.numpy("opt/venv/lib/python3.11/site-packages"),
    ]
    assert told(verify((ARM, [*items, *old.venv("opt/venv")]))) == []


def test_the_shared_folder_of_a_distribution() -> None:
    """Debian: modules for each of its versions side by side, metadata of one of them, or of setuptools."""
    debian = Python(prefix="usr", version="3.11")
    shared = "usr/lib/python3/dist-packages"
    items = [
        *without(debian.installation(), "_sysconfigdata"),
        Item("usr/lib/python3.11/_sysconfigdata__aarch64-linux-gnu.py", b"x"),
        *(Item(f"{shared}/_yaml.cpython-{v}-aarch64-linux-gnu.so", ARM.library()) for v in ("311", "312")),
        *without(
            package("yaml", "6.0", {"yaml/a.py": b""}, tags=["cp312-cp312-linux_aarch64"], site=shared),
            "yaml/a.py",
        ),
        Item(f"{shared}/python_apt-2.6.egg-info", b"Name: python-apt\nVersion: 2.6\n"),
        Item(f"{shared}/blinker.egg-info/PKG-INFO", b"Name: blinker\nVersion: 1.5\n"),
    ]
    assert told(verify((ARM, items))) == []


def test_a_folder_that_pip_was_told_to_fill() -> None:
    images = [(each, [*each.installation(), *each.numpy("deps")]) for each in (AMD, ARM)]
    assert told(verify(*images, env=["PYTHONPATH=/deps"])) == []
    assert told(verify((ARM, ARM.numpy("python")))) == []
    wrong = Python(version="3.12").numpy("deps")
    assert "failure abi /deps/numpy/core" in told(verify((ARM, [*ARM.installation(), *wrong])))[0]


def test_labels_of_what_conda_built() -> None:
    conda = Python(prefix="opt/conda")
    cross = package(
        "fast",
        "1",
        {f"fast{conda.suffix}": conda.library()},
        tags=["cp313-cp313-linux_x86_64"],
        site=conda.site,
    )
    meta = [Item("opt/conda/conda-meta/history", b"x"), Item("opt/conda/pkgs/fast-1-py_0/info/x", b"x")]
    # What conda builds is taken apart afterwards; its packages list more than they bring.
    parts = package("numpy", "1", {"numpy/a.py": b"", "numpy/b.py": b""}, site=conda.site)
    items = [*conda.installation(), *cross, *meta, *without(parts, "numpy/b.py")]
    (line,) = told(verify((conda, items)))
    assert line.startswith("linux/arm64 warning package")


def test_caches_and_what_packages_bring_along_are_passed_over() -> None:
    other = Python("amd64", "3.9")
    items = [
        *whole(ARM),
        *without(other.numpy("root/.cache/uv/archive-v0/abc"), ".so"),
        *package("old", "1", {}, tags=["cp27-cp27m-win32"], site=f"{ARM.site}/setuptools/_vendor"),
        *package("six", "1", {}, tags=["cp27-none-any"], site="usr/lib/python2.7/site-packages"),
    ]
    assert told(verify((ARM, items))) == []


def test_both_c_libraries_side_by_side() -> None:
    musl = Python(libc="musl")
    both = [Item(f"{ARM.site}/agent/{kind}/libagent.so", musl.library()) for kind in ("linux-musl", "musl_1")]
    assert told(verify((ARM, [*whole(ARM), *both]))) == []


def test_system_libraries_may_come_at_run_time() -> None:
    more = [Item(f"{ARM.site}/cv2/cv2.abi3.so", ARM.library("libGL.so.1", "libcuda.so.1"))]
    assert told(verify((ARM, [*whole(ARM), *more]))) == []


def test_a_compiled_module_of_the_project() -> None:
    built = Item(f"srv/app/fast{ARM.suffix}", ARM.library())
    wrong = Item("srv/app/fast.cpython-312-aarch64-linux-gnu.so", ARM.library())
    assert told(verify((ARM, [*whole(ARM), built]))) == []
    (line,) = told(verify((ARM, [*whole(ARM), wrong])))
    assert line.startswith("linux/arm64 warning abi /srv/app/")
    assert told(verify((ARM, [wrong]))) == []


# --- hostile ---


def test_damage_is_said_and_ends_nothing() -> None:
    info = f"{ARM.site}/bad-1.dist-info"
    bad = [
        Item(f"{info}/METADATA", b"\xff\0: \n"),
        Item(f"{info}/WHEEL", b"Tag: x\nTag: a-b\n"),
        Item(f"{info}/RECORD", b'"' + b"a" * 200_000),
        Item("opt/venv/pyvenv.cfg", b"\0=\nhome"),
        symlink("opt/venv/bin", "bin"),
        symlink(f"{ARM.site}/loop", "loop"),
        *package("odd", "1", {"../../etc/x.py": b"", "loop/x.py": b""}, ["((((a", ""], site=ARM.site)[1:],
    ]
    lines = told(verify((ARM, [*whole(ARM), *bad]), (AMD, whole(AMD))))
    assert [line.split(": ", 1)[1].split(" (")[0] for line in lines if "bad-1" in line] == [
        "has no name, or no version",
        "cannot be read",
        "has a tag that cannot be read",
    ]
    assert not [line for line in lines if "failure" in line]


_NAMES = (
    "a",
    "b",
    "python3.13",
    "pyvenv.cfg",
    "x.pyc",
    "lib",
    "bin",
    "site-packages",
    "a-1.dist-info",
    "RECORD",
)
_ROOTS = ("usr/local/lib/python3.13/site-packages", "opt/venv", "usr/local/bin", "deps")
_PATHS = st.builds(
    lambda root, names: "/".join((root, *names)),
    st.sampled_from(_ROOTS),
    st.lists(
        st.sampled_from((*_NAMES, "METADATA", "WHEEL", "x.cpython-312-aarch64-linux-gnu.so")), max_size=3
    ),
)
_CONTENTS = st.one_of(
    st.sampled_from([ARM.library("libx-01234567.so"), AMD.library(), ARM.program(), b"\x7fELF"]),
    st.lists(
        st.sampled_from(
            ["Name: a", "Version: 1", "Requires-Dist: b; os_name", "Tag: cp312-cp312-any", "a.py,,", "\0"]
        )
    ).map(lambda lines: "\n".join(lines).encode()),
)
_ITEMS = st.one_of(
    st.builds(Item, _PATHS, _CONTENTS),
    st.builds(symlink, _PATHS, st.sampled_from(["a", "..", "/usr/local/bin/python3.13", "/deps", "."])),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(_ITEMS, max_size=12), st.lists(_ITEMS, max_size=12))
def test_any_trees(one: list[Item], two: list[Item]) -> None:
    every = [*ARM.installation(), *ARM.numpy()]
    outcome = verify((ARM, [*every, *one]), (AMD, two))
    assert [each.platform for each in outcome.platforms] == ["linux/arm64", "linux/amd64"]
