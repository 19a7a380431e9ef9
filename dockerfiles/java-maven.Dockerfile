# syntax=docker/dockerfile:1
#: Java by Maven: a jar is the same for every platform, so it is made once, on the build machine.
ARG java=21
ARG settings=.mvn
ARG options=-Dmaven.test.skip=true
ARG module=-pl service -am
ARG target=target
ARG jar=service-*.jar
ARG entrypoint=["java", "-jar", "/app/app.jar"]
ARG port=8080
ARG repository=https://git.example/team/project
ARG licence=MIT

#: if web
#: include web

#: end
FROM --platform=$BUILDPLATFORM maven:3.9-eclipse-temurin-${java} AS build
WORKDIR /src
#: if alone
COPY ${settings} ./${settings}
COPY pom.xml ./
RUN --mount=type=cache,target=/root/.m2 mvn --batch-mode dependency:go-offline
#: end
COPY . .
#: if embedded
COPY --from=web /src/${web_output} ./${web_output}
#: end
#: if quarkus
RUN --mount=type=cache,target=/root/.m2 \
    mvn --batch-mode ${module}${options} package && \
    mv ${target}/quarkus-app /out
#: end
#: if jar
RUN --mount=type=cache,target=/root/.m2 mkdir -p /out/lib && \
#: if libraries
    mvn --batch-mode ${module}${options} package dependency:copy-dependencies \
        -DincludeScope=runtime -Dmdep.prependGroupId=true -DoutputDirectory=/out/lib && \
#: end
#: if not libraries
    mvn --batch-mode ${module}${options} package && \
#: end
    rm -f ${target}/original-*.jar ${target}/*-sources.jar ${target}/*-javadoc.jar ${target}/*-tests.jar && \
    cp ${target}/${jar} /out/app.jar
#: end

FROM eclipse-temurin:${java}-jre-noble
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 10001:10001
WORKDIR /app
#: if quarkus
COPY --from=build /out/lib ./lib
COPY --from=build /out/app ./app
COPY --from=build /out/quarkus ./quarkus
COPY --from=build /out/quarkus-run.jar ./
#: end
#: if libraries
COPY --from=build /out/lib ./lib
#: end
#: if jar
COPY --from=build /out/app.jar ./
#: end
#: if served
COPY --chown=10001:10001 --from=web /src/${web_output} ./${web_output}
#: end
EXPOSE ${port}
ENTRYPOINT ${entrypoint}
