// Serves a folder; with --check it prints what it would serve, and the machine that it runs on.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join, normalize } from 'node:path'

const root = join(import.meta.dirname, 'site')
const types = { html: 'text/html', js: 'text/javascript', css: 'text/css', txt: 'text/plain' }

if (process.argv[2] === '--check') {
  const files = readdirSync(root, { recursive: true }).filter((file) => statSync(join(root, file)).isFile())
  const sum = createHash('sha256')
  for (const file of files.sort()) sum.update(readFileSync(join(root, file)))
  console.log(process.arch.replace('x64', 'amd64'), files.length, 'files', sum.digest('hex').slice(0, 16))
} else {
  createServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://localhost').pathname)
    try {
      const body = readFileSync(join(root, path === '/' ? 'index.html' : path))
      response.setHeader('content-type', types[path.split('.').at(-1)] ?? types.html).end(body)
    } catch {
      response.writeHead(404).end()
    }
  }).listen(8080)
}
