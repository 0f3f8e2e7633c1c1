package main

import (
	"errors"
	"fmt"
	"os"
)

// surveyVariable names the environment variable that turns the shim into a survey: it runs
// no test but appends a line for it to the file that the variable names, the test's number
// and why it would not be run, and exits as if the test were unimplemented.
const surveyVariable = "AKUSHU_BOGO_SURVEY"

func survey(file string, p *plans, err error) int {
	f, openErr := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if openErr != nil {
		return exitFailed
	}
	defer f.Close()
	var off notOffered
	if err != nil && !errors.As(err, &off) {
		off = notOffered(err.Error())
	}
	if _, err := fmt.Fprintf(f, "%d\t%s\n", p.first.runner.id, string(off)); err != nil {
		return exitFailed
	}
	return exitUnimplemented
}
