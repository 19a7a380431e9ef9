package check

import (
	"bytes"
	"testing"
)

func TestRanges(t *testing.T) {
	for _, c := range []struct {
		text  string
		value float64
		want  bool
	}{
		{"10", 10, false}, {"10", 11, true}, {"10", -1, true},
		{"10:", 9, true}, {"10:", 1e9, false},
		{"~:10", -1e9, false}, {"~:10", 10.5, true},
		{"10:20", 15, false}, {"10:20", 21, true},
		{"@10:20", 15, true}, {"@10:20", 21, false},
	} {
		r, err := ParseRange(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Alerts(c.value); got != c.want {
			t.Errorf("%s on %v: got %v, want %v", c.text, c.value, got, c.want)
		}
	}
}

func TestBadRanges(t *testing.T) {
	for _, text := range []string{"", "x", "20:10", "@", "1:y"} {
		if _, err := ParseRange(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestTheWorstMetricDecides(t *testing.T) {
	warning, _ := ParseRange("5")
	critical, _ := ParseRange("8")
	var out bytes.Buffer
	code := Report(&out, "CHECK", "two values",
		Metric{Label: "low", Value: 1, Warning: warning, Critical: critical},
		Metric{Label: "too high", Value: 9.5, Unit: "s", Warning: warning, Critical: critical})
	if want := "CHECK CRITICAL - two values | low=1;5;8 'too high'=9.5s;5;8\n"; out.String() != want || code != 2 {
		t.Errorf("got %d %q, want 2 %q", code, out.String(), want)
	}
}

func TestBadFlagIsUnknown(t *testing.T) {
	var out bytes.Buffer
	if code, done := NewOptions("check", &out).Parse([]string{"--warning", "x"}, &out); code != 3 || !done {
		t.Errorf("got %d %v, want 3 true: %s", code, done, out.String())
	}
}
