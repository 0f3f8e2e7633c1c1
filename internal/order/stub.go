package order

import "github.com/akushu/akushu/internal/iana"

func NeedsRequest(string, iana.ExtensionType) bool          { return true }
func Allowed(string, iana.ExtensionType, iana.Version) bool { return true }
