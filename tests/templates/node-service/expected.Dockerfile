# syntax=docker/dockerfile:1

FROM --platform=$BUILDPLATFORM node:22.23-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY . .
RUN npm run build

FROM --platform=$BUILDPLATFORM node:22.23-bookworm AS modules
WORKDIR /app
COPY package.json package-lock.json ./
ARG TARGETARCH
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts --os=linux --libc=glibc --cpu="$(case "$TARGETARCH" in (amd64) echo x64;; (386) echo ia32;; (ppc64le) echo ppc64;; (*) echo "$TARGETARCH";; esac)"

FROM node:22.23-bookworm-slim
ENV NODE_ENV=production
# The folder is the user's, so that the program may write to it; a volume keeps what it writes.
USER 1000:1000
WORKDIR /app
COPY --from=modules /app ./
COPY --chown=1000:1000 . .
COPY --chown=1000:1000 --from=build /app/dist ./dist
EXPOSE 3000
HEALTHCHECK CMD ["node", "-e", "require('net').connect(3000,'127.0.0.1').on('connect',()=>process.exit(0)).on('error',()=>process.exit(1))"]
CMD ["node", "dist/server.js"]
