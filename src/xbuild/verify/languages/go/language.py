"""What a Go program says, against a platform and against the same program for another one.

- GOOS and GOARCH must be the platform's, and GOARM, GOAMD64 and the like ask for no more than it has; less
  than the variant asked for is a shortfall. Values and their order: Go `internal/buildcfg`.
- The program at one path must have the same CGO_ENABLED, tags and module versions on all platforms. A module
  that only one platform has, another Go version or another revision can be meant: imports may depend on the
  platform.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xbuild.platforms import Platform
from xbuild.verify.built import Built, Claim, Difference, Language
from xbuild.verify.elf import ElfFile
from xbuild.verify.languages.go.buildinfo import GoBuildInfo, Module, read_build_info
from xbuild.verify.variants import judged_as

# GOARCH → its setting → levels from lowest to highest, and the one a platform without variant has; arm and
# amd64 take the platform's variant instead.
_LEVELS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "amd64": ("GOAMD64", ("v1", "v2", "v3", "v4"), "v1"),
    "arm": ("GOARM", ("5", "6", "7"), "7"),
    "ppc64le": ("GOPPC64", ("power8", "power9", "power10"), "power8"),
    "riscv64": ("GORISCV64", ("rva20u64", "rva22u64", "rva23u64"), "rva20u64"),
}
_ARM64_LEVEL = re.compile(r"v?([89])(?:\.(\d))?")


@dataclass(frozen=True, slots=True)
class GoBuilt(Built):
    """What a Go program says."""

    info: GoBuildInfo

    @property
    def language(self) -> str:
        return LANGUAGE.name

    def contradiction(self, platform: Platform) -> Claim | None:
        for key, wanted in (("GOOS", platform.os), ("GOARCH", platform.architecture)):
            value = self.info.setting(key)
            if value is not None and value != wanted:
                return _built_with(key, wanted, value)
        if platform.architecture == "arm64":
            return self._arm64_contradiction(platform)
        key, found, highest = self._levels(platform)
        if found > highest:
            return _built_with(key, f"{_level(platform, highest)} at most", _level(platform, found), True)
        return None

    def shortfall(self, platform: Platform) -> Claim | None:
        key, found, wanted = self._levels(platform)
        if found < wanted:
            return _built_with(key, _level(platform, wanted), _level(platform, found), True)
        return None

    def _levels(self, platform: Platform) -> tuple[str, int, int]:
        """The setting, and the program's level and the platform's by position; alike when unknown."""
        key, levels, default = _LEVELS.get(platform.architecture, ("", (), ""))
        value = (self.info.setting(key) or "").partition(",")[0]
        if value not in levels:
            return key, 0, 0
        variant = judged_as(platform).variant
        wanted = str(min(int(variant[1:]), 7)) if platform.architecture == "arm" else variant
        return key, levels.index(value), levels.index(wanted if wanted in levels else default)

    def _arm64_contradiction(self, platform: Platform) -> Claim | None:
        """GOARM64 is `v8.0` to `v9.5` with options `,lse` and `,crypto`; linux/arm64 promises v8.0."""
        value = self.info.setting("GOARM64")
        if value is None:
            return None
        base, *options = value.split(",")
        highest, found = _arm64_level(platform.variant) or 0, _arm64_level(base)
        promised = {"lse"} if highest else set()  # part of v8.1
        if found is not None and found <= highest and promised.issuperset(options):
            return None
        return _built_with("GOARM64", f"{platform.variant} at most" if highest else "v8.0", value, True)

    def differences(self, other: Built) -> Iterator[Difference]:
        if isinstance(other, GoBuilt):
            yield from _differences(self.info, other.info)

    def to_json(self) -> Any:
        info = self.info
        modules = [_module_to_json(module) for module in info.deps]
        return [info.go_version, info.path, info.main and _module_to_json(info.main), modules, info.settings]


def _built_with(key: str, expected: str, found: str, can_run: bool = False) -> Claim:
    return Claim(f"was built with {key}={found}", f"{key}={expected}", f"{key}={found}", can_run)


def _level(platform: Platform, position: int) -> str:
    return _LEVELS[platform.architecture][1][position]


def _arm64_level(text: str) -> int | None:
    """`v8.N` is N; `v9.N` has what `v8.(N+5)` has."""
    found = _ARM64_LEVEL.fullmatch(text)
    return None if found is None else int(found[2] or 0) + (5 if found[1] == "9" else 0)


def _differences(one: GoBuildInfo, two: GoBuildInfo) -> Iterator[Difference]:
    if one.settings and two.settings:
        for key, message, is_wrong in (
            ("CGO_ENABLED", "platforms differ in cgo", True),
            ("-tags", "platforms differ in build tags", True),
            ("vcs.revision", "platforms were built from different revisions", False),
        ):
            left, right = one.setting(key), two.setting(key)
            if _canonical(key, left) != _canonical(key, right):
                yield Difference(message, f"{key}={left or ''}", f"{key}={right or ''}", is_wrong)
    if one.path != two.path:
        yield Difference("platforms hold different programs", one.path, two.path)
    if one.go_version != two.go_version:
        yield Difference("platforms differ in their Go version", one.go_version, two.go_version)
    yield from _module_differences(one, two)


def _canonical(key: str, value: str | None) -> str | list[str]:
    if key == "-tags":
        return sorted(filter(None, re.split(r"[,\s]+", value or "")))
    return value or ""


def _module_differences(one: GoBuildInfo, two: GoBuildInfo) -> Iterator[Difference]:
    left, right = ({module.path: _version(module) for module in info.deps} for info in (one, two))
    for path in sorted(left.keys() & right.keys()):
        if left[path] != right[path]:
            yield Difference(f"platforms differ in module {path}", left[path], right[path], is_wrong=True)
    only = sorted(left.keys() ^ right.keys())
    if only:
        shown = ", ".join(only[:5]) + (f" and {len(only) - 5} more" if len(only) > 5 else "")
        yield Difference(f"only some platforms have {shown}", f"{len(left)} modules", f"{len(right)} modules")


def _version(module: Module) -> str:
    other = module.replaced_by
    end = f" => {other.path} {other.version} {other.sum}" if other is not None else ""
    return f"{module.version} {module.sum}{end}".strip()


def _read(elf: ElfFile) -> Built | None:
    info = read_build_info(elf)
    return None if info is None else GoBuilt(info)


def _from_json(value: Any) -> Built:
    version, path, main, deps, settings = value
    return GoBuilt(
        GoBuildInfo(
            version,
            path,
            main and _module_from_json(main),
            tuple(_module_from_json(row) for row in deps),
            tuple((key, value) for key, value in settings),
        )
    )


def _module_to_json(module: Module) -> Any:
    other = module.replaced_by
    return [module.path, module.version, module.sum, other and _module_to_json(other)]


def _module_from_json(row: Any) -> Module:
    path, version, total, other = row
    return Module(path, version, total, other and _module_from_json(other))


LANGUAGE = Language(
    "Go",
    _read,
    _from_json,
    places=(
        (r"^/usr/(?:local|lib)/go(?:-[\d.]+)?/(?:src|pkg|test)/|^/usr/share/go-[\d.]+/", "Go toolchain"),
        (r"/pkg/mod/", "Go module cache"),
    ),
)
