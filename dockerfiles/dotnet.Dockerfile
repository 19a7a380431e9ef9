# syntax=docker/dockerfile:1
#: .NET: the SDK runs on the build machine, and publishes for the target's processor.
ARG net=10.0
ARG image=aspnet
ARG files=Directory.Build.props global.json
ARG settings=src
ARG part=src/Shop
ARG project=src/Shop/Shop.csproj
ARG locked=--locked-mode
ARG entrypoint=["dotnet", "/app/Shop.dll"]
ARG port=8080
ARG repository=https://git.example/team/project
ARG licence=MIT

#: if web
#: include web

#: end
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:${net} AS build
WORKDIR /src
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
COPY ${files} ./
COPY ${settings}/Directory.* ./${settings}/
COPY ${part}/*.*proj ${part}/packages.lock.json* ${part}/Directory.* ./${part}/
ARG TARGETARCH
RUN dotnet restore -a $TARGETARCH${locked} ${project}
COPY . .
#: if embedded
COPY --from=web /src/${web_output} ./${web_output}
#: end
RUN dotnet publish --no-restore -c Release -a $TARGETARCH --no-self-contained \
        -p:UseAppHost=false -p:ContinuousIntegrationBuild=true -o /out ${project}

FROM mcr.microsoft.com/dotnet/${image}:${net}
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 1654:1654
WORKDIR /app
COPY --chown=1654:1654 --from=build /out ./
#: if served
COPY --chown=1654:1654 --from=web /src/${web_output} ./${web_output}
#: end
EXPOSE ${port}
ENTRYPOINT ${entrypoint}
