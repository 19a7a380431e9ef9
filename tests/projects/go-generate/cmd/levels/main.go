// Command levels prints every level with its generated name and colour.
package main

import (
	"fmt"
	"runtime"

	"example.com/go-generate/internal/level"
)

func main() {
	fmt.Printf("%s/%s\n", runtime.GOOS, runtime.GOARCH)
	for l := level.Debug; l <= level.Error; l++ {
		fmt.Printf("%-8s %d\n", l, level.Colour[l])
	}
}
