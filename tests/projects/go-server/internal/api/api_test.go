package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

func get(t *testing.T, handler http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer
}

func TestVersionTellsTheArchitecture(t *testing.T) {
	var log bytes.Buffer
	answer := get(t, Handler(slog.New(slog.NewJSONHandler(&log, nil))), "/version")
	var version Version
	if err := json.Unmarshal(answer.Body.Bytes(), &version); err != nil {
		t.Fatal(err)
	}
	if answer.Code != http.StatusOK || version.Arch != runtime.GOARCH {
		t.Errorf("got %d %+v, want 200 and %s", answer.Code, version, runtime.GOARCH)
	}
	if !strings.Contains(log.String(), `"path":"/version"`) {
		t.Errorf("the request was not logged: %s", log.String())
	}
}

func TestRequestsAreCounted(t *testing.T) {
	handler := Handler(slog.New(slog.NewJSONHandler(new(bytes.Buffer), nil)))
	get(t, handler, "/healthz")
	if body := get(t, handler, "/metrics").Body.String(); !strings.Contains(body, `http_requests_total{route="/healthz"} 1`) {
		t.Errorf("no count for /healthz in:\n%s", body)
	}
}
