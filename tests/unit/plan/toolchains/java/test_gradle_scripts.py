"""Build scripts of Gradle: plain ones are read, anything else says where it stops being plain."""

from __future__ import annotations

import time

import pytest

from xbuild.plan.toolchains.java.gradle import GradleBuild
from xbuild.plan.toolchains.java.gradle_plugins import SAME, WHY
from xbuild.plan.toolchains.java.gradle_scripts import (
    LARGEST,
    UnplainError,
    is_dependency,
    is_setting,
    literal,
    statements,
)
from xbuild.plan.toolchains.java.untold import BoundError


class ScriptsAlone(GradleBuild):
    """A build of which no file is looked at."""

    def __init__(self) -> None:
        self.folder, self.projects = "/app", ["/app"]
        self.names, self.aliases = {"springVersion"}, {"spring.boot": "org.springframework.boot"}
        self.takes_programs, self.local = False, None


def refused(text: str, mode: str = "root") -> str:
    with pytest.raises((UnplainError, BoundError)) as caught:
        ScriptsAlone().script(text, "build.gradle", mode)
    return str(caught.value)


def test_statements_know_their_blocks_and_lines() -> None:
    found = statements("a 'x' // b\n/* c\n */ d {\n  e('}', \"{\")\n  f(1,\n    2); g = 3\n}\n", "x")
    assert [(s.text, s.blocks, s.line, s.opens) for s in found] == [
        ("a 'x'", (), 1, False),
        ("d", (), 3, True),
        ("e('}', \"{\")", ("d",), 4, False),
        ("f(1, 2)", ("d",), 5, False),
        ("g = 3", ("d",), 6, False),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a {", "not closed"),
        ("}", "not opened"),
        ("a 'x", "quote"),
        ("a(b { c })", "closure in brackets"),
        ("{ }", "without a name"),
        ("a {" * 20 + "}" * 20, "too deep"),
        ("a " + "x" * 5000, "more than 4000"),
        ("a\n" * 6000, "more than 5000"),
        (" " * (LARGEST + 1), "larger than"),
        ("// \\u000a println 'hidden'", "spells a character out"),
    ],
)
def test_what_is_no_script(text: str, why: str) -> None:
    with pytest.raises(UnplainError, match=why):
        statements(text, "build.gradle")


@pytest.mark.parametrize(
    "text", ["'" * 4000, '"' * 3999, "('" * 900, "a = [" + "'x', " * 700 + "]", "a(" * 1300]
)
def test_what_would_take_long(text: str) -> None:
    start = time.process_time()
    with pytest.raises((UnplainError, BoundError)):
        ScriptsAlone().script(text + "\nb {", "build.gradle", "root")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "text",
    [
        "task x(type: Exec) { commandLine 'gcc' }",
        "apply from: 'x.gradle'",
        "jar { from(fileTree('native')) }",
        "version = System.getenv('A')",
        "def a = 'uname -m'.execute().text",
        "'gcc'.execute()",
        'version = "${new Date()}"',
        "version = \"${'gcc'.execute().text}\"",
        "if (true) { }",
        "['a'].each { println it }",
        "tasks.register('x') { doLast { println 'x' } }",
        "tasks.named('jar') { doLast { exec { commandLine 'x' } } }",
        "tasks.named('x'.execute().text) { }",
        "test { environment 'A', 'b' }",
        "test { systemProperty 'a', 'b' }",
        "exec { commandLine 'x' }",
        "jar { exec 'x' }",
        "java { Runtime.getRuntime().exec('x') }",
        "java { System.setProperty('os.arch', 'x') }",
        "processResources { expand(project.properties) }",
        "processResources { filesMatching('*.yml') { expand(version: version) } }",
        "jar { manifest { attributes('Built-On': System.getProperty('os.arch')) } }",
        "sourceSets.main.resources.srcDirs = ['native']",
        "jar { from '/usr/lib/jni' }",
        "repositories { maven { credentials { username = 'gcc'.execute().text } } }",
        "repositories { maven { url 'x'.execute().text } }",
        "dependencies { implementation files('/usr/lib/a.jar') }",
        "dependencies { implementation files('x'.execute().text) }",
        'dependencies { implementation "a:b:1:${osdetector.classifier}" }',
        'dependencies { implementation "a:b:1:$arch" }',
        "dependencies { implementation osdetector.classifier }",
        "dependencies { implementation a() }",
        "protobuf { protoc { artifact = \"a:b:${'gcc'.execute()}\" } }",
        "ext { arch = System.getProperty('os.arch') }",
        "plugins { id('a') version System.getenv('x') }",
        "import x; Runtime.runtime.exec('x')",
        "sourceSets { main { java { srcDirs 'x' } } }",
        "compileJava { options.forkOptions.executable = '/x' }",
        "buildscript { 'gcc'.execute() }",
        "allprojects { 'gcc'.execute() }",
        "configurations.all { it.each { } }",
    ],
)
def test_what_is_not_plain(text: str) -> None:
    assert "build.gradle:1 " in refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "includeBuild '../x'",
        "buildCache { remote(HttpBuildCache) { url = 'x' } }",
        "apply from: 'x'",
        "gradle.startParameter.x = 'y'.execute()",
        "pluginManagement { includeBuild 'x' }",
    ],
)
def test_settings_that_are_not_plain(text: str) -> None:
    assert "build.gradle:1 " in refused(text, "settings-file")


def test_plugins() -> None:
    assert not SAME & WHY.keys()
    assert "makes a native program" in refused("plugins { id 'org.graalvm.buildtools.native' version '1' }")
    assert "org.example.stamp does is not known" in refused("apply plugin: 'org.example.stamp'")
    assert "takes what is for the machine" in refused('plugins { id("org.jetbrains.compose") version "1" }')
    ScriptsAlone().script(
        "plugins {\n alias(libs.plugins.spring.boot)\n kotlin('jvm') version '2'\n war\n}", "x", "root"
    )


@pytest.mark.parametrize(
    "text",
    [
        "'x'", '"a $version b"', "1, 2.5, true", "['a', 'b']", "listOf(\"a\")", "'A-B': 'x', 'B': \"c\"",
        "JavaVersion.VERSION_17", "JavaLanguageVersion.of(17)", "\"A\" to \"b\"", "project.version", "",
    ],
)  # fmt: skip
def test_literals(text: str) -> None:
    assert literal(text)


@pytest.mark.parametrize(
    "text",
    ["x", "x()", "'a'.b()", "System.getenv('x')", "[x]", "'/usr/lib/x'", "new Date()", "'a' + 'b'", "{ }"],
)
def test_what_is_no_literal(text: str) -> None:
    assert not literal(text)


def test_settings_and_dependencies() -> None:
    assert is_setting("enabled = false")
    assert is_setting("useJUnitPlatform()")
    assert not is_setting("from 'x'")
    assert is_dependency("implementation('a:b:1')", ())
    assert is_dependency("implementation platform(project(':x'))", ())
    assert is_dependency("api group: 'a', name: 'b', version: '1'", ())
    assert not is_dependency("implementation y", ("x",))
