"""Maven plugins: what each of them does, as far as it matters for what leaves. One plugin, one row.

A plugin without a row is not understood, nor is a goal that its row does not name. Sources: the plugins' own
reference pages ("Goals", "Usage"), each for its newest release and what older ones call otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from xbuild.text import expression, value


@value()
class MavenPlugin:
    """`goals`: a pattern of those that are known to make the same on every machine. `phase`: where they run
    when nothing else is said, if that is behind `package`.

    `refused`: patterns of settings (`a/b=value`) and what they mean. `tools`: a pattern of settings that
    name a program for the build machine, which runs there and does not leave. `leaves` are folders below the
    one it builds in where something of that machine is kept. `tests`: it runs the project's tests.
    `templates`: settings that name files or folders in which expressions are replaced; `folders` is where
    these lie by default. `extra`: a pattern of what may be added to it. `why`: what makes it unfit, whatever
    it is told; `unless`: a pattern of settings with which it does nothing of that.
    """

    name: str
    goals: str = ""
    phase: str = ""
    refused: tuple[tuple[str, str], ...] = ()
    tools: str = ""
    leaves: tuple[str, ...] = ()
    tests: bool = False
    templates: str = ""
    folders: tuple[str, ...] = ()
    extra: str = ""
    why: str = ""
    unless: str = ""
    cure: str | None = None

    @property
    def prefix(self) -> str:
        """What it is called on a command line (Maven "Introduction to Plugin Prefix Resolution")."""
        artifact = self.name.partition(":")[2]
        return _PREFIX.sub("", artifact) or artifact

    def is_tool(self, path: str) -> bool:
        """Whether a setting names a program for the build machine."""
        return self.tools != "" and re.fullmatch(self.tools, path) is not None

    def takes(self, dependency: str) -> bool:
        """Whether something that is added to it changes nothing of that: what is of its own group, or of
        those that the row names.
        """
        group = self.name.partition(":")[0]
        return dependency.startswith(f"{group}:") or re.fullmatch(self.extra, dependency) is not None


_PREFIX = expression(r"^maven-(?=.+-plugin$)|-?maven-?|-?plugin$")

REFUSED: tuple[tuple[str, str], ...] = (
    (r"(.*/)?addBuildEnvironmentEntries=true", "writes into its jar which machine built it"),
    (r"(.*/)?(javacpp\.platform|platform\.classifier)=.*", "names a platform for native libraries"),
)
"""Settings that no plugin may have."""

_MACHINE = "makes what is for the machine that it runs on"
_PROGRAM = "runs a program of the project's own, and what that does cannot be told"
_FRONTEND = "runs Node.js, whose output cannot be told from here"
_SPLIT = "do that step in a stage of its own, and COPY its output into this one"


def _rows(group: str, text: str) -> tuple[MavenPlugin, ...]:
    """A row for each line: the artifact, and its goals."""
    lines = (line.split() for line in text.strip().splitlines())
    return tuple(MavenPlugin(f"{group}:{artifact}", "|".join(goals)) for artifact, *goals in lines)


_NATIVE_QUARKUS = (
    (
        r"quarkus\.native\.(enabled=true|container-build=true)|quarkus\.package\.(jar\.)?type=native.*",
        "makes a native program",
    ),
    (
        r"quarkus\.package\.(create-appcds|jar\.appcds\.enabled|jar\.aot\.enabled)=true",
        "makes an archive for the JVM that it runs on",
    ),
    (r"quarkus\.container-image\.(build|push)=true", "makes an image by itself"),
    (r"(.*/)?native(Image)?(/.*)?=.*native.*", "makes a native program"),
)

# Where tests put what they report, if not below a folder that is kept apart (`leaves`).
_REPORTS = (
    (
        r"(.*[/.])?(?:reportsDirectory|summaryFile|destFile|dataFile|outputDirectory)=(?!(?:.*/)?"
        r"(?:surefire-reports|failsafe-reports|site|reports|jacoco[\w-]*\.exec)(?:/|$)).*",
        "puts reports of tests where they may leave",
    ),
)

_APACHE = (
    *_rows(
        "org.apache.maven.plugins",
        """
        maven-clean-plugin clean
        maven-install-plugin install
        maven-source-plugin jar jar-no-fork test-jar test-jar-no-fork aggregate
        maven-shade-plugin shade
        maven-ejb-plugin ejb
        maven-rar-plugin rar
        maven-acr-plugin acr
        maven-plugin-plugin descriptor helpmojo addPluginArtifactMetadata
        maven-archetype-plugin jar
        maven-artifact-plugin buildinfo check-buildplan
        maven-remote-resources-plugin process bundle
        maven-site-plugin attach-descriptor
        """,
    ),
    MavenPlugin("org.apache.maven.plugins:maven-deploy-plugin", "deploy", phase="deploy"),
    MavenPlugin("org.apache.maven.plugins:maven-gpg-plugin", "sign", phase="verify"),
    MavenPlugin("org.apache.maven.plugins:maven-resources-plugin", "resources|testResources|copy-resources"),
    MavenPlugin(
        "org.apache.maven.plugins:maven-compiler-plugin",
        "compile|testCompile",
        refused=(
            (
                r"(.*/)?compilerId=(?!(javac|javac-with-errorprone|eclipse|jdt|groovy-eclipse-compiler)$).*",
                "compiles by a compiler that is not known",
            ),
            (r"(.*/)?proc=only.*", "runs annotation processors alone"),
        ),
        extra=r"(org\.ow2\.asm|org\.codehaus\.plexus|com\.google\.errorprone|org\.codehaus\.groovy"
        r"|org\.eclipse\.jdt|org\.projectlombok|org\.mapstruct):.*",
    ),
    MavenPlugin(
        "org.apache.maven.plugins:maven-jar-plugin",
        "jar|test-jar",
    ),
    MavenPlugin("org.apache.maven.plugins:maven-war-plugin", "war|exploded|inplace"),
    MavenPlugin("org.apache.maven.plugins:maven-ear-plugin", "ear|generate-application-xml"),
    MavenPlugin(
        "org.apache.maven.plugins:maven-surefire-plugin",
        "test",
        refused=_REPORTS,
        tests=True,
        extra=r".*",
        leaves=("surefire-reports", "surefire"),
    ),
    MavenPlugin(
        "org.apache.maven.plugins:maven-failsafe-plugin",
        "integration-test|verify",
        refused=_REPORTS,
        tests=True,
        extra=r".*",
        leaves=("failsafe-reports",),
    ),
    MavenPlugin(
        "org.apache.maven.plugins:maven-surefire-report-plugin",
        "report|report-only|failsafe-report-only",
        refused=_REPORTS,
        leaves=("site", "reports"),
    ),
    MavenPlugin(
        "org.apache.maven.plugins:maven-assembly-plugin",
        "single|assembly|attached|directory-single",
        templates=r"(.*/)?descriptors?(/descriptor)?|(.*/)?descriptorSourceDirectory",
        folders=("src/assembly", "src/main/assembly"),
    ),
    MavenPlugin(
        "org.apache.maven.plugins:maven-dependency-plugin",
        "copy|copy-dependencies|unpack|unpack-dependencies|properties|analyze|analyze-only|tree|list|resolve"
        "|resolve-plugins|go-offline|get|purge-local-repository|build-classpath|sources|analyze-dep-mgt"
        "|list-repositories|collect",
        refused=((r"(.*/)?prefix=.*", "writes where its own folders lie"),),
    ),
    MavenPlugin(
        "org.apache.maven.plugins:maven-javadoc-plugin",
        "jar|javadoc|aggregate|aggregate-jar|fix|javadoc-no-fork",
    ),
    MavenPlugin("org.apache.maven.plugins:maven-enforcer-plugin", "enforce|display-info", extra=r".*"),
    MavenPlugin(
        "org.apache.maven.plugins:maven-checkstyle-plugin",
        "check|checkstyle|checkstyle-aggregate",
        extra=r".*",
    ),
    MavenPlugin("org.apache.maven.plugins:maven-pmd-plugin", "check|pmd|cpd|cpd-check", extra=r".*"),
    MavenPlugin("org.apache.maven.plugins:maven-jdeps-plugin", "jdkinternals|test-jdkinternals"),
    MavenPlugin("org.apache.maven.plugins:maven-invoker-plugin", why=_PROGRAM),
    MavenPlugin(
        "org.apache.maven.plugins:maven-antrun-plugin",
        why="runs Ant, and what its tasks do is not followed",
        unless=r"(.*/)?skip=true|maven\.antrun\.skip=true",
    ),
    MavenPlugin(
        "org.apache.maven.plugins:maven-jlink-plugin",
        why="makes a Java runtime for the machine that it runs on",
    ),
    MavenPlugin("org.apache.maven.plugins:maven-jmod-plugin", why=_MACHINE),
    MavenPlugin(
        "org.apache.maven.plugins:maven-toolchains-plugin",
        "toolchain|select-jdk-toolchain|display-discovered-jdk-toolchains",
    ),
)

_CODEHAUS = (
    *_rows(
        "org.codehaus.mojo",
        """
        flatten-maven-plugin flatten clean
                animal-sniffer-maven-plugin check
                jaxb2-maven-plugin xjc testXjc schemagen
        xml-maven-plugin transform validate
        javacc-maven-plugin javacc jjtree jjtree-javacc
        antlr-maven-plugin generate
        aspectj-maven-plugin compile test-compile
        jdepend-maven-plugin generate
        """,
    ),
    MavenPlugin(
        "org.codehaus.mojo:build-helper-maven-plugin",
        "add-source|add-test-source|add-resource|add-test-resource|attach-artifact|timestamp-property"
        "|parse-version|regex-property|regex-properties|remove-project-artifact|reserve-network-port"
        "|maven-version|rootlocation|released-version|uptodate-property|uptodate-properties",
    ),
    MavenPlugin(
        "org.codehaus.mojo:license-maven-plugin",
        "(aggregate-)?add-third-party|(aggregate-)?download-licenses|(check|update)-file-header",
    ),
    MavenPlugin(
        "org.codehaus.mojo:versions-maven-plugin",
        "set|revert|commit|update-properties|display-(dependency|plugin|property)-updates",
    ),
    MavenPlugin("org.codehaus.mojo:buildnumber-maven-plugin", "create|create-timestamp|create-metadata"),
    MavenPlugin(
        "org.codehaus.mojo:properties-maven-plugin",
        "read-project-properties|set-system-properties",
        templates=r"(.*/)?files?(/file)?",
    ),
    MavenPlugin(
        "org.codehaus.mojo:templating-maven-plugin",
        "filter-sources|filter-test-sources",
        templates=r"(.*/)?sourceDirectory",
        folders=("src/main/java-templates", "src/test/java-templates"),
    ),
    MavenPlugin("org.codehaus.mojo:appassembler-maven-plugin", "assemble|create-repository"),
    MavenPlugin(
        "org.codehaus.mojo:exec-maven-plugin",
        why=_PROGRAM,
        unless=r"(.*/)?skip=true|exec\.skip=true",
        cure=_SPLIT,
    ),
    MavenPlugin("org.codehaus.mojo:native-maven-plugin", why=_MACHINE),
    MavenPlugin("org.codehaus.mojo:rpm-maven-plugin", why=_MACHINE),
)

_FRAMEWORKS = (
    MavenPlugin(
        "org.springframework.boot:spring-boot-maven-plugin",
        "repackage|build-info",
        refused=((r"(.*/)?skip=.*\$.*", "is skipped or not by what cannot be told"),),
        extra=r"org\.springframework\..*:.*|org\.projectlombok:.*",
    ),
    *(
        MavenPlugin(
            f"{group}:quarkus-maven-plugin",
            "build|generate-code|generate-code-tests|native-image-agent",
            refused=_NATIVE_QUARKUS,
        )
        for group in ("io.quarkus", "io.quarkus.platform", "com.redhat.quarkus.platform")
    ),
    *(
        MavenPlugin(
            f"{group}:micronaut-maven-plugin",
            "generate-resources|generate-grpc|start-testresources-service|stop-testresources-service",
            refused=((r"micronaut\.aot\.enabled=true|packaging=(native-image|docker.*)", _MACHINE),),
        )
        for group in ("io.micronaut.maven", "io.micronaut.build")
    ),
    MavenPlugin("io.helidon.build-tools:helidon-maven-plugin", why=_MACHINE),
    MavenPlugin("org.graalvm.buildtools:native-maven-plugin", why="makes a native program"),
    MavenPlugin("org.openjfx:javafx-maven-plugin", why=_MACHINE),
    MavenPlugin("org.panteleyev:jpackage-maven-plugin", why=_MACHINE),
    MavenPlugin("org.bytedeco:javacpp", why=_MACHINE),
    MavenPlugin("com.github.maven-nar:nar-maven-plugin", why=_MACHINE),
    MavenPlugin("com.akathist.maven.plugins.launch4j:launch4j-maven-plugin", why=_MACHINE),
    MavenPlugin("com.github.eirslett:frontend-maven-plugin", why=_FRONTEND, cure=_SPLIT),
    MavenPlugin("com.github.eirslett:frontend-plugin-core", why=_FRONTEND, cure=_SPLIT),
    MavenPlugin("com.vaadin:vaadin-maven-plugin", why=_FRONTEND),
    MavenPlugin("com.google.cloud.tools:jib-maven-plugin", why="makes an image by itself"),
    MavenPlugin("io.fabric8:docker-maven-plugin", why="makes an image by itself"),
    MavenPlugin("com.spotify:dockerfile-maven-plugin", why="makes an image by itself"),
    MavenPlugin("com.spotify:docker-maven-plugin", why="makes an image by itself"),
)

_LANGUAGES = (
    MavenPlugin(
        "org.jetbrains.kotlin:kotlin-maven-plugin",
        "compile|test-compile|kapt|test-kapt",
        refused=((r"(.*/)?jvmTarget=\$.*", "compiles for a JVM that cannot be told"),),
        extra=r"org\.jetbrains\.kotlin:.*|org\.jetbrains\.kotlinx:.*",
    ),
    *(
        MavenPlugin(
            f"{group}:scala-maven-plugin",
            "compile|testCompile|add-source|doc|doc-jar|process-resources",
            refused=((r"(.*/)?compilerPlugins?/.*(scala-native|nscplugin).*", "makes a native program"),),
        )
        for group in ("net.alchim31.maven", "org.scala-tools")
    ),
    MavenPlugin(
        "org.codehaus.gmavenplus:gmavenplus-plugin",
        "addSources|addTestSources|generateStubs|generateTestStubs|compile|compileTests|removeStubs"
        "|removeTestStubs",
        extra=r"org\.(codehaus|apache)\.groovy:.*",
    ),
    *_rows(
        "org.antlr",
        """
        antlr4-maven-plugin antlr4
        antlr3-maven-plugin antlr
        """,
    ),
    *_rows("org.apache.avro", "avro-maven-plugin schema protocol idl-protocol idl induce"),
    *_rows("org.apache.thrift", "thrift-maven-plugin compile"),
    *(
        MavenPlugin(
            f"{group}:protobuf-maven-plugin",
            "compile|compile-custom|compile-python|compile-javanano|compile-cpp|compile-csharp|compile-js"
            "|test-compile|test-compile-custom|generate|generate-test",
            tools=r"(.*/)?(protocArtifact|pluginArtifact|protocPlugins/protocPlugin/\w+"
            r"|(binary|jvm)MavenPlugins?/.*|protocExecutable|pluginExecutable)",
            leaves=("protoc-plugins", "protobuf-maven-plugin", "protoc-dependencies"),
        )
        for group in (
            "org.xolstice.maven.plugins",
            "io.github.ascopes",
            "com.google.protobuf.tools",
            "kr.motd.maven",
            "com.salesforce.servicelibs",
        )
    ),
    MavenPlugin(
        "com.github.os72:protoc-jar-maven-plugin", "run", tools=r"(.*/)?(protocArtifact|pluginArtifact)"
    ),
    MavenPlugin("kr.motd.maven:os-maven-plugin", "detect"),
)

_GENERATORS = (
    *_rows("org.openapitools", "openapi-generator-maven-plugin generate"),
    *_rows("io.swagger.codegen.v3", "swagger-codegen-maven-plugin generate"),
    *_rows("io.swagger", "swagger-codegen-maven-plugin generate"),
    *_rows("org.jsonschema2pojo", "jsonschema2pojo-maven-plugin generate"),
    *_rows("org.jvnet.jaxb2.maven2", "maven-jaxb2-plugin generate"),
    *_rows("org.jvnet.jaxb", "jaxb-maven-plugin generate"),
    *_rows("org.apache.cxf", "cxf-codegen-plugin wsdl2java\ncxf-xjc-plugin xsdtojava"),
    *_rows("com.sun.xml.ws", "jaxws-maven-plugin wsimport wsgen"),
    *_rows("org.hibernate.orm.tooling", "hibernate-enhance-maven-plugin enhance"),
    *_rows("org.hibernate.orm", "hibernate-maven-plugin enhance"),
    *_rows("com.mysema.maven", "apt-maven-plugin process test-process"),
    *_rows("org.bsc.maven", "maven-processor-plugin process process-test"),
    *_rows("io.smallrye", "jandex-maven-plugin jandex"),
    *_rows("org.jboss.jandex", "jandex-maven-plugin jandex"),
    *_rows("io.ebean", "ebean-maven-plugin enhance testEnhance"),
    *_rows("org.apache.johnzon", "johnzon-maven-plugin example-to-model"),
    *_rows("de.jflex", "jflex-maven-plugin generate"),
    *_rows("com.mycila", "license-maven-plugin check format remove"),
    *_rows("org.apache.rat", "apache-rat-plugin check"),
    *_rows("org.cyclonedx", "cyclonedx-maven-plugin makeBom makeAggregateBom makePackageBom"),
    MavenPlugin(
        "org.jacoco:jacoco-maven-plugin",
        "prepare-agent|prepare-agent-integration|report|report-aggregate|report-integration|check|merge",
        refused=_REPORTS,
        leaves=("jacoco.exec", "jacoco-it.exec", "site"),
    ),
    *_rows("com.github.spotbugs", "spotbugs-maven-plugin check spotbugs verify"),
    *_rows("com.coveo", "fmt-maven-plugin check format"),
    *_rows("com.spotify.fmt", "fmt-maven-plugin check format"),
    *_rows("net.revelc.code.formatter", "formatter-maven-plugin format validate"),
    *_rows("net.revelc.code", "impsort-maven-plugin sort check"),
    *_rows("io.spring.javaformat", "spring-javaformat-maven-plugin apply validate"),
    *_rows("com.github.ekryd.sortpom", "sortpom-maven-plugin sort verify"),
    *_rows("org.commonjava.maven.plugins", "directory-maven-plugin highest-basedir directory-of"),
    *_rows("io.github.zlika", "reproducible-build-maven-plugin strip-jar"),
    MavenPlugin(
        "com.diffplug.spotless:spotless-maven-plugin",
        "check|apply",
        refused=(
            (
                r"(.*/)?(prettier|eslint|tsfmt|npm|nodeExecutable|black|clang\w*|shfmt|buf|biome)(/.*)?=.*",
                "formats by a program that it installs for the machine that it runs on",
            ),
        ),
    ),
    *(
        MavenPlugin(
            name,
            goals,
            refused=((r"(?!.*=\$).*(\$\{system|-runsystem).*", "runs a command of the system"),),
        )
        for name, goals in (
            ("org.apache.felix:maven-bundle-plugin", "bundle|manifest|install"),
            ("biz.aQute.bnd:bnd-maven-plugin", "bnd-process|jar|test-jar"),
        )
    ),
    MavenPlugin("org.sonatype.plugins:nexus-staging-maven-plugin", "deploy", phase="deploy"),
    MavenPlugin("org.sonatype.central:central-publishing-maven-plugin", "publish", phase="deploy"),
    *(
        MavenPlugin(
            name,
            why="writes the name of the machine into what it makes",
            unless=r"maven\.gitcommitid\.skip=true|skip=true"
            r"|(.*/)?excludePropert(y|ies)=\^?git(\.|\\.)build(\.|\\.)(host|\*|\.\*)\$?",
            cure="leave it out of the image's build: -Dmaven.gitcommitid.skip=true",
        )
        for name in (
            "io.github.git-commit-id:git-commit-id-maven-plugin",
            "pl.project13.maven:git-commit-id-plugin",
        )
    ),
)

PLUGINS: Mapping[str, MavenPlugin] = {
    row.name: row for row in (*_APACHE, *_CODEHAUS, *_FRAMEWORKS, *_LANGUAGES, *_GENERATORS)
}
"""By group:artifact."""

EXTENSIONS = expression(
    r"(kr\.motd\.maven:os-maven-plugin|org\.apache\.maven\.wagon:wagon-[\w-]+"
    r"|org\.jvnet\.wagon-svn:wagon-svn|com\.google\.cloud\.artifactregistry:artifactregistry-maven-wagon"
    r"|org\.apache\.maven\.extensions:maven-enforcer-extension"
    r"|fr\.jcgay\.maven:maven-(profiler|notifier)|com\.allogy\.maven\.wagon:maven-s3-wagon"
    r"|io\.takari\.maven:takari-smart-builder|com\.soebes\.maven\.extensions:maven-buildtime-extension)"
)
"""What may take part in a build by itself: it fetches and puts things, looks at the clock, or names the
machine in properties that are compared.
"""
