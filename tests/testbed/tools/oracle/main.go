// Oracle prints what BuildKit's own parser makes of Dockerfiles: one path per line
// (or NUL-separated) on stdin, one JSON object per file on stdout.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

type instruction struct {
	Name     string           `json:"name"`
	Start    int              `json:"start"`
	End      int              `json:"end"`
	Flags    []string         `json:"flags"`
	Values   []string         `json:"values"`
	JSONForm bool             `json:"json"`
	Original string           `json:"original"`
	Heredocs []parser.Heredoc `json:"heredocs"`
	// Command is what a RUN hands to its shell (or executes, in JSON form), as instructions.Parse sees it.
	Command []string `json:"command,omitempty"`
	Invalid string   `json:"invalid,omitempty"`
}

type report struct {
	Path         string        `json:"path"`
	Error        string        `json:"error,omitempty"`
	Escape       string        `json:"escape,omitempty"`
	Instructions []instruction `json:"instructions"`
}

func describe(node *parser.Node) instruction {
	found := instruction{
		Name: strings.ToUpper(node.Value), Start: node.StartLine, End: node.EndLine, Flags: node.Flags,
		JSONForm: node.Attributes["json"], Original: node.Original, Heredocs: node.Heredocs,
	}
	for next := node.Next; next != nil; next = next.Next {
		found.Values = append(found.Values, next.Value)
	}
	node.PrevComment = nil // BuildKit lints these without a linter
	parsed, err := instructions.ParseInstruction(node)
	if err != nil {
		found.Invalid = err.Error()
	} else if run, ok := parsed.(*instructions.RunCommand); ok {
		found.Command = run.CmdLine
	}
	return found
}

func read(path string) report {
	result := report{Path: path, Instructions: []instruction{}}
	content, err := os.ReadFile(path)
	if err == nil {
		var parsed *parser.Result
		if parsed, err = parser.Parse(bytes.NewReader(content)); err == nil {
			result.Escape = string(parsed.EscapeToken)
			for _, node := range parsed.AST.Children {
				result.Instructions = append(result.Instructions, describe(node))
			}
		}
	}
	if err != nil {
		result.Error = err.Error()
	}
	return result
}

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	encoder := json.NewEncoder(output)
	separator := "\n"
	if bytes.IndexByte(input, 0) >= 0 {
		separator = "\x00"
	}
	for path := range strings.SplitSeq(string(input), separator) {
		if path != "" {
			if err := encoder.Encode(read(path)); err != nil {
				panic(err)
			}
		}
	}
}
