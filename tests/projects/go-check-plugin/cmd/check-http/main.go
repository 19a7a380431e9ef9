// Command check-http judges how long a URL takes to answer, in seconds.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"example.com/go-check-plugin/internal/check"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

func run(args []string, out io.Writer) int {
	const name = "HTTP"
	options := check.NewOptions(name, out)
	url := options.Flags.StringP("url", "u", "http://localhost/", "what to ask for")
	timeout := options.Flags.DurationP("timeout", "t", 10*time.Second, "how long to wait")
	if code, done := options.Parse(args, out); done {
		return code
	}
	client := http.Client{Timeout: *timeout}
	start := time.Now()
	answer, err := client.Get(*url)
	if err != nil {
		return check.Fail(out, name, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusInternalServerError {
		fmt.Fprintf(out, "%s %s - %s answered %s\n", name, check.Critical, *url, answer.Status)
		return int(check.Critical)
	}
	seconds := time.Since(start).Round(time.Millisecond).Seconds()
	return check.Report(out, name, fmt.Sprintf("%s in %.3f s", answer.Status, seconds),
		check.Metric{Label: "time", Value: seconds, Unit: "s", Warning: options.Warning(), Critical: options.Critical()})
}
