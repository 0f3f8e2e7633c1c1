// Package bogo runs akushu through BoGo, the suite of tests that BoringSSL has for TLS
// stacks: about 7,900 conversations with a peer that can misbehave in every way that
// somebody has thought of. The package is tests only; what speaks with the peer is the
// command in its folder shim, and config.json names the tests that are off, each line
// with its reason.
//
// The suite's runner is no part of this repository. The tests skip unless AKUSHU_BOGO_RUNNER
// names a built one and AKUSHU_BOGO_DIR its source folder, where it must run. They fail if a
// test fails, if a line of config.json matches none, or if docs/CONFORMANCE.md has other
// counts; with -update they write these.
package bogo
