// The notes as one file that the site imports.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'

const notes = readdirSync('notes').sort().map((file) => readFileSync(`notes/${file}`, 'utf8').trim())
writeFileSync('src/notes.json', JSON.stringify(notes))
