package filter

import (
	"strconv"
	"strings"
)

// function is something that is made of a field's values.
type function struct {
	takes []kind
	gives kind // kindNone: what it takes
	step  step
}

var functions = map[string]function{
	"len":   {[]kind{kindText, kindBytes, kindProtocol}, kindNumber, each(func(v value) value { return value{number: uint64(len(v.text))} })},
	"lower": {[]kind{kindText}, kindNone, each(func(v value) value { return value{text: strings.ToLower(v.text)} })},
	"upper": {[]kind{kindText}, kindNone, each(func(v value) value { return value{text: strings.ToUpper(v.text)} })},
	"count": {[]kind{kindNone, kindProtocol, kindNumber, kindBool, kindIPv4, kindIPv6, kindText, kindBytes, kindDuration, kindTime}, kindNumber, counted},
}

func each(f func(value) value) step {
	return func(values []value) []value {
		made := make([]value, len(values))
		for i, v := range values {
			made[i] = f(v)
		}
		return made
	}
}

func counted(values []value) []value {
	if len(values) == 0 {
		return nil
	}
	return []value{{number: uint64(len(values))}}
}

// masked is what the operator & makes.
func masked(mask uint64) step {
	return each(func(v value) value { return value{number: v.number & mask} })
}

// cut is a part of a string: from one index up to, and without, another. Negative ones count from
// the end.
type cut struct {
	from, to int
	open     bool // to the end
}

// parseSlices reads what stands between brackets: [i], [i:n], [i-j], [:n], [i:], and several between
// commas.
func parseSlices(text string) (step, bool) {
	var cuts []cut
	for part := range strings.SplitSeq(text, ",") {
		c, ok := parseCut(part)
		if !ok {
			return nil, false
		}
		cuts = append(cuts, c)
	}
	return func(values []value) []value { return slicesOf(values, cuts) }, true
}

func parseCut(text string) (cut, bool) {
	if i, err := strconv.Atoi(text); err == nil {
		return cut{i, i + 1, i == -1}, true
	}
	if from, length, ok := strings.Cut(text, ":"); ok {
		i, okFrom := number(from)
		n, okLength := number(length)
		return cut{i, i + n, length == ""}, okFrom && okLength && n >= 0
	}
	from, to, ok := strings.Cut(text, "-")
	i, okFrom := number(from)
	j, okTo := number(to)
	return cut{i, j + 1, false}, ok && okFrom && okTo && from != ""
}

// number reads an index; nothing is 0.
func number(text string) (int, bool) {
	if text == "" {
		return 0, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// slicesOf cuts each value; one that is too short has none.
func slicesOf(values []value, cuts []cut) []value {
	var made []value
	for _, v := range values {
		text, ok := "", true
		for _, c := range cuts {
			from, to := c.in(len(v.text))
			if ok = ok && from >= 0 && from <= to && to <= len(v.text); ok {
				text += v.text[from:to]
			}
		}
		if ok {
			made = append(made, value{text: text})
		}
	}
	return made
}

func (c cut) in(length int) (from, to int) {
	from, to = c.from, c.to
	if from < 0 {
		from, to = from+length, to+length
	}
	if c.open {
		to = length
	}
	return from, to
}
