/** A text with a capital letter in front, and the rest as it is. */
export function title(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** How many words a text has. */
export function count(text: string): number {
  return text.split(/\s+/).filter(Boolean).length
}
