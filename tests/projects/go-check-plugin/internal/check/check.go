// Package check holds what every monitoring check shares: states, thresholds, performance data.
package check

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
)

// State is the exit code of a check plugin.
type State int

// The four states that monitoring systems understand.
const (
	OK State = iota
	Warning
	Critical
	Unknown
)

func (s State) String() string {
	if s < OK || s > Unknown {
		return "UNKNOWN"
	}
	return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s]
}

// Metric is one measured value with its unit and optional thresholds.
type Metric struct {
	Label             string
	Value             float64
	Unit              string
	Warning, Critical *Range
}

// State tells how the thresholds judge the value.
func (m Metric) State() State {
	switch {
	case m.Critical != nil && m.Critical.Alerts(m.Value):
		return Critical
	case m.Warning != nil && m.Warning.Alerts(m.Value):
		return Warning
	}
	return OK
}

// Perfdata is the metric in the form 'label'=value[unit];[warn];[crit].
func (m Metric) Perfdata() string {
	label := m.Label
	if strings.ContainsAny(label, " ='") {
		label = "'" + strings.ReplaceAll(label, "'", "''") + "'"
	}
	value := strconv.FormatFloat(m.Value, 'f', -1, 64)
	return fmt.Sprintf("%s=%s%s;%s;%s", label, value, m.Unit, m.Warning, m.Critical)
}

// Report prints the status line and returns the exit code; the worst metric decides.
func Report(out io.Writer, name, text string, metrics ...Metric) int {
	worst := OK
	data := make([]string, 0, len(metrics))
	for _, metric := range metrics {
		worst = max(worst, metric.State())
		data = append(data, metric.Perfdata())
	}
	line := fmt.Sprintf("%s %s - %s", name, worst, text)
	if len(data) > 0 {
		line += " | " + strings.Join(data, " ")
	}
	fmt.Fprintln(out, line)
	return int(worst)
}

// Fail prints why the check could not be done and returns the exit code for it.
func Fail(out io.Writer, name string, err error) int {
	fmt.Fprintf(out, "%s %s - %v\n", name, Unknown, err)
	return int(Unknown)
}

// Build names what the running plugin was built for.
func Build(name string) string {
	return fmt.Sprintf("%s %s/%s %s", name, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
