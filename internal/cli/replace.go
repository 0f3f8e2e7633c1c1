package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Replace writes a file that its owner alone can read, at once: next to its place first, and then into it. Whoever reads it
// meanwhile finds the old one, which stays where write fails.
func Replace(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".akushu-*") // 0600
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
