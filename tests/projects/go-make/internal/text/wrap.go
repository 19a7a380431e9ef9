// Package text lays out words.
package text

import "strings"

// Wrap breaks lines between words so that none is longer than width, unless a word is.
func Wrap(words string, width int) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(words) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return strings.Join(append(lines, line), "\n")
}
