#: The files of a web frontend: the same for every platform, so they are made once, on the build machine.
ARG web_image=node:24.21-bookworm
ARG web_folder=frontend
ARG web_place=/src/frontend
ARG web_output=frontend/dist
ARG web_files=frontend/package.json frontend/package-lock.json
ARG web_manager=corepack enable
ARG web_cache=/root/.npm
ARG web_install=npm ci
ARG web_build=npm run build

FROM --platform=$BUILDPLATFORM ${web_image} AS web
WORKDIR ${web_place}
RUN ${web_manager}
COPY ${web_files} ./
RUN --mount=type=cache,target=${web_cache} ${web_install}
COPY ${web_folder} .
RUN ${web_build}
