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

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
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

func TestTheCallersTraceIsKept(t *testing.T) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	var seen trace.SpanContext
	handler := traced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = trace.SpanContextFromContext(r.Context())
	}))
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	if got := seen.TraceID().String(); got != "4bf92f3577b34da6a3ce929d0e0e4736" {
		t.Errorf("got trace %s, want the caller's", got)
	}
}
