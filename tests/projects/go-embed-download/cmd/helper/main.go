// Command helper carries a native program inside itself and tells whether it fits the machine.
package main

import (
	"bytes"
	"debug/elf"
	_ "embed"
	"fmt"
	"os"
	"runtime"

	"github.com/google/uuid"
)

//go:embed native
var native []byte

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

func main() {
	file, err := elf.NewFile(bytes.NewReader(native))
	if err != nil {
		fmt.Fprintln(os.Stderr, "helper: the embedded file:", err)
		os.Exit(1)
	}
	id := uuid.NewSHA1(uuid.NameSpaceOID, native)
	fmt.Printf("program %s, embedded program %s (%s)\n", runtime.GOARCH, file.Machine, id)
	if file.Machine != machines[runtime.GOARCH] {
		fmt.Fprintln(os.Stderr, "helper: the embedded program is for another machine")
		os.Exit(1)
	}
}
