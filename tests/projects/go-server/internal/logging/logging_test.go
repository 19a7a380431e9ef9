package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func line(t *testing.T, ctx context.Context) map[string]any {
	t.Helper()
	var out bytes.Buffer
	New(&out, slog.LevelInfo).With("app", "test").InfoContext(ctx, "hello")
	var fields map[string]any
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatalf("not one JSON line: %v: %s", err, out.String())
	}
	return fields
}

func TestSpanOfTheContextIsLogged(t *testing.T) {
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	fields := line(t, trace.ContextWithSpanContext(context.Background(), span))
	if fields["trace_id"] != "01000000000000000000000000000000" || fields["span_id"] != "0200000000000000" {
		t.Errorf("trace_id and span_id are missing or wrong: %v", fields)
	}
	if fields["app"] != "test" {
		t.Errorf("attributes of the logger are lost: %v", fields)
	}
}

func TestNoSpanNoFields(t *testing.T) {
	fields := line(t, context.Background())
	if _, found := fields["trace_id"]; found {
		t.Errorf("a trace_id out of nowhere: %v", fields)
	}
}
