// Command server is a small HTTP service whose log lines can be joined with its traces.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/go-server/internal/api"
	"example.com/go-server/internal/logging"
	"example.com/go-server/internal/tracing"
)

const defaultPort = "8000"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.SetOutput(stderr)
	version := flags.Bool("version", false, "print what this binary was built for and exit")
	check := flags.Bool("check", false, "answer one request in memory, print log line and answer, and exit")
	if err := flags.Parse(args); err != nil {
		return 2
	}

	switch {
	case *version:
		return printVersion(stdout, stderr)
	case *check:
		return selfCheck(stdout, stderr)
	}

	logger := logging.New(stderr, slog.LevelInfo)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, logger); err != nil {
		logger.Error("server stopped", "error", err)
		return 1
	}
	return 0
}

func printVersion(stdout, stderr io.Writer) int {
	if err := json.NewEncoder(stdout).Encode(api.CurrentVersion()); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// selfCheck sends one request through the whole handler chain without opening a socket.
func selfCheck(stdout, stderr io.Writer) int {
	ctx := context.Background()
	shutdown, err := tracing.Start("go-server")
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	defer func() { _ = shutdown(ctx) }()

	answer := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/version", nil)
	api.Handler(logging.New(stdout, slog.LevelInfo)).ServeHTTP(answer, request)
	fmt.Fprint(stdout, answer.Body.String())
	if answer.Code != http.StatusOK {
		return 1
	}
	return 0
}

func serve(ctx context.Context, logger *slog.Logger) error {
	shutdown, err := tracing.Start("go-server")
	if err != nil {
		return err
	}

	port := os.Getenv("PORT")
	if port == "" {
		port = defaultPort
	}
	server := &http.Server{
		Addr:              net.JoinHostPort("", port),
		Handler:           api.Handler(logger),
		ReadHeaderTimeout: 5 * time.Second,
	}

	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	version := api.CurrentVersion()
	logger.Info("listening", "port", port, "goos", version.OS, "goarch", version.Arch)

	select {
	case err = <-failed:
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = server.Shutdown(grace)
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, shutdown(context.Background()))
}
