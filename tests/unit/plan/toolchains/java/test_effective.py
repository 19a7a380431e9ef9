"""What Maven said for several platforms is one answer only if nothing in it differs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from xbuild.plan.model import SECTION
from xbuild.plan.toolchains.java.effective import (
    LARGEST_ANSWER,
    UnlikeError,
    maven_probe,
    read_maven,
)
from xbuild.platforms import parse_platforms

BOTH = ("linux/amd64", "linux/arm64")
_POM = """<projects><project><groupId>g</groupId><artifactId>a</artifactId>
<properties><x>{x}</x><os.detected.classifier>{x}</os.detected.classifier></properties>
<build><directory>/app/target</directory><plugins><plugin>
<groupId>org.xolstice.maven.plugins</groupId><artifactId>protobuf-maven-plugin</artifactId>
<configuration><protocArtifact>protoc:{tool}</protocArtifact><other>{other}</other></configuration>
</plugin></plugins></build></project></projects>"""


def said(pom: str = "", tree: str = "g:a:jar:1", *, code: int = 0, error: str = "") -> str:
    """What is said for one platform."""
    parts = {
        "java": "runtime: /opt/java/openjdk",
        "repository": "/root/.m2/repository",
        "error": error,
        "asks": "./src/main/resources/a.txt:${os.arch}",
        "activated": "",
        "processors": "",
        "extensions": "",
        "options": "",
        "folder": "/app",
        "tree": tree,
        "pom": pom or _POM.format(x="1", tool="1", other="1"),
    }
    told = "\n".join(f"# xbuild-part {name}\n{text}" for name, text in parts.items())
    return f"xbuild: exit code {code}\n{told}\n"


def answer(one: str, other: str) -> str:
    return f"{SECTION}linux/amd64\n{one}{SECTION}linux/arm64\n{other}"


def why(one: str, other: str) -> str:
    with pytest.raises(UnlikeError) as caught:
        read_maven(answer(one, other), BOTH)
    return str(caught.value)


def test_the_same_for_every_platform() -> None:
    found = read_maven(answer(said(), said()), BOTH)
    assert [project.name for project in found.projects] == ["g:a"]
    assert found.projects[0].directory == "/app/target"
    assert (found.java, found.repository, found.folder) == (
        "/opt/java/openjdk",
        "/root/.m2/repository",
        "/app",
    )
    assert found.asks == (("src/main/resources/a.txt", "${os.arch}"),)


def test_a_tool_and_what_is_detected_may_differ() -> None:
    one = _POM.format(x="same", tool="linux-x86_64", other="1")
    other = one.replace("linux-x86_64", "linux-aarch_64").replace(
        "classifier>same", "classifier>linux-aarch_64"
    )
    assert read_maven(answer(said(one), said(other)), BOTH).projects


@pytest.mark.parametrize("field", ["x", "other"])
def test_anything_else_may_not(field: str) -> None:
    values = {"x": "1", "tool": "1", "other": "1"}
    text = why(said(_POM.format(**values)), said(_POM.format(**{**values, field: "aarch64"})))
    assert "is 1 for linux/amd64, and aarch64 for linux/arm64" in text


@pytest.mark.parametrize(
    ("one", "other", "is_time"),
    [
        ("2026-11-30T10:00:01Z", "2026-11-30T10:00:04Z", True),
        ("20261130-100001", "20261130-100004", True),
        ("1.2.3", "1.2.4", False),
        ("protoc-3.25.5-20241101-linux-x86_64", "protoc-3.25.5-20241101-linux-x86_32", False),
        ("lib_32-2024-11-01-10", "lib_64-2024-11-01-10", False),
    ],
)
def test_the_time_of_day_may_differ(one: str, other: str, is_time: bool) -> None:
    poms = [_POM.format(x=text, tool="1", other="1") for text in (one, other)]
    told = answer(said(poms[0]), said(poms[1]))
    if is_time:
        assert read_maven(told, BOTH).projects
    else:
        assert "properties/x" in why(said(poms[0]), said(poms[1]))


def test_what_is_taken_at_run_time_may_not_differ() -> None:
    tree = "g:a:jar:1\n+- o:fx:jar:1:compile\n|  \\- o:fx:jar:{}:1:compile\n\\- j:u:jar:{}:1:test"
    same = [said(tree=tree.format("linux", name)) for name in ("linux", "linux-aarch64")]
    assert read_maven(answer(*same), BOTH).projects
    text = why(said(tree=tree.format("linux", "x")), said(tree=tree.format("linux-aarch64", "x")))
    assert text == (
        "it takes o:fx:jar:linux:1:compile for linux/amd64, and "
        "o:fx:jar:linux-aarch64:1:compile for linux/arm64"
    )
    assert "nothing for linux/arm64" in why(said(tree="g:a:jar:1\n\\- b:c:jar:1:runtime"), said())


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "xbuild: exit code 0\n",
        said(code=1),
        said("<projects>"),
        said("<!DOCTYPE p [<!ENTITY a 'b'>]><projects/>"),
        said().replace("/app", "app", 1).replace("folder\n/app", "folder\n"),
        said().replace("# xbuild-part tree", "# xbuild-part trees"),
    ],
)
def test_what_is_no_answer(broken: str) -> None:
    assert "Maven" in why(said(), broken)
    assert "Maven" in why(broken, said())


def test_an_answer_that_is_too_large_is_not_read() -> None:
    assert "larger than" in why(said(), said("<p>" + "a" * LARGEST_ANSWER + "</p>"))


def test_no_password_of_an_address_is_told() -> None:
    error = "[ERROR] Could not transfer artifact from own (https://me:s3cret@host.example/maven): 401"
    assert "s3cret" not in why(said(code=1, error=error), said())


def test_the_probe_runs_maven_for_each_architecture(tmp_path: Path) -> None:
    """Maven is told of the target, and by nothing that the project sets; what it leaves is gone."""
    program = tmp_path / "mvn"
    program.write_text('#!/bin/sh\necho "$MAVEN_OPTS|$*" >> calls\nexit 3\n')
    program.chmod(0o755)
    probe = maven_probe(
        ("A=1",), '"${MAVEN_OPTS-}"', f"{program} -P own", parse_platforms(("amd64", "arm64"))
    )
    assert probe.platforms == BOTH
    assert not probe.has_mounts
    assert probe.is_exact
    for name in ("amd64", "arm64"):
        script = f"set -eu; TARGETARCH={name}; ( {probe.script} ) || exit 1"
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(
            ("sh", "-c", script), cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
        )
        assert "xbuild: exit code 3" in done.stdout, done.stderr
        assert re.findall("# xbuild-part (.*)", done.stdout)[0] == "java"
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [re.findall(r"os\.arch=(\w+)", call) for call in calls] == [["amd64"], ["aarch64"]]
    assert all("|-P own -B -X org.apache.maven.plugins:maven-help-plugin" in call for call in calls)
