package sidechannel

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Verdict is what a comparison of two kinds of input came to.
type Verdict struct {
	Samples int     // of both kinds together
	T       float64 // Welch's t of all samples, the slowest twentieth left out, which is other programs' time
	Cropped float64 // the largest |t| of several croppings, as dudect has it
	A, B    time.Duration
}

// String says it in one line: a |t| above 4.5 is more than chance in a comparison of this kind.
func (v Verdict) String() string {
	return fmt.Sprintf("t = %+.2f, largest |t| %.2f, %d samples, medians %v and %v", v.T, v.Cropped, v.Samples, v.A, v.B)
}

// Leaks reports whether the two kinds of input take a different time, as far as statistics can say so.
func (v Verdict) Leaks() bool { return math.Abs(v.T) > 4.5 || v.Cropped > 4.5 }

// Compare times run on two kinds of input, 0 and 1, in random order, which prepare makes outside of the measured time.
func Compare(samples int, prepare func(kind int), run func()) Verdict {
	order := rand.New(rand.NewPCG(1, 2))
	taken := [2][]float64{}
	for i := range samples + samples/10 {
		kind := order.IntN(2)
		prepare(kind)
		start := time.Now()
		run()
		d := time.Since(start)
		if i >= samples/10 { // what comes before is for the processor to get used to it
			taken[kind] = append(taken[kind], float64(d))
		}
	}
	all := slices.Sorted(slices.Values(slices.Concat(taken[0], taken[1])))
	v := Verdict{
		Samples: samples, T: welch(below(taken, quantile(all, 0.95))),
		A: median(taken[0]), B: median(taken[1]),
	}
	for q := 0.5; q < 1; q += 0.05 {
		v.Cropped = max(v.Cropped, math.Abs(welch(below(taken, quantile(all, q)))))
	}
	return v
}

func quantile(sorted []float64, q float64) float64 { return sorted[int(q*float64(len(sorted)-1))] }

func median(list []float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	return time.Duration(quantile(slices.SortedFunc(slices.Values(list), cmp.Compare), 0.5))
}

// below leaves out the samples above most.
func below(taken [2][]float64, most float64) (kept [2][]float64) {
	for kind, list := range taken {
		for _, d := range list {
			if d <= most {
				kept[kind] = append(kept[kind], d)
			}
		}
	}
	return kept
}

// welch is Welch's t: the difference of the means, in standard errors of that difference.
func welch(s [2][]float64) float64 {
	var mean, square [2]float64
	for kind, list := range s {
		if len(list) < 2 {
			return 0
		}
		for _, d := range list {
			mean[kind] += d / float64(len(list))
		}
		for _, d := range list {
			square[kind] += (d - mean[kind]) * (d - mean[kind]) / float64(len(list)-1) / float64(len(list))
		}
	}
	if square[0]+square[1] == 0 {
		return 0
	}
	return (mean[0] - mean[1]) / math.Sqrt(square[0]+square[1])
}
