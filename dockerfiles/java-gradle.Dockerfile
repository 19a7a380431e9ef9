# syntax=docker/dockerfile:1
#: Java by Gradle: a jar is the same for every platform, so it is made once, on the build machine.
ARG java=21
ARG files=settings.gradle build.gradle gradle.properties
ARG part=service
ARG task=:service:
ARG build=build
ARG entrypoint=["java", "-jar", "/app/app.jar"]
ARG port=8080
ARG repository=https://git.example/team/project
ARG licence=MIT

#: if web
#: include web

#: end
FROM --platform=$BUILDPLATFORM eclipse-temurin:${java}-jdk-noble AS build
WORKDIR /src
#: if simple
COPY gradlew ${files} ./
COPY gradle ./gradle
COPY ${part}/build.gradle* ./${part}/
RUN --mount=type=cache,target=/root/.gradle sh gradlew --no-daemon ${task}dependencies
#: end
COPY . .
#: if embedded
COPY --from=web /src/${web_output} ./${web_output}
#: end
#: if boot
RUN --mount=type=cache,target=/root/.gradle \
    sh gradlew --no-daemon ${task}bootJar && mkdir /out && cp ${build}/libs/*.jar /out/app.jar
#: end
#: if main
RUN --mount=type=cache,target=/root/.gradle \
    sh gradlew --no-daemon ${task}installDist && mkdir /out && cp -r ${build}/install/*/lib /out/lib
#: end

FROM eclipse-temurin:${java}-jre-noble
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 10001:10001
WORKDIR /app
#: if boot
COPY --from=build /out/app.jar ./
#: end
#: if main
COPY --from=build /out/lib ./lib
#: end
#: if served
COPY --chown=10001:10001 --from=web /src/${web_output} ./${web_output}
#: end
EXPOSE ${port}
ENTRYPOINT ${entrypoint}
