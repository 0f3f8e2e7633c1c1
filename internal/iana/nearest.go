package iana

// longestGuess bounds the work that a suggestion may cost; no registered name is longer.
const longestGuess = 64

// nearest returns the name that takes the fewest corrections to become wanted, of several the last (the newest
// code point), or "" where half of wanted would have to change.
func (words *vocabulary) nearest(table []entry, wanted string) string {
	if len(wanted) > longestGuess {
		return ""
	}
	best, fewest := "", len(wanted)/2
	consider := func(name string) {
		if d := corrections(wanted, words.canonical(name)); d <= fewest {
			best, fewest = name, d
		}
	}
	for i := range table {
		consider(table[i].name)
	}
	for _, a := range words.aliases {
		consider(a.name)
	}
	return best
}

// Nearest returns of names the one that takes the fewest corrections to become word, of several the first, or "" where
// half of word would have to change. It serves vocabularies that are no registries: verbs, flags, key types.
func Nearest(names []string, word string) string {
	if len(word) > longestGuess {
		return ""
	}
	best, fewest := "", len(word)/2+1
	for _, name := range names {
		if d := corrections(word, name); d < fewest {
			best, fewest = name, d
		}
	}
	return best
}

// corrections counts the bytes that must be inserted, removed, replaced or swapped with their neighbour to make b of
// a. It fills the rows of the usual table of prefix distances and keeps the three that it still needs.
func corrections(a, b string) int {
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		older, old, row = old, row, older
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := old[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(old[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
