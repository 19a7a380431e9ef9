package check

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Range is a threshold in plugin notation: "10", "10:", "~:10", "10:20", "@10:20".
type Range struct {
	text       string
	start, end float64
	inside     bool
}

// ParseRange reads the plugin notation.
func ParseRange(text string) (*Range, error) {
	r := &Range{text: text, end: math.Inf(1)}
	body, inside := strings.CutPrefix(text, "@")
	r.inside = inside

	start, end, hasColon := strings.Cut(body, ":")
	if !hasColon {
		start, end = "0", body
	}
	var err error
	if start == "~" {
		r.start = math.Inf(-1)
	} else if r.start, err = strconv.ParseFloat(start, 64); err != nil {
		return nil, fmt.Errorf("threshold %q: %q is not a number", text, start)
	}
	if end != "" || !hasColon {
		if r.end, err = strconv.ParseFloat(end, 64); err != nil {
			return nil, fmt.Errorf("threshold %q: %q is not a number", text, end)
		}
	}
	if r.start > r.end {
		return nil, fmt.Errorf("threshold %q: the start is above the end", text)
	}
	return r, nil
}

// Alerts tells whether the value is one to be alarmed about.
func (r *Range) Alerts(value float64) bool {
	isInside := r.start <= value && value <= r.end
	return isInside == r.inside
}

func (r *Range) String() string {
	if r == nil {
		return ""
	}
	return r.text
}

// Set makes a Range usable as a command line flag.
func (r *Range) Set(text string) error {
	parsed, err := ParseRange(text)
	if err == nil {
		*r = *parsed
	}
	return err
}

// Type is the word that the usage text shows.
func (r *Range) Type() string { return "range" }
