// Package api holds the routes.
package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Version tells what the running binary was built for.
type Version struct {
	Go   string `json:"go"`
	OS   string `json:"goos"`
	Arch string `json:"goarch"`
}

// CurrentVersion reads the facts from the Go runtime of this binary.
func CurrentVersion() Version {
	return Version{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
}

// Handler returns all routes, traced and logged.
func Handler(logger *slog.Logger) http.Handler {
	router := chi.NewRouter()
	router.Use(middleware.Recoverer)
	router.Use(traced, logged(logger))
	router.Get("/", func(w http.ResponseWriter, _ *http.Request) { write(w, map[string]string{"hello": "world"}) })
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	router.Get("/version", func(w http.ResponseWriter, _ *http.Request) { write(w, CurrentVersion()) })
	return router
}

// traced starts a span for each request, below the caller's when the request names one.
func traced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := otel.Tracer("api").Start(ctx, r.Method+" "+r.URL.Path, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func logged(logger *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(answer, r)
			logger.InfoContext(r.Context(), "request",
				"method", r.Method, "path", r.URL.Path, "status", answer.Status(), "bytes", answer.BytesWritten())
		})
	}
}

func write(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
