// Command wrap wraps standard input, or its own description, to a width.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/mitchellh/go-wordwrap"
)

func main() {
	width := flag.Uint("width", 60, "longest line")
	about := flag.Bool("about", false, "wrap a text about this binary instead of standard input")
	flag.Parse()

	text := fmt.Sprintf("This binary was built for %s/%s by %s from a vendor folder, without a network.",
		runtime.GOOS, runtime.GOARCH, runtime.Version())
	if !*about {
		input, err := io.ReadAll(os.Stdin)
		if err != nil {
			fmt.Fprintln(os.Stderr, "wrap:", err)
			os.Exit(1)
		}
		text = string(input)
	}
	fmt.Println(wordwrap.WrapString(text, *width))
}
