// Package akushu holds nothing but this module's own rules, as tests. The TLS stack is in
// package tls, the observer in package observe, the command in cmd/akushu.
package akushu
