# syntax=docker/dockerfile:1
#: A service on Node. What it runs with is installed on the build machine, for the target's processor, if
#: nothing among it has to be compiled or to run a script; else on the target platform.
ARG image=node:24.21-bookworm
ARG files=package.json package-lock.json
ARG parts=prisma
ARG workspace=packages/api
ARG manager=corepack enable
ARG cache=/root/.npm
ARG settings=--mount=type=secret,id=npmrc,target=/root/.npmrc
ARG install=npm ci
ARG install_production=npm ci --omit=dev
ARG reason=bcrypt
ARG build=npm run build
ARG built=dist
ARG folder=/app
ARG command=["node", "server.js"]
ARG port=3000
ARG check=["node", "-e", "process.exit(0)"]
ARG repository=https://git.example/team/project
ARG licence=MIT

#: if web
#: include web

#: end
#: if build
FROM --platform=$BUILDPLATFORM ${image} AS build
WORKDIR /app
RUN ${manager}
COPY ${files} ./
COPY ${parts} ./${parts}
COPY ${workspace}/package.json ./${workspace}/
RUN --mount=type=cache,target=${cache} ${settings}${install}
COPY . .
RUN ${build}

#: end
#: if not compiled
FROM --platform=$BUILDPLATFORM ${image} AS modules
#: end
#: if compiled
# xbuild ignore=emulated-install on the target platform, because of ${reason}; xbuild build assists it
FROM ${image} AS modules
#: end
WORKDIR /app
RUN ${manager}
COPY ${files} ./
COPY ${parts} ./${parts}
COPY ${workspace}/package.json ./${workspace}/
#: if not compiled
ARG TARGETARCH
#: end
RUN --mount=type=cache,target=${cache} ${settings}${install_production}

FROM ${image}-slim
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
ENV NODE_ENV=production
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 1000:1000
WORKDIR /app
COPY --from=modules /app ./
COPY --chown=1000:1000 . .
COPY --chown=1000:1000 --from=build /app/${built} ./${built}
#: if served
COPY --chown=1000:1000 --from=web /src/${web_output} ./${web_output}
#: end
EXPOSE ${port}
HEALTHCHECK CMD ${check}
WORKDIR ${folder}
CMD ${command}
