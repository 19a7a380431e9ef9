// A service that numbers its visitors, with a frontend that is compiled into it.
package main

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"runtime"

	"github.com/google/uuid"
)

//go:embed all:web/dist
var files embed.FS

func main() {
	pages, err := fs.Sub(files, "web/dist")
	if err != nil {
		panic(err)
	}
	http.Handle("/", http.FileServer(http.FS(pages)))
	http.HandleFunc("/visitor", func(answer http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(answer, runtime.GOARCH, len(uuid.NewString()))
	})
	http.HandleFunc("/kept", func(answer http.ResponseWriter, request *http.Request) {
		if err := os.WriteFile("kept.txt", []byte("kept"), 0o600); err != nil {
			http.Error(answer, err.Error(), http.StatusInternalServerError)
			return
		}
		http.ServeFile(answer, request, "kept.txt")
	})
	if err := http.ListenAndServe(":8080", nil); err != nil {
		panic(err)
	}
}
