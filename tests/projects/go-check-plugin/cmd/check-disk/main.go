// Command check-disk judges how full a file system is, in percent.
package main

import (
	"fmt"
	"io"
	"math"
	"os"

	"github.com/shirou/gopsutil/v3/disk"

	"example.com/go-check-plugin/internal/check"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

func run(args []string, out io.Writer) int {
	const name = "DISK"
	options := check.NewOptions(name, out)
	path := options.Flags.StringP("path", "p", "/", "a path on the file system to look at")
	if code, done := options.Parse(args, out); done {
		return code
	}
	usage, err := disk.Usage(*path)
	if err != nil {
		return check.Fail(out, name, err)
	}
	used := math.Round(usage.UsedPercent*10) / 10
	return check.Report(out, name, fmt.Sprintf("%s is %.1f%% full", *path, used),
		check.Metric{Label: *path, Value: used, Unit: "%", Warning: options.Warning(), Critical: options.Critical()})
}
