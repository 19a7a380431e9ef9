// Package level names log levels; their strings and colours are generated.
package level

// Level says how urgent a log line is.
type Level int

//go:generate go run golang.org/x/tools/cmd/stringer -type Level
//go:generate go run ../gen -out colours_gen.go Debug Info Warning Error

// From chatty to urgent.
const (
	Debug Level = iota
	Info
	Warning
	Error
)
