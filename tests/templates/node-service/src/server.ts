import { appendFile, readFile } from "node:fs/promises";

import { crc32 } from "@node-rs/crc32";
import fastify from "fastify";

const service = fastify();
service.get("/", async () => `${process.arch} ${crc32("xbuild")}`);
service.get("/kept", async () => {
  await appendFile("kept.txt", "kept");
  return readFile("kept.txt", "utf-8");
});
await service.listen({ host: "0.0.0.0", port: Number(process.env.PORT ?? 3000) });
