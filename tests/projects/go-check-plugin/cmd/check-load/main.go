// Command check-load judges the load average of the last minute.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/shirou/gopsutil/v3/load"

	"example.com/go-check-plugin/internal/check"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

func run(args []string, out io.Writer) int {
	const name = "LOAD"
	options := check.NewOptions(name, out)
	if code, done := options.Parse(args, out); done {
		return code
	}
	average, err := load.Avg()
	if err != nil {
		return check.Fail(out, name, err)
	}
	text := fmt.Sprintf("%.2f, %.2f, %.2f", average.Load1, average.Load5, average.Load15)
	return check.Report(out, name, text,
		check.Metric{Label: "load1", Value: average.Load1, Warning: options.Warning(), Critical: options.Critical()},
		check.Metric{Label: "load5", Value: average.Load5},
		check.Metric{Label: "load15", Value: average.Load15})
}
