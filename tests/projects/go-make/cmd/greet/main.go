// Command greet prints a greeting, wrapped to a width.
package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/pflag"

	"example.com/go-make/internal/text"
)

var version = "unset"

func main() {
	name := pflag.StringP("name", "n", "world", "who is greeted")
	width := pflag.IntP("width", "w", 40, "longest line")
	showVersion := pflag.Bool("version", false, "print the version and what this binary was built for")
	pflag.Parse()

	if *showVersion {
		fmt.Printf("greet %s %s/%s\n", version, runtime.GOOS, runtime.GOARCH)
		return
	}
	if *width < 1 {
		fmt.Fprintln(os.Stderr, "greet: --width must be at least 1")
		os.Exit(2)
	}
	fmt.Println(text.Wrap("Hello, "+*name+"!", *width))
}
