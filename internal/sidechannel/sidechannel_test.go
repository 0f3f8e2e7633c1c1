package sidechannel

import (
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const here = "github.com/akushu/akushu/internal/sidechannel"

var sink int

// spin takes the longer the larger n is.
func spin(n int) (sum int) {
	for i := range n {
		sum += i * sum
	}
	return sum
}

func TestSamePath(t *testing.T) {
	SamePath(t, []string{here}, map[string]func(){
		"one":   func() { welch([2][]float64{{1, 2}, {3, 4}}) },
		"other": func() { welch([2][]float64{{9, 9}, {5, 4}}) },
	})
}

// TestOtherPath is a failure that TestOtherPathIsSeen wants to see, and does nothing by itself.
func TestOtherPath(t *testing.T) {
	if os.Getenv("AKUSHU_SIDECHANNEL_FAIL") == "" {
		return
	}
	SamePath(t, []string{here}, map[string]func(){
		"one":   func() { welch([2][]float64{{1, 2}, {3, 4}}) },
		"other": func() { welch([2][]float64{{1, 2}, {3, 4, 5}}) },
	})
}

func TestOtherPathIsSeen(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run", "^TestOtherPath$")
	c.Env = append(os.Environ(), "AKUSHU_SIDECHANNEL_FAIL=1")
	out, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(out), `timing.go`) || !strings.Contains(string(out), `for "one" and`) {
		t.Errorf("got %v and\n%s\nwant it to fail and say where", err, out)
	}
}

func TestWelch(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2, 3}, []float64{1, 2, 3}, 0},
		{[]float64{1, 2, 3}, []float64{4, 5, 6}, -3 / math.Sqrt(2.0/3)}, // both variances are 1, of 3 samples
		{[]float64{5}, []float64{1, 2}, 0},
		{[]float64{5, 5}, []float64{5, 5}, 0},
	} {
		if got := welch([2][]float64{c.a, c.b}); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v and %v: got %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// A difference of a microsecond or two is seen at once.
func TestCompare(t *testing.T) {
	var n int
	lengths := [2]int{3000, 6000}
	if v := Compare(20000, func(kind int) { n = lengths[kind] }, func() { sink = spin(n) }); !v.Leaks() || v.A >= v.B {
		t.Errorf("got %v, want a leak, the second kind being slower", v)
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		v    Verdict
		want bool
	}{
		{Verdict{T: 4.4, Cropped: 4.4}, false},
		{Verdict{T: -4.6}, true},
		{Verdict{Cropped: 4.6}, true},
	} {
		if got := c.v.Leaks(); got != c.want {
			t.Errorf("%v: got leaks %v, want %v", c.v, got, c.want)
		}
	}
	v := Verdict{Samples: 7, T: -1.5, Cropped: 2, A: time.Microsecond, B: 2 * time.Microsecond}
	if got, want := v.String(), "t = -1.50, largest |t| 2.00, 7 samples, medians 1µs and 2µs"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
