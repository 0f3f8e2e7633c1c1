package bodies

import (
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/akushu/akushu/observe"
)

// maxName bounds the part of a name that strangers choose, in bytes.
const maxName = 80

// fileName is what a body is to be called.
func fileName(stream int, x exchange, target string, h *observe.HTTPHead) string {
	parts := []string{strconv.Itoa(stream), strconv.Itoa(x.number)}
	if x.from == observe.ClientToServer {
		parts = append(parts, request)
	}
	last := safe(lastOf(target))
	if last == "" {
		last = "index"
	}
	if path.Ext(last) == "" {
		last += extensions[mediaType(h)]
	}
	return strings.Join(append(parts, last), "-") + codings[strings.ToLower(field(h, "content-encoding"))]
}

// lastOf is the last part of the path of a target.
func lastOf(target string) string {
	target, _, _ = strings.Cut(target, "?")
	target, _, _ = strings.Cut(target, "#")
	if plain, err := url.PathUnescape(target); err == nil {
		target = plain
	}
	return target[strings.LastIndexAny(target, `/\`)+1:]
}

// safe makes a name of a text: no characters but those that mean the same everywhere, and no dot at its ends.
func safe(text string) string {
	name := strings.Map(func(c rune) rune {
		if c < 0x80 && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c)) {
			return c
		}
		return '_'
	}, text)
	if len(name) > maxName {
		extension := path.Ext(name)
		if len(extension) > 10 {
			extension = ""
		}
		name = name[:maxName-len(extension)] + extension
	}
	return strings.Trim(name, ".")
}

// numbered is a name for another file.
func numbered(name string, n int) string {
	stem, rest := name, ""
	if i := strings.IndexByte(name, '.'); i > 0 {
		stem, rest = name[:i], name[i:]
	}
	return stem + "_" + strconv.Itoa(n) + rest
}

func field(h *observe.HTTPHead, name string) string {
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			return strings.TrimSpace(f.Value)
		}
	}
	return ""
}

func mediaType(h *observe.HTTPHead) string {
	kind, _, _ := strings.Cut(field(h, "content-type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// extensions is what files of a media type are called that have no extension of their own.
var extensions = map[string]string{
	"text/html": ".html", "text/plain": ".txt", "text/css": ".css", "text/javascript": ".js", "application/javascript": ".js",
	"application/json": ".json", "application/xml": ".xml", "text/xml": ".xml", "application/pdf": ".pdf", "image/png": ".png",
	"image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "image/svg+xml": ".svg", "font/woff2": ".woff2",
	"application/wasm": ".wasm", "application/zip": ".zip", "application/x-www-form-urlencoded": ".form", "application/dns-message": ".dns",
}

// codings is what files of a content coding end in (RFC 9110 §8.4.1).
var codings = map[string]string{"gzip": ".gz", "x-gzip": ".gz", "br": ".br", "zstd": ".zst", "deflate": ".zz", "compress": ".Z"}
