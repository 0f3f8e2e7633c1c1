// Command gen writes zz_generated.go of package iana from the tables in registry/*.csv.
//
// It is run by "go generate ./internal/iana" in the directory of package iana. Its output depends on the
// tables and on the list of registries in registries.go only, so that a test can tell whether the
// committed file is stale.
package main

import (
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	source, err := generate("registry")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("zz_generated.go", source, 0o644); err != nil {
		log.Fatal(err)
	}
}
