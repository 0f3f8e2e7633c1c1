//go:build !race

package borrow

const raceEnabled = false
