package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func serve(t *testing.T, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(server.Close)
	return server.URL
}

func TestExitCodes(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"ok":            {[]string{"-u", serve(t, 200), "-w", "5", "-c", "9"}, 0},
		"too slow":      {[]string{"-u", serve(t, 200), "-w", "100:"}, 1},
		"much too slow": {[]string{"-u", serve(t, 200), "-c", "100:"}, 2},
		"server error":  {[]string{"-u", serve(t, 503)}, 2},
		"no server":     {[]string{"-u", "http://127.0.0.1:1/"}, 3},
		"version":       {[]string{"--version"}, 0},
	} {
		var out bytes.Buffer
		if got := run(c.args, &out); got != c.want {
			t.Errorf("%s: got %d, want %d: %s", name, got, c.want, out.String())
		}
		if lines := strings.Count(out.String(), "\n"); lines != 1 {
			t.Errorf("%s: %d lines, want 1: %s", name, lines, out.String())
		}
	}
}
