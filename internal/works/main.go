// Command works turns the results of tests into README's tables of what works and of what the glass shows, and says so when
// they part.
//
//	go test -json ./... | go run ./internal/works README.md README.ja.md
//
// It prints what go test prints without -json: a line for each package, and the words of what failed. Then it holds the
// tables in each file against the results. A row of works.txt or glass.txt names the tests that show it; a tick stands where all of them
// passed. The exit code is 1 if any test failed, if a row's test is missing, was skipped or failed, or if a file's table
// is another one. With -w it writes the tables instead of comparing them, save one of whose tests none was run.
//
// With -again, packages that failed are tested once more, one at a time: tests of timeouts and of other programs can fail
// because a machine has too much to do. It says which did, for they should be mended.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	write := flag.Bool("w", false, "write the tables into the files")
	again := flag.Bool("again", false, "test packages that failed once more")
	flag.Parse()
	res := newResults()
	err := res.read(os.Stdin, os.Stdout)
	if err == nil && *again {
		err = repeat(res, os.Stdout)
	}
	if err == nil {
		err = judge(res, os.Stdout, *write, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "works:", err)
		os.Exit(1)
	}
}

// repeat tests what failed once more, and says what passes now.
func repeat(res *results, w io.Writer) error {
	failed := res.failed()
	if len(failed) == 0 {
		return nil
	}
	fmt.Fprintln(w, "== once more, one at a time:", strings.Join(failed, " "))
	cmd := exec.Command("go", append([]string{"test", "-json", "-count=1", "-p=1"}, failed...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := res.read(out, w); err != nil {
		return err
	}
	_ = cmd.Wait() // that tests failed is among the results
	for _, name := range failed {
		if res.packages[name] == "pass" {
			fmt.Fprintln(w, "flaky: it failed, and passes alone:", name)
		}
	}
	return nil
}

// judge compares or writes the tables of files, and says whether all is well.
func judge(res *results, w io.Writer, write bool, files []string) error {
	var faults []error
	for _, s := range sheets {
		rows, err := s.rows()
		if err != nil {
			return err
		}
		if write && !res.concern(rows) {
			continue
		}
		faults = append(faults, res.check(s, rows)...)
		for _, file := range files {
			if fault := s.update(file, s.table(rows, res, language(file)), write); fault != nil {
				faults = append(faults, fault)
			}
		}
	}
	for _, fault := range faults {
		fmt.Fprintln(w, fault)
	}
	switch failed := res.failed(); {
	case len(failed) > 0:
		return fmt.Errorf("tests failed in %s", strings.Join(failed, ", "))
	case len(res.packages) == 0:
		return errors.New("there are no results of tests")
	case len(faults) > 0:
		return fmt.Errorf("%d faults in the tables", len(faults))
	}
	return nil
}
