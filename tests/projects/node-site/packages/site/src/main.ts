import { count, title } from '@notes/text'
import notes from './notes.json'
import './site.css'

declare const __NAME__: string

for (const note of notes) {
  const item = document.createElement('p')
  item.textContent = `${title(note)} (${count(note)})`
  document.body.append(item)
}
document.title = `${__NAME__} of ${import.meta.env.VITE_OWNER ?? 'nobody'}`
