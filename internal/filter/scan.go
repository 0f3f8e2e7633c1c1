package filter

import (
	"strconv"
	"strings"
)

// sort is what a token is.
type sort uint8

const (
	atEnd   sort = iota
	word         // a name, an operator in letters, or a value without quotes
	quoted       // a string; its text is what it means
	sign         // an operator in signs
	bracket      // what is between [ and ]
)

type token struct {
	sort
	text string
	pos  int
}

// signs are those of the language, the longest first.
var signs = []string{"===", "!==", "==", "!=", ">=", "<=", "&&", "||", "^^", "..", ">", "<", "~", "&", "!", "(", ")", "{", "}", ","}

func scan(text string) ([]token, error) {
	var all []token
	for i := 0; i < len(text); {
		if strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			i++
			continue
		}
		t, n, err := next(text, i)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
		i += n
	}
	return append(all, token{sort: atEnd, pos: len(text)}), nil
}

// next reads the token at i, and says how long it is.
func next(text string, i int) (token, int, error) {
	rest := text[i:]
	switch {
	case rest[0] == '"':
		return scanString(rest, i, 0)
	case strings.HasPrefix(rest, `r"`) || strings.HasPrefix(rest, `R"`):
		return scanString(rest, i, 1)
	case rest[0] == '\'':
		return scanCharacter(rest, i)
	case rest[0] == '[':
		return scanBracket(rest, i)
	}
	if n := wordLength(rest); n > 0 {
		return token{word, rest[:n], i}, n, nil
	}
	for _, s := range signs {
		if strings.HasPrefix(rest, s) {
			return token{sign, s, i}, len(s), nil
		}
	}
	return token{}, 0, &Error{Code: Unexpected, Offset: i, Near: rest[:1]}
}

// wordLength is how long the word is that text begins with. Two dots end it: they make a range.
func wordLength(text string) int {
	for i := range len(text) {
		c := text[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("_.:/-", c) >= 0 || c >= 0x80
		if !letter || strings.HasPrefix(text[i:], "..") {
			return i
		}
	}
	return len(text)
}

// scanString reads a string; one with a prefix is raw: a backslash in it is one.
func scanString(text string, pos, prefix int) (token, int, error) {
	for i := prefix + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			inside := text[prefix+1 : i]
			if prefix == 0 {
				inside = unescape(inside)
			}
			return token{quoted, inside, pos}, i + 1, nil
		}
	}
	return token{}, 0, &Error{Code: Unfinished, Offset: pos, Near: text}
}

// scanCharacter reads 'a', which is a number.
func scanCharacter(text string, pos int) (token, int, error) {
	end := strings.IndexByte(text[1:], '\'')
	if end >= 0 {
		if inside := unescape(text[1 : end+1]); len(inside) == 1 {
			return token{word, strconv.Itoa(int(inside[0])), pos}, end + 2, nil
		}
	}
	return token{}, 0, &Error{Code: BadValue, Offset: pos, Near: text}
}

func scanBracket(text string, pos int) (token, int, error) {
	end := strings.IndexByte(text, ']')
	if end < 0 {
		return token{}, 0, &Error{Code: Unfinished, Offset: pos, Near: text}
	}
	return token{bracket, strings.ReplaceAll(text[1:end], " ", ""), pos}, end + 1, nil
}

// unescape reads C's escapes; a backslash before anything else is left as it is.
func unescape(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		if c, _, rest, err := strconv.UnquoteChar(text, '"'); err == nil {
			if c < 0x80 || text[0] != '\\' || text[1] == 'u' || text[1] == 'U' {
				b.WriteString(string(c))
			} else {
				b.WriteByte(byte(c)) // \xff, \377
			}
			text = rest
			continue
		}
		b.WriteByte(text[0])
		text = text[1:]
	}
	return b.String()
}
