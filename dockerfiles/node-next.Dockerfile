# syntax=docker/dockerfile:1
#: Next.js: built on the build machine; what runs comes with the packages for the target's processor.
ARG image=node:24.21-bookworm
ARG files=package.json package-lock.json
ARG parts=prisma
ARG manager=corepack enable
ARG cache=/root/.npm
ARG settings=--mount=type=secret,id=npmrc,target=/root/.npmrc
ARG install=npm ci
ARG install_production=npm ci --omit=dev
ARG reason=bcrypt
ARG build=npm run build
ARG config=next.config.js
ARG public=public
ARG port=3000
ARG check=["node", "-e", "process.exit(0)"]
ARG repository=https://git.example/team/project
ARG licence=MIT

FROM --platform=$BUILDPLATFORM ${image} AS build
WORKDIR /app
ENV NEXT_TELEMETRY_DISABLED=1
RUN ${manager}
COPY ${files} ./
COPY ${parts} ./${parts}
RUN --mount=type=cache,target=${cache} ${settings}${install}
COPY . .
#: if standalone
# The modules in there are the build machine's: those of the stage below are taken instead.
RUN ${build} && rm -rf .next/cache .next/standalone/node_modules
#: end
#: if not standalone
RUN ${build} && rm -rf .next/cache
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
#: if not compiled
ARG TARGETARCH
#: end
RUN --mount=type=cache,target=${cache} ${settings}${install_production}

FROM ${image}-slim
LABEL org.opencontainers.image.source="${repository}"
LABEL org.opencontainers.image.licenses="${licence}"
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 HOSTNAME=0.0.0.0 PORT=${port}
# The folder is the user's, so that Next.js may write to it.
USER 1000:1000
WORKDIR /app
COPY --from=modules /app/node_modules ./node_modules
#: if standalone
COPY --chown=1000:1000 --from=build /app/.next/standalone ./
COPY --chown=1000:1000 --from=build /app/.next/static ./.next/static
#: end
#: if not standalone
COPY package.json ./
COPY ${config} ./
COPY --chown=1000:1000 --from=build /app/.next ./.next
#: end
COPY --chown=1000:1000 ${public} ./${public}
EXPOSE ${port}
HEALTHCHECK CMD ${check}
#: if standalone
CMD ["node", "server.js"]
#: end
#: if not standalone
CMD ["node", "node_modules/next/dist/bin/next", "start"]
#: end
