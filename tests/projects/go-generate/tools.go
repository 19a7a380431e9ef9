//go:build tools

// Package tools pins the versions of the generators.
package tools

import _ "golang.org/x/tools/cmd/stringer"
