"""Gradle plugins, by their identifiers: those that make the same on every machine, and why others do not.

A plugin without a row is not understood. Sources: the plugins' pages on the Gradle Plugin Portal and their
own documentation; Gradle "Core Plugins".
"""

from __future__ import annotations

from collections.abc import Mapping

from xbuild.plan.table import words

SAME = frozenset(
    words(
        """
        java java-library java-base java-platform java-test-fixtures application war ear groovy scala jacoco
        checkstyle pmd codenarc idea eclipse maven-publish base distribution jvm-test-suite
        test-report-aggregation jacoco-report-aggregation build-dashboard project-report version-catalog
        kotlin-kapt kotlin
        org.springframework.boot io.spring.dependency-management
        org.jetbrains.kotlin.jvm org.jetbrains.kotlin.plugin.spring org.jetbrains.kotlin.plugin.jpa
        org.jetbrains.kotlin.plugin.serialization org.jetbrains.kotlin.plugin.allopen
        org.jetbrains.kotlin.plugin.noarg org.jetbrains.kotlin.plugin.lombok org.jetbrains.kotlin.kapt
        com.google.devtools.ksp com.github.johnrengelman.shadow com.gradleup.shadow io.freefair.lombok
        com.google.protobuf com.google.osdetector com.diffplug.spotless com.github.spotbugs org.sonarqube
        com.github.ben-manes.versions org.owasp.dependencycheck io.ktor.plugin io.micronaut.application
        io.micronaut.library io.micronaut.minimal.application com.github.davidmc24.gradle.plugin.avro
        org.openapi.generator org.jlleitschuh.gradle.ktlint io.gitlab.arturbosch.detekt
        com.google.cloud.tools.jib
        org.cyclonedx.bom com.adarshr.test-logger se.patrikerdes.use-latest-versions net.ltgt.errorprone
        net.ltgt.apt org.flywaydb.flyway org.liquibase.gradle com.ewerk.gradle.plugins.querydsl
        org.gradle.toolchains.foojay-resolver-convention io.spring.nohttp io.spring.javaformat
        """
    )
)
"""Identifiers of plugins whose own tasks for classes and jars make the same everywhere."""

WHY: Mapping[str, str] = {
    "org.graalvm.buildtools.native": "makes a native program, and has the application run while it is built",
    "org.springframework.boot.aot": "has the application run while it is built",
    "io.micronaut.aot": "has the application run while it is built",
    "org.openjfx.javafxplugin": "takes JavaFX for the machine that it runs on",
    "org.jetbrains.compose": "takes what is for the machine that it runs on",
    "org.jetbrains.kotlin.multiplatform": "may compile native programs",
    "org.beryx.jlink": "makes a Java runtime for the machine that it runs on",
    "org.beryx.runtime": "makes a Java runtime for the machine that it runs on",
    "org.panteleyev.jpackageplugin": "packs a Java runtime for the machine that it runs on",
    "com.gorylenko.gradle-git-properties": "writes the name of the machine into what it makes",
    "cpp-application": "compiles for the machine that it runs on",
    "cpp-library": "compiles for the machine that it runs on",
    "c": "compiles for the machine that it runs on",
    "com.github.node-gradle.node": "runs Node.js, whose output cannot be told from here",
    "org.siouan.frontend": "runs Node.js, whose output cannot be told from here",
    "org.siouan.frontend-jdk17": "runs Node.js, whose output cannot be told from here",
    "org.bytedeco.gradle-javacpp-platform": "takes libraries for the machine that it runs on",
    "org.bytedeco.gradle-javacpp-build": "compiles for the machine that it runs on",
    "io.quarkus": "takes what Maven's profiles choose by the machine",
    "com.github.psxpaul.execfork": "runs a program of the project's own",
}
