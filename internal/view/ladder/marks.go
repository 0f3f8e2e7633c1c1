package ladder

// marks is what a ladder is drawn with. A single line is the clear, a double line what
// travelled under keys and was opened, a shaded one what stayed shut.
type marks struct {
	rail         string    // a lifeline
	from, to     [3]string // where an arrow leaves the left and the right lifeline, by seal
	shaft        [3]string
	right, left  string // heads
	key, finding string
	mark         string // of what is selected
	rule         string
	arrow        string // from … to, in text
	separator    string // between members of a list that reads as one phrase
	ellipsis     string
}

// Each character of unicodeMarks was in code page 437: fonts have them, consoles too.
var unicodeMarks = marks{
	rail:    "│",
	from:    [3]string{"├", "╞", "├"},
	to:      [3]string{"┤", "╡", "┤"},
	shaft:   [3]string{"─", "═", "░"},
	right:   "►",
	left:    "◄",
	key:     "■",
	finding: "!",
	mark:    "•",
	rule:    "─",
	arrow:   "→",

	separator: string(glue) + "· ",
	ellipsis:  "…",
}

var asciiMarks = marks{
	rail:    "|",
	from:    [3]string{"|", "|", "|"},
	to:      [3]string{"|", "|", "|"},
	shaft:   [3]string{"-", "=", "#"},
	right:   ">",
	left:    "<",
	key:     "*",
	finding: "!",
	mark:    "+",
	rule:    "-",
	arrow:   "->",

	separator: ", ",
	ellipsis:  "...",
}

// seal is how something travelled.
type seal uint8

const (
	sealNone   seal = iota // in the clear
	sealOpened             // under keys, and opened
	sealShut               // under keys, and not opened
)

// sealOf tells the three apart.
func sealOf(encrypted, readable bool) seal {
	switch {
	case !encrypted:
		return sealNone
	case readable:
		return sealOpened
	}
	return sealShut
}

var sealRoles = [...]Role{sealNone: Dim, sealOpened: Encrypted, sealShut: Warning}
