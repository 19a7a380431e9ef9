# syntax=docker/dockerfile:1
#: .NET: the SDK runs on the build machine, and publishes for the target's processor.
ARG net=10.0
ARG image=aspnet
ARG files=Directory.Build.props global.json
ARG projects=src/Shop/Shop.csproj ./src/Shop/
ARG project=src/Shop/Shop.csproj
ARG locked=--locked-mode
ARG entrypoint=["dotnet", "/app/Shop.dll"]
ARG port=8080
ARG labels=org.opencontainers.image.licenses="MIT"

#: if web
#: include web

#: end
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:${net} AS build
WORKDIR /src
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
#: if settings
COPY ${files} ./
#: end
COPY ${projects}
ARG TARGETARCH
RUN dotnet restore -a $TARGETARCH${locked} ${project}
COPY . .
#: if embedded
COPY --from=web /src/${web_output} ./${web_output}
#: end
RUN dotnet publish --no-restore -c Release -a $TARGETARCH --no-self-contained \
        -p:UseAppHost=false -p:ContinuousIntegrationBuild=true -o /out ${project}

FROM mcr.microsoft.com/dotnet/${image}:${net}
LABEL ${labels}
WORKDIR /app
COPY --from=build /out ./
#: if served
COPY --from=web /src/${web_output} ./${web_output}
#: end
USER 1654:1654
EXPOSE ${port}
ENTRYPOINT ${entrypoint}
