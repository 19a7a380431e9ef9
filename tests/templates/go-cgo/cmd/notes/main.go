// Command notes keeps notes in SQLite, a C library: without cgo it starts and then fails.
package main

import (
	"database/sql"
	"fmt"
	"os"
	"runtime"

	_ "github.com/mattn/go-sqlite3"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "notes:", err)
		os.Exit(1)
	}
}

// run adds every argument as a note to $NOTES_DB (notes.db in its folder by default), then prints all of them.
func run(notes []string) error {
	path := os.Getenv("NOTES_DB")
	if path == "" {
		path = "notes.db"
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)

	var version string
	if err := db.QueryRow("SELECT sqlite_version()").Scan(&version); err != nil {
		return err
	}
	fmt.Printf("SQLite %s on %s/%s\n", version, runtime.GOOS, runtime.GOARCH)

	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS note (text TEXT NOT NULL)"); err != nil {
		return err
	}
	for _, note := range notes {
		if _, err := db.Exec("INSERT INTO note (text) VALUES (?)", note); err != nil {
			return err
		}
	}
	return list(db)
}

func list(db *sql.DB) error {
	rows, err := db.Query("SELECT rowid, text FROM note ORDER BY rowid")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return err
		}
		fmt.Printf("%d: %s\n", id, text)
	}
	return rows.Err()
}
