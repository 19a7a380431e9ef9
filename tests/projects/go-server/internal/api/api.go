// Package api holds the routes.
package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
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

// Handler returns all routes, traced, counted and logged.
func Handler(logger *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests answered, by route."},
		[]string{"route"},
	)
	registry.MustRegister(requests, collectors.NewGoCollector())

	router := chi.NewRouter()
	router.Use(middleware.Recoverer)
	router.Use(logged(logger, requests))
	router.Get("/", func(w http.ResponseWriter, _ *http.Request) { write(w, map[string]string{"hello": "world"}) })
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	router.Get("/version", func(w http.ResponseWriter, _ *http.Request) { write(w, CurrentVersion()) })
	router.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return otelhttp.NewHandler(router, "http.server")
}

func logged(logger *slog.Logger, requests *prometheus.CounterVec) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(answer, r)
			requests.WithLabelValues(chi.RouteContext(r.Context()).RoutePattern()).Inc()
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
