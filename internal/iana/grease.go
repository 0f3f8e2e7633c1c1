package iana

// IsGREASE reports whether v is one of the sixteen values reserved for probing that peers ignore what they do not
// know: 0x0a0a, 0x1a1a, …, 0xfafa. They are reserved among cipher suites, named groups, signature schemes,
// extension types and versions (RFC 8701 §2).
func IsGREASE(v uint16) bool {
	return v&0x0f0f == 0x0a0a && v>>8 == v&0xff
}

// IsGREASEByte reports whether v is one of the eight values reserved for the same among PSK key exchange modes:
// 0x0b, 0x2a, 0x49, …, 0xe4 (RFC 8701 §2).
func IsGREASEByte(v uint8) bool {
	return v%0x1f == 0x0b
}
