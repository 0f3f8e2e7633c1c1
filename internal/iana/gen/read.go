package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// row is one registered code point.
type row struct {
	value       uint16
	name        string // IANA's
	reference   string
	recommended string // Y, N, D, or empty where the registry has no such column
	structName  string // handshake types only: the RFC's name of the structure
}

// readRegistry returns the rows of one table, checked: ascending values that fit the type, no empty name or reference.
func readRegistry(dir string, r registry) ([]row, error) {
	path := filepath.Join(dir, r.file+".csv")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reader := csv.NewReader(f)
	reader.Comment = '#'
	records, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(records) < 2 {
		return nil, fmt.Errorf("%s: no rows", path)
	}
	rows := make([]row, 0, len(records)-1)
	for _, record := range records[1:] {
		parsed, err := parseRow(record, r.bits)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, record, err)
		}
		if n := len(rows); n > 0 && rows[n-1].value >= parsed.value {
			return nil, fmt.Errorf("%s: %q: values do not ascend", path, record)
		}
		rows = append(rows, parsed)
	}
	return rows, nil
}

func parseRow(record []string, bits int) (row, error) {
	if len(record) < 4 {
		return row{}, fmt.Errorf("got %d columns, want value, name, reference, recommended", len(record))
	}
	value, err := strconv.ParseUint(record[0], 0, bits)
	if err != nil {
		return row{}, err
	}
	parsed := row{value: uint16(value), name: record[1], reference: record[2], recommended: record[3]}
	if len(record) > 4 {
		parsed.structName = record[4]
	}
	if parsed.name == "" || parsed.reference == "" {
		return row{}, fmt.Errorf("no name or no reference")
	}
	return parsed, checkRecommended(parsed.recommended)
}

func checkRecommended(s string) error {
	switch s {
	case "", "Y", "N", "D":
		return nil
	}
	return fmt.Errorf("recommended is %q, want Y, N, D or nothing", s)
}
