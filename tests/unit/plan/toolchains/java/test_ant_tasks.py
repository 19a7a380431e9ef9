"""Build files of Ant that are as plain as they have to be, and those that are not."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from xbuild.dockerfile.parser import parse
from xbuild.graph.model import Options
from xbuild.plan.deciding.planner import make_plan
from xbuild.platforms import parse_platforms
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

DOCKERFILE = """\
FROM eclipse-temurin:21 AS build
RUN apt-get update && apt-get install -y ant
WORKDIR /app
{before}COPY . .
RUN {run}
FROM eclipse-temurin:21-jre
COPY --from=build /app/dist /app/
"""
BUILD = """\
<project name="app" default="jar">
{top}
<target name="jar" depends="compile"><jar destfile="dist/app.jar" basedir="build"/>{tasks}</target>
<target name="compile"><javac srcdir="src" destdir="build" {javac}</target>
</project>
"""
PROCESSOR = "META-INF/services/javax.annotation.processing.Processor"
PLUGIN = "META-INF/services/com.sun.source.util.Plugin"
NO_PROCESSORS = 'classpath="lib/x.jar"><compilerarg value="-proc:none"/></javac>'
TESTS = (
    '<junit fork="yes"><formatter type="xml"/><batchtest todir="{}"><fileset dir="src"/></batchtest></junit>'
)


def planned(folder: Path, files: dict[str, bytes], run: str = "ant", before: str = "", **parts: str) -> str:
    """The word for the stage, or why it stays."""
    text = BUILD.format(**{"top": "", "tasks": "", "javac": "/>", **parts})
    for name, content in {"build.xml": text.encode(), "src/A.java": b"class A {}\n", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    tree = parse(Source.from_bytes("Dockerfile", DOCKERFILE.format(run=run, before=before).encode()))
    plan = make_plan(tree, Options(), parse_platforms(("amd64", "arm64")), DirectoryContext(folder))
    return "\n".join(reason.text for reason in plan.stages[0].reasons) or str(plan.stages[0].word)


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in names:
            opened.writestr(name, "a" * 400)
    return made.getvalue()


@pytest.mark.parametrize(
    ("parts", "files"),
    [
        ({"javac": 'classpath="lib/x.jar"/>'}, {"lib/x.jar": archive("a/B.class", "META-INF/services/a.B")}),
        ({"javac": NO_PROCESSORS}, {"lib/x.jar": archive(PROCESSOR)}),
        ({"top": '<property file="absent.properties"/>'}, {}),
        ({"top": '<property file="p.properties"/>'}, {"p.properties": b"a=b\\u0041\n! no\nc = ${a}\n"}),
        ({"tasks": '<echo file="dist/m">${a} ${user.name}</echo>', "run": "ant -Da=$WHAT"}, {}),
        ({"tasks": TESTS.format("reports")}, {}),
        ({"top": '<tstamp prefix="t"/>', "tasks": '<echo file="dist/t">${t.TODAY}</echo>'}, {}),
        ({"top": '<target name="y" if="never"><exec/></target>', "run": "ant y jar"}, {}),
    ],
)  # fmt: skip
def test_a_plain_build_file(parts: dict[str, str], files: dict[str, bytes], tmp_path: Path) -> None:
    assert planned(tmp_path, files, **parts) == "portable"


@pytest.mark.parametrize(
    ("part", "text", "why"),
    [
        ("top", '<presetdef name="javac"><javac executable="x"/></presetdef>', "has <presetdef>"),
        ("top", '<macrodef name="m"><sequential/></macrodef>', "has <macrodef>"),
        ("top", '<extension-point name="x"/>', "has <extension-point>"),
        ("top", '<property name="j" location="../usr/lib/jvm"/>', "leads out of its project"),
        ("top", '<property name="build.compiler" value="a.B"/>', "sets build.compiler"),
        ("top", '<property name="a" value="1" NAME="b"/>', "names an attribute of <property> twice"),
        ("top", '<property name="o" value="os"/><echo>${${o}.arch}</echo>', "has what is not read"),
        ("top", '<property name="d" value="$"/><echo>${d}{os.arch}</echo>', "has what is not read"),
        ("top", '<property name="a" value="b">${os.arch}</property>', "has <property name value>"),
        ("top", "<echo>${nowhere}</echo>", "has ${nowhere}, which is not set in it"),
        ("top", '<unzip src="libs.zip" dest="lib"/>', "unpacks what may hold a program"),
        ("top", '<echo file="p">a=b</echo><property file="p"/>', "reads /app/p after it made files"),
        ("tasks", '<get src="https://example.org/a" dest="dist/a"/>', "has <get> of the target jar"),
        ("tasks", '<antcall target="compile"/>', "has <antcall>"),
        ("tasks", '<signjar jar="dist/app.jar" alias="a"/>', "has <signjar>"),
        ("tasks", '<copy FILE="/etc/hostname" todir="dist"/>', "leads out of its project"),
        ("tasks", '<copy file="..\\etc\\hostname" todir="dist"/>', "leads out of its project"),
        ("tasks", '<zip destfile="dist/a"><fileset dir="." includes="a, /etc/hostname"/></zip>', "leads out"),
        ("tasks", '<zip destfile="a"><fileset dir="."><include name="../b"/></fileset></zip>', "leads out"),
        ("tasks", '<copy file="a" todir="dist"><filterchain/></copy>', "has <filterchain> in <copy>"),
        ("tasks", '<copy todir="dist"><globmapper from="*" to="*.x"/></copy>', "has <globmapper>"),
        ("tasks", '<copy todir="dist"><mapper type="glob" from="*"/></copy>', "has <mapper type=glob>"),
        ("tasks", '<tstamp/><copy file="src/A.java" tofile="dist/${DSTAMP}"/>', "leads out of its project"),
        ("tasks", f'<echo file="build/{PROCESSOR}">a.P</echo>', "has <echo file=build/META-INF"),
        ("tasks", '<junit><batchtest todir="r"/></junit>', "without <fork"),
        ("tasks", '<junit fork="yes"><formatter type="xml"/><batchtest/></junit>', "among its other files"),
        ("tasks", TESTS.format("reports") + '<copy file="reports" todir="dist"/>', "takes what tests report"),
        ("tasks", '<junit fork="yes" failureproperty="f"/>', "has <junit failureproperty>"),
        ("tasks", "<mkdir dir='a'>text</mkdir>", "has <mkdir>"),
        ("javac", 'compiler="a.B"/>', "has <javac compiler>"),
        ("javac", 'classpathref="cp"/>', "has <javac classpathref>"),
        ("javac", '><compilerarg line="-Xlint -processorpath lib"/></javac>', "<compilerarg -processorpath"),
        ("javac", '><compilerarg file="a" value="-g"/></javac>', "has <compilerarg"),
    ],
)  # fmt: skip
def test_a_build_file_that_is_more(part: str, text: str, why: str, tmp_path: Path) -> None:
    assert why in planned(tmp_path, {}, **{part: text})


@pytest.mark.parametrize(
    ("javac", "name", "content"),
    [
        ('classpath="lib/x.jar"/>', "lib/x.jar", archive("a", PROCESSOR)),
        ('classpath="lib/x.dat"/>', "lib/x.dat", archive(PROCESSOR, "b")),
        ("/>", f"lib/{PROCESSOR}", b"a.P"),
        (NO_PROCESSORS, "lib/x.jar", archive(PLUGIN)),
        (NO_PROCESSORS, f"src/{PLUGIN}", b"a.P"),
    ],
)
def test_programs_that_javac_would_run(javac: str, name: str, content: bytes, tmp_path: Path) -> None:
    assert f"{name} may be a program that it runs" in planned(tmp_path, {name: content}, javac=javac)


@pytest.mark.parametrize(
    ("run", "before", "why"),
    [
        ("ant -Dbasedir=/usr", "", "sets basedir"),
        ("ant -Dos.arch=any", "", "sets os.arch"),
        ("ant -D a=b", "", "a property that is set for it cannot be told"),
        ("ant jar$WHAT", "", "what it is asked for cannot be told"),
        ("ant nothing", "", "has no target nothing"),
        ("CLASSPATH=lib ant", "", "CLASSPATH is set"),
        ("ant", "ENV ANT_OPTS=-Dbuild.compiler=a.B\n", "ANT_OPTS is set"),
        ("ant", "ENV JAVA_TOOL_OPTIONS=-Da=b\n", "JAVA_TOOL_OPTIONS is set"),
        ("ant", "ENV ANT_OPTS=-javaagent:a.jar\n", "ANT_OPTS has an option"),
        ("ant", "RUN ln -s /opt/a/ant /usr/local/bin/ant\n", "which Ant it is cannot be told"),
        ("ant", "COPY antrc /root/.antrc\n", "may put there what Ant reads"),
        ("ln -s /etc/hostname src/h && ant", "", "may put a symbolic link into its project"),
        (f"echo a > src/{PROCESSOR} && ant", "", "may put a program that it runs"),
        ("--mount=type=cache,target=/app/build ant", "", "a mount brings what is not looked into"),
        ("ant -lib lib", "", "may write anything"),
    ],
)
def test_what_stands_around_it(run: str, before: str, why: str, tmp_path: Path) -> None:
    assert why in planned(tmp_path, {"antrc": b""}, run, before)
