"""Facts about an image → checks: is every program in it for the platform that the image claims to be for?

Pure: values in, values out. What is judged, and how heavily:

- Every ELF file against the platform's machine, class, byte order, float ABI, CPU level and operating system.
  A mismatch is a *failure* when a layer of this Dockerfile added the file, a *warning* when it came with the
  base image or lies in a place made for foreign files or in a folder that is named for another platform
  (`places.py`; never on PATH), and ok when an exception allows it.
- What the image runs (entrypoint, command, the interpreters of scripts, PT_INTERP, needed libraries) must be
  there and be for the platform wherever it came from: always a failure. Only a CPU level above the platform's
  stays a warning when it came with the base, because many CPUs can do it. ARM code above the platform's level
  is a warning too when the image's dynamic loader fits the platform: libraries choose by CPU at run time.
- Several files that differ only in the name of an architecture in their path, and are for different machines,
  are made for several platforms: a warning for each whose name fits its machine. A file that is named for the
  image's platform and is for another one has no such excuse.
- A 32-bit program in the image of its 64-bit sibling (386 in amd64, arm in arm64) runs if its own dynamic
  loader is in the image: then a warning, else a failure. Being statically linked does not excuse it: that is
  what a build for the wrong architecture looks like.
- Object files (`.o`, `.ko`) never run by themselves: a warning. Code for devices and virtual machines (eBPF,
  GPUs, microcontrollers: `places.DEVICES`) is not for a CPU: ok. So are programs of Windows and macOS, unless
  the image runs one. Files for any other machine are foreign; one that Linux was never made for, neither
  executable nor dynamic, is a warning.
- What a program says about how it was built (`languages/`) against the platform: another system or machine,
  or more than its CPU has; less than the variant asked for is a warning.
- What a language says of the image as a whole (`languages/judged.py`): its packages, and the interpreters
  that load them. What is wrong is a failure when this Dockerfile added it; each room has its rules.
- Across platforms, the program at one path must have been built alike: what cannot be meant is a failure when
  this Dockerfile added it, the rest a warning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from xbuild.architectures import ARCHITECTURES
from xbuild.platforms import MACHINES, Platform
from xbuild.verify.across import differences, weigh_across
from xbuild.verify.built import Built
from xbuild.verify.chain import Chain, Problem
from xbuild.verify.checks import (
    Allow,
    Check,
    CheckKind,
    Counts,
    Exceptions,
    Layer,
    Objection,
    PlatformImage,
    PlatformVerification,
    Severity,
    Verification,
)
from xbuild.verify.elf import ET_CORE, ET_DYN, ET_REL, ElfFacts, Unreadable
from xbuild.verify.languages import LANGUAGES
from xbuild.verify.languages.judged import ROOMS
from xbuild.verify.layers import File, FileSystem
from xbuild.verify.mismatch import Mismatch, describe, mismatch_of
from xbuild.verify.places import (
    CPUS,
    DEVICES,
    families_of,
    is_emulator,
    is_named_for,
    place_of,
    platform_named,
)
from xbuild.verify.variants import read_platform

_SIBLINGS = {"amd64": "386", "arm64": "arm"}
"""64-bit architecture → its 32-bit sibling, which its kernel usually runs too."""


def _loaders(architecture: str | None) -> tuple[str, ...]:
    """Where the dynamic loaders of an architecture are, those of the usual variant first."""
    rows = [row for row in reversed(ARCHITECTURES) if row.architecture == architecture]
    return tuple(dict.fromkeys(path for row in rows for path in row.loaders))


def judge(
    images: Sequence[PlatformImage],
    requested: Sequence[Platform] | None = None,
    allow: Sequence[Allow] = (),
    others: Sequence[Platform] = (),
) -> Verification:
    """All checks on all platforms; `requested` platforms that are missing are failures, which name `others`
    that are there.
    """
    exceptions = Exceptions(allow)
    wanted = [image for image in images if requested is None or image.platform in requested]
    objections = [room(wanted) for room in ROOMS]
    outcomes = [
        _Judgement(image, exceptions, [each for found in objections for each in found.alone[at]]).outcome()
        for at, image in enumerate(wanted)
    ]
    present = {image.platform for image in images}
    outcomes += [
        _missing(platform, {*present, *others}) for platform in requested or () if platform not in present
    ]
    across = [
        *differences(wanted, exceptions),
        *(weigh_across(*each, exceptions) for found in objections for each in found.across),
        *exceptions.unused(),
    ]
    return Verification("", tuple(outcomes), tuple(across))


def _missing(platform: Platform, present: Iterable[Platform]) -> PlatformVerification:
    found = ", ".join(sorted(str(other) for other in present)) or "no platform"
    check = Check(
        CheckKind.PLATFORM,
        Severity.FAILURE,
        f"the image has no {platform}",
        expected=str(platform),
        found=found,
    )
    return PlatformVerification(str(platform), "", (check,))


@dataclass
class _Judgement:
    """Gathers the checks of one platform."""

    image: PlatformImage
    exceptions: Exceptions
    objections: Sequence[Objection]
    checks: list[Check] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)

    def outcome(self) -> PlatformVerification:
        self._config()
        self._run()
        for file in self.image.contents:
            if file.path not in self.judged:
                self._file(file)
        self.checks += (each.weigh(self.layer(each.file), self.exceptions) for each in self.objections)
        order = {Severity.FAILURE: 0, Severity.WARNING: 1, Severity.OK: 2}
        self.checks.sort(key=lambda check: order[check.severity])
        image = self.image
        return PlatformVerification(
            str(image.platform),
            image.digest,
            tuple(self.checks),
            count(image.contents, image.files),
            image.layers,
        )

    def _config(self) -> None:
        claimed = self.image.config.platform
        if not claimed:
            return
        wanted = str(self.image.platform)
        if _same_platform(claimed, wanted):
            return
        self.checks.append(
            Check(
                CheckKind.PLATFORM,
                Severity.FAILURE,
                f"the index says {wanted}, the image's config {claimed}",
                expected=wanted,
                found=claimed,
            )
        )

    def layer(self, file: File) -> Layer | None:
        layers = self.image.layers
        return layers[file.layer] if file.layer < len(layers) else None

    def _is_added(self, file: File) -> bool:
        layer = self.layer(file)
        return layer is None or layer.added

    # what the image runs

    def _run(self) -> None:
        chain = Chain(self.image)
        for problem in chain.problems:
            self._problem(problem)
        for link in chain.files:
            self.judged.add(link.file.path)
            self._link(link.file, link.role, link.needed_by)

    def _problem(self, problem: Problem) -> None:
        severity, reason = problem.severity, ""
        allowed = self.exceptions.reason_for(problem.path, problem.name, problem.needed_by)
        if allowed is not None:
            severity, reason = Severity.OK, f"allowed: {allowed}"
        self.checks.append(
            Check(
                problem.kind,
                severity,
                problem.message,
                path=problem.path,
                needed_by=problem.needed_by,
                layer=self.layer(problem.file) if problem.file is not None else None,
                reason=reason,
            )
        )

    def _link(self, file: File, role: str, needed_by: str) -> None:
        content = file.entry.content
        elf = content.elf if content is not None else None
        if isinstance(elf, Unreadable):
            self._report(
                file, Mismatch(CheckKind.UNREADABLE, "is a damaged ELF file", "", elf.reason), True, needed_by
            )
            return
        if content is None or not isinstance(elf, ElfFacts):
            return
        mismatch = mismatch_of(elf, self.image.platform, content.built)
        if mismatch is not None:
            self._report(file, mismatch, True, needed_by)
            return
        self.checks.append(
            Check(
                CheckKind.MACHINE,
                Severity.OK,
                f"{role} is for {self.image.platform}",
                path=file.path,
                found=describe(elf),
                layer=self.layer(file),
                needed_by=needed_by,
            )
        )
        self._older(file, content.built)

    # every other file

    def _file(self, file: File) -> None:
        content = file.entry.content
        elf = content.elf if content is not None else None
        if content is None or elf is None:
            return
        if isinstance(elf, Unreadable):
            damage = Mismatch(CheckKind.UNREADABLE, "is a damaged ELF file", "", elf.reason)
            self._report(file, damage, False, "", "it cannot run as it is")
            return
        if elf.machine in DEVICES:
            return
        mismatch = mismatch_of(elf, self.image.platform, content.built)
        if mismatch is None:
            self._older(file, content.built)
        elif elf.type == ET_REL:
            if mismatch.kind in (CheckKind.MACHINE, CheckKind.CLASS, CheckKind.BYTE_ORDER):
                self._report(file, mismatch, False, "", "an object file does not run")
        elif elf.type != ET_CORE:
            self._report(file, mismatch, False, "", self._excuse(file, elf, mismatch) or "")

    def _excuse(self, file: File, elf: ElfFacts, mismatch: Mismatch) -> str | None:
        platform = self.image.platform
        place = None
        if not self.image.is_command(file):
            place = place_of(file.path, platform.machine.number, elf.machine)
        if place is None and not self.image.is_searched(file):
            place = platform_named(file.path, platform, elf.machine, at_level=mismatch.can_run)
        if place is not None:
            return place
        if is_emulator(file.path):
            return "QEMU"
        if file.path in self._made_for_several:
            return "one of several files for different platforms"
        if elf.machine not in CPUS and not (file.entry.mode & 0o111 or elf.dynamic or elf.interpreter):
            return "for no machine that Linux runs on, and not marked as executable"
        return self._through_sibling(elf)

    def _through_sibling(self, elf: ElfFacts) -> str | None:
        """A 32-bit program or library whose dynamic loader is in the image."""
        architecture = self.image.platform.architecture
        sibling = _SIBLINGS.get(architecture)
        if sibling is None or elf.machine != MACHINES[sibling].number or not elf.dynamic:
            return None
        loader = self.image.files.lookup(elf.interpreter) if elf.interpreter else self._sibling_loader
        found = loader.entry.content.elf if loader is not None and loader.entry.content is not None else None
        if isinstance(found, ElfFacts) and found.machine == elf.machine:
            return f"runs on {architecture} through 32-bit support"
        return None

    @cached_property
    def _sibling_loader(self) -> File | None:
        names = _loaders(_SIBLINGS.get(self.image.platform.architecture))
        found = (self.image.files.lookup(name) for name in names)
        return next((file for file in found if file is not None), None)

    @cached_property
    def _made_for_several(self) -> frozenset[str]:
        """Paths that differ only in the name of an architecture, whose files are for the machines named."""
        families: dict[str, list[tuple[str, int, ElfFacts]]] = defaultdict(list)
        for file in self.image.contents:
            elf = file.entry.content.elf if file.entry.content is not None else None
            if isinstance(elf, ElfFacts):
                for named, family in families_of(file.path):
                    families[family].append((file.path, named, elf))
        machine = self.image.platform.machine.number
        return frozenset(
            path
            for members in families.values()
            if len({(elf.machine, elf.bits) for _, _, elf in members}) > 1
            for path, named, elf in members
            if is_named_for(frozenset({named}), machine, elf.machine)
        )

    def _report(self, file: File, mismatch: Mismatch, runs: bool, needed_by: str, excuse: str = "") -> None:
        severity, reason = self._weigh(file, mismatch, runs, excuse)
        self.checks.append(
            Check(
                mismatch.kind,
                severity,
                mismatch.message,
                file.path,
                mismatch.expected,
                mismatch.found,
                self.layer(file),
                reason,
                needed_by,
            )
        )

    def _weigh(self, file: File, mismatch: Mismatch, runs: bool, excuse: str) -> tuple[Severity, str]:
        """How heavily a mismatch weighs, and why it is less than a failure."""
        content = file.entry.content
        elf = content.elf if content is not None else None
        allowed = self.exceptions.reason_for(file.path)
        if allowed is not None:
            return Severity.OK, f"allowed: {allowed}"
        if runs and not mismatch.can_run:
            excuse = ""
            if mismatch.kind is CheckKind.MACHINE and isinstance(elf, ElfFacts):
                excuse = self._through_sibling(elf) or ""
        elif not self._is_added(file):
            excuse = "came with the base image"
        elif mismatch.kind is CheckKind.CPU and isinstance(elf, ElfFacts):
            excuse = excuse or self._chooses_by_cpu(elf) or ""
        return (Severity.WARNING if excuse else Severity.FAILURE), excuse

    def _chooses_by_cpu(self, elf: ElfFacts) -> str | None:
        """`Tag_CPU_arch` is the highest of all code in a file, also of code that is chosen at run time.

        libgcrypt of Debian's armhf says ARMv8. What a whole distribution is built for shows in its dynamic
        loader: when that fits the platform, a file linked with it is taken to choose.
        """
        if not elf.dynamic:
            return None
        names = (elf.interpreter,) if elf.interpreter else _loaders("arm")
        for name in names:
            loader = self.image.files.lookup(name)
            found = (
                loader.entry.content.elf if loader is not None and loader.entry.content is not None else None
            )
            if isinstance(found, ElfFacts) and found.arm_arch is not None:
                fits = mismatch_of(found, self.image.platform) is None
                return "some of its code; it may choose by CPU at run time" if fits else None
        return None

    def _older(self, file: File, built: Built | None) -> None:
        """A program for an older CPU than the platform's variant: it runs, but more was asked for."""
        claim = built.shortfall(self.image.platform) if built is not None and self._is_added(file) else None
        if claim is None:
            return
        self.checks.append(
            Check(
                CheckKind.BUILD,
                Severity.WARNING,
                claim.message,
                file.path,
                claim.expected,
                claim.found,
                self.layer(file),
                f"it runs, but makes no use of {self.image.platform}",
            )
        )


def _same_platform(claimed: str, wanted: str) -> bool:
    """A config often leaves the variant out; then it claims nothing about it."""
    found, expected = read_platform(claimed), read_platform(wanted)
    if found is None or expected is None or found.architecture != expected.architecture:
        return False
    return claimed.count("/") < 2 or found.variant == expected.variant


def count(contents: Iterable[File], files: FileSystem) -> Counts:
    """How many files of each kind there are."""
    found: dict[str, int] = defaultdict(int)
    built = dict.fromkeys((each.name for each in LANGUAGES if each.read is not None), 0)
    for file in contents:
        content = file.entry.content
        if content is None:
            continue
        if content.format == "script":
            found["scripts"] += 1
        elif content.format in ("pe", "macho"):
            found["foreign_os"] += 1
        elif content.format == "elf":
            found["elf"] += 1
            if content.built is not None:
                built[content.built.language] += 1
            if isinstance(content.elf, ElfFacts):
                found[_sort_of(content.elf)] += 1
    return Counts(files=files.count(), built=tuple(built.items()), **found)


def _sort_of(elf: ElfFacts) -> str:
    if elf.type == ET_REL:
        return "objects"
    library = elf.type == ET_DYN and elf.interpreter is None and elf.dynamic
    return "libraries" if library else "programs"
