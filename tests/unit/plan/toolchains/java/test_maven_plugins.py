"""The rows of Maven's plugins: each reads as it is written."""

from __future__ import annotations

import re

import pytest

from xbuild.plan.toolchains.java.maven_plugins import EXTENSIONS, PLUGINS, REFUSED
from xbuild.plan.toolchains.java.poms import PHASES, through


def test_every_row_says_what_it_does_or_why_it_does_not_fit() -> None:
    for name, row in PLUGINS.items():
        assert re.fullmatch(r"[\w.-]+:[\w.-]+", name)
        assert bool(row.goals) is not bool(row.why), name
        for pattern in (row.goals, row.tools, row.templates, row.extra, row.unless):
            re.compile(pattern)
        assert not row.phase or row.phase in PHASES


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("org.apache.maven.plugins:maven-dependency-plugin", "dependency"),
        ("org.springframework.boot:spring-boot-maven-plugin", "spring-boot"),
        ("io.quarkus:quarkus-maven-plugin", "quarkus"),
        ("org.codehaus.mojo:build-helper-maven-plugin", "build-helper"),
    ],
)
def test_what_a_plugin_is_called(name: str, prefix: str) -> None:
    assert PLUGINS[name].prefix == prefix


@pytest.mark.parametrize(
    "line",
    [
        "archive/addBuildEnvironmentEntries=true",
        "archive/manifest/addBuildEnvironmentEntries=true",
        "javacpp.platform=linux-x86_64",
    ],
)
def test_settings_that_no_plugin_may_have(line: str) -> None:
    assert any(re.fullmatch(pattern, line) for pattern, _ in REFUSED)


@pytest.mark.parametrize(
    "setting",
    ["quarkus.native.enabled=true", "quarkus.package.type=native", "quarkus.package.jar.appcds.enabled=true"],
)
def test_quarkus_may_make_no_native_program(setting: str) -> None:
    row = PLUGINS["io.quarkus.platform:quarkus-maven-plugin"]
    assert any(re.fullmatch(pattern, setting) for pattern, _ in row.refused)


def test_what_is_added_to_a_plugin() -> None:
    kotlin = PLUGINS["org.jetbrains.kotlin:kotlin-maven-plugin"]
    assert kotlin.takes("org.jetbrains.kotlin:kotlin-maven-allopen")
    assert not kotlin.takes("org.example:kotlin-plugin")
    assert PLUGINS["org.apache.maven.plugins:maven-checkstyle-plugin"].takes(
        "com.puppycrawl.tools:checkstyle"
    )


def test_the_phases_that_are_gone_through() -> None:
    assert through("compile")[-1] == "compile"
    assert "package" not in through("test")
    assert through("clean") == ("pre-clean", "clean")
    assert through("site") == through("spring-boot:run") == ()


def test_extensions_that_are_known() -> None:
    assert EXTENSIONS.fullmatch("kr.motd.maven:os-maven-plugin")
    assert not EXTENSIONS.fullmatch("org.apache.maven.extensions:maven-build-cache-extension")
