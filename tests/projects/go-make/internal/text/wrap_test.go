package text

import "testing"

func TestWrap(t *testing.T) {
	for width, want := range map[int]string{1: "a\nbb\nccc", 4: "a bb\nccc", 80: "a bb ccc"} {
		if got := Wrap("a bb  ccc", width); got != want {
			t.Errorf("width %d: got %q, want %q", width, got, want)
		}
	}
}
