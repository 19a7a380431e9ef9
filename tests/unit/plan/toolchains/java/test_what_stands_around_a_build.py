"""What of the project stands in front of Java's programs, and links and scripts that lead to the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.deciding.planner import make_plan
from xbuild.plan.model import StageVerdict
from xbuild.platforms import parse_platforms
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

DOCKERFILE = """\
FROM {image} AS build
WORKDIR /src
{before}COPY . .
RUN {run}
FROM eclipse-temurin:21-jre
COPY --from=build /src/{made} /app/
"""
SCRIPT = "plugins {\n  id 'java'\n  id 'org.springframework.boot' version '3.2.0'\n}\n"
POM = (
    "<project><modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>app</artifactId>"
    "<version>1</version>{}</project>"
)
BUILDS = {
    "gradle": ("gradle:8.5-jdk21", "gradle bootJar", "build/libs"),
    "mvn": ("maven:3.9-eclipse-temurin-21", "mvn package", "target/app-1.jar"),
    "javac": ("eclipse-temurin:21", "javac -d out src/main/java/A.java", "out"),
}


def planned(
    folder: Path, program: str, files: dict[str, str], before: str = "", script: str = "", pom: str = ""
) -> StageVerdict:
    texts = {"build.gradle": SCRIPT + script, "settings.gradle": "rootProject.name = 'app'\n"}
    texts |= {"pom.xml": POM.format(pom), "src/main/java/A.java": "class A {}\n", **files}
    for name, text in texts.items():
        path = folder / name.removesuffix("@")
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("@"):
            path.symlink_to(text)
        else:
            path.write_text(text, "utf-8")
    image, run, made = BUILDS.get(program) or ("eclipse-temurin:21", f"./{program} bootJar", "build/libs")
    dockerfile = DOCKERFILE.format(image=image, run=run, made=made, before=before)
    tree = parse(Source.from_bytes("Dockerfile", dockerfile.encode()))
    return make_plan(tree, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(folder)).stages[0]


def reasons(verdict: StageVerdict) -> str:
    return "\n".join(reason.text for reason in verdict.reasons)


@pytest.mark.parametrize("program", BUILDS)
@pytest.mark.parametrize("name", ["own", "java", "other"])
def test_a_program_of_the_project_in_front(program: str, name: str, tmp_path: Path) -> None:
    file = {"own": program}.get(name, name)
    before = "ENV PATH=/src/tools:$PATH\n"
    verdict = planned(tmp_path, program, {f"tools/{file}": "#!/bin/sh\n"}, before)
    is_same = name == "other"
    assert (f"/src/tools/{file} is not known" in reasons(verdict)) != is_same
    assert (str(verdict.word) == "portable") == is_same, reasons(verdict)


def test_a_program_by_its_path_is_the_one_that_is_looked_at(tmp_path: Path) -> None:
    verdict = planned(tmp_path, "gradlew", {"gradlew": "#!/bin/sh\n"}, "ENV PATH=/src:$PATH\n")
    assert "/src/gradlew is not known to be" not in reasons(verdict)


@pytest.mark.parametrize("program", ["./gradlew", "sh gradlew", "bash ./gradlew", "/src/mvnw", "sh mvnw"])
@pytest.mark.parametrize("name", ["java", "uname", "sh"])
def test_what_a_wrapper_starts(program: str, name: str, tmp_path: Path) -> None:
    wrapper = program.rpartition(" ")[2].rpartition("/")[2]
    files = {wrapper: "#!/bin/sh\n", f"tools/{name}": "#!/bin/sh\n"}
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text, "utf-8")
    before = "ENV PATH=/src/tools:$PATH\n"
    dockerfile = DOCKERFILE.format(image="maven:3.9", run=f"{program} build", made="build", before=before)
    tree = parse(Source.from_bytes("Dockerfile", dockerfile.encode()))
    platforms = parse_platforms(("amd64", "arm64"))
    verdict = make_plan(tree, Options(), platforms, DirectoryContext(tmp_path)).stages[0]
    assert f"/src/tools/{name} is not known to be the {name} of the image" in reasons(verdict)


@pytest.mark.parametrize("program", BUILDS)
@pytest.mark.parametrize(("place", "is_same"), [("/src/jdk", False), ("/opt/java/openjdk", True)])
def test_a_java_of_the_project(program: str, place: str, is_same: bool, tmp_path: Path) -> None:
    verdict = planned(tmp_path, program, {"jdk/bin/a": ""}, f"ENV JAVA_HOME={place}\n")
    assert ("JAVA_HOME names a folder" in reasons(verdict)) != is_same
    assert (str(verdict.word) == "portable") == is_same, reasons(verdict)


@pytest.mark.parametrize("program", BUILDS)
@pytest.mark.parametrize(
    ("link", "told", "is_same"),
    [
        ("src/main/resources/a", "/bin/ls", False),
        ("src/main/resources", "/usr/lib/jvm", False),
        ("src/main/resources/a", "../../../../usr/bin", False),
        ("src/main/resources/a", "../../../assets/a.txt", True),
        ("src/main/resources/a", "/src/assets", True),
    ],
)
def test_a_link_out_of_the_project(program: str, link: str, told: str, is_same: bool, tmp_path: Path) -> None:
    verdict = planned(tmp_path, program, {f"{link}@": told, "assets/a.txt": ""})
    assert ("out of the project" in reasons(verdict)) != is_same
    assert (str(verdict.word) == "portable") == is_same, reasons(verdict)


@pytest.mark.parametrize(
    "script",
    [
        "dependencies { if (System.properties['os.arch'] == 'amd64') { implementation 'a:b:1' } }",
        "dependencies { if (OperatingSystem.current().isLinux()) { implementation 'a:b:1' } }",
        "dependencies { for (x in names) { implementation 'a:b:1' } }",
        "dependencies { implementation(\"a:b:${System.properties['os.arch']}\") { transitive = false } }",
        "dependencies { implementation('a:b:1:' + osArch) { transitive = false } }",
        "dependencies { implementation(files('/usr/lib/x.jar')) { transitive = false } }",
        "bootJar { if (System.properties['os.arch'] == 'amd64') { archiveVersion = '1' } }",
        "bootJar { switch (name) { archiveVersion = '1' } }",
        "bootJar { manifest(System.properties['os.arch']) { attributes 'a': 'b' } }",
        "java { if (name) { sourceCompatibility = '1' } else { sourceCompatibility = '2' } }",
        "war { webAppDirName = '../usr/share' }",
        "protobuf { plugins { own { path = 'tools/own' } } }",
    ],
)
def test_a_script_that_is_not_plain(script: str, tmp_path: Path) -> None:
    assert str(planned(tmp_path, "gradle", {}, script=script).word) == "unsure"


@pytest.mark.parametrize(
    "script",
    [
        "dependencies { implementation('a:b:1') { transitive = false } }",
        "dependencies { implementation('a:b') {\n version { strictly '1' }\n} }",
        "dependencies { implementation platform('a:b:1') }",
        "bootJar { manifest { attributes 'a': 'b' } }",
        "tasks.named('bootJar') { archiveVersion = '1' }",
        "tasks.withType(JavaCompile) { options.encoding = 'UTF-8' }",
        "war { webAppDirName = '../web' }",
        "protobuf { protoc { path = 'protoc' } }",
    ],
)
def test_a_script_that_is_plain(script: str, tmp_path: Path) -> None:
    verdict = planned(tmp_path, "gradle", {}, script=script)
    assert str(verdict.word) == "portable", reasons(verdict)


def test_a_plugin_that_settings_take_from_another_module(tmp_path: Path) -> None:
    told = "pluginManagement { resolutionStrategy { eachPlugin { useModule('a:b:1') } } }\n"
    assert str(planned(tmp_path, "gradle", {"settings.gradle": told}).word) == "unsure"


@pytest.mark.parametrize(
    ("folder", "is_same"), [("../usr/lib", False), ("../../usr/lib", False), ("src/main/usr/lib", True)]
)
def test_resources_of_the_machine(folder: str, is_same: bool, tmp_path: Path) -> None:
    told = f"<build><resources><resource><directory>{folder}</directory></resource></resources></build>"
    assert (str(planned(tmp_path, "mvn", {}, pom=told).word) == "portable") == is_same
